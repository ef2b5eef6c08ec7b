WITH written AS (
    SELECT m.channel_id, m.author_id, count(*) AS messages, count(m.parent_id) AS replies, max(m.created_at) AS last_at
    FROM messages m
    JOIN channels c ON c.id = m.channel_id
    WHERE c.workspace_id = 'w' AND c.type = 'PUBLIC' AND NOT c.is_archived AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND m.created_at >= ':start' AND m.created_at < ':end'
    GROUP BY 1, 2
), posted AS (
    SELECT channel_id, sum(messages)::bigint AS messages, count(*) AS active_people, sum(replies)::bigint AS replies,
           max(last_at) AS last_at
    FROM written
    GROUP BY 1
), reacted AS (
    SELECT m.channel_id, count(*) AS reactions
    FROM reactions r
    JOIN messages m ON m.id = r.message_id
    JOIN channels c ON c.id = m.channel_id
    WHERE c.workspace_id = 'w' AND c.type = 'PUBLIC' AND NOT c.is_archived AND NOT m.is_deleted
      AND r.created_at >= ':start' AND r.created_at < ':end'
    GROUP BY 1
)
SELECT c.name AS channel, coalesce(p.messages, 0) AS messages, coalesce(p.active_people, 0) AS active_people,
       coalesce(p.replies, 0) AS replies, coalesce(r.reactions, 0) AS reactions,
       coalesce(p.last_at, (
           SELECT max(m.created_at) FROM messages m
           WHERE m.channel_id = c.id AND m.created_at < ':start' AND NOT m.is_deleted AND m.type <> 'SYSTEM'
       )) AS last_message_at
FROM channels c
LEFT JOIN posted p ON p.channel_id = c.id
LEFT JOIN reacted r ON r.channel_id = c.id
WHERE c.workspace_id = 'w' AND c.type = 'PUBLIC' AND NOT c.is_archived AND c.created_at < ':end'
ORDER BY 2 DESC, c.id
