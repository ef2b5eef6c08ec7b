-- One row per local day of the window; days without activity have zeros.
, days AS (
    SELECT day, number FROM unnest(current_setting('report.days')::date[]) WITH ORDINALITY days (day, number)
), posted AS (
    SELECT width_bucket(created_at, (SELECT current_setting('report.day_starts')::timestamp[])) AS number,
           count(*) FILTER (WHERE channel_type = 'PUBLIC') AS public_messages,
           count(*) FILTER (WHERE channel_type <> 'PUBLIC') AS other_messages
    FROM sent
    GROUP BY 1
)
SELECT days.day,
       coalesce(posted.public_messages, 0) AS public_messages,
       coalesce(posted.other_messages, 0) AS other_messages
FROM days
LEFT JOIN posted USING (number)
ORDER BY days.day
