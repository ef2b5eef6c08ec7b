-- One row per IP address; addresses that are new for an actor come first.  Grouped by address and actor before.
, used AS (
    SELECT ip, actor_id, count(*) AS events, count(*) FILTER (WHERE failed) AS failed, min(created_at) AS first_at
    FROM judged
    WHERE ip IS NOT NULL
    GROUP BY 1, 2
)
SELECT ip AS address,
       sum(events)::bigint AS events,
       sum(failed)::bigint AS failed,
       count(*) AS people,
       -- Actors known from the thirty days before the window that had not used this address then.
       count(*) FILTER (
           WHERE actor_id IN (SELECT actor_id FROM known)
             AND (actor_id, ip) NOT IN (SELECT actor_id, ip FROM known WHERE ip IS NOT NULL)
       ) AS new_for,
       min(first_at) AS first_at
FROM used
GROUP BY 1
ORDER BY 5 DESC, 2 DESC, 1
