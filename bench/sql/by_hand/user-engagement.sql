-- OFFSET: with the estimate for an expression of its own, PostgreSQL counts in memory; without it, it sorts.
WITH did AS (
    SELECT user_id, day, count(*) AS messages, count(parent_id) AS replies, 0 AS reactions, max(created_at) AS last_at
    FROM (
        SELECT m.author_id AS user_id, m.created_at::date AS day, m.parent_id, m.created_at
        FROM messages m
        JOIN channels c ON c.id = m.channel_id
        WHERE c.workspace_id = 'w' AND NOT c.is_archived AND NOT m.is_deleted AND m.type <> 'SYSTEM'
          AND m.created_at >= ':start' AND m.created_at < ':end'
        OFFSET 0
    ) written
    GROUP BY 1, 2
    UNION ALL
    SELECT user_id, day, 0, 0, count(*), max(created_at)
    FROM (
        SELECT r.user_id, r.created_at::date AS day, r.created_at
        FROM reactions r
        JOIN messages m ON m.id = r.message_id
        JOIN channels c ON c.id = m.channel_id
        WHERE c.workspace_id = 'w' AND NOT c.is_archived AND NOT m.is_deleted
          AND r.created_at >= ':start' AND r.created_at < ':end'
        OFFSET 0
    ) reacted
    GROUP BY 1, 2
), people AS (
    SELECT user_id, sum(messages + reactions)::bigint AS activities, sum(messages)::bigint AS messages,
           sum(replies)::bigint AS replies, sum(reactions)::bigint AS reactions, count(DISTINCT day) AS active_days,
           max(last_at) AS last_at
    FROM did
    GROUP BY 1
), members AS (
    SELECT user_id, role, joined_at FROM workspace_members WHERE workspace_id = 'w' AND joined_at < ':end'
)
SELECT coalesce(u.display_name, u.name, 'Unnamed') AS person,
       coalesce(initcap(role::text), 'Former member') AS role, joined_at, coalesce(activities, 0) AS activities,
       coalesce(messages, 0) AS messages, coalesce(replies, 0) AS replies, coalesce(reactions, 0) AS reactions,
       coalesce(active_days, 0) AS active_days, last_at AS last_activity_at
FROM members
FULL JOIN people USING (user_id)
LEFT JOIN users u ON u.id = user_id
WHERE u.is_vp IS NOT TRUE
ORDER BY 4 DESC, user_id
