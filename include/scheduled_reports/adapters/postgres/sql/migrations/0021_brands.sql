-- The brand of each workspace, and the words of each report's mail.

-- A change adds a row, so that a run keeps the brand that it was frozen with.
CREATE TABLE reporting.brands (
    id           bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    workspace_id text        NOT NULL,
    brand        jsonb       NOT NULL,    -- texts by the names of the API; what is empty is the deployment's
    since        timestamptz NOT NULL DEFAULT now(),
    until        timestamptz              -- null: the current one
);
CREATE UNIQUE INDEX brands_current_idx ON reporting.brands (workspace_id) WHERE until IS NULL;

ALTER TABLE reporting.runs
    ADD COLUMN brand_id     bigint REFERENCES reporting.brands (id),    -- null: the deployment's brand
    ADD COLUMN figure_texts jsonb;    -- the key figures as readers see them, for the words of the mail
CREATE INDEX runs_brand_idx ON reporting.runs (brand_id) WHERE brand_id IS NOT NULL;

-- A change of a brand is no change of a report.  Not validated: every earlier entry fulfils it.
ALTER TABLE reporting.audit
    ALTER COLUMN report_id DROP NOT NULL,
    DROP CONSTRAINT audit_action_check,
    ADD CONSTRAINT audit_action_check CHECK (
        action IN (
            'created', 'changed', 'deleted', 'triggered', 'resent', 'tested', 'revoked', 'returned', 'lifted', 'branded'
        )
    ) NOT VALID;
