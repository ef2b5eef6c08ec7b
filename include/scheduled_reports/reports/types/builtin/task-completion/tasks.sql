-- One row per task that was made or ended in the window, or was open at its end; those of channels that are not public
-- count in the totals only.
WITH chosen AS (
    SELECT t.id, t.title, t.priority, t.status, t.due_date, t.assigned_to_id, t.vp_id, t.created_at,
           c.name AS channel, c.type AS channel_type,
           CASE t.status
               WHEN 'DONE' THEN coalesce(t.completed_at, t.updated_at)
               WHEN 'CANCELLED' THEN t.updated_at
           END AS ended_at
    FROM tasks t
    LEFT JOIN channels c ON c.id = t.channel_id AND c.workspace_id = current_setting('report.workspace_id')
    WHERE t.workspace_id = current_setting('report.workspace_id')
      AND t.created_at < current_setting('report.end')::timestamp
      AND (c.is_archived IS NOT TRUE
           OR (SELECT (current_setting('report.parameters')::jsonb -> 'includeArchived')::boolean))
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'channelIds') IS NULL
           OR (c.type = 'PUBLIC' AND c.id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'channelIds'))))
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR t.assigned_to_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'taskStatuses') IS NULL
           OR t.status::text IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'taskStatuses')))
), told AS (  -- the edges of the window are read once, not for every task
    SELECT chosen.*,
           created_at >= (SELECT current_setting('report.start')::timestamp) AS is_new,
           coalesce(ended_at >= (SELECT current_setting('report.start')::timestamp)
                    AND ended_at < (SELECT current_setting('report.end')::timestamp), false) AS has_ended,
           coalesce(ended_at >= (SELECT current_setting('report.end')::timestamp), true) AS is_open,
           coalesce(due_date < (SELECT current_setting('report.end')::timestamp), false) AS is_due
    FROM chosen
)
SELECT told.title AS task, initcap(replace(told.status::text, '_', ' ')) AS status,
       initcap(told.priority::text) AS priority,
       coalesce(u.display_name, u.name) AS assignee, coalesce(h.display_name, h.name) AS helper, told.channel,
       told.is_open AND told.is_due AS overdue,
       told.created_at, told.due_date, CASE WHEN NOT told.is_open THEN told.ended_at END AS ended_at
FROM told
LEFT JOIN users u ON u.id = told.assigned_to_id
LEFT JOIN vps ON vps.id = told.vp_id
LEFT JOIN users h ON h.id = vps.user_id
WHERE (told.is_new OR told.has_ended OR told.is_open)
  AND (told.channel_type IS NULL OR told.channel_type = 'PUBLIC')
ORDER BY told.is_open AND told.is_due DESC, told.due_date NULLS LAST, told.created_at, told.id
