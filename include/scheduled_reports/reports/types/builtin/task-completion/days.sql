-- One row per local day of the window; days without a task are there with zeros.
WITH days AS (
    SELECT generate_series(
        (current_setting('report.start')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date,
        (current_setting('report.end')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date - 1,
        interval '1 day'
    )::date AS day
), chosen AS (
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
), made AS (
    SELECT (created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS created
    FROM told
    WHERE is_new
    GROUP BY 1
), ended AS (
    SELECT (ended_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) FILTER (WHERE status = 'DONE') AS completed,
           count(*) FILTER (WHERE status = 'CANCELLED') AS cancelled
    FROM told
    WHERE has_ended
    GROUP BY 1
)
SELECT days.day,
       coalesce(made.created, 0) AS created,
       coalesce(ended.completed, 0) AS completed,
       coalesce(ended.cancelled, 0) AS cancelled
FROM days
LEFT JOIN made USING (day)
LEFT JOIN ended USING (day)
ORDER BY days.day
