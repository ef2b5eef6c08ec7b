-- Every member who joined before the end of the period; the table does not keep members who left since.
SELECT m.id,
       coalesce(u.display_name, u.name, 'Unnamed') AS person,
       m.role::text AS role,
       u.status::text AS status,
       u.is_vp AS is_helper,
       m.joined_at,
       u.last_active_at
FROM workspace_members m
LEFT JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = current_setting('report.workspace_id')
  AND m.joined_at < current_setting('report.end')::timestamp
