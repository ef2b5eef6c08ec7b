-- One row per member, the silent ones too, and per former member who was there in the window.
WITH done AS (  -- by person and day: few rows, however many messages there are
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
), members AS (
    SELECT w.user_id, w.role, w.joined_at
    FROM workspace_members w
    WHERE w.workspace_id = current_setting('report.workspace_id')
      AND w.joined_at < current_setting('report.end')::timestamp
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR w.user_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
), people AS (
    SELECT user_id,
           sum(messages)::bigint AS messages,
           sum(replies)::bigint AS replies,
           sum(reactions)::bigint AS reactions,
           coalesce(sum(messages + reactions), 0)::bigint AS activities,
           count(DISTINCT day) AS active_days,
           max(last_at) AS last_at
    FROM done
    GROUP BY 1
), everybody AS (  -- helpers are no people; who has left the workspace is here for what was done before
    SELECT user_id, coalesce(u.display_name, u.name, 'Without a name') AS person,
           members.role, members.user_id IS NOT NULL AS is_member, members.joined_at,
           coalesce(people.messages, 0) AS messages,
           coalesce(people.replies, 0) AS replies,
           coalesce(people.reactions, 0) AS reactions,
           coalesce(people.activities, 0) AS activities,
           coalesce(people.active_days, 0) AS active_days,
           people.last_at
    FROM members
    FULL JOIN people USING (user_id)
    LEFT JOIN users u ON u.id = user_id
    WHERE u.is_vp IS NOT TRUE
)
SELECT person, coalesce(initcap(role::text), 'Has left') AS role, joined_at,
       activities, messages, replies, reactions, active_days, last_at AS last_activity_at
FROM everybody
WHERE activities >= (
    SELECT CASE current_setting('report.parameters')::jsonb ->> 'minActivityLevel'
               WHEN 'low' THEN 1 WHEN 'medium' THEN 5 WHEN 'high' THEN 20 ELSE 0
           END)
ORDER BY activities DESC, user_id
