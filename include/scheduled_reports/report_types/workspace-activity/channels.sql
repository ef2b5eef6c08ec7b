-- The fifty public channels with most messages in the window; other kinds count in the totals only.
, posted AS (  -- by author and channel: few rows, however many messages there are
    SELECT channel_id, author_id, count(*) AS messages
    FROM sent
    WHERE channel_type = 'PUBLIC'
    GROUP BY 1, 2
), busy AS (
    SELECT posted.channel_id, sum(posted.messages)::bigint AS messages, count(*) AS active_people
    FROM posted
    GROUP BY 1
    HAVING sum(posted.messages) >= (
        SELECT CASE current_setting('report.parameters')::jsonb ->> 'minActivityLevel'
                   WHEN 'low' THEN 1 WHEN 'medium' THEN 5 WHEN 'high' THEN 20 ELSE 0
               END)
)
SELECT c.name AS channel, busy.messages, busy.active_people
FROM busy
JOIN channels c ON c.id = busy.channel_id
ORDER BY busy.messages DESC, c.id
LIMIT 50
