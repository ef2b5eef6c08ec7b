WITH posted AS (
    SELECT m.created_at::date AS day, m.author_id, m.channel_id, count(*) AS messages, count(m.parent_id) AS replies
    FROM messages m
    JOIN channels c ON c.id = m.channel_id
    WHERE c.workspace_id = 'w' AND NOT c.is_archived AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND m.created_at >= ':start' AND m.created_at < ':end'
    GROUP BY GROUPING SETS ((1, 2), (1, 3))
), talked AS (
    SELECT day, sum(messages) FILTER (WHERE author_id IS NOT NULL)::bigint AS messages,
           count(author_id) AS active_people, count(channel_id) AS active_channels,
           sum(replies) FILTER (WHERE author_id IS NOT NULL)::bigint AS replies
    FROM posted
    GROUP BY 1
), reacted AS (
    SELECT r.created_at::date AS day, count(*) AS reactions
    FROM reactions r
    JOIN messages m ON m.id = r.message_id
    JOIN channels c ON c.id = m.channel_id
    WHERE c.workspace_id = 'w' AND NOT c.is_archived AND NOT m.is_deleted
      AND r.created_at >= ':start' AND r.created_at < ':end'
    GROUP BY 1
), shared AS (
    SELECT f.created_at::date AS day, count(*) AS files_shared
    FROM files f
    WHERE f.workspace_id = 'w' AND f.status <> 'FAILED' AND f.created_at >= ':start' AND f.created_at < ':end'
      AND EXISTS (
          SELECT
          FROM message_attachments a
          JOIN messages m ON m.id = a.message_id
          JOIN channels c ON c.id = m.channel_id
          WHERE a.file_id = f.id AND c.workspace_id = 'w' AND NOT c.is_archived AND NOT m.is_deleted)
    GROUP BY 1
)
SELECT day::date, coalesce(messages, 0) AS messages, coalesce(active_people, 0) AS active_people,
       coalesce(active_channels, 0) AS active_channels, coalesce(replies, 0) AS replies,
       coalesce(reactions, 0) AS reactions, coalesce(files_shared, 0) AS files_shared
FROM generate_series(timestamp ':start', timestamp ':end' - interval '1 day', '1 day') day
LEFT JOIN talked USING (day)
LEFT JOIN reacted USING (day)
LEFT JOIN shared USING (day)
ORDER BY 1
