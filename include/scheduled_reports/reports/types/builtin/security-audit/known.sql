-- The IP addresses that each actor used in the thirty days before the window.
, known AS (
    SELECT DISTINCT b.actor_id, b.ip
    FROM belonging b
    WHERE b.created_at >= current_setting('report.start')::timestamp - interval '30 days'
      AND b.created_at < current_setting('report.start')::timestamp
      AND b.actor_id IN (SELECT actor_id FROM actors)
)
