-- One row: the key figures of the window.
, by_author AS (
    SELECT author_id
    FROM sent
    GROUP BY 1
), by_channel AS (
    SELECT channel_id, channel_type, count(*) AS messages, count(parent_id) AS replies
    FROM sent
    GROUP BY 1, 2
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
SELECT coalesce(sum(messages), 0)::bigint AS messages,
       (SELECT count(*) FROM by_author) AS active_people,
       count(*) AS active_channels,
       coalesce(sum(replies), 0)::bigint AS replies,
       (SELECT count(*) FROM shared_files) AS files_shared,
       (SELECT members FROM joined) AS new_members,
       coalesce(sum(messages) FILTER (WHERE channel_type <> 'PUBLIC'), 0)::bigint AS other_messages
FROM by_channel
