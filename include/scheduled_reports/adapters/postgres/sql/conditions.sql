-- name: mailed_state
SELECT mailed_at, digest, key_column, keys, condition,
       CASE WHEN met_for >= coalesce(not_met_for, '-infinity') THEN met_at END AS met_since
FROM reporting.condition_state
WHERE report_id = %(report_id)s AND workspace_id = %(workspace_id)s

-- name: note_verdict
-- A run whose message was sent keeps its verdict: the state that it was judged by is its own now.
UPDATE reporting.runs r
SET verdict = %(verdict)s, candidate = %(candidate)s, candidate_keys = %(keys)s
WHERE r.report_id = %(report_id)s AND r.run_id = %(run_id)s AND NOT (r.verdict IS NOT NULL AND EXISTS (
    SELECT FROM reporting.deliveries d
    WHERE d.report_id = r.report_id AND d.run_id = r.run_id AND d.message NOT LIKE 'notice/%%' AND d.state <> 'refused'
))
RETURNING scheduled_for, workspace_id

-- name: forget_candidates
-- Older runs that ended without an email: the newer one replaces what they would have left.
UPDATE reporting.runs r
SET candidate = NULL, candidate_keys = NULL
WHERE r.report_id = %(report_id)s AND r.candidate IS NOT NULL AND r.scheduled_for < %(scheduled_for)s
  AND r.settled_at IS NOT NULL AND NOT EXISTS (
      SELECT FROM reporting.deliveries d
      WHERE d.report_id = r.report_id AND d.run_id = r.run_id AND d.message NOT LIKE 'notice/%%'
  )

-- name: verdict
SELECT verdict FROM reporting.runs WHERE report_id = %(report_id)s AND run_id = %(run_id)s

-- name: not_met
-- The report exists as long as its options do.
INSERT INTO reporting.condition_state AS held (report_id, workspace_id, condition, not_met_for)
SELECT o.report_id, %(workspace_id)s, %(condition)s, %(scheduled_for)s
FROM reporting.report_options o
WHERE o.report_id = %(report_id)s
ON CONFLICT (report_id) DO UPDATE
SET condition = excluded.condition, not_met_for = greatest(
        excluded.not_met_for,
        CASE WHEN held.condition = excluded.condition THEN held.not_met_for END
    ),
    met_for = CASE WHEN held.condition = excluded.condition THEN held.met_for END,
    met_at = CASE WHEN held.condition = excluded.condition THEN held.met_at END
-- The state of other conditions gives way to what is newer, that of another workspace to what is mailed.
WHERE held.workspace_id = excluded.workspace_id AND (
    held.condition = excluded.condition
    OR excluded.not_met_for >= greatest(held.met_for, held.not_met_for, held.mailed_for)
)

-- name: keep_state
-- What was mailed becomes the state, once: the candidate is gone afterwards.  An older run changes nothing of a newer one's.
WITH mailed AS (
    SELECT r.report_id, r.run_id, r.workspace_id, r.scheduled_for, r.candidate, r.candidate_keys, (
        SELECT min(d.settled_at)
        FROM reporting.deliveries d
        WHERE d.report_id = r.report_id AND d.run_id = r.run_id AND d.state = 'sent' AND d.message NOT LIKE 'notice/%%'
    ) AS sent_at
    FROM reporting.runs r
    WHERE r.report_id = %(report_id)s AND r.run_id = %(run_id)s AND r.candidate IS NOT NULL
    FOR UPDATE
), done AS (
    UPDATE reporting.runs r
    SET candidate = NULL, candidate_keys = NULL
    FROM mailed m
    WHERE r.report_id = m.report_id AND r.run_id = m.run_id AND m.sent_at IS NOT NULL
)
INSERT INTO reporting.condition_state AS held
    (report_id, workspace_id, mailed_for, mailed_at, digest, key_column, keys, condition, met_for, met_at)
SELECT m.report_id, m.workspace_id, m.scheduled_for, m.sent_at, m.candidate ->> 'digest', m.candidate ->> 'key_column',
       m.candidate_keys, m.candidate ->> 'condition',
       CASE WHEN (m.candidate ->> 'met')::boolean THEN m.scheduled_for END,
       CASE WHEN (m.candidate ->> 'met')::boolean THEN m.sent_at END
FROM mailed m
-- The report exists as long as its options do.
JOIN reporting.report_options o ON o.report_id = m.report_id
WHERE m.sent_at IS NOT NULL
ON CONFLICT (report_id) DO UPDATE
SET workspace_id = excluded.workspace_id, mailed_for = excluded.mailed_for, mailed_at = excluded.mailed_at,
    digest = excluded.digest, key_column = excluded.key_column, keys = excluded.keys, condition = excluded.condition,
    met_for = CASE WHEN excluded.met_for IS NOT NULL THEN excluded.met_for
                   WHEN held.condition = excluded.condition AND held.workspace_id = excluded.workspace_id
                   THEN held.met_for END,
    met_at = CASE WHEN excluded.met_for IS NOT NULL THEN excluded.met_at
                  WHEN held.condition = excluded.condition AND held.workspace_id = excluded.workspace_id
                  THEN held.met_at END,
    not_met_for = CASE WHEN held.condition = excluded.condition AND held.workspace_id = excluded.workspace_id
                       THEN held.not_met_for END
WHERE held.workspace_id <> excluded.workspace_id OR held.mailed_for IS NULL OR held.mailed_for <= excluded.mailed_for
