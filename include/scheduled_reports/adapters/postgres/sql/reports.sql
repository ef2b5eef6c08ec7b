-- What the API reads and writes in the application's tables and ours.

-- name: workspaces
-- A slug is unique within its organization only; `slug:id` identifies one workspace.
SELECT id, name, slug FROM workspaces
WHERE slug = %(name)s OR slug || ':' || id = %(name)s
ORDER BY id
LIMIT 10

-- name: member
-- The lower of two roles, as for a report's creator.
SELECT max(m.role)::text AS role, max(u.email) AS email
FROM workspace_members m
JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = %(workspace_id)s AND m.user_id = %(user_id)s AND u.status <> 'SUSPENDED'
HAVING count(*) > 0

-- name: creator
-- What validation needs to know about the creator of a new report.
SELECT u.email AS creator_email, u.status::text AS creator_status, coalesce(u.name, u.display_name) AS creator_name,
       member.role IS NOT NULL AS creator_is_member, member.role::text AS creator_role
FROM users u
LEFT JOIN LATERAL (
    SELECT max(m.role) AS role FROM workspace_members m
    WHERE m.workspace_id = %(workspace_id)s AND m.user_id = u.id
) member ON true
WHERE u.id = %(user_id)s

-- name: reports
-- All filters except the one on the state, so that every state can be counted; the list adds ORDER BY and LIMIT.
SELECT r.id, r.name, r.description, r."reportType", r.cron_expression, r.timezone, r.is_active, r.status::text AS status,
       r.export_formats, r.parameters, r.tags,
       r.email_enabled, r.email_recipients, r.email_cc_recipients, r.email_bcc_recipients, r.email_subject,
       r.email_include_attachment, r.email_include_preview, r.email_send_only_if_data,
       r.last_run, r.last_run_status, r.next_run, r.run_count, r.success_count, r.failure_count, r.last_error,
       r.created_at, r.updated_at, o.error_cause, coalesce(o.missed_runs, 'latest') AS missed_runs, o.options,
       r.workspace_id, w.name AS workspace_name, w.slug AS workspace_slug,
       r.created_by_id, coalesce(u.name, u.display_name) AS creator_name, u.email AS creator_email,
       u.avatar_url AS creator_avatar_url,
       -- A status that only the application knows is a state of its own, which the pages show by its name.
       CASE WHEN r.status::text NOT IN ('ACTIVE', 'PAUSED', 'DISABLED', 'ERROR') THEN 'unknown'
            WHEN r.status = 'DISABLED' THEN 'disabled'
            WHEN r.status = 'ERROR' AND o.error_cause = 'failing' THEN 'stopped'
            WHEN r.status = 'ERROR' THEN 'rejected'
            WHEN r.status = 'PAUSED' OR NOT r.is_active THEN 'paused'
            WHEN r.last_run_status = 'failed' THEN 'failing'
            ELSE 'active' END AS state
FROM scheduled_reports r
LEFT JOIN workspaces w ON w.id = r.workspace_id
LEFT JOIN users u ON u.id = r.created_by_id
LEFT JOIN reporting.report_options o ON o.report_id = r.id
WHERE (%(id)s::text IS NULL OR r.id = %(id)s)
  AND (%(workspace_id)s::text IS NULL OR r.workspace_id = %(workspace_id)s)
  AND (%(text)s::text IS NULL OR r.name ILIKE %(text)s OR r.description ILIKE %(text)s
       OR r.name ILIKE %(text)s COLLATE "C" OR r.id = %(exact)s)
  AND (%(report_type)s::text IS NULL OR r."reportType" = %(report_type)s)
  AND (%(is_active)s::boolean IS NULL OR r.is_active = %(is_active)s)
  AND (%(created_by)s::text IS NULL OR r.created_by_id = %(created_by)s)
  AND (%(tag)s::text IS NULL OR %(tag)s = ANY (r.tags))
  -- Users who may not see every DAG see only their reports that have one.
  AND (%(ids)s::text[] IS NULL OR (
      r.id = ANY (%(ids)s) AND r.status <> 'DISABLED' AND o.error_cause IS DISTINCT FROM 'rejected'))

-- name: delete
DELETE FROM scheduled_reports WHERE id = %(id)s AND workspace_id = %(workspace_id)s RETURNING true

-- name: set_options
INSERT INTO reporting.report_options AS held (report_id, effective_from, options, missed_runs)
VALUES (%(report_id)s, clock_timestamp(), coalesce(%(options)s::jsonb, '{}'), coalesce(%(missed_runs)s::text, 'latest'))
ON CONFLICT (report_id) DO UPDATE
SET options = coalesce(%(options)s::jsonb, held.options), missed_runs = coalesce(%(missed_runs)s::text, held.missed_runs)

-- name: history
SELECT id, status::text AS status, format::text AS format, scheduled_for, started_at, completed_at, record_count,
       file_size, file_url, error, duration, progress, retry_count, email_sent, email_sent_at, email_error, created_at,
       triggered_by, triggered_manually
FROM report_executions
WHERE scheduled_report_id = %(report_id)s AND id <> ALL (%(others)s)
ORDER BY created_at DESC, scheduled_for DESC, format, id
LIMIT %(limit)s

-- name: runs_of_others
-- Runs of this report's id for another workspace: the report was moved, or is another one.
SELECT run_id FROM reporting.runs
WHERE report_id = %(report_id)s
  AND coalesce(workspace_id, frozen #>> '{row,workspace_id}', %(workspace_id)s) <> %(workspace_id)s

-- name: runs
SELECT r.run_id, r.kind, r.state, r.reason, r.scheduled_for, r.window_start, r.window_end, r.triggered_by, r.test,
       r.frozen IS NOT NULL AS frozen, r.frozen -> 'request' AS request, r.main_rows, r.data_rows, r.lead, r.mail, r.mail_error,
       r.verdict, r.started_at, r.settled_at
FROM reporting.runs r
WHERE r.report_id = %(report_id)s
  AND coalesce(r.workspace_id, r.frozen #>> '{row,workspace_id}', %(workspace_id)s) = %(workspace_id)s
  AND (%(run_id)s::text IS NULL OR r.run_id = %(run_id)s)
ORDER BY r.started_at DESC, r.run_id DESC
LIMIT %(limit)s OFFSET %(offset)s

-- name: count_runs
SELECT count(*) AS total FROM reporting.runs
WHERE report_id = %(report_id)s
  AND coalesce(workspace_id, frozen #>> '{row,workspace_id}', %(workspace_id)s) = %(workspace_id)s

-- name: executions
SELECT id, status::text AS status, format::text AS format, scheduled_for, started_at, completed_at, record_count,
       file_size, file_url, error, duration, progress, retry_count, email_sent, email_sent_at, email_error, created_at,
       triggered_by, triggered_manually
FROM report_executions
WHERE id = ANY (%(ids)s)
ORDER BY format

-- name: missed
SELECT first_tick, last_tick, ticks, policy, made, decided_at
FROM reporting.missed_ticks
WHERE report_id = %(report_id)s AND workspace_id = %(workspace_id)s
ORDER BY id DESC
LIMIT %(limit)s

-- name: deliveries
SELECT message, state, subject, recipients, mode, formats, message_id, error, refused, requested_by, resend_of,
       claimed_at, settled_at, confirmed_at, feedback_id IS NOT NULL AS has_events
FROM reporting.deliveries
WHERE report_id = %(report_id)s AND run_id = %(run_id)s
ORDER BY message

-- name: audit
SELECT id, at, report_id, action, actor, acting_user, run_id, before, after
FROM reporting.audit
WHERE workspace_id = %(workspace_id)s AND (%(report_id)s::text IS NULL OR report_id = %(report_id)s)
  AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s
