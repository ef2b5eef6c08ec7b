-- One row per local day of the window; days without activity are there with zeros.
WITH days AS (
    SELECT generate_series(
        (current_setting('report.start')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date,
        (current_setting('report.end')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date - 1,
        interval '1 day'
    )::date AS day
), posted AS (  -- every message twice: under its day and author, and under its day and channel
    SELECT (m.created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           m.author_id, m.channel_id, count(*) AS messages, count(m.parent_id) AS replies
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
    GROUP BY GROUPING SETS ((1, m.author_id), (1, m.channel_id))
), talked AS (
    SELECT day,
           sum(messages) FILTER (WHERE author_id IS NOT NULL)::bigint AS messages,
           count(author_id) AS active_people,
           count(channel_id) AS active_channels,
           sum(replies) FILTER (WHERE author_id IS NOT NULL)::bigint AS replies
    FROM posted
    GROUP BY 1
), reacted AS (
    SELECT (r.created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS reactions
    FROM reactions r
    JOIN messages m ON m.id = r.message_id
    JOIN channels c ON c.id = m.channel_id
    WHERE c.workspace_id = current_setting('report.workspace_id')
      AND (NOT c.is_archived
           OR (SELECT (current_setting('report.parameters')::jsonb -> 'includeArchived')::boolean))
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'channelIds') IS NULL
           OR (c.type = 'PUBLIC' AND c.id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'channelIds'))))
      AND r.created_at >= current_setting('report.start')::timestamp
      AND r.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR r.user_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
    GROUP BY 1
), shared AS (
    SELECT (f.created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS files_shared
    FROM files f
    WHERE f.workspace_id = current_setting('report.workspace_id')
      AND f.created_at >= current_setting('report.start')::timestamp
      AND f.created_at < current_setting('report.end')::timestamp
      AND f.status <> 'FAILED'
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR f.uploaded_by_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
      AND EXISTS (
          SELECT
          FROM message_attachments a
          JOIN messages m ON m.id = a.message_id
          JOIN channels c ON c.id = m.channel_id
          WHERE a.file_id = f.id
            AND NOT m.is_deleted
            AND c.workspace_id = current_setting('report.workspace_id')
            AND (NOT c.is_archived
                 OR (SELECT (current_setting('report.parameters')::jsonb -> 'includeArchived')::boolean))
            AND ((SELECT current_setting('report.parameters')::jsonb -> 'channelIds') IS NULL
                 OR (c.type = 'PUBLIC' AND c.id IN (
                     SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'channelIds')))))
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
LEFT JOIN talked USING (day)
LEFT JOIN reacted USING (day)
LEFT JOIN shared USING (day)
ORDER BY days.day
