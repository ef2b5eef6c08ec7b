-- One row per local day of the window; days without an execution have zeros.
, days AS (
    SELECT day, number FROM unnest(current_setting('report.days')::date[]) WITH ORDINALITY days (day, number)
), counted AS (
    SELECT width_bucket(started_at, (SELECT current_setting('report.day_starts')::timestamp[])) AS number,
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
LEFT JOIN counted USING (number)
ORDER BY days.day
