-- Every message that is not deleted.  Messages outside public channels have neither author nor channel: they count in
-- totals, and do not show who writes to whom.
SELECT m.id,
       m.created_at,
       CASE WHEN c.type = 'PUBLIC' THEN coalesce(u.display_name, u.name, 'Unnamed') END AS author,
       CASE WHEN c.type = 'PUBLIC' THEN c.name END AS channel,
       c.type::text AS channel_type,
       m.type::text AS type,
       m.parent_id IS NOT NULL AS is_reply,
       m.is_edited,
       length(m.content) AS characters,
       (SELECT count(*) FROM reactions r WHERE r.message_id = m.id) AS reactions
FROM messages m
JOIN channels c ON c.id = m.channel_id
LEFT JOIN users u ON u.id = m.author_id
WHERE c.workspace_id = current_setting('report.workspace_id')
  AND NOT m.is_deleted
