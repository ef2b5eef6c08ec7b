-- name: look
-- The row's lock puts the tasks into a line.  No moment is 20 minutes away, because nobody waits for more than ten, and no
-- message takes more: if it is, a clock was wrong, and the line begins anew.  The time-out ends a transaction whose
-- client has frozen: it would stop all mail.
SELECT
    set_config('idle_in_transaction_session_timeout', '5s', true),
    per_second,
    next.start,
    extract(epoch FROM next.start - next.now)::float8 AS seconds,
    learned_at NOT BETWEEN next.now - interval '10 minutes' AND next.now AS is_old
FROM reporting.send_rates
CROSS JOIN LATERAL (
    SELECT
        now,
        CASE WHEN next_at BETWEEN now AND now + interval '20 minutes' THEN next_at ELSE now END AS start
    FROM clock_timestamp() AS now
) AS next
WHERE service = %(service)s
FOR UPDATE OF send_rates

-- name: take
UPDATE reporting.send_rates SET next_at = %(start)s + %(pause)s * interval '1 second' WHERE service = %(service)s

-- name: begin
INSERT INTO reporting.send_rates (service, per_second, learned_at) VALUES (%(service)s, 0, '-infinity')
ON CONFLICT (service) DO NOTHING

-- name: ask
UPDATE reporting.send_rates SET learned_at = clock_timestamp()
WHERE service = %(service)s
    AND learned_at NOT BETWEEN clock_timestamp() - interval '10 minutes' AND clock_timestamp()
RETURNING service

-- name: learn
INSERT INTO reporting.send_rates (service, per_second) VALUES (%(service)s, %(per_second)s)
ON CONFLICT (service) DO UPDATE SET per_second = excluded.per_second, learned_at = excluded.learned_at
