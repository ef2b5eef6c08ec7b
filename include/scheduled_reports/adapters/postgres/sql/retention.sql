-- name: runs_with_files
SELECT r.report_id, r.run_id
FROM reporting.runs r
WHERE r.settled_at < %(before)s AND r.files_gone_at IS NULL AND r.state <> 'running'
  AND (r.put_off_at IS NULL OR r.put_off_at < now() - interval '1 hour')
  AND NOT EXISTS (
      SELECT FROM reporting.artifacts a
      WHERE a.report_id = r.report_id AND a.run_id = r.run_id AND (
          a.uploaded_at >= %(before)s OR EXISTS (
              -- A newer run that mailed the file again still needs it.
              SELECT FROM reporting.artifacts o
              WHERE o.bucket = a.bucket AND o.object_key = a.object_key AND o.uploaded_at >= %(before)s
          )
      )
  )
  AND NOT EXISTS (
      SELECT FROM reporting.deliveries d
      WHERE d.report_id = r.report_id AND d.run_id = r.run_id AND d.state = 'claimed' AND d.message NOT LIKE 'notice/%%'
  )
ORDER BY r.settled_at
LIMIT %(limit)s

-- name: hold_run
-- The lock keeps `query` from opening the run.  A row that is locked by others is not settled and is not waited for.
SELECT r.run_key, r.frozen #>> '{row,workspace_id}' AS workspace_id
FROM reporting.runs r
WHERE r.report_id = %(report_id)s AND r.run_id = %(run_id)s
  AND r.settled_at < %(before)s AND r.state <> 'running'
  AND NOT EXISTS (
      SELECT FROM reporting.deliveries d
      WHERE d.report_id = r.report_id AND d.run_id = r.run_id AND d.state = 'claimed' AND d.message NOT LIKE 'notice/%%'
  )
FOR UPDATE OF r SKIP LOCKED

-- name: hold_executions
-- The other stages first write their progress, which waits for this lock as well.
SELECT status IN ('PENDING', 'PROCESSING') AS at_work, file_url
FROM report_executions
WHERE id = ANY (%(ids)s)
ORDER BY id
FOR UPDATE

-- name: files_of_run
SELECT bucket, object_key, (
    SELECT max(o.uploaded_at) FROM reporting.artifacts o WHERE o.bucket = a.bucket AND o.object_key = a.object_key
) >= %(before)s AS is_young
FROM reporting.artifacts a
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND deleted_at IS NULL
ORDER BY object_key

-- name: mark_artifacts
UPDATE reporting.artifacts a
SET deleted_at = now()
FROM unnest(%(buckets)s::text[], %(keys)s::text[]) AS gone (bucket, object_key)
WHERE a.report_id = %(report_id)s AND a.run_id = %(run_id)s AND a.deleted_at IS NULL
  AND a.bucket = gone.bucket AND a.object_key = gone.object_key

-- name: clear_urls
UPDATE report_executions SET file_url = NULL WHERE id = ANY (%(ids)s) AND file_url = ANY (%(urls)s)

-- name: files_gone
UPDATE reporting.runs SET files_gone_at = now(), put_off_at = NULL
WHERE report_id = %(report_id)s AND run_id = %(run_id)s

-- name: put_off_runs
UPDATE reporting.runs r
SET put_off_at = now()
FROM unnest(%(report_ids)s::text[], %(run_ids)s::text[]) AS given (report_id, run_id)
WHERE r.report_id = given.report_id AND r.run_id = given.run_id

-- name: hold_old_runs
SELECT r.report_id, r.run_id
FROM reporting.runs r
WHERE r.settled_at < %(before)s AND r.files_gone_at IS NOT NULL AND r.state <> 'running'
  AND (r.put_off_at IS NULL OR r.put_off_at < now() - interval '1 hour')
ORDER BY r.settled_at
LIMIT %(limit)s
FOR UPDATE OF r SKIP LOCKED

-- name: still_needed
-- Files in a bucket that is no longer configured are never deleted, and only these rows record where they are.
WITH given AS (
    SELECT * FROM unnest(%(report_ids)s::text[], %(run_ids)s::text[], %(ids)s::text[]) AS one (report_id, run_id, id)
)
SELECT report_id, run_id FROM given JOIN reporting.artifacts a USING (report_id, run_id) WHERE a.deleted_at IS NULL
UNION
SELECT report_id, run_id FROM given JOIN reporting.deliveries d USING (report_id, run_id)
WHERE d.state = 'claimed' AND d.message NOT LIKE 'notice/%%'
UNION
SELECT report_id, run_id FROM given JOIN report_executions e USING (id) WHERE e.status IN ('PENDING', 'PROCESSING')

-- name: drop_audit
DELETE FROM reporting.audit WHERE id IN (
    SELECT id FROM (SELECT id, at FROM reporting.audit ORDER BY id LIMIT %(limit)s) oldest WHERE at < %(before)s
)

-- name: drop_missed
DELETE FROM reporting.missed_ticks WHERE id IN (
    SELECT id FROM (SELECT id, decided_at FROM reporting.missed_ticks ORDER BY id LIMIT %(limit)s) oldest
    WHERE decided_at < %(before)s
)

-- name: drop_due
-- As long as its run is kept, a row says which tick the run is for.
DELETE FROM reporting.due_ticks d
USING (
    SELECT old.report_id, old.run_id FROM reporting.due_ticks old
    WHERE old.decided_at < %(before)s AND NOT EXISTS (
        SELECT FROM reporting.runs r WHERE r.report_id = old.report_id AND r.run_id = old.run_id
    )
    LIMIT %(limit)s
) over
WHERE d.report_id = over.report_id AND d.run_id = over.run_id

-- name: drop_brands
-- Brands that no run was frozen with, and those of workspaces that are gone.
DELETE FROM reporting.brands b
WHERE b.id IN (
    SELECT old.id FROM reporting.brands old
    WHERE (old.until < %(before)s OR NOT EXISTS (SELECT FROM workspaces w WHERE w.id = old.workspace_id))
      AND NOT EXISTS (SELECT FROM reporting.runs r WHERE r.brand_id = old.id)
    LIMIT %(limit)s
)

-- name: drop_suppressions
-- Those that were lifted long ago, and those of workspaces that are gone.
DELETE FROM reporting.suppressions s
WHERE s.id IN (
    SELECT old.id FROM reporting.suppressions old
    WHERE old.lifted_at < %(before)s OR NOT EXISTS (SELECT FROM workspaces w WHERE w.id = old.workspace_id)
    LIMIT %(limit)s
)

-- name: drop_rejection_notices
-- Notices about rejected reports belong to no run.
DELETE FROM reporting.deliveries
WHERE message LIKE 'notice/rejected%%' AND claimed_at < %(before)s AND (state <> 'claimed')

-- name: drop_deliveries
DELETE FROM reporting.deliveries d
USING unnest(%(report_ids)s::text[], %(run_ids)s::text[]) AS given (report_id, run_id)
WHERE d.report_id = given.report_id AND d.run_id = given.run_id

-- name: drop_artifacts
DELETE FROM reporting.artifacts a
USING unnest(%(report_ids)s::text[], %(run_ids)s::text[]) AS given (report_id, run_id)
WHERE a.report_id = given.report_id AND a.run_id = given.run_id

-- name: drop_executions
DELETE FROM report_executions WHERE id = ANY (%(ids)s)

-- name: drop_runs
DELETE FROM reporting.runs r
USING unnest(%(report_ids)s::text[], %(run_ids)s::text[]) AS given (report_id, run_id)
WHERE r.report_id = given.report_id AND r.run_id = given.run_id

-- name: settled
SELECT r.report_id, r.run_id, CASE WHEN r.state <> 'running' THEN r.settled_at END AS settled_at
FROM reporting.runs r
JOIN unnest(%(report_ids)s::text[], %(run_ids)s::text[]) AS given (report_id, run_id)
    ON r.report_id = given.report_id AND r.run_id = given.run_id

-- name: notice_departed
-- Reports deleted while the triggers were off have left their options behind.
INSERT INTO reporting.departed (report_id)
SELECT o.report_id
FROM reporting.report_options o
WHERE NOT EXISTS (SELECT FROM scheduled_reports r WHERE r.id = o.report_id)
ON CONFLICT (report_id) DO NOTHING

-- name: departed
SELECT d.report_id
FROM reporting.departed d
WHERE d.since < %(before)s AND d.now_called IS NULL
  AND (d.put_off_at IS NULL OR d.put_off_at < now() - interval '1 hour')
  AND NOT EXISTS (SELECT FROM scheduled_reports r WHERE r.id = d.report_id)
  AND NOT EXISTS (
      SELECT FROM reporting.runs r
      WHERE r.report_id = d.report_id AND (r.state = 'running' OR r.settled_at IS NULL)
        -- A cleared run started long ago but may still be running, though not after its report was deleted.
        AND (r.started_at >= %(unsettled_before)s OR d.since >= %(unsettled_before)s)
  )
ORDER BY d.since, d.report_id
LIMIT %(limit)s

-- name: workspaces
-- A report may have belonged to another workspace when one of its runs was frozen.
SELECT workspace_id FROM reporting.departed WHERE report_id = %(report_id)s AND workspace_id IS NOT NULL
UNION
SELECT frozen #>> '{row,workspace_id}' FROM reporting.runs WHERE report_id = %(report_id)s AND frozen IS NOT NULL
ORDER BY 1

-- name: files_of_report
SELECT bucket, object_key
FROM reporting.artifacts
WHERE report_id = %(report_id)s AND deleted_at IS NULL
ORDER BY object_key

-- name: hold_departed
SELECT true
FROM reporting.departed d
WHERE d.report_id = %(report_id)s AND d.since < %(before)s AND d.now_called IS NULL
  AND NOT EXISTS (SELECT FROM scheduled_reports r WHERE r.id = d.report_id)
FOR UPDATE OF d

-- name: erase_deliveries
DELETE FROM reporting.deliveries WHERE report_id = %(report_id)s

-- name: erase_artifacts
DELETE FROM reporting.artifacts WHERE report_id = %(report_id)s

-- name: erase_runs
DELETE FROM reporting.runs WHERE report_id = %(report_id)s

-- name: erase_options
DELETE FROM reporting.report_options WHERE report_id = %(report_id)s

-- name: erase_due
DELETE FROM reporting.due_ticks WHERE report_id = %(report_id)s

-- name: erase_missed
DELETE FROM reporting.missed_ticks WHERE report_id = %(report_id)s

-- name: erase_condition_state
DELETE FROM reporting.condition_state WHERE report_id = %(report_id)s

-- name: erase_opt_outs
DELETE FROM reporting.opt_outs WHERE report_id = %(report_id)s

-- name: erase_audit
-- The report's existence and who deleted it are kept as long as any audit row; its content is erased.
UPDATE reporting.audit SET before = NULL, after = NULL
WHERE report_id = %(report_id)s AND (before IS NOT NULL OR after IS NOT NULL)

-- name: erase_departed
DELETE FROM reporting.departed WHERE report_id = %(report_id)s

-- name: defer
UPDATE reporting.departed SET put_off_at = now() WHERE report_id = %(report_id)s
