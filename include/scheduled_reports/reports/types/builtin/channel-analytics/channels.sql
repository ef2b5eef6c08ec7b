-- One row per public channel, including quiet ones; channels of other types count in the totals only.
, chosen AS (
    SELECT id, name
    FROM selected_channels
    WHERE type = 'PUBLIC' AND created_at < current_setting('report.end')::timestamp
), written AS (  -- grouped by author and channel, so that few rows remain of many messages
    SELECT channel_id, author_id,
           count(*) AS messages, count(parent_id) AS replies, max(created_at) AS last_message_at
    FROM sent
    WHERE channel_type = 'PUBLIC'
    GROUP BY 1, 2
), posted AS (
    SELECT channel_id,
           sum(messages)::bigint AS messages,
           count(*) AS active_people,
           sum(replies)::bigint AS replies,
           max(last_message_at) AS last_message_at
    FROM written
    GROUP BY 1
), reacted AS (
    SELECT m.channel_id, count(*) AS reactions
    FROM reactions r
    JOIN messages m ON m.id = r.message_id
    JOIN selected_channels c ON c.id = m.channel_id
    WHERE c.type = 'PUBLIC' AND r.created_at >= current_setting('report.start')::timestamp
      AND r.created_at < current_setting('report.end')::timestamp
      AND NOT m.is_deleted
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR r.user_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
    GROUP BY 1
)
-- Up to 100 quiet channels show their last message from before the window, for which all their messages are read;
-- OFFSET keeps PostgreSQL from looking for it along the index of moments, through the messages of all channels.
, quiet AS (
    SELECT count(*) AS channels FROM chosen WHERE id NOT IN (SELECT channel_id FROM posted)
)
SELECT chosen.name AS channel,
       coalesce(posted.messages, 0) AS messages,
       coalesce(posted.active_people, 0) AS active_people,
       coalesce(posted.replies, 0) AS replies,
       coalesce(reacted.reactions, 0) AS reactions,
       CASE WHEN posted.messages > 0 OR (SELECT channels FROM quiet) > 100 THEN posted.last_message_at
            ELSE (
                SELECT max(earlier.created_at)
                FROM (
                    SELECT m.created_at
                    FROM messages m
                    WHERE m.channel_id = chosen.id
                      AND m.created_at < current_setting('report.start')::timestamp
                      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
                      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
                           OR m.author_id IN (
                               SELECT jsonb_array_elements_text(
                                   current_setting('report.parameters')::jsonb -> 'userIds')))
                    OFFSET 0
                ) earlier
            )
       END AS last_message_at
FROM chosen
LEFT JOIN posted ON posted.channel_id = chosen.id
LEFT JOIN reacted ON reacted.channel_id = chosen.id
WHERE coalesce(posted.messages, 0) >= (
    SELECT CASE current_setting('report.parameters')::jsonb ->> 'minActivityLevel'
               WHEN 'low' THEN 1 WHEN 'medium' THEN 5 WHEN 'high' THEN 20 ELSE 0
           END)
ORDER BY 2 DESC, chosen.id
