-- One row per person who asked for an export.
WITH asked AS (
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
), people AS (
    SELECT requested_by,
           count(*) AS exports,
           count(*) FILTER (WHERE status = 'FAILED') AS failed,
           coalesce(sum(records), 0)::bigint AS records,
           coalesce(sum(bytes), 0) AS bytes,
           max(created_at) AS last_requested_at
    FROM asked
    GROUP BY 1
    HAVING count(*) >= (
        SELECT CASE current_setting('report.parameters')::jsonb ->> 'minActivityLevel'
                   WHEN 'low' THEN 1 WHEN 'medium' THEN 5 WHEN 'high' THEN 20 ELSE 0
               END)
)
SELECT coalesce(u.display_name, u.name, 'Without a name') AS person,
       people.exports, people.failed, people.records, people.bytes, people.last_requested_at
FROM people
LEFT JOIN users u ON u.id = people.requested_by
ORDER BY people.exports DESC, people.requested_by
