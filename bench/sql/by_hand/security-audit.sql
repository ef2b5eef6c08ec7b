-- For exactly the resource types of this log, each looked up in its table.
WITH member AS NOT MATERIALIZED (
    SELECT user_id, joined_at, 'infinity'::timestamp AS left_at FROM workspace_members WHERE workspace_id = 'w'
    UNION ALL
    SELECT m.user_id, min(m.joined_at), max(m.left_at)
    FROM channel_members m
    JOIN channels c ON c.id = m.channel_id
    WHERE c.workspace_id = 'w' AND m.left_at IS NOT NULL
      AND m.user_id NOT IN (SELECT user_id FROM workspace_members WHERE workspace_id = 'w')
    GROUP BY 1
)
SELECT a.created_at AS time, coalesce(u.display_name, u.name, 'Unnamed') AS actor, a.action, a.severity,
       a.resource_type,
       CASE WHEN a.resource_type = 'workspace' THEN 'Space'
            WHEN a.resource_type IN ('channel', 'Channel') THEN CASE WHEN c.type = 'PUBLIC' THEN c.name END
            WHEN a.resource_type = 'workflow' THEN f.name
            WHEN a.resource_type = 'task' THEN (SELECT t.title FROM tasks t WHERE t.id = a.resource_id)
            WHEN a.resource_type = 'scheduled_report' THEN r.name
            WHEN a.resource_type IN ('member', 'WorkspaceMember') THEN (
                SELECT coalesce(n.display_name, n.name) FROM users n WHERE n.id = m.user_id)
            WHEN a.resource_type IN ('user', 'User') THEN (
                SELECT coalesce(n.display_name, n.name) FROM users n
                WHERE n.id = a.resource_id
                  AND (n.id = actor.user_id OR n.id IN (
                      SELECT user_id FROM workspace_members WHERE workspace_id = 'w')))
       END AS resource,
       a.resource_id, a.ip AS address, a.user_agent AS client
FROM audit_logs a
LEFT JOIN vps v ON a.actor_type <> 'user' AND v.id = a.actor_id
CROSS JOIN LATERAL (SELECT coalesce(v.user_id, a.actor_id) AS user_id) actor
LEFT JOIN member ON member.user_id = actor.user_id
LEFT JOIN users u ON u.id = actor.user_id
LEFT JOIN channels c ON a.resource_type IN ('channel', 'Channel', 'conversation') AND c.id = a.resource_id
LEFT JOIN workspace_members m ON a.resource_type IN ('member', 'WorkspaceMember') AND m.id = a.resource_id
LEFT JOIN workflows f ON a.resource_type = 'workflow' AND f.id = a.resource_id
LEFT JOIN scheduled_reports r ON a.resource_type = 'scheduled_report' AND r.id = a.resource_id
WHERE a.created_at >= ':start' AND a.created_at < ':end'
  AND coalesce(CASE
      WHEN a.resource_type IN ('channel', 'Channel', 'conversation') THEN c.workspace_id
      WHEN a.resource_type IN ('member', 'WorkspaceMember') THEN m.workspace_id
      WHEN a.resource_type = 'workflow' THEN f.workspace_id
      WHEN a.resource_type = 'scheduled_report' THEN r.workspace_id
      WHEN a.resource_type = 'workspace' THEN a.resource_id
      WHEN a.resource_type = 'task' THEN (SELECT workspace_id FROM tasks WHERE id = a.resource_id)
      WHEN a.resource_type = 'file' THEN (SELECT workspace_id FROM files WHERE id = a.resource_id)
      WHEN a.resource_type = 'vp' THEN (SELECT workspace_id FROM vps WHERE id = a.resource_id)
      WHEN a.resource_type = 'export' THEN (SELECT workspace_id FROM export_jobs WHERE id = a.resource_id)
      WHEN a.resource_type = 'workflow_execution' THEN (
          SELECT workspace_id FROM workflow_executions WHERE id = a.resource_id)
      WHEN a.resource_type = 'channel_member' THEN (
          SELECT workspace_id FROM channel_members s JOIN channels ON channels.id = s.channel_id
          WHERE s.id = a.resource_id)
      WHEN a.resource_type = 'message' THEN (
          SELECT workspace_id FROM messages p JOIN channels ON channels.id = p.channel_id WHERE p.id = a.resource_id)
      WHEN a.resource_type = 'reaction' THEN (
          SELECT workspace_id FROM reactions b JOIN messages p ON p.id = b.message_id
          JOIN channels ON channels.id = p.channel_id
          WHERE b.id = a.resource_id)
      END = 'w', member.joined_at <= a.created_at AND a.created_at < member.left_at)
ORDER BY a.created_at DESC, a.id DESC
