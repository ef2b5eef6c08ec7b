-- One row per action, the most frequent first.
SELECT action,
       count(*) AS events,
       count(*) FILTER (WHERE failed) AS failed,
       count(DISTINCT actor_id) AS people,
       max(created_at) AS last_at
FROM events
GROUP BY 1
ORDER BY 2 DESC, 1
