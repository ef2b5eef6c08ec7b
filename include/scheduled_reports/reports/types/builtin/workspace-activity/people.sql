-- The 50 people who wrote the most messages in the window.
, posted AS (
    SELECT author_id, number, count(*) AS messages, max(created_at) AS last_message_at
    FROM dated
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
SELECT coalesce(u.display_name, u.name, 'Unnamed') AS person,
       people.messages, people.active_days, people.last_message_at
FROM people
LEFT JOIN users u ON u.id = people.author_id
ORDER BY people.messages DESC, people.author_id
LIMIT 50
