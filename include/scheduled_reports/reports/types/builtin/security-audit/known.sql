-- The IP addresses that each actor used in the thirty days before the window.
, known AS (
    SELECT DISTINCT actor_id, ip
    FROM belonging
    WHERE created_at >= current_setting('report.start')::timestamp - interval '30 days'
      AND created_at < current_setting('report.start')::timestamp
)
