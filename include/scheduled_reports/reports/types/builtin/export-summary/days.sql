-- One row per local day of the window; days without an export have zeros.
, days AS (
    SELECT generate_series(
        (current_setting('report.start')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date,
        (current_setting('report.end')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date - 1,
        interval '1 day'
    )::date AS day
), counted AS (
    SELECT (created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS exports,
           count(*) FILTER (WHERE status = 'FAILED') AS failed,
           coalesce(sum(records), 0)::bigint AS records
    FROM selected
    GROUP BY 1
)
SELECT days.day,
       coalesce(counted.exports, 0) AS exports,
       coalesce(counted.failed, 0) AS failed,
       coalesce(counted.records, 0) AS records
FROM days
LEFT JOIN counted USING (day)
ORDER BY days.day
