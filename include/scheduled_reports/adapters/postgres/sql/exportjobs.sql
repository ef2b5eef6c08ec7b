-- name: kind
-- Whether the table exists, and the type of its column `metadata`, which only some databases have.
SELECT to_regclass('export_jobs') IS NOT NULL AS is_there, (
    SELECT format_type(atttypid, NULL)
    FROM pg_attribute
    WHERE attrelid = to_regclass('export_jobs') AND attname = 'metadata' AND NOT attisdropped
) AS metadata

-- name: jobs
-- A text search, because the type json accepts escapes on which PostgreSQL's JSON operators fail.
SELECT id FROM export_jobs WHERE metadata::text LIKE '%%"schedule"%%' ORDER BY created_at, id

-- name: all_jobs
SELECT count(*) AS jobs FROM export_jobs

-- name: one_at_a_time
SELECT pg_advisory_xact_lock(hashtextextended('scheduled_reports.import_export_jobs', 0))

-- name: hold
SELECT true FROM export_jobs WHERE id = %(job_id)s FOR UPDATE

-- name: job
-- With what validation reads of workspace and creator, as in definitions.sql.  `metadata` is text: a value that Python
-- cannot read must not affect other jobs.
SELECT j.id, j.workspace_id, j.requested_by AS created_by_id, j.metadata::text AS metadata,
       w.name AS workspace_name, w.slug AS workspace_slug,
       NOT EXISTS (SELECT FROM workspaces o WHERE o.slug = w.slug AND o.id <> w.id) AS slug_is_unique,
       u.email AS creator_email, u.status::text AS creator_status, coalesce(u.name, u.display_name) AS creator_name,
       member.role IS NOT NULL AS creator_is_member, member.role::text AS creator_role
FROM export_jobs j
LEFT JOIN workspaces w ON w.id = j.workspace_id
LEFT JOIN users u ON u.id = j.requested_by
LEFT JOIN LATERAL (
    SELECT max(m.role) AS role FROM workspace_members m
    WHERE m.workspace_id = j.workspace_id AND m.user_id = j.requested_by
) member ON true
WHERE j.id = %(job_id)s

-- name: known
SELECT i.job_digest, r.id IS NOT NULL AS is_there, coalesce(r.is_active, false) AS is_active,
       i.switched_off IS NOT NULL AS is_switched_over,
       i.report_digest IS DISTINCT FROM md5((to_jsonb(r) - %(ours)s::text[])::text) AS is_edited
FROM reporting.imports i
LEFT JOIN scheduled_reports r ON r.id = i.report_id
WHERE i.job_id = %(job_id)s

-- name: taken
SELECT true FROM scheduled_reports WHERE id = %(job_id)s

-- name: take
-- `parameters` are copied inside the database, so that Python cannot change a number in them.
INSERT INTO scheduled_reports
    (id, name, description, "reportType", cron_expression, timezone, is_active, export_formats, parameters, tags,
     email_enabled, email_recipients, email_cc_recipients, email_bcc_recipients, email_subject,
     email_include_attachment, email_include_preview, email_send_only_if_data, last_run, last_run_status,
     run_count, success_count, failure_count, workspace_id, created_by_id, created_at, updated_at)
SELECT j.id, %(name)s, %(description)s, %(reportType)s, %(cron_expression)s, %(timezone)s, %(is_active)s,
       %(export_formats)s::text[], coalesce(nullif(j.metadata::jsonb #> '{schedule,parameters}', 'null'), '{}'),
       %(tags)s::text[], %(email_enabled)s, %(email_recipients)s::text[], %(email_cc_recipients)s::text[],
       %(email_bcc_recipients)s::text[], %(email_subject)s, %(email_include_attachment)s, %(email_include_preview)s,
       %(email_send_only_if_data)s, %(last_run)s::timestamptz AT TIME ZONE 'UTC', %(last_run_status)s,
       %(run_count)s, %(run_count)s - %(failure_count)s, %(failure_count)s, j.workspace_id, j.requested_by,
       j.created_at, now() AT TIME ZONE 'UTC'
FROM export_jobs j
WHERE j.id = %(job_id)s AND j.metadata::text = %(metadata)s

-- name: refresh
UPDATE scheduled_reports r
SET name = %(name)s, description = %(description)s, "reportType" = %(reportType)s,
    cron_expression = %(cron_expression)s, timezone = %(timezone)s, export_formats = %(export_formats)s::text[],
    parameters = coalesce(nullif(j.metadata::jsonb #> '{schedule,parameters}', 'null'), '{}'),
    tags = %(tags)s::text[], email_enabled = %(email_enabled)s, email_recipients = %(email_recipients)s::text[],
    email_cc_recipients = %(email_cc_recipients)s::text[], email_bcc_recipients = %(email_bcc_recipients)s::text[],
    email_subject = %(email_subject)s, email_include_attachment = %(email_include_attachment)s,
    email_include_preview = %(email_include_preview)s, email_send_only_if_data = %(email_send_only_if_data)s,
    workspace_id = j.workspace_id, created_by_id = j.requested_by, updated_at = now() AT TIME ZONE 'UTC'
FROM export_jobs j, reporting.imports i
WHERE j.id = %(job_id)s AND j.metadata::text = %(metadata)s AND i.job_id = j.id AND r.id = i.report_id
  AND i.report_digest = md5((to_jsonb(r) - %(ours)s::text[])::text)

-- name: count
-- The runs that the old scheduler has counted since the last import.
UPDATE scheduled_reports r
SET run_count = r.run_count + since.runs, failure_count = r.failure_count + since.failures,
    success_count = r.success_count + greatest(since.runs - since.failures, 0),
    last_run = greatest(r.last_run, since.last_run),
    last_run_status = CASE WHEN r.last_run >= since.last_run THEN r.last_run_status
                           ELSE coalesce(%(last_run_status)s, r.last_run_status) END
FROM (
    SELECT report_id, greatest(%(run_count)s - run_count, 0) AS runs,
           greatest(%(failure_count)s - failure_count, 0) AS failures, %(last_run)s::timestamptz AT TIME ZONE 'UTC' AS last_run
    FROM reporting.imports
    WHERE job_id = %(job_id)s
) since
WHERE r.id = since.report_id

-- name: remember
INSERT INTO reporting.imports (job_id, report_id, job_digest, report_digest, run_count, failure_count)
SELECT %(job_id)s, r.id, %(digest)s, md5((to_jsonb(r) - %(ours)s::text[])::text), %(run_count)s, %(failure_count)s
FROM scheduled_reports r
WHERE r.id = coalesce((SELECT report_id FROM reporting.imports WHERE job_id = %(job_id)s), %(job_id)s)
ON CONFLICT (job_id) DO UPDATE
SET job_digest = excluded.job_digest, run_count = excluded.run_count, failure_count = excluded.failure_count,
    report_digest = CASE WHEN %(refreshed)s THEN excluded.report_digest ELSE imports.report_digest END

-- name: activate
UPDATE scheduled_reports r
SET is_active = true, updated_at = now() AT TIME ZONE 'UTC'
FROM reporting.imports i
WHERE i.job_id = %(job_id)s AND r.id = i.report_id AND NOT r.is_active

-- name: switch_off
UPDATE export_jobs
SET metadata = jsonb_set(
    jsonb_set(metadata::jsonb, '{schedule,isActive}', 'false'),
    '{schedule,takenOverBy}',
    jsonb_build_object(
        'scheduledReportId', (SELECT report_id FROM reporting.imports WHERE job_id = %(job_id)s),
        'at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    )
)
WHERE id = %(job_id)s

-- name: note_switched_off
UPDATE reporting.imports SET switched_off = now() WHERE job_id = %(job_id)s
