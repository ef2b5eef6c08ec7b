-- The API: audit trail and test runs.

-- Who changed what, when, with the values before and after.  A trigger records edits; other actions are recorded by the
-- code that performs them.
CREATE TABLE reporting.audit (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    report_id    text        NOT NULL,
    workspace_id text        NOT NULL,
    action       text        NOT NULL CHECK (action IN ('created', 'changed', 'deleted', 'triggered', 'resent', 'tested')),
    actor        text        NOT NULL,    -- airflow:<user>, system, or database:<role> for an edit outside the API
    acting_user  text,                    -- the application user for whom a service account acted
    run_id       text,                    -- for an action: the run it created
    before       jsonb,                   -- for an edit: the changed columns, old and new values; both are cleared
    after        jsonb                    -- when a deleted report is erased
);
CREATE INDEX audit_report_idx ON reporting.audit (report_id, id DESC);
CREATE INDEX audit_workspace_idx ON reporting.audit (workspace_id, id DESC);

-- A test run: its mail is marked, and the report's counters and last_ columns do not change.
ALTER TABLE reporting.runs ADD COLUMN test boolean NOT NULL DEFAULT false;
