-- name: set_next_runs
-- Only changed values are written; `updated_at` belongs to the application.
UPDATE scheduled_reports r
SET next_run = coming.tick AT TIME ZONE 'UTC'
FROM unnest(%(ids)s::text[], %(ticks)s::timestamptz[]) AS coming (id, tick)
WHERE r.id = coming.id AND r.next_run IS DISTINCT FROM coming.tick AT TIME ZONE 'UTC'

-- name: reject
-- A disabled report is not changed; a report that keeps failing keeps that cause.  A status that only the application
-- knows is kept as well: it is the application's decision.
WITH wrong AS (
    SELECT r.id, r.name, r.status, r.last_error, given.reason, given.keeps_ticks, o.error_cause,
           r.status IN ('ACTIVE', 'PAUSED') AS is_running,
           r.status::text NOT IN ('ACTIVE', 'PAUSED', 'DISABLED', 'ERROR') AS is_unknown
    FROM unnest(%(ids)s::text[], %(reasons)s::text[], %(keep_ticks)s::boolean[]) AS given (id, reason, keeps_ticks)
    JOIN scheduled_reports r ON r.id = given.id
    LEFT JOIN reporting.report_options o ON o.report_id = r.id
    WHERE r.status::text NOT IN ('DISABLED', 'ERROR') OR (r.status = 'ERROR' AND o.error_cause = 'rejected')
    ORDER BY r.id
    FOR UPDATE OF r
), changed AS (
    SELECT *, is_running OR error_cause IS DISTINCT FROM 'rejected' AS is_new
    FROM wrong
    WHERE is_running OR error_cause IS DISTINCT FROM 'rejected' OR last_error IS DISTINCT FROM reason
), marked AS (
    INSERT INTO reporting.report_options (report_id, effective_from, error_cause, status_before, keeps_ticks)
    SELECT id, clock_timestamp(), 'rejected', CASE WHEN is_running THEN status::text END, keeps_ticks
    FROM changed WHERE is_new
    ON CONFLICT (report_id) DO UPDATE
    SET error_cause = 'rejected', status_before = excluded.status_before, keeps_ticks = excluded.keeps_ticks,
        rejection_notice = NULL, rejection_told_at = NULL
), buried AS (
    INSERT INTO reporting.tombstones (report_id, name, reason)
    SELECT id, name, 'rejected' FROM changed WHERE is_new
    ON CONFLICT (report_id) DO UPDATE SET name = excluded.name, reason = excluded.reason, since = excluded.since
)
UPDATE scheduled_reports r
SET status = CASE WHEN changed.is_unknown THEN r.status ELSE 'ERROR' END, last_error = changed.reason, next_run = NULL
FROM changed
WHERE r.id = changed.id

-- name: kept_ticks
-- The moments from which ticks count of reports that were rejected because their owner had gone.
SELECT report_id, effective_from, checked_to, caught_up_to FROM reporting.report_options
WHERE report_id = ANY (%(ids)s) AND error_cause = 'rejected' AND keeps_ticks

-- name: keep_ticks
-- Triggers have made the schedule effective from now on: ticks since the owner had gone count for the missed-run policy.
UPDATE reporting.report_options o
SET effective_from = kept.effective_from, checked_to = kept.checked_to, caught_up_to = kept.caught_up_to
FROM unnest(
    %(ids)s::text[], %(effective_from)s::timestamptz[], %(checked_to)s::timestamptz[], %(caught_up_to)s::timestamptz[]
) AS kept (report_id, effective_from, checked_to, caught_up_to)
WHERE o.report_id = kept.report_id AND o.error_cause IS NULL

-- name: untold
-- Rejections that nobody was told of, and the notice that already names them.
SELECT report_id, rejection_notice AS notice FROM reporting.report_options
WHERE error_cause = 'rejected' AND rejection_told_at IS NULL
ORDER BY report_id
LIMIT %(limit)s

-- name: name_notice
UPDATE reporting.report_options SET rejection_notice = %(notice)s
WHERE report_id = ANY (%(ids)s) AND error_cause = 'rejected' AND rejection_told_at IS NULL

-- name: told
UPDATE reporting.report_options SET rejection_told_at = now()
WHERE report_id = ANY (%(ids)s) AND error_cause = 'rejected'

-- name: readmit
UPDATE scheduled_reports r
SET status = CASE WHEN r.status = 'ERROR' THEN coalesce(o.status_before, 'ACTIVE')::"ScheduledReportStatus"
                  ELSE r.status END,
    last_error = NULL
FROM reporting.report_options o
WHERE r.id = ANY (%(ids)s) AND o.report_id = r.id AND o.error_cause = 'rejected'
  -- Of rounds at the same time only the first finds a report so: the others see its columns as they are by then.
  AND (r.status = 'ERROR' OR r.last_error IS NOT NULL)

-- name: forget_cause
-- A trigger does it for a report that leaves ERROR; this one has left a status that only the application knows.
UPDATE reporting.report_options o
SET error_cause = NULL, status_before = NULL, keeps_ticks = false, rejection_notice = NULL, rejection_told_at = NULL
FROM scheduled_reports r
WHERE o.report_id = ANY (%(ids)s) AND r.id = o.report_id AND r.status <> 'ERROR' AND o.error_cause = 'rejected'

-- name: give_up
-- Off its schedule until a person resumes or edits it; an edit changes the digest of the columns that people edit.
WITH failing AS (
    SELECT r.id, r.status, md5((to_jsonb(r) - %(ours)s::text[])::text || coalesce(nullif(o.options, '{}')::text, ''))
           AS definition
    FROM scheduled_reports r
    LEFT JOIN reporting.report_options o ON o.report_id = r.id
    WHERE r.id = %(report_id)s AND status = 'ACTIVE' AND is_active
    FOR UPDATE OF r
), marked AS (
    INSERT INTO reporting.report_options (report_id, effective_from, error_cause, status_before, failed_as)
    SELECT id, clock_timestamp(), 'failing', status, definition FROM failing
    ON CONFLICT (report_id) DO UPDATE
    SET error_cause = excluded.error_cause, status_before = excluded.status_before, failed_as = excluded.failed_as
)
UPDATE scheduled_reports r SET status = 'ERROR', next_run = NULL FROM failing WHERE r.id = failing.id

-- name: resume_edited
UPDATE scheduled_reports r
SET status = coalesce(o.status_before, 'ACTIVE')::"ScheduledReportStatus"
FROM reporting.report_options o
WHERE o.report_id = r.id AND o.error_cause = 'failing' AND r.status = 'ERROR'
  AND o.failed_as <> md5((to_jsonb(r) - %(ours)s::text[])::text || coalesce(nullif(o.options, '{}')::text, ''))

-- name: forget_rejected
DELETE FROM reporting.tombstones WHERE report_id = ANY (%(ids)s) AND reason = 'rejected'

-- name: tombstones
SELECT report_id, since FROM reporting.tombstones ORDER BY since, report_id LIMIT %(limit)s

-- name: lift
DELETE FROM reporting.tombstones WHERE report_id = ANY (%(ids)s)

-- name: health
SELECT (SELECT count(*) FROM scheduled_reports) AS reports,
       (SELECT count(*) FROM scheduled_reports WHERE is_active AND status = 'ACTIVE') AS scheduled,
       (SELECT count(*) FROM reporting.report_options WHERE error_cause = 'rejected') AS rejected,
       (SELECT count(*) FROM reporting.report_options WHERE error_cause = 'failing') AS stopped,
       (SELECT count(*) FROM reporting.runs WHERE settled_at IS NULL) AS open_runs,
       (SELECT count(*) FROM reporting.runs WHERE settled_at IS NULL AND touched_at < %(stuck_before)s) AS stuck_runs,
       -- Executions that the application has seen unfinished for long, of reports without a run in progress.
       (SELECT count(*) FROM report_executions e
        WHERE e.status IN ('PENDING', 'PROCESSING')
          AND coalesce(e.started_at, e.created_at) < %(stuck_before)s AT TIME ZONE 'UTC'
          AND NOT EXISTS (
              SELECT FROM reporting.runs r
              WHERE r.report_id = e.scheduled_report_id AND r.settled_at IS NULL AND r.touched_at >= %(stuck_before)s
          )) AS stuck_executions,
       (SELECT count(*) FROM reporting.deliveries
        WHERE state = 'unknown' AND message NOT LIKE 'notice/%%' AND claimed_at > %(since)s) AS unknown_deliveries,
       NOT EXISTS (SELECT FROM reporting.switches WHERE name = 'mail' AND NOT enabled) AS mail_enabled

-- name: last_ticks
SELECT wanted.id, newest.scheduled_for
FROM unnest(%(ids)s::text[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT scheduled_for FROM reporting.runs
    WHERE report_id = wanted.id AND kind = 'scheduled' AND isfinite(scheduled_for)
    ORDER BY scheduled_for DESC
    LIMIT 1
) newest

-- name: correct_effective
-- The clock was put back: what was edited before it would wait for the time that the clock showed.
WITH held AS (
    SELECT report_id FROM reporting.report_options
    WHERE isfinite(effective_from) AND effective_from > clock_timestamp() + interval '1 minute'
      AND effective_from < '9000-01-01'
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE reporting.report_options o SET effective_from = clock_timestamp() FROM held WHERE o.report_id = held.report_id

-- name: checked
SELECT report_id, checked_to FROM reporting.report_options WHERE checked_to IS NOT NULL

-- name: decided
-- A backfill of a tick counts, too: a person has asked for it.
SELECT wanted.id, r.scheduled_for AS tick
FROM unnest(%(ids)s::text[], %(since)s::timestamptz[]) AS wanted (id, since)
JOIN reporting.runs r ON r.report_id = wanted.id AND r.scheduled_for > wanted.since
WHERE r.kind IN ('scheduled', 'backfill') AND isfinite(r.scheduled_for)
UNION
SELECT wanted.id, d.tick
FROM unnest(%(ids)s::text[], %(since)s::timestamptz[]) AS wanted (id, since)
JOIN reporting.due_ticks d ON d.report_id = wanted.id AND d.tick > wanted.since

-- name: unbegun
SELECT DISTINCT d.report_id FROM reporting.due_ticks d
WHERE d.report_id = ANY (%(ids)s) AND NOT EXISTS (
    SELECT FROM reporting.runs r WHERE r.report_id = d.report_id AND r.run_id = d.run_id
)

-- name: set_checked
-- A row that somebody is editing is left to the next round: waiting for many rows at once could end in a deadlock.
WITH held AS (
    SELECT o.report_id, given.tick
    FROM unnest(%(ids)s::text[], %(ticks)s::timestamptz[]) AS given (id, tick)
    JOIN reporting.report_options o ON o.report_id = given.id
    WHERE o.checked_to IS DISTINCT FROM given.tick
    FOR NO KEY UPDATE OF o SKIP LOCKED
)
UPDATE reporting.report_options o SET checked_to = held.tick FROM held WHERE o.report_id = held.report_id

-- name: hold_schedule
-- Only if nobody has changed the schedule, and no other round has decided on these ticks.
UPDATE reporting.report_options o
SET checked_to = %(checked_to)s, caught_up_to = coalesce(%(caught_up_to)s, caught_up_to)
WHERE o.report_id = %(report_id)s AND greatest(o.effective_from, o.caught_up_to) = %(effective_from)s
  AND (o.checked_to IS NULL OR o.checked_to < %(checked_to)s)
RETURNING true

-- name: add_due
INSERT INTO reporting.due_ticks (report_id, run_id, tick)
SELECT %(report_id)s, due.run_id, due.tick
FROM unnest(%(run_ids)s::text[], %(ticks)s::timestamptz[]) AS due (run_id, tick)
ON CONFLICT (report_id, run_id) DO NOTHING

-- name: add_missed
INSERT INTO reporting.missed_ticks (report_id, workspace_id, first_tick, last_tick, ticks, policy, made)
SELECT id, workspace_id, %(first)s, %(last)s, %(count)s, %(policy)s, %(made)s
FROM scheduled_reports
WHERE id = %(report_id)s

-- name: drop_void
-- The report has gone, was taken off its schedule or was given another one since: the missed runs stay on record.
DELETE FROM reporting.due_ticks d
WHERE d.started_at IS NULL AND NOT EXISTS (
    SELECT FROM scheduled_reports r
    JOIN reporting.report_options o ON o.report_id = r.id
    WHERE r.id = d.report_id AND o.effective_from <= d.decided_at
      AND ((r.is_active AND r.status = 'ACTIVE') OR o.keeps_ticks)
)

-- name: waiting
-- In the order of the ticks, and at most so many of each report, so that none waits for another one's years.
SELECT report_id, run_id, tick
FROM (
    SELECT d.*, row_number() OVER (PARTITION BY d.report_id ORDER BY d.tick) AS position
    FROM reporting.due_ticks d
    JOIN scheduled_reports r ON r.id = d.report_id
    WHERE d.started_at IS NULL AND r.is_active AND r.status = 'ACTIVE'
) waiting
WHERE position <= %(each)s
ORDER BY position, tick, report_id
LIMIT %(limit)s

-- name: mark_started
UPDATE reporting.due_ticks SET started_at = clock_timestamp()
WHERE report_id = %(report_id)s AND run_id = ANY (%(run_ids)s)

-- name: calendars_in_use
-- The calendars that reports name and their workspaces do not have, with what is kept of them.
SELECT used.code, min(used.effective_from) FILTER (WHERE isfinite(used.effective_from)) AS since,
       c.first_year, c.last_year, c.source
FROM (
    SELECT o.options ->> 'calendar' AS code, o.effective_from, r.workspace_id
    FROM reporting.report_options o
    JOIN scheduled_reports r ON r.id = o.report_id
    WHERE jsonb_typeof(o.options -> 'calendar') = 'string'
) used
LEFT JOIN reporting.calendars c ON c.workspace_id = '' AND c.code = used.code
WHERE NOT EXISTS (SELECT FROM reporting.calendars own WHERE own.workspace_id = used.workspace_id AND own.code = used.code)
GROUP BY used.code, c.first_year, c.last_year, c.source
ORDER BY used.code

-- name: keep_calendar
INSERT INTO reporting.calendars (workspace_id, code, weekend, dates, first_year, last_year, source)
VALUES ('', %(code)s, %(weekend)s, %(dates)s, %(first_year)s, %(last_year)s, %(source)s)
ON CONFLICT (workspace_id, code) DO UPDATE
SET weekend = excluded.weekend, dates = excluded.dates, first_year = excluded.first_year,
    last_year = excluded.last_year, source = excluded.source, updated_at = now()
