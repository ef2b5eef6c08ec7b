-- The audit log entries that belong to the workspace.  The log has no workspace column: an entry belongs to the
-- workspace of its resource; if the resource has none, to each workspace its actor was a member of at that time.
-- Resource types are classified once for each that occurs, resources of unknown types are looked for once for each of
-- them, and what a workspace has few of is read once, as objects by id.  The entries are joined to these sets by LEFT
-- JOIN only: after it PostgreSQL expects as many rows as before, and does not compare two large sets row by row.
WITH RECURSIVE own AS MATERIALIZED (
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
            FROM workspace_members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = w.id) AS people
    FROM workspaces w
    WHERE w.id = current_setting('report.workspace_id')
), members AS MATERIALIZED (
    SELECT m.user_id, min(m.joined_at) AS joined_at, min(coalesce(u.display_name, u.name)) AS name
    FROM workspace_members m
    LEFT JOIN users u ON u.id = m.user_id
    WHERE m.workspace_id = current_setting('report.workspace_id')
    GROUP BY 1
), types (resource_type) AS (
    -- From each type to the next one in the index, without reading the entries between them.
    (SELECT a.resource_type FROM audit_logs a ORDER BY 1 LIMIT 1)
    UNION ALL
    SELECT (SELECT a.resource_type FROM audit_logs a WHERE a.resource_type > t.resource_type ORDER BY 1 LIMIT 1)
    FROM types t
    WHERE t.resource_type IS NOT NULL
), places (kind) AS (
    -- The known resource types, with or without a workspace; other types are looked up in all tables.
    VALUES ('workspace'), ('channel'), ('message'), ('reaction'), ('file'), ('task'), ('workflow'),
           ('workflow_execution'), ('export_job'), ('workspace_member'), ('channel_member'), ('vp'),
           ('scheduled_report'), ('report_execution'),
           ('user'), ('session'), ('organization'), ('discipline'), ('notification')
), kinds AS MATERIALIZED (
    SELECT types.resource_type, named.kind, named.kind IN (SELECT kind FROM places) AS is_known
    FROM types
    CROSS JOIN LATERAL (
        -- WorkspaceMember, workspace-members and workspace_member are the same type.
        SELECT regexp_replace(
            translate(lower(regexp_replace(types.resource_type COLLATE "C", '([a-z])([A-Z])', '\1_\2', 'g')), '-. ', '___'), 's$', ''
        ) AS word
    ) spelt
    CROSS JOIN LATERAL (
        SELECT CASE spelt.word
            WHEN 'member' THEN 'workspace_member' WHEN 'membership' THEN 'workspace_member'
            WHEN 'export' THEN 'export_job' WHEN 'execution' THEN 'workflow_execution'
            WHEN 'report' THEN 'scheduled_report' ELSE spelt.word
        END AS kind
    ) named
    WHERE types.resource_type IS NOT NULL
), strange AS MATERIALIZED (
    -- The workspace of each resource of an unknown type; empty if its id is that of resources of several workspaces.
    SELECT sought.id, CASE WHEN found.first = found.last THEN found.first ELSE '' END AS place
    FROM (
        SELECT DISTINCT a.resource_id AS id
        FROM audit_logs a
        WHERE a.resource_type IN (SELECT resource_type FROM kinds WHERE NOT is_known)
          AND a.created_at >= current_setting('report.start')::timestamp - interval '30 days'
          AND a.created_at < current_setting('report.end')::timestamp
    ) sought
    CROSS JOIN LATERAL (
        SELECT min(place.workspace_id) AS first, max(place.workspace_id) AS last
        FROM (
            SELECT w.id AS workspace_id FROM workspaces w WHERE w.id = sought.id
            UNION ALL
            SELECT c.workspace_id FROM channels c WHERE c.id = sought.id
            UNION ALL
            SELECT c.workspace_id FROM messages m JOIN channels c ON c.id = m.channel_id WHERE m.id = sought.id
            UNION ALL
            SELECT c.workspace_id
            FROM reactions r JOIN messages m ON m.id = r.message_id JOIN channels c ON c.id = m.channel_id
            WHERE r.id = sought.id
            UNION ALL
            SELECT f.workspace_id FROM files f WHERE f.id = sought.id
            UNION ALL
            SELECT t.workspace_id FROM tasks t WHERE t.id = sought.id
            UNION ALL
            SELECT w.workspace_id FROM workflows w WHERE w.id = sought.id
            UNION ALL
            SELECT e.workspace_id FROM workflow_executions e WHERE e.id = sought.id
            UNION ALL
            SELECT e.workspace_id FROM export_jobs e WHERE e.id = sought.id
            UNION ALL
            SELECT m.workspace_id FROM workspace_members m WHERE m.id = sought.id
            UNION ALL
            SELECT c.workspace_id
            FROM channel_members m JOIN channels c ON c.id = m.channel_id WHERE m.id = sought.id
            UNION ALL
            SELECT v.workspace_id FROM vps v WHERE v.id = sought.id
            UNION ALL
            SELECT r.workspace_id FROM scheduled_reports r WHERE r.id = sought.id
            UNION ALL
            SELECT r.workspace_id
            FROM report_executions e JOIN scheduled_reports r ON r.id = e.scheduled_report_id
            WHERE e.id = sought.id
        ) place
    ) found
    WHERE found.first IS NOT NULL
), logged AS NOT MATERIALIZED (
    SELECT a.id, a.action, a.severity, a.resource_type, a.resource_id, a.ip, a.user_agent, a.created_at, a.actor_type,
           -- An agent may be logged by its own id or by the id of the user it acts through.
           coalesce(vp.user_id, a.actor_id) AS actor_id,
           member.joined_at, member.name AS member_name, kinds.kind, kinds.is_known, strange.place AS strange_place
    FROM audit_logs a
    LEFT JOIN kinds ON kinds.resource_type = a.resource_type
    LEFT JOIN vps vp ON a.actor_type <> 'user' AND vp.id = a.actor_id
    LEFT JOIN members member ON member.user_id = coalesce(vp.user_id, a.actor_id)
    LEFT JOIN strange ON NOT kinds.is_known AND strange.id = a.resource_id
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
           CASE WHEN NOT l.is_known THEN l.strange_place
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
           p.actor_id, p.member_name, p.kind
    FROM placed p
    WHERE coalesce(
        p.place = (SELECT current_setting('report.workspace_id')),
        p.joined_at <= p.created_at
        OR (p.actor_id IN (SELECT user_id FROM stays) AND EXISTS (
            SELECT FROM stays s
            WHERE s.user_id = p.actor_id AND s.joined_at <= p.created_at AND p.created_at < s.left_at
        )))
), events AS NOT MATERIALIZED (
    SELECT *
    FROM belonging
    WHERE created_at >= current_setting('report.start')::timestamp
      AND created_at < current_setting('report.end')::timestamp
)
