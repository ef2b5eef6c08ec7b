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
SELECT o.mailbox
FROM reporting.opt_outs o
JOIN scheduled_reports r ON r.id = o.report_id AND r.workspace_id = o.workspace_id
WHERE o.report_id = %(report_id)s AND o.returned_at IS NULL

-- name: unwanted
SELECT o.mailbox, false AS is_suppressed
FROM reporting.opt_outs o
JOIN scheduled_reports r ON r.id = o.report_id AND r.workspace_id = o.workspace_id
WHERE o.report_id = %(report_id)s AND o.returned_at IS NULL
UNION ALL
SELECT s.mailbox, true
FROM scheduled_reports r
JOIN reporting.suppressions s ON s.workspace_id = r.workspace_id AND s.lifted_at IS NULL
WHERE r.id = %(report_id)s

-- name: opt_outs
-- Those that are in effect come first, so that they are shown however often somebody left and came back.
SELECT o.address, o.left_at, o.how, o.returned_at, o.returned_by, o.return_reason
FROM reporting.opt_outs o
JOIN scheduled_reports r ON r.id = o.report_id AND r.workspace_id = o.workspace_id
WHERE o.report_id = %(report_id)s
ORDER BY o.returned_at IS NOT NULL, o.left_at DESC, o.id DESC
LIMIT %(limit)s

-- name: take_back
UPDATE reporting.opt_outs SET returned_at = now(), returned_by = %(by)s, return_reason = %(reason)s
WHERE report_id = %(report_id)s AND workspace_id = %(workspace_id)s AND mailbox = %(mailbox)s AND returned_at IS NULL
RETURNING address

-- name: note_act
INSERT INTO reporting.audit (report_id, workspace_id, action, actor, acting_user, run_id, after)
VALUES (%(report_id)s, %(workspace_id)s, %(action)s, %(actor)s, %(acting_user)s, %(run_id)s, %(after)s)
