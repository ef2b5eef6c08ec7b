-- One row: the key figures of the window, of events grouped by actor and address.
, used AS (
    SELECT actor_id, ip,
           count(*) AS events,
           count(*) FILTER (WHERE failed) AS failed,
           count(*) FILTER (WHERE serious) AS serious,
           count(*) FILTER (WHERE critical) AS critical,
           count(*) FILTER (WHERE changes) AS changes
    FROM judged
    GROUP BY 1, 2
)
SELECT coalesce(sum(events), 0)::bigint AS events,
       coalesce(sum(failed), 0)::bigint AS failed,
       coalesce(sum(serious), 0)::bigint AS serious,
       coalesce(sum(changes), 0)::bigint AS changes,
       count(DISTINCT actor_id) AS people,
       -- Pairs of an actor known from the thirty days before the window and an address that actor had not used then.
       count(*) FILTER (
           WHERE ip IS NOT NULL
             AND actor_id IN (SELECT actor_id FROM known)
             AND (actor_id, ip) NOT IN (SELECT actor_id, ip FROM known WHERE ip IS NOT NULL)
       ) AS new_addresses,
       coalesce(sum(critical), 0)::bigint AS critical,
       coalesce(sum(events) FILTER (WHERE ip IS NULL), 0)::bigint AS without_address
FROM used
