-- One row: the key figures of the window.
, posted AS (
    SELECT channel_id, channel_type, count(*) AS messages, count(parent_id) AS replies
    FROM sent
    WHERE channel_created_at < current_setting('report.end')::timestamp
    GROUP BY 1, 2
)
SELECT coalesce(sum(messages), 0)::bigint AS messages,
       (sum(messages) FILTER (WHERE channel_type = 'PUBLIC') / nullif(sum(messages), 0))::float8 AS public_share,
       count(*) AS active_channels,
       (SELECT count(*)
        FROM selected_channels
        WHERE type = 'PUBLIC' AND created_at < current_setting('report.end')::timestamp)
           - count(*) FILTER (WHERE channel_type = 'PUBLIC') AS quiet_channels,
       (sum(messages) / nullif(count(*), 0))::float8 AS messages_per_channel,
       (sum(replies) / nullif(sum(messages), 0))::float8 AS reply_share
FROM posted
