-- The exports requested in the window that the report's parameters select.
WITH selected AS (
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
)
