-- One row: the key figures of the window.
WITH chosen AS (
    SELECT c.id, c.type
    FROM channels c
    WHERE c.workspace_id = current_setting('report.workspace_id')
      AND (NOT c.is_archived
           OR (SELECT (current_setting('report.parameters')::jsonb -> 'includeArchived')::boolean))
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'channelIds') IS NULL
           OR (c.type = 'PUBLIC' AND c.id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'channelIds'))))
      AND c.created_at < current_setting('report.end')::timestamp
), posted AS (
    SELECT m.channel_id, chosen.type, count(*) AS messages, count(m.parent_id) AS replies
    FROM messages m
    JOIN chosen ON chosen.id = m.channel_id
    WHERE m.created_at >= current_setting('report.start')::timestamp
      AND m.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR m.author_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
    GROUP BY 1, 2
)
SELECT coalesce(sum(messages), 0)::bigint AS messages,
       (sum(messages) FILTER (WHERE type = 'PUBLIC') / nullif(sum(messages), 0))::float8 AS public_share,
       count(*) AS active_channels,
       (SELECT count(*) FROM chosen WHERE type = 'PUBLIC') - count(*) FILTER (WHERE type = 'PUBLIC') AS quiet_channels,
       (sum(messages) / nullif(count(*), 0))::float8 AS messages_per_channel,
       (sum(replies) / nullif(sum(messages), 0))::float8 AS reply_share
FROM posted
