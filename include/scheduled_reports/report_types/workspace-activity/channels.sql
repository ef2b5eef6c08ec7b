-- The fifty public channels with most messages in the window; other kinds count in the totals only.
WITH posted AS (
    SELECT m.channel_id, count(*) AS messages, count(DISTINCT m.author_id) AS active_people
    FROM messages m
    JOIN channels c ON c.id = m.channel_id
    WHERE c.workspace_id = current_setting('report.workspace_id')
      AND c.type = 'PUBLIC'
      AND (coalesce((current_setting('report.parameters')::jsonb ->> 'includeArchived')::boolean, false)
           OR NOT c.is_archived)
      AND coalesce(current_setting('report.parameters')::jsonb -> 'channelIds' ? c.id, true)
      AND m.created_at >= current_setting('report.start')::timestamp
      AND m.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND coalesce(current_setting('report.parameters')::jsonb -> 'userIds' ? m.author_id, true)
    GROUP BY 1
)
SELECT c.name AS channel, posted.messages, posted.active_people
FROM posted
JOIN channels c ON c.id = posted.channel_id
ORDER BY posted.messages DESC, c.id
LIMIT 50
