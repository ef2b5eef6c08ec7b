-- The fifty people who wrote most in the window.
WITH posted AS (
    SELECT m.author_id,
           (m.created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS messages,
           max(m.created_at) AS last_message_at
    FROM messages m
    JOIN channels c ON c.id = m.channel_id
    WHERE c.workspace_id = current_setting('report.workspace_id')
      AND (NOT c.is_archived
           OR (SELECT (current_setting('report.parameters')::jsonb -> 'includeArchived')::boolean))
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'channelIds') IS NULL
           OR (c.type = 'PUBLIC' AND c.id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'channelIds'))))
      AND m.created_at >= current_setting('report.start')::timestamp
      AND m.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR m.author_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
    GROUP BY 1, 2
), people AS (
    SELECT posted.author_id,
           sum(posted.messages)::bigint AS messages,
           count(*) AS active_days,
           max(posted.last_message_at) AS last_message_at
    FROM posted
    GROUP BY 1
    HAVING sum(posted.messages) >= (
        SELECT CASE current_setting('report.parameters')::jsonb ->> 'minActivityLevel'
                   WHEN 'low' THEN 1 WHEN 'medium' THEN 5 WHEN 'high' THEN 20 ELSE 0
               END)
)
SELECT coalesce(u.display_name, u.name, 'Without a name') AS person,
       people.messages, people.active_days, people.last_message_at
FROM people
LEFT JOIN users u ON u.id = people.author_id
ORDER BY people.messages DESC, people.author_id
LIMIT 50
