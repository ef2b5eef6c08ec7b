-- One row per local day of the window; days without an export are there with zeros.
WITH days AS (
    SELECT generate_series(
        (current_setting('report.start')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date,
        (current_setting('report.end')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date - 1,
        interval '1 day'
    )::date AS day
), asked AS (
    SELECT j.id, j.type, j.format::text AS format, j.status::text AS status, j.requested_by, j.created_at,
           j.completed_at, j.error,
           CASE WHEN j.status = 'COMPLETED' THEN j.record_count END AS records,
           CASE WHEN j.status = 'COMPLETED' THEN j.file_size END AS bytes,
           CASE WHEN j.status = 'COMPLETED'
               THEN extract(epoch FROM j.completed_at - j.created_at)::float8 END AS seconds
    FROM export_jobs j
    WHERE j.workspace_id = current_setting('report.workspace_id')
      AND j.created_at >= current_setting('report.start')::timestamp
      AND j.created_at < current_setting('report.end')::timestamp
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR j.requested_by IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
), counted AS (
    SELECT (created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS exports,
           count(*) FILTER (WHERE status = 'FAILED') AS failed,
           coalesce(sum(records), 0)::bigint AS records
    FROM asked
    GROUP BY 1
)
SELECT days.day,
       coalesce(counted.exports, 0) AS exports,
       coalesce(counted.failed, 0) AS failed,
       coalesce(counted.records, 0) AS records
FROM days
LEFT JOIN counted USING (day)
ORDER BY days.day
