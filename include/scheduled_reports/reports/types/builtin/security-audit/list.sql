-- One row per event, newest first, without the names of channels that are not public.
, strangers AS (
    -- Actors that are not users are named by their actor type; this is read only if there is one.
    SELECT actor_id, min(actor_type) AS actor_type
    FROM events
    WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = events.actor_id)
    GROUP BY 1
)
SELECT e.created_at AS time,
       coalesce(e.member_name,
                (SELECT coalesce(u.display_name, u.name, 'Unnamed') FROM users u WHERE u.id = e.actor_id),
                (SELECT jsonb_object_agg(actor_id, actor_type) FROM strangers) ->> e.actor_id,
                'Unnamed') AS actor,
       e.action,
       e.severity,
       e.resource_type,
       CASE e.kind
           WHEN 'workspace' THEN (SELECT name FROM own WHERE id = e.resource_id)
           WHEN 'channel' THEN (SELECT channels FROM own) ->> e.resource_id
           WHEN 'workflow' THEN (SELECT workflows FROM own) ->> e.resource_id
           WHEN 'task' THEN (
               SELECT t.title FROM tasks t
               WHERE t.id = e.resource_id AND t.workspace_id = (SELECT current_setting('report.workspace_id')))
           WHEN 'scheduled_report' THEN (SELECT reports FROM own) ->> e.resource_id
           -- People of other workspaces are not named.
           WHEN 'user' THEN coalesce(
               (SELECT people FROM own) ->> e.resource_id,
               CASE WHEN e.resource_id = e.actor_id THEN (
                   SELECT coalesce(named.display_name, named.name) FROM users named WHERE named.id = e.resource_id
               ) END)
           WHEN 'workspace_member' THEN (SELECT members FROM own) ->> e.resource_id
       END AS resource,
       e.resource_id,
       e.ip AS address,
       e.user_agent AS client
FROM events e
ORDER BY e.created_at DESC, e.id DESC
