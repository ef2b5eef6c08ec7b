-- What the mail service's events tell: what became of messages, and which addresses are not mailed any more.

ALTER TABLE reporting.deliveries
    ADD COLUMN feedback_id  uuid,           -- the random id that the mail service's events name; null without events
    ADD COLUMN confirmed_at timestamptz,    -- when an event showed that a message of unknown outcome was sent
    ADD COLUMN told_at      timestamptz;    -- when the owner was told of that
CREATE UNIQUE INDEX deliveries_feedback_idx ON reporting.deliveries (feedback_id) WHERE feedback_id IS NOT NULL;
CREATE INDEX deliveries_untold_idx ON reporting.deliveries (report_id, run_id)
WHERE confirmed_at IS NOT NULL AND told_at IS NULL;

-- One row for each recipient of a message of whom an event has told.
CREATE TABLE reporting.recipients (
    report_id text        NOT NULL,
    run_id    text        NOT NULL,
    message   text        NOT NULL,
    mailbox   text        NOT NULL,    -- the address in the form in which addresses are compared
    address   text        NOT NULL,    -- as the message spelled it
    state     text        NOT NULL CHECK (
        state IN ('accepted', 'delayed', 'soft-bounced', 'delivered', 'rejected', 'bounced', 'complained')
    ),
    at        timestamptz NOT NULL,    -- when it happened, as the mail service says
    reason    text        NOT NULL,    -- in plain words; may be empty
    detail    text        NOT NULL,    -- what the recipient's mail server said; may be empty
    PRIMARY KEY (report_id, run_id, message, mailbox),
    FOREIGN KEY (report_id, run_id, message) REFERENCES reporting.deliveries (report_id, run_id, message)
        ON DELETE CASCADE
);

-- The addresses that a workspace's reports do not mail, and those that were let be mailed again.
CREATE TABLE reporting.suppressions (
    id           bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    workspace_id text        NOT NULL,
    mailbox      text        NOT NULL,
    address      text        NOT NULL,
    cause        text        NOT NULL CHECK (cause IN ('bounce', 'complaint')),
    reason       text        NOT NULL,
    report_id    text        NOT NULL,    -- whose message it was
    run_id       text        NOT NULL,
    since        timestamptz NOT NULL DEFAULT now(),
    told_at      timestamptz,             -- when the report's owner was told
    lifted_at    timestamptz,
    lifted_by    text,                    -- an acting user's id, or airflow:<user>
    lift_reason  text
);
CREATE UNIQUE INDEX suppressions_current_idx ON reporting.suppressions (workspace_id, mailbox)
WHERE lifted_at IS NULL;
CREATE INDEX suppressions_untold_idx ON reporting.suppressions (report_id, run_id) WHERE told_at IS NULL;

-- How far the events were read; one row.
CREATE TABLE reporting.feedback (
    single     boolean     PRIMARY KEY DEFAULT true CHECK (single),
    drained_at timestamptz,                       -- when the queue was last found empty
    events     bigint      NOT NULL DEFAULT 0,
    ignored    bigint      NOT NULL DEFAULT 0     -- messages of the queue that were none of ours
);
INSERT INTO reporting.feedback DEFAULT VALUES;

-- Addresses that were let be mailed again.  Not validated: every earlier entry fulfils it.
ALTER TABLE reporting.audit
    DROP CONSTRAINT audit_action_check,
    ADD CONSTRAINT audit_action_check CHECK (
        action IN ('created', 'changed', 'deleted', 'triggered', 'resent', 'tested', 'revoked', 'returned', 'lifted')
    ) NOT VALID;
