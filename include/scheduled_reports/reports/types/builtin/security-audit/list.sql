-- One row per event, newest first, without the names of channels that are not public.
, others AS (
    SELECT actor_id, min(actor_type) AS actor_type
    FROM events
    WHERE NOT EXISTS (SELECT FROM users WHERE users.id = events.actor_id)
    GROUP BY 1
)
SELECT e.created_at AS time,
       -- Users by name; an actor that is not a user is named by its actor type.
       coalesce(u.display_name, u.name,
                CASE WHEN u.id IS NULL
                     THEN (SELECT jsonb_object_agg(actor_id, actor_type) FROM others) ->> e.actor_id END,
                'Unnamed') AS actor,
       e.action,
       e.severity,
       e.resource_type,
       CASE e.kind
           WHEN 'workspace' THEN (
               SELECT w.name FROM workspaces w
               WHERE w.id = e.resource_id AND w.id = (SELECT current_setting('report.workspace_id')))
           WHEN 'channel' THEN (
               SELECT c.name FROM channels c
               WHERE c.id = e.resource_id AND c.type = 'PUBLIC'
                 AND c.workspace_id = (SELECT current_setting('report.workspace_id')))
           WHEN 'workflow' THEN (
               SELECT w.name FROM workflows w
               WHERE w.id = e.resource_id AND w.workspace_id = (SELECT current_setting('report.workspace_id')))
           WHEN 'task' THEN (
               SELECT t.title FROM tasks t
               WHERE t.id = e.resource_id AND t.workspace_id = (SELECT current_setting('report.workspace_id')))
           WHEN 'scheduled_report' THEN (
               SELECT r.name FROM scheduled_reports r
               WHERE r.id = e.resource_id AND r.workspace_id = (SELECT current_setting('report.workspace_id')))
           -- People of other workspaces are not named.
           WHEN 'user' THEN (
               SELECT coalesce(named.display_name, named.name) FROM users named
               WHERE named.id = e.resource_id
                 AND (named.id = e.actor_id
                      OR EXISTS (
                          SELECT FROM workspace_members m
                          WHERE m.user_id = named.id
                            AND m.workspace_id = (SELECT current_setting('report.workspace_id')))))
           WHEN 'workspace_member' THEN (
               SELECT coalesce(named.display_name, named.name)
               FROM workspace_members m JOIN users named ON named.id = m.user_id
               WHERE m.id = e.resource_id AND m.workspace_id = (SELECT current_setting('report.workspace_id')))
       END AS resource,
       e.resource_id,
       e.ip AS address,
       e.user_agent AS client
FROM events e
LEFT JOIN users u ON u.id = e.actor_id
ORDER BY e.created_at DESC, e.id DESC
