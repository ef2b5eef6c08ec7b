-- What the pages show across all workspaces.

-- name: reports
-- Filtered by everything except the state, so that every state can be counted.
SELECT r.id, r.name, r."reportType", r.cron_expression, r.timezone, r.is_active, r.status::text AS status, r.tags,
       r.last_run, r.last_run_status, r.next_run, r.last_error, r.created_at, r.workspace_id,
       w.name AS workspace_name, w.slug AS workspace_slug, o.error_cause,
       CASE WHEN r.status = 'DISABLED' THEN 'disabled'
            WHEN r.status = 'ERROR' AND o.error_cause = 'failing' THEN 'stopped'
            WHEN r.status = 'ERROR' THEN 'rejected'
            WHEN r.status = 'PAUSED' OR NOT r.is_active THEN 'paused'
            WHEN r.last_run_status = 'failed' THEN 'failing'
            ELSE 'active' END AS state
FROM scheduled_reports r
LEFT JOIN workspaces w ON w.id = r.workspace_id
LEFT JOIN reporting.report_options o ON o.report_id = r.id
WHERE (%(text)s::text IS NULL OR r.name ILIKE %(text)s OR r.description ILIKE %(text)s OR r.id = %(exact)s)
  AND (%(workspace_id)s::text IS NULL OR r.workspace_id = %(workspace_id)s)
  AND (%(report_type)s::text IS NULL OR r."reportType" = %(report_type)s)
  AND (%(tag)s::text IS NULL OR %(tag)s = ANY (r.tags))
  AND (%(ids)s::text[] IS NULL OR (
      r.id = ANY (%(ids)s) AND r.status <> 'DISABLED' AND o.error_cause IS DISTINCT FROM 'rejected'))

-- name: outcomes
-- The newest thirty counted runs of each report, oldest first.
SELECT wanted.id, array_agg(run.counted ORDER BY run.started_at) AS outcomes
FROM unnest(%(ids)s::text[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT counted, started_at FROM reporting.runs
    WHERE report_id = wanted.id AND counted IS NOT NULL
    ORDER BY started_at DESC
    LIMIT 30
) run
GROUP BY wanted.id

-- name: unknown
-- Reports with mail whose delivery is unconfirmed.
SELECT r.id, r.name, count(*) AS messages
FROM reporting.deliveries d
JOIN scheduled_reports r ON r.id = d.report_id
WHERE d.state = 'unknown' AND d.message NOT LIKE 'notice/%%' AND d.claimed_at > %(since)s
  AND (%(ids)s::text[] IS NULL OR r.id = ANY (%(ids)s))
GROUP BY r.id, r.name
ORDER BY max(d.claimed_at) DESC, r.id
LIMIT %(limit)s

-- name: held
-- Enabled reports whose DAG is paused in Airflow.
SELECT id, name FROM scheduled_reports
WHERE id = ANY (%(paused)s) AND is_active AND status = 'ACTIVE' AND (%(ids)s::text[] IS NULL OR id = ANY (%(ids)s))
ORDER BY name, id
LIMIT %(limit)s

-- name: places
SELECT id, name, slug FROM workspaces
WHERE %(ids)s::text[] IS NULL OR id IN (SELECT workspace_id FROM scheduled_reports WHERE id = ANY (%(ids)s))
ORDER BY lower(name), id

-- name: place_of
SELECT w.id, w.name, w.slug
FROM scheduled_reports r
JOIN workspaces w ON w.id = r.workspace_id
WHERE r.id = %(report_id)s

-- name: members
SELECT u.id, coalesce(u.name, u.display_name, u.email) AS name, u.email, max(m.role)::text AS role
FROM workspace_members m
JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = %(workspace_id)s AND u.status <> 'SUSPENDED'
GROUP BY u.id
ORDER BY 2, u.id
LIMIT 1000
