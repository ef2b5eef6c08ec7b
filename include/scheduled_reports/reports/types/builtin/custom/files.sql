-- Every file, without its name: it may have been shared in a private channel.
SELECT f.id,
       f.mime_type AS kind,
       f.status::text AS status,
       coalesce(u.display_name, u.name, 'Unnamed') AS uploaded_by,
       f.size AS bytes,
       f.created_at
FROM files f
LEFT JOIN users u ON u.id = f.uploaded_by_id
WHERE f.workspace_id = current_setting('report.workspace_id')
