-- One row: the key figures of the window.
, posted AS (
    SELECT channel_id, channel_type, count(*) AS messages, count(parent_id) AS replies
    FROM sent
    WHERE channel_created_at < current_setting('report.end')::timestamp
    GROUP BY 1, 2
), existing AS (
    SELECT count(*) AS channels
    FROM selected_channels
    WHERE type = 'PUBLIC' AND created_at < current_setting('report.end')::timestamp
), least AS (
    SELECT CASE current_setting('report.parameters')::jsonb ->> 'minActivityLevel'
               WHEN 'low' THEN 1 WHEN 'medium' THEN 5 WHEN 'high' THEN 20 ELSE 0
           END AS messages
)
SELECT coalesce(sum(messages), 0)::bigint AS messages,
       (sum(messages) FILTER (WHERE channel_type = 'PUBLIC') / nullif(sum(messages), 0))::float8 AS public_share,
       count(*) AS active_channels,
       (SELECT channels FROM existing) - count(*) FILTER (WHERE channel_type = 'PUBLIC') AS quiet_channels,
       (sum(messages) / nullif(count(*), 0))::float8 AS messages_per_channel,
       (sum(replies) / nullif(sum(messages), 0))::float8 AS reply_share,
       (SELECT channels FROM existing) AS public_channels,
       coalesce(sum(messages) FILTER (WHERE channel_type <> 'PUBLIC'), 0)::bigint AS other_messages,
       count(*) FILTER (WHERE channel_type <> 'PUBLIC') AS other_channels,
       CASE WHEN (SELECT messages FROM least) = 0 THEN 0
            ELSE (SELECT channels FROM existing)
                - count(*) FILTER (WHERE channel_type = 'PUBLIC' AND messages >= (SELECT messages FROM least))
       END AS unlisted_channels
FROM posted
