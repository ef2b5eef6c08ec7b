-- name: claim
-- Ours when there is no such message yet, or when the service has refused it before.
INSERT INTO reporting.deliveries AS held
    (report_id, run_id, message, state, subject, recipients, mode, formats)
VALUES
    (%(report_id)s, %(run_id)s, %(message)s, 'claimed', %(subject)s, %(recipients)s, %(mode)s, %(formats)s)
ON CONFLICT (report_id, run_id, message) DO UPDATE
SET state = 'claimed', subject = excluded.subject, recipients = excluded.recipients, mode = excluded.mode,
    formats = excluded.formats, error = NULL, claimed_at = now(), settled_at = NULL
WHERE held.state = 'refused'
RETURNING true

-- name: held
SELECT state, subject, recipients, mode, formats, message_id, error
FROM reporting.deliveries
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND message = %(message)s

-- name: finish
UPDATE reporting.deliveries
SET state = %(state)s, message_id = %(message_id)s, error = %(error)s, settled_at = now()
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND message = %(message)s
