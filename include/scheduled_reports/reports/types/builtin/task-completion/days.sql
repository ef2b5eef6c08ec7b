-- One row per local day of the window; days without a task have zeros.
, days AS (
    SELECT day, number FROM unnest(current_setting('report.days')::date[]) WITH ORDINALITY days (day, number)
), made AS (
    SELECT width_bucket(created_at, (SELECT current_setting('report.day_starts')::timestamp[])) AS number,
           count(*) AS created
    FROM classified
    WHERE is_new
    GROUP BY 1
), ended AS (
    SELECT width_bucket(ended_at, (SELECT current_setting('report.day_starts')::timestamp[])) AS number,
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
LEFT JOIN made USING (number)
LEFT JOIN ended USING (number)
ORDER BY days.day
