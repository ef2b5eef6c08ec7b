-- Delivered at most once, recorded truly: calls refused for single addresses, messages sent again, what the owner knows.

ALTER TABLE reporting.runs
    ADD COLUMN touched_at timestamptz NOT NULL DEFAULT now(),   -- when a stage last wrote something down
    ADD COLUMN told_at    timestamptz DEFAULT now(),            -- null until it is decided whether to tell the owner
    ADD COLUMN mail_error text,                                 -- why `email` failed before a message was claimed
    -- What a mail shows of the data, so that it needs no staging; the last two as Arrow IPC streams.
    ADD COLUMN main_rows  bigint,
    ADD COLUMN figures    bytea,
    ADD COLUMN preview    bytea;
ALTER TABLE reporting.runs ALTER COLUMN told_at DROP DEFAULT;   -- runs from before have nothing left to tell

DROP INDEX reporting.runs_unsettled_idx;
CREATE INDEX runs_unsettled_idx ON reporting.runs (touched_at) WHERE settled_at IS NULL;
CREATE INDEX runs_untold_idx ON reporting.runs (settled_at) WHERE told_at IS NULL AND settled_at IS NOT NULL;
CREATE INDEX runs_started_idx ON reporting.runs (report_id, started_at DESC);

-- A message that is sent again shares its files with an earlier run.
CREATE INDEX artifacts_object_idx ON reporting.artifacts (bucket, object_key);

ALTER TABLE reporting.deliveries
    ADD COLUMN refused      text[] NOT NULL DEFAULT '{}',   -- because of whom the service has refused this call
    ADD COLUMN requested_by text,                           -- of a message sent again: who asked
    ADD COLUMN resend_of    text;                           -- and the service's ids of the earlier ones
CREATE INDEX deliveries_notices_idx ON reporting.deliveries (report_id, claimed_at DESC) WHERE message LIKE 'notice/%';

-- The definition with which a report was taken off its schedule because it kept failing; an edit lifts that.
ALTER TABLE reporting.report_options ADD COLUMN failed_as text;

-- UPDATE reporting.switches SET enabled = false WHERE name = 'mail' stops all mail at once.
CREATE TABLE reporting.switches (
    name    text        PRIMARY KEY CHECK (name = 'mail'),
    enabled boolean     NOT NULL DEFAULT true,
    changed timestamptz NOT NULL DEFAULT now()
);
INSERT INTO reporting.switches (name) VALUES ('mail');
