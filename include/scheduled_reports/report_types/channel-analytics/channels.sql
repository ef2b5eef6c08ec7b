-- One row per public channel, the quiet ones too; other kinds count in the totals only.
WITH chosen AS (
    SELECT c.id, c.name
    FROM channels c
    WHERE c.workspace_id = current_setting('report.workspace_id')
      AND c.type = 'PUBLIC'
      AND (coalesce((current_setting('report.parameters')::jsonb ->> 'includeArchived')::boolean, false)
           OR NOT c.is_archived)
      AND coalesce(current_setting('report.parameters')::jsonb -> 'channelIds' ? c.id, true)
      AND c.created_at < current_setting('report.end')::timestamp
), posted AS (
    SELECT m.channel_id,
           count(*) AS messages,
           count(DISTINCT m.author_id) AS active_people,
           count(m.parent_id) AS replies,
           max(m.created_at) AS last_message_at
    FROM messages m
    JOIN chosen ON chosen.id = m.channel_id
    WHERE m.created_at >= current_setting('report.start')::timestamp
      AND m.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND coalesce(current_setting('report.parameters')::jsonb -> 'userIds' ? m.author_id, true)
    GROUP BY 1
), reacted AS (
    SELECT m.channel_id, count(*) AS reactions
    FROM reactions r
    JOIN messages m ON m.id = r.message_id
    JOIN chosen ON chosen.id = m.channel_id
    WHERE r.created_at >= current_setting('report.start')::timestamp
      AND r.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted
      AND coalesce(current_setting('report.parameters')::jsonb -> 'userIds' ? r.user_id, true)
    GROUP BY 1
)
SELECT chosen.name AS channel,
       coalesce(posted.messages, 0) AS messages,
       coalesce(posted.active_people, 0) AS active_people,
       coalesce(posted.replies, 0) AS replies,
       coalesce(reacted.reactions, 0) AS reactions,
       posted.last_message_at
FROM chosen
LEFT JOIN posted ON posted.channel_id = chosen.id
LEFT JOIN reacted ON reacted.channel_id = chosen.id
ORDER BY 2 DESC, chosen.id
