-- One row per member, including inactive ones, and per former member who was active in the window.
SELECT person, coalesce(initcap(role::text COLLATE "C"), 'Former member') AS role, joined_at,
       activities, messages, replies, reactions, active_days, last_at AS last_activity_at
FROM participants
WHERE activities >= (
    SELECT CASE current_setting('report.parameters')::jsonb ->> 'minActivityLevel'
               WHEN 'low' THEN 1 WHEN 'medium' THEN 5 WHEN 'high' THEN 20 ELSE 0
           END)
ORDER BY activities DESC, user_id
