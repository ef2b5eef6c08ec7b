-- One row per local day of the window; days without activity are there with zeros.
WITH days AS (
    SELECT generate_series(
        (current_setting('report.start')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date,
        (current_setting('report.end')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date - 1,
        interval '1 day'
    )::date AS day
), posted AS (
    SELECT (m.created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) FILTER (WHERE c.type = 'PUBLIC') AS public_messages,
           count(*) FILTER (WHERE c.type <> 'PUBLIC') AS other_messages
    FROM messages m
    JOIN channels c ON c.id = m.channel_id
    WHERE c.workspace_id = current_setting('report.workspace_id')
      AND (NOT c.is_archived
           OR (SELECT (current_setting('report.parameters')::jsonb -> 'includeArchived')::boolean))
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'channelIds') IS NULL
           OR (c.type = 'PUBLIC' AND c.id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'channelIds'))))
      AND m.created_at >= current_setting('report.start')::timestamp
      AND m.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR m.author_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
    GROUP BY 1
)
SELECT days.day,
       coalesce(posted.public_messages, 0) AS public_messages,
       coalesce(posted.other_messages, 0) AS other_messages
FROM days
LEFT JOIN posted USING (day)
ORDER BY days.day
