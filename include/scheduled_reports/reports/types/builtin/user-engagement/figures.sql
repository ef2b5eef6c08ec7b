-- One row: the key figures of the window.
SELECT count(*) FILTER (WHERE is_member) AS members,
       count(*) FILTER (WHERE activities > 0) AS engaged_people,
       count(*) FILTER (WHERE is_member AND activities > 0)
           / nullif(count(*) FILTER (WHERE is_member), 0)::float8 AS engaged_share,
       count(*) FILTER (WHERE is_member AND activities = 0) AS silent_members,
       (sum(activities) / nullif(count(*) FILTER (WHERE activities > 0), 0))::float8 AS activities_per_person,
       (sum(active_days) / nullif(count(*) FILTER (WHERE activities > 0), 0))::float8 AS days_per_person,
       count(*) FILTER (WHERE NOT is_member) AS former_members,
       count(*) FILTER (WHERE activities < (
           SELECT CASE current_setting('report.parameters')::jsonb ->> 'minActivityLevel'
                      WHEN 'low' THEN 1 WHEN 'medium' THEN 5 WHEN 'high' THEN 20 ELSE 0
                  END)) AS unlisted_people
FROM participants
