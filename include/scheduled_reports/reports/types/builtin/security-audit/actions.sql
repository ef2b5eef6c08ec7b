-- One row per action, the most frequent first; grouped by action and actor before, so that few rows are counted.
, counted AS (
    SELECT action, actor_id, count(*) AS events, count(*) FILTER (WHERE failed) AS failed, max(created_at) AS last_at
    FROM judged
    GROUP BY 1, 2
)
SELECT action, sum(events)::bigint AS events, sum(failed)::bigint AS failed, count(*) AS people, max(last_at) AS last_at
FROM counted
GROUP BY 1
ORDER BY 2 DESC, 1
