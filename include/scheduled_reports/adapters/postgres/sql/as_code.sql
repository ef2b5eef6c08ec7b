-- Reports, calendars and brands as files: what `export`, `plan` and `apply` read and write.

-- name: one_at_a_time
SELECT pg_advisory_xact_lock(hashtextextended('scheduled_reports.as_code', 0))

-- name: hold_reports
-- Edits by others wait; in the order of ids, so that two who lock several do not wait for each other.
SELECT count(*) FROM (
    SELECT id FROM scheduled_reports WHERE workspace_id = ANY (%(workspaces)s) ORDER BY id FOR UPDATE
) held

-- name: hold_options
SELECT count(*) FROM (
    SELECT o.report_id FROM reporting.report_options o
    JOIN scheduled_reports r ON r.id = o.report_id
    WHERE r.workspace_id = ANY (%(workspaces)s)
    ORDER BY o.report_id
    FOR UPDATE OF o
) held

-- name: hold_calendars
SELECT count(*) FROM (
    SELECT code FROM reporting.calendars WHERE workspace_id = ANY (%(workspaces)s) ORDER BY workspace_id, code FOR UPDATE
) held

-- name: reports
-- ERROR is not people's: upkeep sets and lifts it.
SELECT r.id, r.workspace_id, r.name, r.description, r."reportType", r.cron_expression, r.timezone, r.is_active,
       CASE WHEN r.status::text = 'ERROR' THEN coalesce(o.status_before, 'ACTIVE') ELSE r.status::text END AS status,
       r.export_formats, r.parameters, r.tags, r.email_enabled, r.email_recipients, r.email_cc_recipients,
       r.email_bcc_recipients, r.email_subject, r.email_include_attachment, r.email_include_preview,
       r.email_send_only_if_data, r.created_by_id, coalesce(o.options, '{}') AS options,
       coalesce(o.missed_runs, 'latest') AS missed_runs
FROM scheduled_reports r
LEFT JOIN reporting.report_options o ON o.report_id = r.id
WHERE r.workspace_id = ANY (%(workspaces)s)
ORDER BY r.id

-- name: calendars
-- Dates as text: Python has no date for `infinity`.  `unnest` also reads arrays of several dimensions.
SELECT workspace_id, code, name, ARRAY(SELECT unnest(weekend)) AS weekend, ARRAY(SELECT unnest(dates)::text) AS dates
FROM reporting.calendars
WHERE workspace_id = ANY (%(workspaces)s)

-- name: country_calendars
SELECT code, jsonb_build_object('code', code, 'weekend', weekend, 'dates', dates) AS calendar
FROM reporting.calendars
WHERE workspace_id = ''

-- name: brands
SELECT workspace_id, brand FROM reporting.brands WHERE until IS NULL AND workspace_id = ANY (%(workspaces)s)

-- name: workspaces_of
SELECT id, workspace_id FROM scheduled_reports WHERE id = ANY (%(ids)s)

-- name: add_calendar
-- One that somebody else has added since the comparison is an error, and nothing is changed.
INSERT INTO reporting.calendars (workspace_id, code, name, weekend, dates)
VALUES (%(workspace_id)s, %(code)s, %(name)s, %(weekend)s, %(dates)s::text[]::date[])

-- name: set_calendar
UPDATE reporting.calendars
SET name = %(name)s, weekend = %(weekend)s, dates = %(dates)s::text[]::date[], updated_at = now()
WHERE workspace_id = %(workspace_id)s AND code = %(code)s

-- name: delete_calendar
DELETE FROM reporting.calendars WHERE workspace_id = %(workspace_id)s AND code = %(code)s

-- name: note_calendar
-- No trigger records the edits of calendars.
INSERT INTO reporting.audit (workspace_id, action, actor, acting_user, before, after)
VALUES (%(workspace_id)s, %(action)s, %(actor)s, %(acting_user)s, %(before)s, %(after)s)
