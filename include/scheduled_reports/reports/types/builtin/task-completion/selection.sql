-- The tasks created before the end of the window that the report's parameters select, and their state in the window.
WITH selected AS (
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
), classified AS (  -- start and end of the window are read once, not for every task
    SELECT selected.*,
           created_at >= (SELECT current_setting('report.start')::timestamp) AS is_new,
           coalesce(ended_at >= (SELECT current_setting('report.start')::timestamp)
                    AND ended_at < (SELECT current_setting('report.end')::timestamp), false) AS has_ended,
           coalesce(ended_at >= (SELECT current_setting('report.end')::timestamp), true) AS is_open,
           coalesce(due_date < (SELECT current_setting('report.end')::timestamp), false) AS is_due
    FROM selected
)
