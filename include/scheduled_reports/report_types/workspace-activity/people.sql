-- The fifty people who wrote most in the window.
WITH chosen AS (
    SELECT c.id
    FROM channels c
    WHERE c.workspace_id = current_setting('report.workspace_id')
      AND (coalesce((current_setting('report.parameters')::jsonb ->> 'includeArchived')::boolean, false)
           OR NOT c.is_archived)
      AND coalesce(current_setting('report.parameters')::jsonb -> 'channelIds' ? c.id, true)
), posted AS (
    SELECT m.author_id,
           count(*) AS messages,
           count(DISTINCT (m.created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date)
               AS active_days,
           max(m.created_at) AS last_message_at
    FROM messages m
    JOIN chosen ON chosen.id = m.channel_id
    WHERE m.created_at >= current_setting('report.start')::timestamp
      AND m.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND coalesce(current_setting('report.parameters')::jsonb -> 'userIds' ? m.author_id, true)
    GROUP BY 1
)
SELECT coalesce(u.display_name, u.name, 'Without a name') AS person,
       posted.messages, posted.active_days, posted.last_message_at
FROM posted
JOIN users u ON u.id = posted.author_id
ORDER BY posted.messages DESC, u.id
LIMIT 50
