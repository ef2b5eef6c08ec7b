-- One row: the key figures of the window.
WITH chosen AS (
    SELECT c.id, c.type
    FROM channels c
    WHERE c.workspace_id = current_setting('report.workspace_id')
      AND (coalesce((current_setting('report.parameters')::jsonb ->> 'includeArchived')::boolean, false)
           OR NOT c.is_archived)
      AND coalesce(current_setting('report.parameters')::jsonb -> 'channelIds' ? c.id, true)
      AND c.created_at < current_setting('report.end')::timestamp
), posted AS (
    SELECT m.channel_id, chosen.type, count(*) AS messages
    FROM messages m
    JOIN chosen ON chosen.id = m.channel_id
    WHERE m.created_at >= current_setting('report.start')::timestamp
      AND m.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND coalesce(current_setting('report.parameters')::jsonb -> 'userIds' ? m.author_id, true)
    GROUP BY 1, 2
)
SELECT coalesce(sum(messages), 0)::bigint AS messages,
       (sum(messages) FILTER (WHERE type = 'PUBLIC') / nullif(sum(messages), 0))::float8 AS public_share,
       count(*) AS active_channels,
       (SELECT count(*) FROM chosen WHERE type = 'PUBLIC') - count(*) FILTER (WHERE type = 'PUBLIC') AS quiet_channels,
       (sum(messages) / nullif(count(*), 0))::float8 AS messages_per_channel
FROM posted
