-- One row per actor with at least one event, most active first; grouped by actor and address before.
, counted AS (
    SELECT actor_id, ip,
           min(actor_type) AS actor_type,
           count(*) AS events,
           count(*) FILTER (WHERE failed) AS failed,
           count(*) FILTER (WHERE serious) AS serious,
           count(*) FILTER (WHERE changes) AS changes,
           max(created_at) AS last_at
    FROM judged
    GROUP BY 1, 2
), people AS (
    SELECT actor_id,
           min(actor_type) AS actor_type,
           sum(events)::bigint AS events,
           sum(failed)::bigint AS failed,
           sum(serious)::bigint AS serious,
           sum(changes)::bigint AS changes,
           count(ip) AS addresses,
           max(last_at) AS last_at
    FROM counted
    GROUP BY 1
)
-- Users by name; an actor that is not a user is named by its actor type.
SELECT coalesce(u.display_name, u.name, CASE WHEN u.id IS NULL THEN p.actor_type END, 'Unnamed') AS actor,
       p.events, p.failed, p.serious, p.changes, p.addresses, p.last_at
FROM people p
LEFT JOIN users u ON u.id = p.actor_id
ORDER BY p.events DESC, p.actor_id
