-- One row: the key figures of the window.
WITH chosen AS (
    SELECT c.id
    FROM channels c
    WHERE c.workspace_id = current_setting('report.workspace_id')
      AND (coalesce((current_setting('report.parameters')::jsonb ->> 'includeArchived')::boolean, false)
           OR NOT c.is_archived)
      AND coalesce(current_setting('report.parameters')::jsonb -> 'channelIds' ? c.id, true)
), posted AS (
    SELECT m.author_id, m.channel_id, m.parent_id
    FROM messages m
    JOIN chosen ON chosen.id = m.channel_id
    WHERE m.created_at >= current_setting('report.start')::timestamp
      AND m.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND coalesce(current_setting('report.parameters')::jsonb -> 'userIds' ? m.author_id, true)
)
SELECT (SELECT count(*) FROM posted) AS messages,
       (SELECT count(DISTINCT author_id) FROM posted) AS active_people,
       (SELECT count(DISTINCT channel_id) FROM posted) AS active_channels,
       (SELECT count(*) FROM posted WHERE parent_id IS NOT NULL) AS replies,
       (SELECT count(*) FROM files f
        WHERE f.workspace_id = current_setting('report.workspace_id')
          AND f.created_at >= current_setting('report.start')::timestamp
          AND f.created_at < current_setting('report.end')::timestamp
          AND coalesce(current_setting('report.parameters')::jsonb -> 'userIds' ? f.uploaded_by_id, true)
       ) AS files_shared,
       (SELECT count(*) FROM workspace_members w
        WHERE w.workspace_id = current_setting('report.workspace_id')
          AND w.joined_at >= current_setting('report.start')::timestamp
          AND w.joined_at < current_setting('report.end')::timestamp
          AND coalesce(current_setting('report.parameters')::jsonb -> 'userIds' ? w.user_id, true)
       ) AS new_members
