-- The audit log entries that belong to the workspace.  The log has no workspace column: an entry belongs to the
-- workspace of its resource; if the resource has none, to each workspace its actor was a member of at that time.
WITH places (kind) AS (
    -- The known resource types, with or without a workspace; other types are looked up in all tables.
    VALUES ('workspace'), ('channel'), ('message'), ('reaction'), ('file'), ('task'), ('workflow'),
           ('workflow_execution'), ('export_job'), ('workspace_member'), ('channel_member'), ('vp'),
           ('scheduled_report'), ('report_execution'),
           ('user'), ('session'), ('organization'), ('discipline'), ('notification')
), logged AS NOT MATERIALIZED (
    SELECT a.id, a.action, a.severity, a.resource_type, a.resource_id, a.ip, a.user_agent, a.created_at, a.actor_type,
           -- An agent may be logged by its own id or by the id of the user it acts through.
           coalesce(vp.user_id, a.actor_id) AS actor_id,
           named.kind
    FROM audit_logs a
    LEFT JOIN vps vp ON a.actor_type <> 'user' AND vp.id = a.actor_id
    CROSS JOIN LATERAL (
        -- WorkspaceMember, workspace-members and workspace_member are the same type.
        SELECT regexp_replace(
            translate(lower(regexp_replace(a.resource_type, '([a-z])([A-Z])', '\1_\2', 'g')), '-. ', '___'), 's$', ''
        ) AS word
    ) spelt
    CROSS JOIN LATERAL (
        SELECT CASE spelt.word
            WHEN 'member' THEN 'workspace_member' WHEN 'membership' THEN 'workspace_member'
            WHEN 'export' THEN 'export_job' WHEN 'execution' THEN 'workflow_execution'
            WHEN 'report' THEN 'scheduled_report' ELSE spelt.word
        END AS kind
    ) named
    WHERE coalesce(current_setting('report.parameters')::jsonb -> 'userIds' ? coalesce(vp.user_id, a.actor_id), true)
), belonging AS NOT MATERIALIZED (
    SELECT l.*,
           judged.failed,
           l.severity !~* '^(info|debug|low|notice)$' AS serious,
           NOT judged.failed AND l.action ~* concat(
               '(role|permission|privilege|owner|admin|invit|policy|policies',
               '|grant|revoke|settings|member[._](added|removed))') AS changes
    FROM logged l
    CROSS JOIN LATERAL (
        SELECT l.action ~* '(fail|denied|rejected|refused|forbidden|unauthori[sz]ed|lockout|locked_out)' AS failed
    ) judged
    CROSS JOIN LATERAL (
        SELECT min(place.workspace_id) AS first, max(place.workspace_id) AS last
        FROM (
            SELECT 'workspace' AS kind, w.id AS workspace_id FROM workspaces w WHERE w.id = l.resource_id
            UNION ALL
            SELECT 'channel', c.workspace_id FROM channels c WHERE c.id = l.resource_id
            UNION ALL
            SELECT 'message', c.workspace_id
            FROM messages m JOIN channels c ON c.id = m.channel_id WHERE m.id = l.resource_id
            UNION ALL
            SELECT 'reaction', c.workspace_id
            FROM reactions r JOIN messages m ON m.id = r.message_id JOIN channels c ON c.id = m.channel_id
            WHERE r.id = l.resource_id
            UNION ALL
            SELECT 'file', f.workspace_id FROM files f WHERE f.id = l.resource_id
            UNION ALL
            SELECT 'task', t.workspace_id FROM tasks t WHERE t.id = l.resource_id
            UNION ALL
            SELECT 'workflow', w.workspace_id FROM workflows w WHERE w.id = l.resource_id
            UNION ALL
            SELECT 'workflow_execution', e.workspace_id FROM workflow_executions e WHERE e.id = l.resource_id
            UNION ALL
            SELECT 'export_job', e.workspace_id FROM export_jobs e WHERE e.id = l.resource_id
            UNION ALL
            SELECT 'workspace_member', m.workspace_id FROM workspace_members m WHERE m.id = l.resource_id
            UNION ALL
            SELECT 'channel_member', c.workspace_id
            FROM channel_members m JOIN channels c ON c.id = m.channel_id WHERE m.id = l.resource_id
            UNION ALL
            SELECT 'vp', v.workspace_id FROM vps v WHERE v.id = l.resource_id
            UNION ALL
            SELECT 'scheduled_report', r.workspace_id FROM scheduled_reports r WHERE r.id = l.resource_id
            UNION ALL
            SELECT 'report_execution', r.workspace_id
            FROM report_executions e JOIN scheduled_reports r ON r.id = e.scheduled_report_id
            WHERE e.id = l.resource_id
        ) place
        WHERE place.kind = l.kind OR l.kind NOT IN (SELECT kind FROM places)
    ) found
    WHERE (found.first = current_setting('report.workspace_id') AND found.last = current_setting('report.workspace_id'))
       OR (found.first IS NULL AND (
           EXISTS (
               SELECT FROM workspace_members m
               WHERE m.workspace_id = current_setting('report.workspace_id')
                 AND m.user_id = l.actor_id
                 AND m.joined_at <= l.created_at
           )
           -- Former members have no row in workspace_members; only the channels they left still show their membership.
           OR EXISTS (
               SELECT FROM channel_members m
               JOIN channels c ON c.id = m.channel_id
               WHERE c.workspace_id = current_setting('report.workspace_id')
                 AND m.user_id = l.actor_id
                 AND m.joined_at <= l.created_at
                 AND l.created_at < m.left_at
           )
       ))
), events AS (
    SELECT *
    FROM belonging
    WHERE created_at >= current_setting('report.start')::timestamp
      AND created_at < current_setting('report.end')::timestamp
), actors AS (
    -- Users by name; an actor that is not a user is named by its actor type.
    SELECT actor.actor_id, coalesce(u.display_name, u.name, CASE WHEN u.id IS NULL THEN actor.actor_type END,
                                    'Unnamed') AS actor
    FROM (SELECT actor_id, min(actor_type) AS actor_type FROM events GROUP BY 1) actor
    LEFT JOIN users u ON u.id = actor.actor_id
)
