-- One row per local day of the window; days without a task have zeros.
, days AS (
    SELECT generate_series(
        (current_setting('report.start')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date,
        (current_setting('report.end')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date - 1,
        interval '1 day'
    )::date AS day
), made AS (
    SELECT (created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS created
    FROM classified
    WHERE is_new
    GROUP BY 1
), ended AS (
    SELECT (ended_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) FILTER (WHERE status = 'DONE') AS completed,
           count(*) FILTER (WHERE status = 'CANCELLED') AS cancelled
    FROM classified
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
