-- name: reserve
-- The row's lock puts the tasks into a line; each takes the moment after the one before.
UPDATE reporting.send_rates
SET next_at = greatest(next_at, clock_timestamp())
    + CASE WHEN per_second > 0 THEN %(recipients)s / per_second ELSE 0 END * interval '1 second'
WHERE service = %(service)s AND learned_at > clock_timestamp() - interval '10 minutes'
RETURNING greatest(0, extract(epoch FROM next_at - clock_timestamp())
    - CASE WHEN per_second > 0 THEN %(recipients)s / per_second ELSE 0 END)::float8 AS seconds

-- name: learn
INSERT INTO reporting.send_rates (service, per_second) VALUES (%(service)s, %(per_second)s)
ON CONFLICT (service) DO UPDATE SET per_second = excluded.per_second, learned_at = excluded.learned_at
