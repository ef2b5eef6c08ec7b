-- The 50 public channels with the most messages in the window; channels of other types count in the totals only.
, posted AS (  -- grouped by author and channel, so that few rows remain of many messages
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
