-- One row: the key figures of the window.
SELECT count(*) AS events,
       count(*) FILTER (WHERE failed) AS failed,
       count(*) FILTER (WHERE serious) AS serious,
       count(*) FILTER (WHERE changes) AS changes,
       count(DISTINCT actor_id) AS people,
       -- Pairs of an actor known from the thirty days before the window and an address that actor had not used then.
       (SELECT count(*)
        FROM (SELECT DISTINCT actor_id, ip FROM events WHERE ip IS NOT NULL) used
        WHERE used.actor_id IN (SELECT actor_id FROM known)
          AND NOT EXISTS (SELECT FROM known WHERE known.actor_id = used.actor_id AND known.ip = used.ip)
       ) AS new_addresses
FROM events
