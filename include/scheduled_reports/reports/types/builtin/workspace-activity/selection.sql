-- The channels and the messages that the report's parameters select; system messages and deleted ones do not count.
-- NOT MATERIALIZED lets PostgreSQL plan each use together with the query around it.
WITH selected_channels AS NOT MATERIALIZED (
    SELECT c.id, c.type
    FROM channels c
    WHERE c.workspace_id = current_setting('report.workspace_id')
      AND (NOT c.is_archived
           OR (SELECT (current_setting('report.parameters')::jsonb -> 'includeArchived')::boolean))
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'channelIds') IS NULL
           OR (c.type = 'PUBLIC' AND c.id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'channelIds'))))
), sent AS NOT MATERIALIZED (
    SELECT m.author_id, m.channel_id, c.type AS channel_type, m.parent_id, m.created_at
    FROM messages m
    JOIN selected_channels c ON c.id = m.channel_id
    WHERE m.created_at >= current_setting('report.start')::timestamp
      AND m.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR m.author_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
)
-- With the number of their day.  OFFSET keeps PostgreSQL from expecting as many days as moments: it counts in memory
-- instead of sorting all messages.
, dated AS NOT MATERIALIZED (
    SELECT width_bucket(created_at, (SELECT current_setting('report.day_starts')::timestamp[])) AS number,
           author_id, channel_id, parent_id, created_at
    FROM sent
    OFFSET 0
)
