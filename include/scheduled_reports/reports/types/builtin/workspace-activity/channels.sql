-- The fifty public channels with most messages in the window; other kinds count in the totals only.
WITH posted AS (  -- by author and channel: few rows, however many messages there are
    SELECT m.channel_id, m.author_id, count(*) AS messages
    FROM messages m
    JOIN channels c ON c.id = m.channel_id
    WHERE c.workspace_id = current_setting('report.workspace_id')
      AND (NOT c.is_archived
           OR (SELECT (current_setting('report.parameters')::jsonb -> 'includeArchived')::boolean))
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'channelIds') IS NULL
           OR (c.type = 'PUBLIC' AND c.id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'channelIds'))))
      AND c.type = 'PUBLIC'
      AND m.created_at >= current_setting('report.start')::timestamp
      AND m.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR m.author_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
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
