-- name: enlist
-- A retry finds the handles of the attempt before it: links of a message that may have been sent go on working.
INSERT INTO reporting.readers AS held
    (report_id, run_id, message, workspace_id, address, mailbox, spellings, of_report)
SELECT %(report_id)s, %(run_id)s, given.message, %(workspace_id)s, given.address, given.mailbox,
       coalesce(string_to_array(given.spellings, ' '), '{}'), given.of_report
FROM unnest(%(messages)s::text[], %(addresses)s::text[], %(mailboxes)s::text[], %(spellings)s::text[],
            %(of_report)s::boolean[]) AS given (message, address, mailbox, spellings, of_report)
ON CONFLICT (report_id, run_id, message) DO UPDATE
SET of_report = excluded.of_report, revoked_at = held.revoked_at
RETURNING message, handle

-- name: of
SELECT handle, message, address, openings, automatic, last_opened_at, revoked_at
FROM reporting.readers
WHERE report_id = %(report_id)s AND run_id = %(run_id)s
ORDER BY message

-- name: revoke
UPDATE reporting.readers SET revoked_at = now()
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND revoked_at IS NULL

-- name: opted_out
SELECT mailbox FROM reporting.opt_outs WHERE report_id = %(report_id)s AND returned_at IS NULL

-- name: opt_outs
SELECT address, left_at, how, returned_at, returned_by, return_reason
FROM reporting.opt_outs
WHERE report_id = %(report_id)s
ORDER BY left_at DESC, id DESC

-- name: take_back
UPDATE reporting.opt_outs SET returned_at = now(), returned_by = %(by)s, return_reason = %(reason)s
WHERE report_id = %(report_id)s AND mailbox = %(mailbox)s AND returned_at IS NULL
RETURNING true
