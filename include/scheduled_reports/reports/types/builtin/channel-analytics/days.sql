-- One row per local day of the window; days without activity have zeros.
, days AS (
    SELECT generate_series(
        (current_setting('report.start')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date,
        (current_setting('report.end')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date - 1,
        interval '1 day'
    )::date AS day
), posted AS (
    SELECT (created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) FILTER (WHERE channel_type = 'PUBLIC') AS public_messages,
           count(*) FILTER (WHERE channel_type <> 'PUBLIC') AS other_messages
    FROM sent
    GROUP BY 1
)
SELECT days.day,
       coalesce(posted.public_messages, 0) AS public_messages,
       coalesce(posted.other_messages, 0) AS other_messages
FROM days
LEFT JOIN posted USING (day)
ORDER BY days.day
