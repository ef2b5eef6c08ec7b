-- One row per local day of the window; days without activity are there with zeros.
WITH days AS (
    SELECT generate_series(
        (current_setting('report.start')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date,
        (current_setting('report.end')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date - 1,
        interval '1 day'
    )::date AS day
), chosen AS (
    SELECT c.id
    FROM channels c
    WHERE c.workspace_id = current_setting('report.workspace_id')
      AND (coalesce((current_setting('report.parameters')::jsonb ->> 'includeArchived')::boolean, false)
           OR NOT c.is_archived)
      AND coalesce(current_setting('report.parameters')::jsonb -> 'channelIds' ? c.id, true)
), posted AS (
    SELECT (m.created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS messages,
           count(DISTINCT m.author_id) AS active_people,
           count(DISTINCT m.channel_id) AS active_channels,
           count(m.parent_id) AS replies
    FROM messages m
    JOIN chosen ON chosen.id = m.channel_id
    WHERE m.created_at >= current_setting('report.start')::timestamp
      AND m.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
      AND coalesce(current_setting('report.parameters')::jsonb -> 'userIds' ? m.author_id, true)
    GROUP BY 1
), reacted AS (
    SELECT (r.created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS reactions
    FROM reactions r
    JOIN messages m ON m.id = r.message_id
    JOIN chosen ON chosen.id = m.channel_id
    WHERE r.created_at >= current_setting('report.start')::timestamp
      AND r.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted
      AND coalesce(current_setting('report.parameters')::jsonb -> 'userIds' ? r.user_id, true)
    GROUP BY 1
), shared AS (
    SELECT (f.created_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS files_shared
    FROM files f
    WHERE f.workspace_id = current_setting('report.workspace_id')
      AND f.created_at >= current_setting('report.start')::timestamp
      AND f.created_at < current_setting('report.end')::timestamp
      AND coalesce(current_setting('report.parameters')::jsonb -> 'userIds' ? f.uploaded_by_id, true)
    GROUP BY 1
)
SELECT days.day,
       coalesce(posted.messages, 0) AS messages,
       coalesce(posted.active_people, 0) AS active_people,
       coalesce(posted.active_channels, 0) AS active_channels,
       coalesce(posted.replies, 0) AS replies,
       coalesce(reacted.reactions, 0) AS reactions,
       coalesce(shared.files_shared, 0) AS files_shared
FROM days
LEFT JOIN posted USING (day)
LEFT JOIN reacted USING (day)
LEFT JOIN shared USING (day)
ORDER BY days.day
