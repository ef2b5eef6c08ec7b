-- The API: who changed what, and runs that are a try-out.

-- Who changed what, when, from what to what.  Edits are noted by a trigger, whoever makes them; acts by whoever acts.
CREATE TABLE reporting.audit (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    report_id    text        NOT NULL,
    workspace_id text        NOT NULL,
    action       text        NOT NULL CHECK (action IN ('created', 'changed', 'deleted', 'triggered', 'resent', 'tested')),
    actor        text        NOT NULL,    -- airflow:<user>, system, or database:<role> for an edit past our API
    acting_user  text,                    -- the application's user on whose behalf a service account acted
    run_id       text,                    -- of an act: the run it made
    before       jsonb,                   -- of an edit: the columns that changed, as they were and as they are; both go
    after        jsonb                    -- when a deleted report is erased
);
CREATE INDEX audit_report_idx ON reporting.audit (report_id, id DESC);
CREATE INDEX audit_workspace_idx ON reporting.audit (workspace_id, id DESC);

-- A run that only tries the report out: its mail is marked, its report's counters and last_ columns stay as they are.
ALTER TABLE reporting.runs ADD COLUMN test boolean NOT NULL DEFAULT false;
