-- Removes one person's address from the record, on their request; see docs/security.md.
--
--   psql "postgresql://owner@host/neolith" -v address=ada@company.com -f deploy/sql/forget-address.sql
--
-- First take the person off every report and out of the application: this touches our own tables only, and whoever is
-- still a recipient would be mailed again, because their opt-outs go as well.  Upper and lower case make no difference;
-- if the domain has letters beyond ASCII, run it for both spellings.  Runs in progress keep the address until they are
-- settled: run it again then.  It is safe to repeat.

\set ON_ERROR_STOP on

BEGIN;

-- The address as it stands in JSON; behind ***= nothing in a pattern has a meaning of its own.
SELECT '***="' || :'address' || '"' AS quoted \gset
\set nobody 'erased@invalid'

-- Their links end with this.
DELETE FROM reporting.readers f USING reporting.runs r
WHERE lower(:'address') = ANY (f.spellings || lower(f.address))
  AND r.report_id = f.report_id AND r.run_id = f.run_id AND r.settled_at IS NOT NULL;

DELETE FROM reporting.opt_outs WHERE lower(:'address') IN (mailbox, lower(address));
DELETE FROM reporting.suppressions WHERE lower(:'address') IN (mailbox, lower(address));

DELETE FROM reporting.recipients f USING reporting.runs r
WHERE lower(:'address') IN (f.mailbox, lower(f.address))
  AND r.report_id = f.report_id AND r.run_id = f.run_id AND r.settled_at IS NOT NULL;

UPDATE reporting.runs SET
    frozen = regexp_replace(frozen::text, :'quoted', '"' || :'nobody' || '"', 'gi')::jsonb,
    mail = regexp_replace(mail::text, :'quoted', '"' || :'nobody' || '"', 'gi')::jsonb
WHERE settled_at IS NOT NULL AND (frozen::text ~* :'quoted' OR mail::text ~* :'quoted');

UPDATE reporting.deliveries d SET
    recipients = regexp_replace(d.recipients::text, :'quoted', '"' || :'nobody' || '"', 'gi')::jsonb,
    refused = ARRAY(
        SELECT CASE WHEN lower(one) = lower(:'address') THEN :'nobody' ELSE one END
        FROM unnest(d.refused) WITH ORDINALITY AS given (one, place) ORDER BY place
    )
FROM reporting.runs r
WHERE r.report_id = d.report_id AND r.run_id = d.run_id AND r.settled_at IS NOT NULL
  AND (d.recipients::text ~* :'quoted' OR to_json(d.refused)::text ~* :'quoted');

UPDATE reporting.requests q SET recipients = ARRAY(
    SELECT CASE WHEN lower(one) = lower(:'address') THEN :'nobody' ELSE one END
    FROM unnest(q.recipients) WITH ORDINALITY AS given (one, place) ORDER BY place
)
FROM reporting.runs r
WHERE r.report_id = q.report_id AND r.run_id = q.run_id AND r.settled_at IS NOT NULL
  AND to_json(q.recipients)::text ~* :'quoted';

UPDATE reporting.audit SET
    before = regexp_replace(before::text, :'quoted', '"' || :'nobody' || '"', 'gi')::jsonb,
    after = regexp_replace(after::text, :'quoted', '"' || :'nobody' || '"', 'gi')::jsonb
WHERE before::text ~* :'quoted' OR after::text ~* :'quoted';

COMMIT;
