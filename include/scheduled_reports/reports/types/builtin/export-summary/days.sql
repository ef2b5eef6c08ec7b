-- One row per local day of the window; days without an export have zeros.
, days AS (
    SELECT day, number FROM unnest(current_setting('report.days')::date[]) WITH ORDINALITY days (day, number)
), counted AS (
    SELECT width_bucket(created_at, (SELECT current_setting('report.day_starts')::timestamp[])) AS number,
           count(*) AS exports,
           count(*) FILTER (WHERE status = 'COMPLETED') AS completed,
           count(*) FILTER (WHERE status = 'FAILED') AS failed,
           coalesce(sum(records), 0)::bigint AS records
    FROM selected
    GROUP BY 1
)
SELECT days.day,
       coalesce(counted.exports, 0) AS exports,
       coalesce(counted.completed, 0) AS completed,
       coalesce(counted.failed, 0) AS failed,
       coalesce(counted.records, 0) AS records
FROM days
LEFT JOIN counted USING (number)
ORDER BY days.day
