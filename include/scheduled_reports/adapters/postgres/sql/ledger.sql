-- name: mail_is_stopped
SELECT true FROM reporting.switches WHERE name = 'mail' AND NOT enabled

-- name: claim
-- The claim succeeds if the message does not exist yet, or if the mail service refused it as a whole.  A message that
-- was refused because of single addresses is final: it was repeated without them.
INSERT INTO reporting.deliveries AS held
    (report_id, run_id, message, state, subject, recipients, mode, formats, requested_by, resend_of, feedback_id)
VALUES
    (%(report_id)s, %(run_id)s, %(message)s, 'claimed', %(subject)s, %(recipients)s, %(mode)s, %(formats)s,
     %(requested_by)s, %(resend_of)s, %(feedback_id)s)
ON CONFLICT (report_id, run_id, message) DO UPDATE
SET state = 'claimed', subject = excluded.subject, recipients = excluded.recipients, mode = excluded.mode,
    formats = excluded.formats, feedback_id = excluded.feedback_id, message_id = NULL, error = NULL,
    claimed_at = now(), settled_at = NULL
WHERE held.state = 'refused' AND held.refused = '{}'
RETURNING true

-- name: of
SELECT message, state, subject, recipients, mode, formats, message_id, error, refused, requested_by, resend_of,
       feedback_id
FROM reporting.deliveries
WHERE report_id = %(report_id)s AND run_id = %(run_id)s
ORDER BY message

-- name: finish
-- An event may have come before the answer to the call: what it proves stands.
UPDATE reporting.deliveries
SET state = %(state)s, message_id = %(message_id)s, error = %(error)s, refused = %(refused)s, settled_at = now()
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND message = %(message)s AND state <> 'sent'
  AND NOT (state = 'refused' AND %(state)s = 'sent')
RETURNING state = 'sent' AND message NOT LIKE 'notice/%%' AND EXISTS (
    SELECT FROM reporting.runs r
    WHERE r.report_id = deliveries.report_id AND r.run_id = deliveries.run_id AND r.candidate IS NOT NULL
) AS has_candidate

-- name: reopen
-- A sender reported after its run was settled: the run has to be settled again.
UPDATE reporting.runs SET state = 'running', settled_at = NULL
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND settled_at IS NOT NULL AND frozen IS NOT NULL
