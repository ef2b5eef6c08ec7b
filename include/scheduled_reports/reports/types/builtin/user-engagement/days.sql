-- One row per local day of the window; days without activity are there with zeros.
WITH days AS (
    SELECT generate_series(
        (current_setting('report.start')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date,
        (current_setting('report.end')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date - 1,
        interval '1 day'
    )::date AS day
), done AS (  -- by person and day: few rows, however many messages there are
    SELECT m.author_id AS user_id,
           (m.created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS messages, count(m.parent_id) AS replies, 0 AS reactions, max(m.created_at) AS last_at
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
    GROUP BY 1, 2
    UNION ALL
    SELECT r.user_id,
           (r.created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           0, 0, count(*), max(r.created_at)
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
    GROUP BY 1, 2
), people AS (
    SELECT done.day,
           count(DISTINCT done.user_id) AS engaged_people,
           sum(done.messages)::bigint AS messages,
           sum(done.reactions)::bigint AS reactions
    FROM done
    LEFT JOIN users u ON u.id = done.user_id
    WHERE u.is_vp IS NOT TRUE
    GROUP BY 1
)
SELECT days.day,
       coalesce(people.engaged_people, 0) AS engaged_people,
       coalesce(people.messages, 0) AS messages,
       coalesce(people.reactions, 0) AS reactions
FROM days
LEFT JOIN people USING (day)
ORDER BY days.day
