-- One row per local day of the window; days without activity have zeros.
, days AS (
    SELECT day, number FROM unnest(current_setting('report.days')::date[]) WITH ORDINALITY days (day, number)
), by_author AS (
    SELECT number, author_id, count(*) AS messages, count(parent_id) AS replies
    FROM dated
    GROUP BY 1, 2
), by_channel AS (
    SELECT number, channel_id
    FROM dated
    GROUP BY 1, 2
), talked AS (
    SELECT number, count(*) AS active_people, sum(messages)::bigint AS messages, sum(replies)::bigint AS replies
    FROM by_author
    GROUP BY 1
), visited AS (
    SELECT number, count(*) AS active_channels
    FROM by_channel
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
       coalesce(visited.active_channels, 0) AS active_channels,
       coalesce(talked.replies, 0) AS replies,
       coalesce(reacted.reactions, 0) AS reactions,
       coalesce(shared.files_shared, 0) AS files_shared
FROM days
LEFT JOIN talked USING (number)
LEFT JOIN visited USING (number)
LEFT JOIN reacted USING (number)
LEFT JOIN shared USING (number)
ORDER BY days.day
