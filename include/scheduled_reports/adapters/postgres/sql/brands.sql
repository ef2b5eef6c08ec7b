-- name: hold
-- One change of a workspace's brand at a time.
SELECT pg_advisory_xact_lock(hashtextextended('scheduled_reports.brand ' || %(workspace_id)s, 0))

-- name: of
SELECT brand FROM reporting.brands WHERE workspace_id = %(workspace_id)s AND until IS NULL

-- name: end
UPDATE reporting.brands SET until = now() WHERE workspace_id = %(workspace_id)s AND until IS NULL

-- name: add
INSERT INTO reporting.brands (workspace_id, brand) VALUES (%(workspace_id)s, %(brand)s)

-- name: note
INSERT INTO reporting.audit (workspace_id, action, actor, acting_user, before, after)
VALUES (%(workspace_id)s, %(action)s, %(actor)s, %(acting_user)s, %(before)s, %(after)s)
