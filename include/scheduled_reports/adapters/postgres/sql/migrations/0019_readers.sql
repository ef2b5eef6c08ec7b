-- The public door: whom the links in mails name, and who has left a report.

-- One row for each message whose links lead to the public door.
CREATE TABLE reporting.readers (
    handle         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    report_id      text        NOT NULL,
    run_id         text        NOT NULL,
    message        text        NOT NULL,    -- its key in the ledger
    workspace_id   text        NOT NULL,
    address        text,                    -- null: a message to several readers, which names none
    mailbox        text,                    -- the address in the form in which addresses are compared
    spellings      text[]      NOT NULL,    -- in lower case, to find it among a report's recipients
    of_report      boolean     NOT NULL,    -- whether the report's row named them; else a person did, for this run
    created_at     timestamptz NOT NULL DEFAULT now(),
    openings       integer     NOT NULL DEFAULT 0,
    automatic      integer     NOT NULL DEFAULT 0,    -- openings within ten seconds of sending
    last_opened_at timestamptz,
    revoked_at     timestamptz,             -- since when the links to the files do not work
    UNIQUE (report_id, run_id, message),
    FOREIGN KEY (report_id, run_id) REFERENCES reporting.runs (report_id, run_id) ON DELETE CASCADE
);

-- Every time that a reader left a report, and that it was taken back.
CREATE TABLE reporting.opt_outs (
    id            bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    report_id     text        NOT NULL,
    workspace_id  text        NOT NULL,     -- a report that moves leaves its opt-outs behind, as it does its runs
    mailbox       text        NOT NULL,
    address       text        NOT NULL,     -- as their message spelled it
    left_at       timestamptz NOT NULL DEFAULT now(),
    how           text        NOT NULL CHECK (how IN ('one-click', 'page', 'manage')),
    returned_at   timestamptz,
    returned_by   text,                     -- an acting user's id, or airflow:<user>; null for the reader's own link
    return_reason text
);
CREATE UNIQUE INDEX opt_outs_current_idx ON reporting.opt_outs (report_id, workspace_id, mailbox)
WHERE returned_at IS NULL;
CREATE INDEX opt_outs_report_idx ON reporting.opt_outs (report_id);

-- Links of a run that were ended, and opt-outs that were taken back.  Not validated: every earlier entry fulfils it.
ALTER TABLE reporting.audit
    DROP CONSTRAINT audit_action_check,
    ADD CONSTRAINT audit_action_check CHECK (
        action IN ('created', 'changed', 'deleted', 'triggered', 'resent', 'tested', 'revoked', 'returned')
    ) NOT VALID;

-- The rate of a mail service, and when the next message may be sent, for all tasks together.
CREATE TABLE reporting.send_rates (
    service    text             PRIMARY KEY CHECK (service IN ('ses', 'smtp')),
    per_second double precision NOT NULL CHECK (per_second >= 0),    -- 0 for no limit
    learned_at timestamptz      NOT NULL DEFAULT clock_timestamp(),
    next_at    timestamptz      NOT NULL DEFAULT '-infinity'
);
