-- One row per kind of channel: all that is ever told of those that are not public.
WITH kinds (type, place, kind) AS (
    VALUES ('PUBLIC', 1, 'Public channels'), ('PRIVATE', 2, 'Private channels'),
           ('DM', 3, 'Direct messages'), ('HUDDLE', 4, 'Huddles')
), posted AS (  -- by author and channel: few rows, however many messages there are
    SELECT c.type, m.channel_id, m.author_id, count(*) AS messages
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
    GROUP BY 1, 2, 3
), talked AS (
    SELECT type, sum(messages)::bigint AS messages FROM posted GROUP BY 1
), people AS (  -- grouped twice, because a DISTINCT inside count() sorts
    SELECT type, count(*) AS active_people FROM (SELECT type FROM posted GROUP BY type, author_id) _ GROUP BY 1
), places AS (
    SELECT type, count(*) AS active_channels FROM (SELECT type FROM posted GROUP BY type, channel_id) _ GROUP BY 1
)
SELECT kinds.kind,
       coalesce(places.active_channels, 0) AS active_channels,
       coalesce(people.active_people, 0) AS active_people,
       coalesce(talked.messages, 0) AS messages
FROM kinds
LEFT JOIN talked ON talked.type::text = kinds.type
LEFT JOIN people ON people.type::text = kinds.type
LEFT JOIN places ON places.type::text = kinds.type
ORDER BY kinds.place
