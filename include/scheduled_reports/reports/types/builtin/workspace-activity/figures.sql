-- One row: the key figures of the window.
, posted AS (  -- every message twice: by author and by channel
    SELECT author_id, channel_id, count(*) AS messages, count(parent_id) AS replies
    FROM sent
    GROUP BY GROUPING SETS ((author_id), (channel_id))
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
       (SELECT count(*) FROM shared_files) AS files_shared,
       (SELECT members FROM joined) AS new_members,
       coalesce(sum(messages) FILTER (
           WHERE channel_id IN (SELECT id FROM selected_channels WHERE type <> 'PUBLIC')), 0)::bigint AS other_messages
FROM posted
