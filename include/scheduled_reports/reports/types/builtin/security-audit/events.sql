-- The audit log entries that belong to the workspace.  The log has no workspace column: an entry belongs to the
-- workspace of its resource; if the resource has none, to each workspace its actor was a member of at that time.
-- Actions, severities and resource types are classified once for each that occurs, not for each entry; what a workspace
-- has few of is read once, as objects by id, and looked up there.
WITH own AS MATERIALIZED (
    SELECT w.id, w.name,
           (SELECT coalesce(jsonb_object_agg(c.id, CASE WHEN c.type = 'PUBLIC' THEN c.name END), '{}')
            FROM channels c WHERE c.workspace_id = w.id) AS channels,
           (SELECT coalesce(jsonb_object_agg(f.id, f.name), '{}')
            FROM workflows f WHERE f.workspace_id = w.id) AS workflows,
           (SELECT coalesce(jsonb_object_agg(r.id, r.name), '{}')
            FROM scheduled_reports r WHERE r.workspace_id = w.id) AS reports,
           (SELECT coalesce(jsonb_object_agg(m.id, coalesce(u.display_name, u.name)), '{}')
            FROM workspace_members m LEFT JOIN users u ON u.id = m.user_id WHERE m.workspace_id = w.id) AS members,
           (SELECT coalesce(jsonb_object_agg(u.id, coalesce(u.display_name, u.name)), '{}')
            FROM workspace_members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = w.id) AS people,
           (SELECT coalesce(jsonb_object_agg(first.user_id, first.joined_at), '{}')
            FROM (SELECT m.user_id, min(m.joined_at) AS joined_at
                  FROM workspace_members m WHERE m.workspace_id = w.id GROUP BY 1) first) AS joined
    FROM workspaces w
    WHERE w.id = current_setting('report.workspace_id')
), places (kind) AS (
    -- The known resource types, with or without a workspace; other types are looked up in all tables.
    VALUES ('workspace'), ('channel'), ('message'), ('reaction'), ('file'), ('task'), ('workflow'),
           ('workflow_execution'), ('export_job'), ('workspace_member'), ('channel_member'), ('vp'),
           ('scheduled_report'), ('report_execution'),
           ('user'), ('session'), ('organization'), ('discipline'), ('notification')
), classes AS MATERIALIZED (
    SELECT seen.action, seen.severity, seen.resource_type, judged.failed,
           seen.severity !~* '^(info|debug|low|notice)$' AS serious,
           seen.severity ~* '^(critical|fatal|emergency|alert|severe)$' AS critical,
           NOT judged.failed AND seen.action ~* concat(
               '(role|permission|privilege|owner|admin|invit|policy|policies',
               '|grant|revoke|settings|member[._](added|removed))') AS changes,
           named.kind,
           named.kind IN (SELECT kind FROM places) AS is_known
    FROM (
        SELECT DISTINCT action, severity, resource_type
        FROM audit_logs
        WHERE created_at >= (SELECT current_setting('report.start')::timestamp - interval '30 days')
          AND created_at < (SELECT current_setting('report.end')::timestamp)
    ) seen
    CROSS JOIN LATERAL (
        SELECT seen.action ~* '(fail|denied|rejected|refused|forbidden|unauthori[sz]ed|lockout|locked_out)' AS failed
    ) judged
    CROSS JOIN LATERAL (
        -- WorkspaceMember, workspace-members and workspace_member are the same type.
        SELECT regexp_replace(
            translate(lower(regexp_replace(seen.resource_type COLLATE "C", '([a-z])([A-Z])', '\1_\2', 'g')), '-. ', '___'), 's$', ''
        ) AS word
    ) spelt
    CROSS JOIN LATERAL (
        SELECT CASE spelt.word
            WHEN 'member' THEN 'workspace_member' WHEN 'membership' THEN 'workspace_member'
            WHEN 'export' THEN 'export_job' WHEN 'execution' THEN 'workflow_execution'
            WHEN 'report' THEN 'scheduled_report' ELSE spelt.word
        END AS kind
    ) named
), logged AS NOT MATERIALIZED (
    SELECT a.id, a.action, a.severity, a.resource_type, a.resource_id, a.ip, a.user_agent, a.created_at, a.actor_type,
           -- An agent may be logged by its own id or by the id of the user it acts through.
           coalesce(vp.user_id, a.actor_id) AS actor_id,
           class.failed, class.serious, class.critical, class.changes, class.kind, class.is_known
    FROM audit_logs a
    JOIN classes class USING (action, severity, resource_type)
    LEFT JOIN vps vp ON a.actor_type <> 'user' AND vp.id = a.actor_id
    WHERE (SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
       OR coalesce(vp.user_id, a.actor_id) IN (
           SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds'))
), stays AS MATERIALIZED (
    -- Former members have no row in workspace_members; only the channels they left still show their membership.
    SELECT m.user_id, m.joined_at, m.left_at
    FROM channel_members m
    JOIN channels c ON c.id = m.channel_id
    WHERE c.workspace_id = current_setting('report.workspace_id') AND m.left_at IS NOT NULL
), placed AS NOT MATERIALIZED (
    -- The workspace of the resource: NULL if it has none, empty if its id is that of resources of several workspaces.
    SELECT l.*,
           CASE WHEN NOT l.is_known THEN (
               SELECT CASE WHEN count(place.workspace_id) = 0 THEN NULL
                           WHEN min(place.workspace_id) = max(place.workspace_id) THEN min(place.workspace_id)
                           ELSE '' END
               FROM (
                   SELECT w.id AS workspace_id FROM workspaces w WHERE w.id = l.resource_id
                   UNION ALL
                   SELECT c.workspace_id FROM channels c WHERE c.id = l.resource_id
                   UNION ALL
                   SELECT c.workspace_id
                   FROM messages m JOIN channels c ON c.id = m.channel_id WHERE m.id = l.resource_id
                   UNION ALL
                   SELECT c.workspace_id
                   FROM reactions r JOIN messages m ON m.id = r.message_id JOIN channels c ON c.id = m.channel_id
                   WHERE r.id = l.resource_id
                   UNION ALL
                   SELECT f.workspace_id FROM files f WHERE f.id = l.resource_id
                   UNION ALL
                   SELECT t.workspace_id FROM tasks t WHERE t.id = l.resource_id
                   UNION ALL
                   SELECT w.workspace_id FROM workflows w WHERE w.id = l.resource_id
                   UNION ALL
                   SELECT e.workspace_id FROM workflow_executions e WHERE e.id = l.resource_id
                   UNION ALL
                   SELECT e.workspace_id FROM export_jobs e WHERE e.id = l.resource_id
                   UNION ALL
                   SELECT m.workspace_id FROM workspace_members m WHERE m.id = l.resource_id
                   UNION ALL
                   SELECT c.workspace_id
                   FROM channel_members m JOIN channels c ON c.id = m.channel_id WHERE m.id = l.resource_id
                   UNION ALL
                   SELECT v.workspace_id FROM vps v WHERE v.id = l.resource_id
                   UNION ALL
                   SELECT r.workspace_id FROM scheduled_reports r WHERE r.id = l.resource_id
                   UNION ALL
                   SELECT r.workspace_id
                   FROM report_executions e JOIN scheduled_reports r ON r.id = e.scheduled_report_id
                   WHERE e.id = l.resource_id
               ) place
           )
           ELSE CASE l.kind
               WHEN 'workspace' THEN (
                   CASE WHEN l.resource_id = (SELECT id FROM own) THEN l.resource_id
                        ELSE (SELECT w.id FROM workspaces w WHERE w.id = l.resource_id) END)
               WHEN 'channel' THEN (
                   CASE WHEN (SELECT channels FROM own) ? l.resource_id THEN (SELECT id FROM own)
                        ELSE (SELECT c.workspace_id FROM channels c WHERE c.id = l.resource_id) END)
               WHEN 'message' THEN (
                   SELECT c.workspace_id
                   FROM messages m JOIN channels c ON c.id = m.channel_id WHERE m.id = l.resource_id)
               WHEN 'reaction' THEN (
                   SELECT c.workspace_id
                   FROM reactions r JOIN messages m ON m.id = r.message_id JOIN channels c ON c.id = m.channel_id
                   WHERE r.id = l.resource_id)
               WHEN 'file' THEN (SELECT f.workspace_id FROM files f WHERE f.id = l.resource_id)
               WHEN 'task' THEN (SELECT t.workspace_id FROM tasks t WHERE t.id = l.resource_id)
               WHEN 'workflow' THEN (
                   CASE WHEN (SELECT workflows FROM own) ? l.resource_id THEN (SELECT id FROM own)
                        ELSE (SELECT w.workspace_id FROM workflows w WHERE w.id = l.resource_id) END)
               WHEN 'workflow_execution' THEN (
                   SELECT e.workspace_id FROM workflow_executions e WHERE e.id = l.resource_id)
               WHEN 'export_job' THEN (SELECT e.workspace_id FROM export_jobs e WHERE e.id = l.resource_id)
               WHEN 'workspace_member' THEN (
                   CASE WHEN (SELECT members FROM own) ? l.resource_id THEN (SELECT id FROM own)
                        ELSE (SELECT m.workspace_id FROM workspace_members m WHERE m.id = l.resource_id) END)
               WHEN 'channel_member' THEN (
                   SELECT c.workspace_id
                   FROM channel_members m JOIN channels c ON c.id = m.channel_id WHERE m.id = l.resource_id)
               WHEN 'vp' THEN (SELECT v.workspace_id FROM vps v WHERE v.id = l.resource_id)
               WHEN 'scheduled_report' THEN (
                   CASE WHEN (SELECT reports FROM own) ? l.resource_id THEN (SELECT id FROM own)
                        ELSE (SELECT r.workspace_id FROM scheduled_reports r WHERE r.id = l.resource_id) END)
               WHEN 'report_execution' THEN (
                   SELECT r.workspace_id
                   FROM report_executions e JOIN scheduled_reports r ON r.id = e.scheduled_report_id
                   WHERE e.id = l.resource_id)
           END END AS place
    FROM logged l
), belonging AS NOT MATERIALIZED (
    -- Without the column place: selected, it would be looked up twice.
    SELECT p.id, p.action, p.severity, p.resource_type, p.resource_id, p.ip, p.user_agent, p.created_at, p.actor_type,
           p.actor_id, p.failed, p.serious, p.critical, p.changes, p.kind
    FROM placed p
    WHERE coalesce(
        p.place = (SELECT current_setting('report.workspace_id')),
        ((SELECT joined FROM own) ->> p.actor_id)::timestamp <= p.created_at
        OR (p.actor_id IN (SELECT user_id FROM stays) AND EXISTS (
            SELECT FROM stays s
            WHERE s.user_id = p.actor_id AND s.joined_at <= p.created_at AND p.created_at < s.left_at
        )))
), events AS NOT MATERIALIZED (
    SELECT *
    FROM belonging
    WHERE created_at >= (SELECT current_setting('report.start')::timestamp)
      AND created_at < (SELECT current_setting('report.end')::timestamp)
)
