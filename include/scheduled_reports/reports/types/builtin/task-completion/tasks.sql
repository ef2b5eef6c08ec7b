-- One row per task that was created or closed in the window or was open at its end; tasks of channels that are not
-- public count in the totals only.  Overdue ones come first, then other open ones by due date, then closed ones, the
-- latest first.
SELECT t.title AS task,
       CASE t.status WHEN 'TODO' THEN 'To do' WHEN 'IN_PROGRESS' THEN 'In progress' ELSE initcap(t.status::text COLLATE "C") END
           AS status,
       initcap(t.priority::text COLLATE "C") AS priority,
       coalesce(u.display_name, u.name) AS assignee, coalesce(h.display_name, h.name) AS helper, t.channel,
       t.is_open AND t.is_due AS overdue,
       CASE WHEN t.is_open AND t.is_due THEN
           ceil(extract(epoch FROM (SELECT current_setting('report.end')::timestamp) - t.due_date) / 86400)::int
       END AS days_overdue,
       t.created_at, t.due_date, CASE WHEN NOT t.is_open THEN t.ended_at END AS ended_at
FROM classified t
LEFT JOIN users u ON u.id = t.assigned_to_id
LEFT JOIN vps ON vps.id = t.vp_id
LEFT JOIN users h ON h.id = vps.user_id
WHERE (t.is_new OR t.has_ended OR t.is_open)
  AND (t.channel_type IS NULL OR t.channel_type = 'PUBLIC')
ORDER BY t.is_open AND t.is_due DESC, t.is_open DESC, CASE WHEN t.is_open THEN t.due_date END NULLS LAST,
         CASE WHEN NOT t.is_open THEN t.ended_at END DESC, t.created_at, t.id
