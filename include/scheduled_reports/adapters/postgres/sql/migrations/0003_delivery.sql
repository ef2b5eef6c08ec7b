-- Delivery at most once and its true state: calls refused for single addresses, resent messages, notices to the owner.

ALTER TABLE reporting.runs
    ADD COLUMN touched_at timestamptz NOT NULL DEFAULT now(),   -- when a stage last wrote progress
    ADD COLUMN told_at    timestamptz DEFAULT now(),            -- null until it is decided whether to notify the owner
    ADD COLUMN mail_error text,                                 -- why `email` failed before a message was claimed
    -- The data shown in a mail, so that it needs no staging; the last two as Arrow IPC streams.
    ADD COLUMN main_rows  bigint,
    ADD COLUMN figures    bytea,
    ADD COLUMN preview    bytea;
ALTER TABLE reporting.runs ALTER COLUMN told_at DROP DEFAULT;   -- no notices for earlier runs

DROP INDEX reporting.runs_unsettled_idx;
CREATE INDEX runs_unsettled_idx ON reporting.runs (touched_at) WHERE settled_at IS NULL;
CREATE INDEX runs_untold_idx ON reporting.runs (settled_at) WHERE told_at IS NULL AND settled_at IS NOT NULL;
CREATE INDEX runs_started_idx ON reporting.runs (report_id, started_at DESC);

-- A resent message shares its files with an earlier run.
CREATE INDEX artifacts_object_idx ON reporting.artifacts (bucket, object_key);

ALTER TABLE reporting.deliveries
    ADD COLUMN refused      text[] NOT NULL DEFAULT '{}',   -- the addresses that made the service refuse this call
    ADD COLUMN requested_by text,                           -- for a resent message: who requested it
    ADD COLUMN resend_of    text;                           -- and the service's ids of the earlier messages
CREATE INDEX deliveries_notices_idx ON reporting.deliveries (report_id, claimed_at DESC) WHERE message LIKE 'notice/%';

-- The definition of a report that was taken off its schedule because it kept failing; an edit puts it back.
ALTER TABLE reporting.report_options ADD COLUMN failed_as text;

-- UPDATE reporting.switches SET enabled = false WHERE name = 'mail' stops all mail at once.
CREATE TABLE reporting.switches (
    name    text        PRIMARY KEY CHECK (name = 'mail'),
    enabled boolean     NOT NULL DEFAULT true,
    changed timestamptz NOT NULL DEFAULT now()
);
INSERT INTO reporting.switches (name) VALUES ('mail');
