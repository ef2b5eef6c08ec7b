-- Tables of this product, in a schema that Prisma does not manage.
-- No foreign keys to the application's tables: the application must be able to delete its rows.

CREATE TABLE reporting.report_options (
    report_id      text PRIMARY KEY,
    -- The time since which the schedule is effective; no tick at or before it may run.  Maintained by a trigger.
    effective_from timestamptz NOT NULL,
    -- What happens to ticks that were missed while Airflow was down.
    missed_runs    text        NOT NULL DEFAULT 'latest' CHECK (missed_runs IN ('skip', 'latest', 'all')),
    -- Why the report is in ERROR, and its status before: `rejected` is lifted by upkeep, `failing` only by a person.
    error_cause    text        CHECK (error_cause IN ('rejected', 'failing')),
    status_before  text
);
COMMENT ON TABLE reporting.report_options IS 'What the columns of scheduled_reports cannot hold.';

-- A report whose DAG is to be removed once no run of it is open; until then the DAG stays, without a schedule.
CREATE TABLE reporting.tombstones (
    report_id text        PRIMARY KEY,
    name      text        NOT NULL,
    reason    text        NOT NULL CHECK (reason IN ('deleted', 'disabled', 'rejected')),
    since     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row per DAG run that completed its first task.
CREATE TABLE reporting.runs (
    report_id     text        NOT NULL,
    run_id        text        NOT NULL,
    run_key       text        NOT NULL,   -- run_id in a form that is safe in object keys and folder names
    kind          text        NOT NULL CHECK (kind IN ('scheduled', 'manual', 'backfill')),
    state         text        NOT NULL CHECK (state IN ('running', 'success', 'failed', 'skipped')),
    reason        text,                   -- why it was skipped or failed, for people
    scheduled_for timestamptz NOT NULL,
    window_start  timestamptz,
    window_end    timestamptz,
    triggered_by  text        NOT NULL,   -- a user's id, airflow:<user>, or system
    clear_number  integer     NOT NULL,   -- Airflow's; a higher one freezes the row again
    frozen        jsonb,                  -- the row and the request as `query` read them; null if refused
    mail          jsonb,                  -- recipients and mode, fixed when the first message is claimed
    data_rows     bigint,                 -- rows of the main dataset with data; null until `query` counts them
    counted       text CHECK (counted IN ('success', 'failed')),  -- how the report's counters include this run
    started_at    timestamptz NOT NULL DEFAULT now(),
    settled_at    timestamptz,
    PRIMARY KEY (report_id, run_id)
);
CREATE INDEX runs_unsettled_idx ON reporting.runs (started_at) WHERE state = 'running';
CREATE INDEX runs_report_idx ON reporting.runs (report_id, scheduled_for DESC);

-- One row per file that was uploaded completely to S3.
CREATE TABLE reporting.artifacts (
    report_id    text        NOT NULL,
    run_id       text        NOT NULL,
    format       text        NOT NULL,
    execution_id text        NOT NULL,
    file_name    text        NOT NULL,
    content_type text        NOT NULL,
    bucket       text        NOT NULL,
    object_key   text        NOT NULL,
    bytes        bigint      NOT NULL,
    sha256       text        NOT NULL,
    rows         bigint      NOT NULL,    -- rows of the main dataset in the file
    total_rows   bigint      NOT NULL,    -- rows of the main dataset in total
    uploaded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (report_id, run_id, format),
    FOREIGN KEY (report_id, run_id) REFERENCES reporting.runs (report_id, run_id) ON DELETE CASCADE
);

-- The ledger: a message is claimed before the call, so that no retry can send it twice.
CREATE TABLE reporting.deliveries (
    report_id    text        NOT NULL,
    run_id       text        NOT NULL,
    message      text        NOT NULL,    -- 'report' or, if the envelope is split, 'report/2', 'report/3' and so on
    state        text        NOT NULL CHECK (state IN ('claimed', 'sent', 'refused', 'unknown')),
    subject      text        NOT NULL,
    recipients   jsonb       NOT NULL,    -- {"to": [], "cc": [], "bcc": []}: this call's envelope
    mode         text        NOT NULL CHECK (mode IN ('attach', 'zip', 'link')),
    formats      text[]      NOT NULL,
    message_id   text,                    -- the id that the mail service returned
    error        text,
    claimed_at   timestamptz NOT NULL DEFAULT now(),
    settled_at   timestamptz,
    PRIMARY KEY (report_id, run_id, message)
);
