-- Every export, without the URL of its file.
SELECT e.id,
       e.type,
       e.format::text AS format,
       e.status::text AS status,
       coalesce(u.display_name, u.name, 'Unnamed') AS requested_by,
       e.record_count AS records,
       e.file_size AS bytes,
       extract(epoch FROM e.completed_at - e.started_at)::float8 AS seconds,
       e.created_at, e.completed_at
FROM export_jobs e
LEFT JOIN users u ON u.id = e.requested_by
WHERE e.workspace_id = current_setting('report.workspace_id')
