-- For exactly the resource types of this log, each joined to its table; an expert would not write it more generally.
WITH member AS (
    SELECT user_id, joined_at, 'infinity'::timestamp AS left_at FROM workspace_members WHERE workspace_id = 'w'
    UNION ALL
    SELECT m.user_id, min(m.joined_at), max(m.left_at)
    FROM channel_members m
    JOIN channels c ON c.id = m.channel_id
    WHERE c.workspace_id = 'w' AND m.left_at IS NOT NULL
      AND m.user_id NOT IN (SELECT user_id FROM workspace_members WHERE workspace_id = 'w')
    GROUP BY 1
), events AS (
    SELECT a.*, actor.user_id AS actor, m.joined_at, m.left_at
    FROM audit_logs a
    LEFT JOIN vps v ON a.actor_type <> 'user' AND v.id = a.actor_id
    CROSS JOIN LATERAL (SELECT coalesce(v.user_id, a.actor_id) AS user_id) actor
    LEFT JOIN member m ON m.user_id = actor.user_id
    WHERE a.created_at >= ':start' AND a.created_at < ':end'
)
SELECT e.created_at AS time, coalesce(u.display_name, u.name, 'Unnamed') AS actor, e.action, e.severity,
       e.resource_type,
       CASE e.resource_type
           WHEN 'workspace' THEN 'Space' WHEN 'session' THEN NULL
           WHEN 'channel' THEN CASE WHEN c.type = 'PUBLIC' THEN c.name END
           WHEN 'Channel' THEN CASE WHEN c.type = 'PUBLIC' THEN c.name END
           WHEN 'workflow' THEN f.name WHEN 'task' THEN t.title WHEN 'scheduled_report' THEN r.name
           ELSE coalesce(named.display_name, named.name)
       END AS resource,
       e.resource_id, e.ip AS address, e.user_agent AS client
FROM events e
LEFT JOIN users u ON u.id = e.actor
LEFT JOIN channels c ON e.resource_type IN ('channel', 'Channel', 'conversation') AND c.id = e.resource_id
LEFT JOIN workspace_members m ON e.resource_type IN ('member', 'WorkspaceMember') AND m.id = e.resource_id
LEFT JOIN workflows f ON e.resource_type = 'workflow' AND f.id = e.resource_id
LEFT JOIN scheduled_reports r ON e.resource_type = 'scheduled_report' AND r.id = e.resource_id
LEFT JOIN tasks t ON e.resource_type = 'task' AND t.id = e.resource_id
LEFT JOIN files o ON e.resource_type = 'file' AND o.id = e.resource_id
LEFT JOIN vps v ON e.resource_type = 'vp' AND v.id = e.resource_id
LEFT JOIN export_jobs j ON e.resource_type = 'export' AND j.id = e.resource_id
LEFT JOIN workflow_executions x ON e.resource_type = 'workflow_execution' AND x.id = e.resource_id
LEFT JOIN channel_members s ON e.resource_type = 'channel_member' AND s.id = e.resource_id
LEFT JOIN channels sc ON sc.id = s.channel_id
LEFT JOIN reactions b ON e.resource_type = 'reaction' AND b.id = e.resource_id
LEFT JOIN messages p ON p.id = CASE e.resource_type WHEN 'message' THEN e.resource_id ELSE b.message_id END
LEFT JOIN channels pc ON pc.id = p.channel_id
LEFT JOIN workspace_members shown ON e.resource_type IN ('user', 'User')
      AND shown.workspace_id = 'w' AND shown.user_id = e.resource_id
LEFT JOIN users named ON named.id = CASE WHEN e.resource_id = e.actor THEN e.resource_id
                                         ELSE coalesce(shown.user_id, m.user_id) END
WHERE CASE WHEN e.resource_type = 'workspace' AND e.resource_id = 'w' THEN true
           ELSE coalesce(
               coalesce(c.workspace_id, m.workspace_id, f.workspace_id, r.workspace_id, t.workspace_id, o.workspace_id,
                        v.workspace_id, j.workspace_id, x.workspace_id, sc.workspace_id, pc.workspace_id) = 'w',
               e.joined_at <= e.created_at AND e.created_at < e.left_at) END
ORDER BY e.created_at DESC, e.id DESC
