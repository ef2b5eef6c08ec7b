-- One row per local day of the window; days without an execution have zeros.
, days AS (
    SELECT generate_series(
        (current_setting('report.start')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date,
        (current_setting('report.end')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date - 1,
        interval '1 day'
    )::date AS day
), counted AS (
    SELECT (started_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS executions,
           count(*) FILTER (WHERE status = 'COMPLETED') AS completed,
           count(*) FILTER (WHERE status IN ('FAILED', 'TIMEOUT')) AS failed
    FROM selected
    GROUP BY 1
)
SELECT days.day,
       coalesce(counted.executions, 0) AS executions,
       coalesce(counted.completed, 0) AS completed,
       coalesce(counted.failed, 0) AS failed
FROM days
LEFT JOIN counted USING (day)
ORDER BY days.day
