-- One row per event, newest first, without the names of channels that are not public.
SELECT e.created_at AS time,
       actors.actor,
       e.action,
       e.severity,
       e.resource_type,
       CASE e.kind
           WHEN 'workspace' THEN (SELECT w.name FROM workspaces w
                                  WHERE w.id = e.resource_id AND w.id = current_setting('report.workspace_id'))
           WHEN 'channel' THEN (SELECT c.name FROM channels c WHERE c.id = e.resource_id AND c.type = 'PUBLIC'
                                AND c.workspace_id = current_setting('report.workspace_id'))
           WHEN 'workflow' THEN (SELECT w.name FROM workflows w
                                 WHERE w.id = e.resource_id AND w.workspace_id = current_setting('report.workspace_id'))
           WHEN 'task' THEN (SELECT t.title FROM tasks t
                             WHERE t.id = e.resource_id AND t.workspace_id = current_setting('report.workspace_id'))
           WHEN 'scheduled_report' THEN (SELECT r.name FROM scheduled_reports r
                                         WHERE r.id = e.resource_id
                                           AND r.workspace_id = current_setting('report.workspace_id'))
           -- People of other workspaces are not named.
           WHEN 'user' THEN (SELECT coalesce(u.display_name, u.name) FROM users u
                             WHERE u.id = e.resource_id
                               AND (u.id = e.actor_id
                                    OR EXISTS (SELECT FROM workspace_members m
                                               WHERE m.user_id = u.id
                                                 AND m.workspace_id = current_setting('report.workspace_id'))))
           WHEN 'workspace_member' THEN (SELECT coalesce(u.display_name, u.name)
                                         FROM workspace_members m JOIN users u ON u.id = m.user_id
                                         WHERE m.id = e.resource_id
                                           AND m.workspace_id = current_setting('report.workspace_id'))
       END AS resource,
       e.resource_id,
       e.ip AS address,
       e.user_agent AS client
FROM events e
JOIN actors ON actors.actor_id = e.actor_id
ORDER BY e.created_at DESC, e.id DESC
