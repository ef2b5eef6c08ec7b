-- One row per local day of the window; days without an event have zeros.
, days AS (
    SELECT generate_series(
        (current_setting('report.start')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date,
        (current_setting('report.end')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date - 1,
        interval '1 day'
    )::date AS day
), counted AS (
    SELECT (created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS events,
           count(*) FILTER (WHERE failed) AS failed
    FROM events
    GROUP BY 1
)
SELECT days.day, coalesce(counted.events, 0) AS events, coalesce(counted.failed, 0) AS failed
FROM days
LEFT JOIN counted USING (day)
ORDER BY days.day
