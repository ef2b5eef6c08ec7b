-- One row per local day of the window; days without an event have zeros.
, days AS (
    SELECT day, number FROM unnest(current_setting('report.days')::date[]) WITH ORDINALITY days (day, number)
), counted AS (
    SELECT width_bucket(created_at, (SELECT current_setting('report.day_starts')::timestamp[])) AS number,
           count(*) AS events,
           count(*) FILTER (WHERE failed) AS failed
    FROM judged
    GROUP BY 1
)
SELECT days.day, coalesce(counted.events, 0) AS events, coalesce(counted.failed, 0) AS failed
FROM days
LEFT JOIN counted USING (number)
ORDER BY days.day
