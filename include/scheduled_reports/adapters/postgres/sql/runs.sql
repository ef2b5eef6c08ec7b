-- name: hold_report
-- Requests for runs of one report wait here for earlier ones.
SELECT true FROM scheduled_reports WHERE id = %(report_id)s FOR NO KEY UPDATE

-- name: ask_run
-- A requested run, before Airflow knows it; refused while another one is in progress, or for a time that had one.
INSERT INTO reporting.runs
    (report_id, run_id, run_key, workspace_id, kind, state, scheduled_for, triggered_by, clear_number, test, told_at)
SELECT %(report_id)s, %(run_id)s, %(run_key)s, %(workspace_id)s, %(kind)s, 'running', %(scheduled_for)s,
       %(triggered_by)s, %(clear_number)s, %(test)s, NULL
WHERE NOT EXISTS (SELECT FROM reporting.runs WHERE report_id = %(report_id)s AND settled_at IS NULL)
ON CONFLICT (report_id, run_id) DO NOTHING
RETURNING true

-- name: ask_executions
INSERT INTO report_executions
    (id, scheduled_report_id, status, triggered_by, triggered_manually, format, scheduled_for, created_at)
SELECT asked.id, %(report_id)s, 'PENDING', %(triggered_by)s, true, asked.format::"ExportFormat",
       %(scheduled_for)s AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
FROM unnest(%(ids)s::text[], %(formats)s::text[]) AS asked (id, format)

-- name: note_act
INSERT INTO reporting.audit (report_id, workspace_id, action, actor, acting_user, run_id)
VALUES (%(report_id)s, %(workspace_id)s, %(action)s, %(actor)s, %(acting_user)s, %(run_id)s)

-- name: keep_recipients
INSERT INTO reporting.requests (id, report_id, run_id, recipients)
VALUES (%(id)s, %(report_id)s, %(run_id)s, %(recipients)s)

-- name: requested_recipients
SELECT recipients FROM reporting.requests
WHERE id = %(id)s AND report_id = %(report_id)s AND run_id = %(run_id)s

-- name: withdraw
-- Airflow did not accept the run: remove every trace of the request.
WITH gone AS (
    DELETE FROM reporting.runs
    WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND frozen IS NULL AND state = 'running'
    RETURNING true
), acts AS (
    DELETE FROM reporting.audit WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND EXISTS (SELECT FROM gone)
)
DELETE FROM report_executions WHERE id = ANY (%(ids)s) AND status = 'PENDING' AND EXISTS (SELECT FROM gone)

-- name: due_tick
SELECT tick, decided_at FROM reporting.due_ticks WHERE report_id = %(report_id)s AND run_id = %(run_id)s

-- name: tick_holder
-- Another run of the same tick; runs of earlier versions hold none, but are recorded with it.
SELECT run_id
FROM reporting.runs
WHERE report_id = %(report_id)s AND run_id <> %(run_id)s AND kind = 'scheduled'
  AND scheduled_for = %(scheduled_for)s AND state <> 'skipped'
ORDER BY tick IS NULL, run_id
LIMIT 1

-- name: open_run
-- A retry of `query` uses the frozen row; a clear (a higher clear_number) freezes the row again.
-- The mail plan does not change once a message has been claimed.
INSERT INTO reporting.runs AS held
    (report_id, run_id, run_key, workspace_id, kind, state, scheduled_for, window_start, window_end, previous_start,
     previous_end, triggered_by, clear_number, test, frozen, tick, brand_id)
VALUES
    (%(report_id)s, %(run_id)s, %(run_key)s, %(workspace_id)s, %(kind)s, 'running', %(scheduled_for)s,
     %(window_start)s, %(window_end)s, %(previous_start)s, %(previous_end)s, %(triggered_by)s, %(clear_number)s,
     %(test)s, %(frozen)s, CASE WHEN %(kind)s::text = 'scheduled' THEN %(scheduled_for)s::timestamptz END,
     (SELECT id FROM reporting.brands WHERE workspace_id = %(workspace_id)s AND until IS NULL))
ON CONFLICT (report_id, run_id) DO UPDATE
SET tick = excluded.tick, brand_id = excluded.brand_id,
    started_at = CASE WHEN held.frozen IS NULL AND held.settled_at IS NULL THEN now() ELSE held.started_at END,
    state = 'running', reason = NULL, frozen = excluded.frozen, workspace_id = excluded.workspace_id,
    clear_number = excluded.clear_number,
    window_start = excluded.window_start, window_end = excluded.window_end,
    previous_start = excluded.previous_start, previous_end = excluded.previous_end, touched_at = now(),
    data_rows = NULL, main_rows = NULL, figures = NULL, preview = NULL, charts = NULL,
    excerpts = NULL, lead = NULL, figure_texts = NULL, settled_at = NULL, told_at = NULL,
    mail_error = NULL, files_gone_at = NULL,
    -- Whether its conditions were met is fixed as well once a message may have been sent.
    (verdict, candidate, candidate_keys) = (
        SELECT held.verdict, held.candidate, held.candidate_keys
        WHERE EXISTS (
            SELECT FROM reporting.deliveries d
            WHERE d.report_id = held.report_id AND d.run_id = held.run_id AND d.message NOT LIKE 'notice/%%'
              AND d.state <> 'refused'
        )
    ),
    mail = CASE WHEN EXISTS (
        SELECT FROM reporting.deliveries d
        WHERE d.report_id = held.report_id AND d.run_id = held.run_id AND d.message NOT LIKE 'notice/%%'
    ) THEN held.mail END
WHERE held.frozen IS NULL OR excluded.clear_number > held.clear_number
RETURNING true

-- name: is_open
SELECT true
FROM reporting.runs
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND clear_number >= %(clear_number)s AND frozen IS NOT NULL

-- name: forget_artifacts
DELETE FROM reporting.artifacts WHERE report_id = %(report_id)s AND run_id = %(run_id)s

-- name: open_executions
-- PENDING rows created when the run was requested are adopted; a mail that was sent stays sent.
INSERT INTO report_executions
    (id, scheduled_report_id, status, triggered_by, triggered_manually, format, scheduled_for, started_at, created_at)
SELECT asked.id, %(report_id)s, 'PROCESSING', %(triggered_by)s, %(manually)s, asked.format::"ExportFormat",
       %(scheduled_for)s AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
FROM unnest(%(ids)s::text[], %(formats)s::text[]) AS asked (id, format)
ON CONFLICT (id) DO UPDATE
SET status = 'PROCESSING', started_at = excluded.started_at, completed_at = NULL, duration = NULL, error = NULL,
    file_url = NULL, file_size = NULL, record_count = NULL, progress = 0

-- name: close_unasked
-- Formats that an earlier freeze included and this one does not.
UPDATE report_executions
SET status = 'FAILED', error = 'no longer requested', completed_at = now() AT TIME ZONE 'UTC'
WHERE id = ANY (%(other_ids)s) AND status IN ('PENDING', 'PROCESSING')

-- name: refuse_run
INSERT INTO reporting.runs AS held
    (report_id, run_id, run_key, workspace_id, kind, state, reason, scheduled_for, triggered_by, clear_number, test)
VALUES
    (%(report_id)s, %(run_id)s, %(run_key)s, %(workspace_id)s, %(kind)s, %(state)s, %(reason)s, %(scheduled_for)s,
     %(triggered_by)s, %(clear_number)s, %(test)s)
ON CONFLICT (report_id, run_id) DO UPDATE
SET state = excluded.state, workspace_id = excluded.workspace_id, reason = excluded.reason, clear_number = excluded.clear_number,
    frozen = NULL, mail = NULL, verdict = NULL, candidate = NULL, candidate_keys = NULL,
    touched_at = now(), settled_at = NULL, told_at = NULL
WHERE %(replace)s
RETURNING true

-- name: load_run
SELECT run_key, kind, state, reason, scheduled_for, window_start, window_end, previous_start, previous_end, triggered_by,
       frozen, mail, mail_error, counted, test, started_at,
       data_rows, main_rows, figures, preview, charts, excerpts, lead, figure_texts, verdict,
       (SELECT b.brand FROM reporting.brands b WHERE b.id = runs.brand_id) AS brand
FROM reporting.runs
WHERE report_id = %(report_id)s AND run_id = %(run_id)s

-- name: lock_run
SELECT run_key, kind, state, reason, scheduled_for, triggered_by, frozen, mail, mail_error, counted, test, started_at,
       workspace_id, settled_at, asset_event, candidate IS NOT NULL AS has_candidate, data_rows, main_rows, figures, preview, charts, excerpts, lead
FROM reporting.runs
WHERE report_id = %(report_id)s AND run_id = %(run_id)s
FOR UPDATE

-- name: touch
-- Record progress; a settled run is open again, and is settled again when Airflow has finished it.
UPDATE reporting.runs
SET touched_at = now(), state = 'running', settled_at = NULL
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND frozen IS NOT NULL

-- name: note_brief
UPDATE reporting.runs
SET data_rows = %(data_rows)s, main_rows = %(main_rows)s, figures = %(figures)s, preview = %(preview)s,
    charts = %(charts)s, excerpts = %(excerpts)s, lead = %(lead)s, figure_texts = %(figure_texts)s
WHERE report_id = %(report_id)s AND run_id = %(run_id)s

-- name: note_mail
UPDATE reporting.runs SET mail_error = %(error)s WHERE report_id = %(report_id)s AND run_id = %(run_id)s

-- name: adopt_brief
UPDATE reporting.runs r
SET data_rows = e.data_rows, main_rows = e.main_rows, figures = e.figures, preview = e.preview,
    charts = e.charts, excerpts = e.excerpts, lead = e.lead, figure_texts = e.figure_texts
FROM reporting.runs e
WHERE r.report_id = %(report_id)s AND r.run_id = %(run_id)s
  AND e.report_id = %(earlier_report_id)s AND e.run_id = %(earlier_run_id)s

-- name: progress
UPDATE report_executions
SET status = 'PROCESSING', progress = %(percent)s, retry_count = greatest(retry_count, %(retries)s),
    error = NULL, completed_at = NULL, duration = NULL
WHERE id = ANY (%(ids)s)

-- name: fail
UPDATE report_executions SET error = %(error)s WHERE id = ANY (%(ids)s)

-- name: upload_artifact
-- A stage of an old run that is cleared alone may create a deleted file again.
WITH back AS (
    UPDATE reporting.runs SET files_gone_at = NULL
    WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND files_gone_at IS NOT NULL
)
INSERT INTO reporting.artifacts
    (report_id, run_id, format, execution_id, file_name, content_type, bucket, object_key, bytes, sha256, rows, total_rows)
VALUES
    (%(report_id)s, %(run_id)s, %(format)s, %(execution_id)s, %(file_name)s, %(content_type)s, %(bucket)s,
     %(object_key)s, %(bytes)s, %(sha256)s, %(rows)s, %(total_rows)s)
ON CONFLICT (report_id, run_id, format) DO UPDATE
SET file_name = excluded.file_name, content_type = excluded.content_type, bucket = excluded.bucket,
    object_key = excluded.object_key, bytes = excluded.bytes, sha256 = excluded.sha256, rows = excluded.rows,
    total_rows = excluded.total_rows, uploaded_at = now(), deleted_at = NULL

-- name: upload_execution
UPDATE report_executions
SET file_url = %(url)s, file_size = %(bytes)s, record_count = %(rows)s, progress = 90, error = NULL
WHERE id = %(execution_id)s

-- name: artifacts
SELECT format, execution_id, file_name, content_type, bucket, object_key, bytes, sha256, rows, total_rows
FROM reporting.artifacts
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND (deleted_at IS NULL OR %(deleted)s)
ORDER BY format

-- name: fix_mail
UPDATE reporting.runs
SET mail = coalesce(mail, %(plan)s)
WHERE report_id = %(report_id)s AND run_id = %(run_id)s
RETURNING mail

-- name: mail_plan
SELECT mail FROM reporting.runs WHERE report_id = %(report_id)s AND run_id = %(run_id)s

-- name: narrow_mail
UPDATE reporting.runs SET mail = %(plan)s
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND mail IS NOT NULL

-- name: forget_plan
UPDATE reporting.runs r
SET mail = NULL
WHERE r.report_id = %(report_id)s AND r.run_id = %(run_id)s AND NOT EXISTS (
    SELECT FROM reporting.deliveries d
    WHERE d.report_id = r.report_id AND d.run_id = r.run_id AND d.message NOT LIKE 'notice/%%' AND d.state <> 'refused'
)

-- name: executions
SELECT id, status::text, error FROM report_executions WHERE id = ANY (%(ids)s) ORDER BY id

-- name: forget_claims
-- The senders that claimed these are gone, and the messages may have been sent.  A sender that reports later still
-- corrects the state.
UPDATE reporting.deliveries
SET state = 'unknown', error = 'the sender ended before the outcome was known', settled_at = now()
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND state = 'claimed' AND message NOT LIKE 'notice/%%'

-- name: sent_at
SELECT max(settled_at) AS sent_at
FROM reporting.deliveries
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND state = 'sent' AND message NOT LIKE 'notice/%%'

-- name: settle_execution
-- A row that was settled before keeps its end; `progress` and `open_executions` clear it when a stage runs again.
UPDATE report_executions
SET status = CASE WHEN %(error)s::text IS NULL THEN 'COMPLETED' ELSE 'FAILED' END::"ExportStatus",
    error = %(error)s, progress = CASE WHEN %(error)s::text IS NULL THEN 100 ELSE progress END,
    started_at = coalesce(started_at, now() AT TIME ZONE 'UTC'),
    completed_at = coalesce(completed_at, now() AT TIME ZONE 'UTC'),
    -- An integer holds 24 days of milliseconds; a run that hung for longer has to be settled as well.
    duration = least(coalesce(duration, extract(epoch FROM (now() AT TIME ZONE 'UTC') - started_at) * 1000, 0), 2147483647),
    email_sent = %(email_sent)s, email_sent_at = %(email_sent_at)s AT TIME ZONE 'UTC', email_error = %(email_error)s
WHERE id = %(id)s

-- name: settle_run
UPDATE reporting.runs
SET state = %(state)s, reason = %(reason)s, counted = %(counted)s, settled_at = now(), asset_event = %(asset_event)s,
    told_at = CASE WHEN %(state)s = 'skipped' THEN now() END
WHERE report_id = %(report_id)s AND run_id = %(run_id)s

-- name: take_due_events
UPDATE reporting.runs r
SET asset_event = 'upkeep'
FROM (
    SELECT report_id, run_id
    FROM reporting.runs
    WHERE asset_event = 'due' AND state = 'success' AND settled_at IS NOT NULL
    ORDER BY settled_at, report_id, run_id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
) due
WHERE r.report_id = due.report_id AND r.run_id = due.run_id
RETURNING r.report_id, r.run_id, r.settled_at

-- name: count_run
-- Adds this run to the counters; `updated_at` belongs to the application.
-- The last_ columns describe the newest run: an older run that is settled again does not change them.
UPDATE scheduled_reports r
SET run_count = run_count + %(runs)s, success_count = success_count + %(successes)s,
    failure_count = failure_count + %(failures)s,
    last_run = CASE WHEN newest THEN %(started_at)s AT TIME ZONE 'UTC' ELSE last_run END,
    last_run_status = CASE WHEN newest THEN %(counted)s ELSE last_run_status END,
    last_error = CASE WHEN newest THEN %(reason)s ELSE last_error END
FROM (
    SELECT NOT EXISTS (
        SELECT FROM reporting.runs later
        WHERE later.report_id = %(report_id)s AND later.counted IS NOT NULL AND later.started_at > %(started_at)s
          AND coalesce(nullif(later.workspace_id, '') = nullif(%(workspace_id)s, ''), true)
    ) AS newest
) is_this
-- A run says nothing about a report that another workspace has now.
WHERE r.id = %(report_id)s AND r.workspace_id = coalesce(nullif(%(workspace_id)s, ''), r.workspace_id)

-- name: watermark
SELECT watermark FROM reporting.report_options WHERE report_id = %(report_id)s

-- name: unsettled_ticks
SELECT true
FROM reporting.runs
WHERE report_id = %(report_id)s AND kind = 'scheduled' AND settled_at IS NULL AND frozen IS NOT NULL
  AND scheduled_for > coalesce(%(after)s::timestamptz, '-infinity') AND scheduled_for < %(before)s
LIMIT 1

-- name: move_watermark
-- Only forwards, and by runs of the workspace that has the report now.
UPDATE reporting.report_options o
SET watermark = %(scheduled_for)s
FROM scheduled_reports r
WHERE o.report_id = %(report_id)s AND r.id = o.report_id
  AND r.workspace_id = coalesce(nullif(%(workspace_id)s, ''), r.workspace_id)
  AND coalesce(o.watermark < %(scheduled_for)s, true)

-- name: next_run
UPDATE scheduled_reports SET next_run = %(next_run)s AT TIME ZONE 'UTC'
WHERE id = %(report_id)s AND next_run IS DISTINCT FROM %(next_run)s AT TIME ZONE 'UTC'

-- name: unsettled
SELECT report_id, run_id, touched_at
FROM reporting.runs
WHERE settled_at IS NULL
ORDER BY touched_at, report_id, run_id
LIMIT %(limit)s

-- name: unnotified
SELECT report_id, run_id
FROM reporting.runs
WHERE told_at IS NULL AND settled_at IS NOT NULL
ORDER BY settled_at, report_id, run_id
LIMIT %(limit)s

-- name: mark_notified
UPDATE reporting.runs SET told_at = now()
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND settled_at IS NOT NULL

-- name: failure_streak
-- Backfills and invalid requests say nothing about the health of a report.
WITH counting AS (
    SELECT run_id, counted, reason, started_at
    FROM reporting.runs
    WHERE report_id = %(report_id)s AND counted IS NOT NULL AND kind <> 'backfill'
      AND coalesce(nullif(workspace_id, '') = (SELECT workspace_id FROM scheduled_reports WHERE id = %(report_id)s), true)
      AND (frozen IS NOT NULL OR kind = 'scheduled')
), newest AS (
    SELECT * FROM counting ORDER BY started_at DESC, run_id DESC LIMIT 1
), effective AS (
    SELECT coalesce(max(effective_from), '-infinity') AS since
    FROM reporting.report_options
    WHERE report_id = %(report_id)s
), notice AS (
    SELECT message, claimed_at
    FROM reporting.deliveries
    WHERE report_id = %(report_id)s AND message LIKE 'notice/%%' AND state <> 'refused'
      AND message IN ('notice/failed', 'notice/stopped', 'notice/recovered', 'notice/confirmed')
    ORDER BY claimed_at DESC, message
    LIMIT 1
)
SELECT newest.run_id, newest.counted = 'failed' AS failed, newest.reason, notice.message AS notified,
       coalesce(notice.claimed_at > effective.since, false) AS notified_lately,
       (
           SELECT count(*)
           FROM counting
           WHERE started_at > effective.since AND started_at > coalesce(
               (SELECT max(started_at) FROM counting WHERE counted = 'success'), '-infinity'
           )
       ) AS streak
FROM effective
LEFT JOIN newest ON true
LEFT JOIN notice ON true
