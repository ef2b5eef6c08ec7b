-- name: mail_is_stopped
SELECT true FROM reporting.switches WHERE name = 'mail' AND NOT enabled

-- name: claim
-- Ours when there is no such message yet, or when the service has refused it before as a whole.  One that was refused
-- because of single addresses is over: it was repeated without them.
INSERT INTO reporting.deliveries AS held
    (report_id, run_id, message, state, subject, recipients, mode, formats, requested_by, resend_of)
VALUES
    (%(report_id)s, %(run_id)s, %(message)s, 'claimed', %(subject)s, %(recipients)s, %(mode)s, %(formats)s,
     %(requested_by)s, %(resend_of)s)
ON CONFLICT (report_id, run_id, message) DO UPDATE
SET state = 'claimed', subject = excluded.subject, recipients = excluded.recipients, mode = excluded.mode,
    formats = excluded.formats, error = NULL, claimed_at = now(), settled_at = NULL
WHERE held.state = 'refused' AND held.refused = '{}'
RETURNING true

-- name: of
SELECT message, state, subject, recipients, mode, formats, message_id, error, refused, requested_by, resend_of
FROM reporting.deliveries
WHERE report_id = %(report_id)s AND run_id = %(run_id)s
ORDER BY message

-- name: finish
UPDATE reporting.deliveries
SET state = %(state)s, message_id = %(message_id)s, error = %(error)s, refused = %(refused)s, settled_at = now()
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND message = %(message)s AND state <> 'sent'

-- name: reopen
-- A sender that comes back when its run is settled already: it has to be settled again.
UPDATE reporting.runs SET state = 'running', settled_at = NULL
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND settled_at IS NOT NULL AND frozen IS NOT NULL
