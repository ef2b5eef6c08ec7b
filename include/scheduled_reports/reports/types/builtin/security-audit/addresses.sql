-- One row per IP address; addresses that are new for an actor come first.
SELECT e.ip AS address,
       count(*) AS events,
       count(*) FILTER (WHERE e.failed) AS failed,
       count(DISTINCT e.actor_id) AS people,
       -- Actors known from the thirty days before the window that had not used this address then.
       count(DISTINCT e.actor_id) FILTER (
           WHERE e.actor_id IN (SELECT actor_id FROM known)
             AND NOT EXISTS (SELECT FROM known WHERE known.actor_id = e.actor_id AND known.ip = e.ip)
       ) AS new_for,
       min(e.created_at) AS first_at
FROM events e
WHERE e.ip IS NOT NULL
GROUP BY 1
ORDER BY 5 DESC, 2 DESC, 1
