-- One row per local day of the window; days without activity have zeros.
, days AS (
    SELECT day, number FROM unnest(current_setting('report.days')::date[]) WITH ORDINALITY days (day, number)
), people AS (
    SELECT activity.number,
           count(DISTINCT activity.user_id) AS engaged_people,
           sum(activity.messages)::bigint AS messages,
           sum(activity.reactions)::bigint AS reactions
    FROM activity
    LEFT JOIN users u ON u.id = activity.user_id
    WHERE u.is_vp IS NOT TRUE
    GROUP BY 1
)
SELECT days.day,
       coalesce(people.engaged_people, 0) AS engaged_people,
       coalesce(people.messages, 0) AS messages,
       coalesce(people.reactions, 0) AS reactions
FROM days
LEFT JOIN people USING (number)
ORDER BY days.day
