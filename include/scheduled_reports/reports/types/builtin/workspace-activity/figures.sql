-- One row: the key figures of the window.
WITH posted AS (  -- every message twice: under its author and under its channel
    SELECT m.author_id, m.channel_id, count(*) AS messages, count(m.parent_id) AS replies
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
    GROUP BY GROUPING SETS ((m.author_id), (m.channel_id))
), shared AS (
    SELECT count(*) AS files
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
), joined AS (
    SELECT count(*) AS members
    FROM workspace_members w
    WHERE w.workspace_id = current_setting('report.workspace_id')
      AND w.joined_at >= current_setting('report.start')::timestamp
      AND w.joined_at < current_setting('report.end')::timestamp
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR w.user_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
)
SELECT coalesce(sum(messages) FILTER (WHERE author_id IS NOT NULL), 0)::bigint AS messages,
       count(author_id) AS active_people,
       count(channel_id) AS active_channels,
       coalesce(sum(replies) FILTER (WHERE author_id IS NOT NULL), 0)::bigint AS replies,
       (SELECT files FROM shared) AS files_shared,
       (SELECT members FROM joined) AS new_members
FROM posted
