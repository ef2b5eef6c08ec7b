-- Every member, and every former member who was active in the window, with what they did in it.
, members AS (
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
           count(DISTINCT number) AS active_days,
           max(last_at) AS last_at
    FROM activity
    GROUP BY 1
), participants AS (  -- without agents; with former members because of their earlier activity
    SELECT user_id, coalesce(u.display_name, u.name, 'Unnamed') AS person,
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
