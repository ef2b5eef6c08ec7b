-- One row per kind of channel: all that is ever told of those that are not public.
WITH kinds (type, place, kind) AS (
    VALUES ('PUBLIC', 1, 'Public channels'), ('PRIVATE', 2, 'Private channels'),
           ('DM', 3, 'Direct messages'), ('HUDDLE', 4, 'Huddles')
), posted AS (  -- every message twice: under its channel and under its author
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
    GROUP BY GROUPING SETS ((c.type, m.channel_id), (c.type, m.author_id))
)
SELECT kinds.kind,
       count(posted.channel_id) AS active_channels,
       count(posted.author_id) AS active_people,
       coalesce(sum(posted.messages) FILTER (WHERE posted.channel_id IS NOT NULL), 0)::bigint AS messages
FROM kinds
LEFT JOIN posted ON posted.type::text = kinds.type
GROUP BY kinds.place, kinds.kind
ORDER BY kinds.place
