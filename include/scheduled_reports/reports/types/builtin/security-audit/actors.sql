-- One row per actor with at least one event, most active first.
SELECT actors.actor,
       count(*) AS events,
       count(*) FILTER (WHERE e.failed) AS failed,
       count(*) FILTER (WHERE e.serious) AS serious,
       count(*) FILTER (WHERE e.changes) AS changes,
       count(DISTINCT e.ip) AS addresses,
       max(e.created_at) AS last_at
FROM events e
JOIN actors ON actors.actor_id = e.actor_id
GROUP BY e.actor_id, actors.actor
ORDER BY 2 DESC, e.actor_id
