-- One row per export requested in the window, newest first, without the URL of its file.
SELECT e.created_at AS requested_at, e.type, e.format, initcap(e.status::text COLLATE "C") AS status,
       coalesce(u.display_name, u.name, 'Unnamed') AS person,
       e.records, e.bytes, e.seconds, left(e.error, 200) AS error
FROM selected e
LEFT JOIN users u ON u.id = e.requested_by
ORDER BY e.created_at DESC, e.id
