-- One row per local day of the window; days without activity have zeros.
, days AS (
    SELECT day, number FROM unnest(current_setting('report.days')::date[]) WITH ORDINALITY days (day, number)
), posted AS (  -- every message twice: by day and author, and by day and channel
    SELECT width_bucket(created_at, (SELECT current_setting('report.day_starts')::timestamp[])) AS number,
           author_id, channel_id, count(*) AS messages, count(parent_id) AS replies
    FROM sent
    GROUP BY GROUPING SETS ((1, author_id), (1, channel_id))
), talked AS (
    SELECT number,
           sum(messages) FILTER (WHERE author_id IS NOT NULL)::bigint AS messages,
           count(author_id) AS active_people,
           count(channel_id) AS active_channels,
           sum(replies) FILTER (WHERE author_id IS NOT NULL)::bigint AS replies
    FROM posted
    GROUP BY 1
), reacted AS (
    SELECT width_bucket(r.created_at, (SELECT current_setting('report.day_starts')::timestamp[])) AS number,
           count(*) AS reactions
    FROM reactions r
    JOIN messages m ON m.id = r.message_id
    JOIN selected_channels c ON c.id = m.channel_id
    WHERE r.created_at >= current_setting('report.start')::timestamp
      AND r.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR r.user_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
    GROUP BY 1
), shared AS (
    SELECT width_bucket(created_at, (SELECT current_setting('report.day_starts')::timestamp[])) AS number,
           count(*) AS files_shared
    FROM shared_files
    GROUP BY 1
)
SELECT days.day,
       coalesce(talked.messages, 0) AS messages,
       coalesce(talked.active_people, 0) AS active_people,
       coalesce(talked.active_channels, 0) AS active_channels,
       coalesce(talked.replies, 0) AS replies,
       coalesce(reacted.reactions, 0) AS reactions,
       coalesce(shared.files_shared, 0) AS files_shared
FROM days
LEFT JOIN talked USING (number)
LEFT JOIN reacted USING (number)
LEFT JOIN shared USING (number)
ORDER BY days.day
