-- What the pages show across all workspaces.

-- name: outcomes
-- The newest thirty counted runs of each report, oldest first.
SELECT wanted.id, array_agg(run.counted ORDER BY run.started_at) AS outcomes
FROM scheduled_reports wanted
CROSS JOIN LATERAL (
    SELECT counted, started_at FROM reporting.runs
    WHERE report_id = wanted.id AND coalesce(workspace_id, wanted.workspace_id) = wanted.workspace_id
      AND counted IS NOT NULL
    ORDER BY started_at DESC
    LIMIT 30
) run
WHERE wanted.id = ANY (%(ids)s)
GROUP BY wanted.id

-- name: unconfirmed_mail
-- Reports with messages whose delivery is unconfirmed.
SELECT r.id, r.name, count(*) AS messages
FROM reporting.deliveries d
JOIN scheduled_reports r ON r.id = d.report_id
LEFT JOIN reporting.runs run ON run.report_id = d.report_id AND run.run_id = d.run_id
WHERE coalesce(run.workspace_id, r.workspace_id) = r.workspace_id
  AND d.state = 'unknown' AND d.message NOT LIKE 'notice/%%' AND d.claimed_at > %(since)s
  AND (%(ids)s::text[] IS NULL OR r.id = ANY (%(ids)s))
GROUP BY r.id, r.name
ORDER BY max(d.claimed_at) DESC, r.id
LIMIT %(limit)s

-- name: paused_in_airflow
-- Enabled reports whose DAG is paused in Airflow.
SELECT id, name FROM scheduled_reports
WHERE id = ANY (%(paused)s) AND is_active AND status = 'ACTIVE' AND (%(ids)s::text[] IS NULL OR id = ANY (%(ids)s))
ORDER BY name, id
LIMIT %(limit)s

-- name: workspaces
SELECT id, name, slug FROM workspaces
WHERE %(ids)s::text[] IS NULL OR id IN (SELECT workspace_id FROM scheduled_reports WHERE id = ANY (%(ids)s))
ORDER BY lower(name), id

-- name: workspace_of
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
