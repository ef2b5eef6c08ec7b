-- One row per activity level, with the number of people on it and their activities.
, levels (place, level, least, most) AS (
    VALUES (1, 'High: 20 or more', 20, NULL), (2, 'Medium: 5 to 19', 5, 19), (3, 'Low: 1 to 4', 1, 4),
           (4, 'None', 0, 0)
)
SELECT levels.level, count(participants.user_id) AS people,
       coalesce(sum(participants.activities), 0)::bigint AS activities
FROM levels
LEFT JOIN participants
    ON participants.activities >= levels.least AND (levels.most IS NULL OR participants.activities <= levels.most)
GROUP BY levels.place, levels.level
ORDER BY levels.place
