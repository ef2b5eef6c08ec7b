-- name: named
-- The messages that events name.  A notice about rejected reports belongs to no run.
SELECT d.feedback_id, d.report_id, d.run_id, d.message, d.state, d.message_id, d.recipients,
       coalesce(nullif(r.workspace_id, ''), s.workspace_id) AS workspace_id
FROM reporting.deliveries d
LEFT JOIN reporting.runs r ON r.report_id = d.report_id AND r.run_id = d.run_id
LEFT JOIN scheduled_reports s ON s.id = d.report_id
WHERE d.feedback_id = ANY (%(ids)s)
ORDER BY d.report_id, d.run_id, d.message
FOR UPDATE OF d

-- name: note_outcomes
-- Events come in any order and more than once: a state replaces those before it in *order*, and of the same state the
-- earliest event counts.  Returned are the addresses that have a state now which they did not have.
WITH given AS (
    SELECT *
    FROM unnest(%(report_ids)s::text[], %(run_ids)s::text[], %(messages)s::text[], %(mailboxes)s::text[],
                %(addresses)s::text[], %(states)s::text[], %(moments)s::timestamptz[], %(reasons)s::text[],
                %(details)s::text[])
        AS one (report_id, run_id, message, mailbox, address, state, at, reason, detail)
), earlier AS MATERIALIZED (
    SELECT g.report_id, g.run_id, g.message, g.mailbox, h.state
    FROM given g JOIN reporting.recipients h USING (report_id, run_id, message, mailbox)
), noted AS (
    INSERT INTO reporting.recipients AS held
        (report_id, run_id, message, mailbox, address, state, at, reason, detail)
    SELECT report_id, run_id, message, mailbox, address, state, at, reason, detail FROM given
    ON CONFLICT (report_id, run_id, message, mailbox) DO UPDATE
    SET state = excluded.state, at = excluded.at, reason = excluded.reason, detail = excluded.detail
    WHERE (array_position(%(order)s::text[], excluded.state), held.at)
        > (array_position(%(order)s::text[], held.state), excluded.at)
    RETURNING report_id, run_id, message, mailbox, address, state, at, reason
)
SELECT n.*
FROM noted n
LEFT JOIN earlier e USING (report_id, run_id, message, mailbox)
WHERE n.state IS DISTINCT FROM e.state

-- name: confirm
-- The events prove that the mail service took these messages.  The owner was told only of an unknown outcome.
UPDATE reporting.deliveries d
SET state = 'sent', message_id = given.message_id, error = NULL, settled_at = coalesce(d.settled_at, now()),
    confirmed_at = CASE WHEN d.state = 'unknown' THEN now() END
FROM unnest(%(report_ids)s::text[], %(run_ids)s::text[], %(messages)s::text[], %(message_ids)s::text[])
    AS given (report_id, run_id, message, message_id)
WHERE d.report_id = given.report_id AND d.run_id = given.run_id AND d.message = given.message
  AND d.state IN ('claimed', 'unknown')
RETURNING d.report_id, d.run_id, d.message, d.confirmed_at IS NOT NULL AS was_unknown

-- name: reject
-- The mail service took these messages and has not sent them.
UPDATE reporting.deliveries d
SET state = 'refused', message_id = given.message_id, error = given.reason, settled_at = now()
FROM unnest(%(report_ids)s::text[], %(run_ids)s::text[], %(messages)s::text[], %(message_ids)s::text[],
            %(reasons)s::text[]) AS given (report_id, run_id, message, message_id, reason)
WHERE d.report_id = given.report_id AND d.run_id = given.run_id AND d.message = given.message AND d.state <> 'refused'
RETURNING d.report_id, d.run_id, d.message

-- name: suppress
-- An event of before an address was let be mailed again says nothing new.
INSERT INTO reporting.suppressions (workspace_id, mailbox, address, cause, reason, report_id, run_id)
SELECT DISTINCT ON (given.workspace_id, given.mailbox)
       given.workspace_id, given.mailbox, given.address, given.cause, given.reason, given.report_id, given.run_id
FROM unnest(%(workspace_ids)s::text[], %(mailboxes)s::text[], %(addresses)s::text[], %(causes)s::text[],
            %(reasons)s::text[], %(report_ids)s::text[], %(run_ids)s::text[], %(moments)s::timestamptz[])
    AS given (workspace_id, mailbox, address, cause, reason, report_id, run_id, at)
WHERE NOT EXISTS (
    SELECT FROM reporting.suppressions s
    WHERE s.workspace_id = given.workspace_id AND s.mailbox = given.mailbox AND s.lifted_at > given.at
)
ORDER BY given.workspace_id, given.mailbox, given.at
ON CONFLICT (workspace_id, mailbox) WHERE lifted_at IS NULL DO NOTHING

-- name: count
UPDATE reporting.feedback
SET events = events + %(events)s, ignored = ignored + %(ignored)s,
    drained_at = greatest(drained_at, %(drained_at)s::timestamptz)

-- name: feedback
SELECT drained_at, events, ignored FROM reporting.feedback

-- name: recipients
SELECT message, address, state, at, reason, detail
FROM reporting.recipients
WHERE report_id = %(report_id)s AND run_id = %(run_id)s
ORDER BY message, address

-- name: suppressed
SELECT mailbox FROM reporting.suppressions WHERE workspace_id = %(workspace_id)s AND lifted_at IS NULL

-- name: suppressions
-- Those in effect come first, so that they are shown however often an address was suppressed and lifted.
SELECT s.address, s.cause, s.reason, s.since, s.report_id, r.name AS report_name, s.lifted_at, s.lifted_by,
       s.lift_reason
FROM reporting.suppressions s
LEFT JOIN scheduled_reports r ON r.id = s.report_id AND r.workspace_id = s.workspace_id
WHERE s.workspace_id = %(workspace_id)s
ORDER BY s.lifted_at IS NOT NULL, s.since DESC, s.id DESC
LIMIT %(limit)s

-- name: lift
UPDATE reporting.suppressions SET lifted_at = now(), lifted_by = %(by)s, lift_reason = %(reason)s
WHERE workspace_id = %(workspace_id)s AND mailbox = %(mailbox)s AND lifted_at IS NULL
RETURNING address, report_id

-- name: untold
-- A run that is not settled yet is told of when it is.
SELECT DISTINCT d.report_id, d.run_id
FROM reporting.deliveries d
JOIN reporting.runs r USING (report_id, run_id)
WHERE d.confirmed_at IS NOT NULL AND d.told_at IS NULL AND r.settled_at IS NOT NULL
UNION
SELECT report_id, run_id FROM reporting.suppressions WHERE told_at IS NULL
ORDER BY report_id, run_id
LIMIT %(limit)s

-- name: news
SELECT s.address, s.cause, s.reason, s.since, s.report_id, r.name AS report_name
FROM reporting.suppressions s
LEFT JOIN scheduled_reports r ON r.id = s.report_id AND r.workspace_id = s.workspace_id
WHERE s.report_id = %(report_id)s AND s.run_id = %(run_id)s AND s.told_at IS NULL
ORDER BY s.id

-- name: confirmed
SELECT count(*) AS messages
FROM reporting.deliveries
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND confirmed_at IS NOT NULL AND told_at IS NULL

-- name: told_confirmed
UPDATE reporting.deliveries SET told_at = now()
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND confirmed_at IS NOT NULL AND told_at IS NULL

-- name: told_suppressed
UPDATE reporting.suppressions SET told_at = now()
WHERE report_id = %(report_id)s AND run_id = %(run_id)s AND told_at IS NULL
