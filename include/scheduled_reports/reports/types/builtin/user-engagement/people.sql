-- One row per member, including inactive ones, and per former member who was active in the window.  Up to 100 inactive
-- members show their last activity from before the window, for which all their messages are read; OFFSET keeps
-- PostgreSQL from looking for it along the index of moments, through the messages of all people.
SELECT person, coalesce(initcap(role::text COLLATE "C"), 'Former member') AS role, joined_at,
       activities, messages, replies, reactions, active_days,
       CASE WHEN activities > 0 OR (SELECT count(*) FROM participants WHERE activities = 0) > 100 THEN last_at
            ELSE (
                SELECT max(at)
                FROM (
                    SELECT m.created_at AS at
                    FROM messages m
                    JOIN selected_channels c ON c.id = m.channel_id
                    WHERE m.author_id = participants.user_id
                      AND m.created_at < current_setting('report.start')::timestamp
                      AND NOT m.is_deleted AND m.type <> 'SYSTEM'
                    UNION ALL
                    SELECT r.created_at
                    FROM reactions r
                    JOIN messages m ON m.id = r.message_id
                    JOIN selected_channels c ON c.id = m.channel_id
                    WHERE r.user_id = participants.user_id
                      AND r.created_at < current_setting('report.start')::timestamp
                      AND NOT m.is_deleted
                    OFFSET 0
                ) earlier
            )
       END AS last_activity_at
FROM participants
WHERE activities >= (
    SELECT CASE current_setting('report.parameters')::jsonb ->> 'minActivityLevel'
               WHEN 'low' THEN 1 WHEN 'medium' THEN 5 WHEN 'high' THEN 20 ELSE 0
           END)
ORDER BY activities DESC, user_id
