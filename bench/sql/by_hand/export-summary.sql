SELECT e.created_at AS requested_at, e.type, e.format::text AS format, initcap(e.status::text) AS status,
       coalesce(u.display_name, u.name, 'Unnamed') AS person,
       CASE WHEN e.status = 'COMPLETED' THEN e.record_count END AS records,
       CASE WHEN e.status = 'COMPLETED' THEN e.file_size END AS bytes,
       CASE WHEN e.status = 'COMPLETED' THEN extract(epoch FROM e.completed_at - e.created_at)::float8 END AS seconds,
       left(e.error, 200) AS error
FROM export_jobs e
LEFT JOIN users u ON u.id = e.requested_by
WHERE e.workspace_id = 'w' AND e.created_at >= ':start' AND e.created_at < ':end'
ORDER BY e.created_at DESC, e.id
