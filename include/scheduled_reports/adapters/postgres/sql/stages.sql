-- name: note
-- Losing the last half second in a crash of the server costs one more attempt, so no commit waits for the disk.
WITH quick AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO reporting.stages AS noted (report_id, run_id, stage, format, attempt, started_at, ended_at, result)
SELECT r.report_id, r.run_id, %(stage)s, %(format)s, %(attempt)s, %(started_at)s, %(ended_at)s, %(result)s
FROM reporting.runs r, quick
WHERE r.report_id = %(report_id)s AND r.run_id = %(run_id)s
ON CONFLICT (report_id, run_id, stage, format, attempt) DO UPDATE
SET started_at = excluded.started_at, ended_at = excluded.ended_at, result = excluded.result

-- name: attempts
SELECT stage, format, attempt, started_at, ended_at, result
FROM reporting.stages
WHERE report_id = %(report_id)s AND run_id = %(run_id)s
ORDER BY started_at, attempt, stage, format

-- name: forget
DELETE FROM reporting.stages WHERE report_id = %(report_id)s AND run_id = %(run_id)s

-- name: resume
UPDATE reporting.runs r
SET clear_number = greatest(clear_number, %(clear_number)s)
WHERE r.report_id = %(report_id)s AND r.run_id = %(run_id)s AND r.frozen IS NOT NULL AND EXISTS (
    SELECT FROM reporting.stages s
    WHERE s.report_id = r.report_id AND s.run_id = r.run_id AND s.stage = 'query' AND s.result = 'success'
)
RETURNING true

-- name: forget_failed
DELETE FROM reporting.stages
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND result IS DISTINCT FROM 'success'
