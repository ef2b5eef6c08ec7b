-- Every task; title and channel name only if the channel is public or the task has no channel.
SELECT t.id,
       CASE WHEN t.channel_id IS NULL OR c.type = 'PUBLIC' THEN t.title END AS title,
       t.status::text AS status,
       t.priority::text AS priority,
       CASE WHEN t.assigned_to_id IS NOT NULL THEN coalesce(a.display_name, a.name, 'Unnamed') END AS assignee,
       coalesce(u.display_name, u.name, 'Unnamed') AS author,
       CASE WHEN c.type = 'PUBLIC' THEN c.name END AS channel,
       t.estimated_hours,
       (extract(epoch FROM t.completed_at - t.created_at) / 3600)::float8 AS hours_open,
       t.created_at, t.due_date, t.completed_at
FROM tasks t
LEFT JOIN users a ON a.id = t.assigned_to_id
LEFT JOIN users u ON u.id = t.created_by_id
LEFT JOIN channels c ON c.id = t.channel_id AND c.workspace_id = t.workspace_id
WHERE t.workspace_id = current_setting('report.workspace_id')
