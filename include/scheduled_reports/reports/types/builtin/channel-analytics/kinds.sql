-- One row per channel type; nothing else is reported about channels that are not public.
, kinds (type, place, kind) AS (
    VALUES ('PUBLIC', 1, 'Public channels'), ('PRIVATE', 2, 'Private channels'),
           ('DM', 3, 'Direct messages'), ('HUDDLE', 4, 'Huddles')
), posted AS (  -- every message twice: by channel and by author
    SELECT channel_type AS type, channel_id, author_id, count(*) AS messages
    FROM sent
    GROUP BY GROUPING SETS ((channel_type, channel_id), (channel_type, author_id))
)
SELECT kinds.kind,
       count(posted.channel_id) AS active_channels,
       count(posted.author_id) AS active_people,
       coalesce(sum(posted.messages) FILTER (WHERE posted.channel_id IS NOT NULL), 0)::bigint AS messages
FROM kinds
LEFT JOIN posted ON posted.type::text = kinds.type
GROUP BY kinds.place, kinds.kind
ORDER BY kinds.place
