-- OFFSET: with the estimate for an expression of its own, PostgreSQL counts in memory; without it, it sorts.
WITH dated AS NOT MATERIALIZED (
    SELECT m.created_at::date AS day, m.author_id, m.channel_id, m.parent_id
    FROM messages m
    JOIN channels c ON c.id = m.channel_id
    WHERE c.workspace_id = 'w' AND NOT c.is_archived AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND m.created_at >= ':start' AND m.created_at < ':end'
    OFFSET 0
), talked AS (
    SELECT day, count(*) AS active_people, sum(messages)::bigint AS messages, sum(replies)::bigint AS replies
    FROM (SELECT day, author_id, count(*) AS messages, count(parent_id) AS replies FROM dated GROUP BY 1, 2) _
    GROUP BY 1
), visited AS (
    SELECT day, count(*) AS active_channels
    FROM (SELECT day, channel_id FROM dated GROUP BY 1, 2) _
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
LEFT JOIN visited USING (day)
LEFT JOIN reacted USING (day)
LEFT JOIN shared USING (day)
ORDER BY 1
