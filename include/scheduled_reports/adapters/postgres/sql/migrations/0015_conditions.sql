-- Conditions of an email (`sendIf`).

ALTER TABLE reporting.runs
    -- Whether the conditions were met, why the run is not mailed, and a sentence for each condition; null without any.
    ADD COLUMN verdict        jsonb,
    -- What becomes the state of the conditions when a message of this run is sent; null then.
    ADD COLUMN candidate      jsonb,
    ADD COLUMN candidate_keys bytea;
-- Few rows at any time: a candidate goes when it is mailed, or when a newer run has one.
CREATE INDEX runs_candidate_idx ON reporting.runs (report_id) WHERE candidate IS NOT NULL;

-- What later runs are compared with, as long as the report exists.  One row per report that has, or had, conditions.
CREATE TABLE reporting.condition_state (
    report_id    text        PRIMARY KEY,
    workspace_id text        NOT NULL,    -- whose rows these are: a report that is moved begins anew
    -- What was last mailed: the moment for which, when, a digest of the main table, and hashes of a column's values.
    mailed_for   timestamptz,
    mailed_at    timestamptz,
    digest       text,
    key_column   text,
    keys         bytea,
    -- For `repeat: once`: of which conditions, the newest moments for which they were met and mailed, and not met.
    condition    text        NOT NULL,
    met_for      timestamptz,
    met_at       timestamptz,
    not_met_for  timestamptz
);
