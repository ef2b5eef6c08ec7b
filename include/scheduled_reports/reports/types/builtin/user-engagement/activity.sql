-- What each person did on each day, in the channels that the report's parameters select.
-- NOT MATERIALIZED lets PostgreSQL plan each use together with the query around it.
WITH selected_channels AS NOT MATERIALIZED (
    SELECT c.id
    FROM channels c
    WHERE c.workspace_id = current_setting('report.workspace_id')
      AND (NOT c.is_archived
           OR (SELECT (current_setting('report.parameters')::jsonb -> 'includeArchived')::boolean))
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'channelIds') IS NULL
           OR (c.type = 'PUBLIC' AND c.id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'channelIds'))))
), written AS NOT MATERIALIZED (
    -- With the number of their day.  OFFSET keeps PostgreSQL from expecting as many days as moments: it counts in
    -- memory instead of sorting all messages.
    SELECT m.author_id AS user_id, m.parent_id, m.created_at,
           width_bucket(m.created_at, (SELECT current_setting('report.day_starts')::timestamp[])) AS number
    FROM messages m
    JOIN selected_channels c ON c.id = m.channel_id
    WHERE m.created_at >= current_setting('report.start')::timestamp
      AND m.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR m.author_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
    OFFSET 0
), reacted AS NOT MATERIALIZED (
    SELECT r.user_id, r.created_at,
           width_bucket(r.created_at, (SELECT current_setting('report.day_starts')::timestamp[])) AS number
    FROM reactions r
    JOIN messages m ON m.id = r.message_id
    JOIN selected_channels c ON c.id = m.channel_id
    WHERE r.created_at >= current_setting('report.start')::timestamp
      AND r.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR r.user_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
    OFFSET 0
), activity AS (  -- grouped by person and day, so that few rows remain of many messages
    SELECT user_id, number,
           count(*) AS messages, count(parent_id) AS replies, 0 AS reactions, max(created_at) AS last_at
    FROM written
    GROUP BY 1, 2
    UNION ALL
    SELECT user_id, number, 0, 0, count(*), max(created_at)
    FROM reacted
    GROUP BY 1, 2
)
