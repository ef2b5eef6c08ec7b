SELECT t.title AS task,
       CASE t.status WHEN 'TODO' THEN 'To do' WHEN 'IN_PROGRESS' THEN 'In progress' ELSE initcap(t.status::text) END
           AS status,
       initcap(t.priority::text) AS priority, coalesce(a.display_name, a.name) AS assignee,
       coalesce(h.display_name, h.name) AS helper, c.name AS channel, o.is_open AND o.is_due AS overdue,
       CASE WHEN o.is_open AND o.is_due THEN ceil(extract(epoch FROM timestamp ':end' - t.due_date) / 86400)::int END
           AS days_overdue,
       t.created_at, t.due_date, CASE WHEN NOT o.is_open THEN e.ended_at END AS ended_at
FROM tasks t
LEFT JOIN channels c ON c.id = t.channel_id AND c.workspace_id = 'w'
LEFT JOIN users a ON a.id = t.assigned_to_id
LEFT JOIN vps v ON v.id = t.vp_id
LEFT JOIN users h ON h.id = v.user_id
CROSS JOIN LATERAL (
    SELECT CASE t.status WHEN 'DONE' THEN coalesce(t.completed_at, t.updated_at) WHEN 'CANCELLED' THEN t.updated_at END
        AS ended_at
) e
CROSS JOIN LATERAL (
    SELECT e.ended_at IS NULL OR e.ended_at >= ':end' AS is_open, coalesce(t.due_date < ':end', false) AS is_due
) o
WHERE t.workspace_id = 'w' AND t.created_at < ':end' AND c.is_archived IS NOT TRUE
  AND (c.type IS NULL OR c.type = 'PUBLIC')
  AND (t.created_at >= ':start' OR e.ended_at >= ':start' OR e.ended_at IS NULL)
ORDER BY o.is_open AND o.is_due DESC, o.is_open DESC, CASE WHEN o.is_open THEN t.due_date END NULLS LAST,
         CASE WHEN NOT o.is_open THEN e.ended_at END DESC, t.created_at, t.id
