-- What `python -m include.scheduled_reports migrate` does, for `prisma migrate deploy`: to the letter the same objects.
-- Made by `make prisma`; do not edit.  Safe where `migrate` has run before, wholly or in an older version.
-- Prisma sends it as one text, which PostgreSQL runs in one transaction: all of it or nothing.

DO $$
BEGIN
    IF current_setting('server_version_num')::int < 140000 THEN
        RAISE EXCEPTION 'PostgreSQL 14 or later is needed';
    END IF;
END
$$;
SELECT pg_advisory_xact_lock(hashtextextended('scheduled_reports.migrate', 0));
-- While our DDL waits for a table, every write of the application queues up behind it: better to give up soon.
SET LOCAL lock_timeout = '10s';

-- From reporting.sql

-- What has to be there before the numbered files of migrations/ can run.

CREATE SCHEMA IF NOT EXISTS reporting;
CREATE TABLE IF NOT EXISTS reporting.migrations (
    name       text        PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- From application.sql

-- The seed's two tables with their enums, indexes and foreign keys, exactly as Prisma makes them: a Prisma diff
-- against the seed's models is empty afterwards.  Names are unqualified: they go where the application's tables are.
-- Safe to run again; objects that are there already, made by us or by Prisma, are left alone.
-- `id` and `updated_at` have no default because the Prisma client makes them.

DO $$
BEGIN
    IF to_regtype('"ScheduledReportStatus"') IS NULL THEN
        CREATE TYPE "ScheduledReportStatus" AS ENUM ('ACTIVE', 'PAUSED', 'DISABLED', 'ERROR');
    END IF;
    IF to_regtype('"ExportStatus"') IS NULL THEN
        CREATE TYPE "ExportStatus" AS ENUM ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED');
    END IF;
    IF to_regtype('"ExportFormat"') IS NULL THEN
        CREATE TYPE "ExportFormat" AS ENUM ('JSON', 'CSV');
    END IF;
END
$$;
ALTER TYPE "ExportFormat" ADD VALUE IF NOT EXISTS 'PDF';
ALTER TYPE "ExportFormat" ADD VALUE IF NOT EXISTS 'EXCEL';
ALTER TYPE "ExportFormat" ADD VALUE IF NOT EXISTS 'HTML';

CREATE TABLE IF NOT EXISTS scheduled_reports (
    id                       TEXT NOT NULL,
    name                     TEXT NOT NULL,
    description              TEXT,
    "reportType"             TEXT NOT NULL,
    cron_expression          TEXT NOT NULL,
    timezone                 TEXT NOT NULL DEFAULT 'UTC',
    is_active                BOOLEAN NOT NULL DEFAULT true,
    status                   "ScheduledReportStatus" NOT NULL DEFAULT 'ACTIVE',
    export_formats           TEXT[],
    parameters               JSONB NOT NULL DEFAULT '{}',
    tags                     TEXT[] DEFAULT ARRAY[]::TEXT[],
    email_enabled            BOOLEAN NOT NULL DEFAULT false,
    email_recipients         TEXT[],
    email_cc_recipients      TEXT[] DEFAULT ARRAY[]::TEXT[],
    email_bcc_recipients     TEXT[] DEFAULT ARRAY[]::TEXT[],
    email_subject            TEXT,
    email_include_attachment BOOLEAN NOT NULL DEFAULT true,
    email_include_preview    BOOLEAN NOT NULL DEFAULT false,
    email_send_only_if_data  BOOLEAN NOT NULL DEFAULT false,
    last_run                 TIMESTAMP(3),
    last_run_status          TEXT,
    next_run                 TIMESTAMP(3),
    run_count                INTEGER NOT NULL DEFAULT 0,
    success_count            INTEGER NOT NULL DEFAULT 0,
    failure_count            INTEGER NOT NULL DEFAULT 0,
    last_error               TEXT,
    workspace_id             TEXT NOT NULL,
    created_by_id            TEXT NOT NULL,
    created_at               TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at               TIMESTAMP(3) NOT NULL,
    CONSTRAINT scheduled_reports_pkey PRIMARY KEY (id)
);
CREATE INDEX IF NOT EXISTS scheduled_reports_workspace_id_idx ON scheduled_reports (workspace_id);
CREATE INDEX IF NOT EXISTS scheduled_reports_status_idx ON scheduled_reports (status);
CREATE INDEX IF NOT EXISTS scheduled_reports_is_active_idx ON scheduled_reports (is_active);
CREATE INDEX IF NOT EXISTS scheduled_reports_next_run_idx ON scheduled_reports (next_run);
CREATE INDEX IF NOT EXISTS "scheduled_reports_reportType_idx" ON scheduled_reports ("reportType");
CREATE INDEX IF NOT EXISTS scheduled_reports_created_by_id_idx ON scheduled_reports (created_by_id);

CREATE TABLE IF NOT EXISTS report_executions (
    id                  TEXT NOT NULL,
    scheduled_report_id TEXT NOT NULL,
    status              "ExportStatus" NOT NULL DEFAULT 'PENDING',
    triggered_by        TEXT NOT NULL,
    triggered_manually  BOOLEAN NOT NULL DEFAULT false,
    file_url            TEXT,
    file_size           BIGINT,
    record_count        INTEGER,
    format              "ExportFormat" NOT NULL,
    scheduled_for       TIMESTAMP(3) NOT NULL,
    started_at          TIMESTAMP(3),
    completed_at        TIMESTAMP(3),
    duration            INTEGER,
    error               TEXT,
    retry_count         INTEGER NOT NULL DEFAULT 0,
    email_sent          BOOLEAN NOT NULL DEFAULT false,
    email_sent_at       TIMESTAMP(3),
    email_error         TEXT,
    progress            INTEGER NOT NULL DEFAULT 0,
    created_at          TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT report_executions_pkey PRIMARY KEY (id)
);
CREATE INDEX IF NOT EXISTS report_executions_scheduled_report_id_idx ON report_executions (scheduled_report_id);
CREATE INDEX IF NOT EXISTS report_executions_status_idx ON report_executions (status);
CREATE INDEX IF NOT EXISTS report_executions_scheduled_for_idx ON report_executions (scheduled_for);
CREATE INDEX IF NOT EXISTS report_executions_created_at_idx ON report_executions (created_at);

-- PostgreSQL has no ADD CONSTRAINT IF NOT EXISTS; the application's tables may come after ours.
DO $$
DECLARE
    present CONSTANT name[] := ARRAY(
        SELECT conname FROM pg_constraint
        WHERE conrelid IN ('scheduled_reports'::regclass, 'report_executions'::regclass)
    );
BEGIN
    IF 'report_executions_scheduled_report_id_fkey' <> ALL (present) THEN
        ALTER TABLE report_executions ADD CONSTRAINT report_executions_scheduled_report_id_fkey
            FOREIGN KEY (scheduled_report_id) REFERENCES scheduled_reports (id) ON DELETE CASCADE ON UPDATE CASCADE;
    END IF;
    IF 'scheduled_reports_workspace_id_fkey' <> ALL (present) AND to_regclass('workspaces') IS NOT NULL THEN
        ALTER TABLE scheduled_reports ADD CONSTRAINT scheduled_reports_workspace_id_fkey
            FOREIGN KEY (workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE ON UPDATE CASCADE;
    END IF;
    IF 'scheduled_reports_created_by_id_fkey' <> ALL (present) AND to_regclass('users') IS NOT NULL THEN
        ALTER TABLE scheduled_reports ADD CONSTRAINT scheduled_reports_created_by_id_fkey
            FOREIGN KEY (created_by_id) REFERENCES users (id) ON DELETE RESTRICT ON UPDATE CASCADE;
    END IF;
END
$$;

-- From migrations/0001_reporting.sql

DO $once$
BEGIN
    IF NOT EXISTS (SELECT FROM reporting.migrations WHERE name = '0001_reporting') THEN
        INSERT INTO reporting.migrations (name) VALUES ('0001_reporting');
        EXECUTE $file$
-- Our own tables, in a schema that Prisma does not look at.
-- No foreign keys to the application's tables: its rows come and go without asking us.

CREATE TABLE reporting.report_options (
    report_id      text PRIMARY KEY,
    -- The moment since which the schedule is effective; no tick at or before it may fire.  Kept by a trigger.
    effective_from timestamptz NOT NULL,
    -- What becomes of ticks that were missed while Airflow was away.
    missed_runs    text        NOT NULL DEFAULT 'latest' CHECK (missed_runs IN ('skip', 'latest', 'all')),
    -- Why the report is in ERROR, and what it was before: `rejected` is lifted by upkeep, `failing` by a person only.
    error_cause    text        CHECK (error_cause IN ('rejected', 'failing')),
    status_before  text
);
COMMENT ON TABLE reporting.report_options IS 'What the columns of scheduled_reports cannot hold.';

-- A report that has no DAG any more, once no run of it is open: until then its DAG stays, without a schedule.
CREATE TABLE reporting.tombstones (
    report_id text        PRIMARY KEY,
    name      text        NOT NULL,
    reason    text        NOT NULL CHECK (reason IN ('deleted', 'disabled', 'rejected')),
    since     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row per DAG run that got past its first task.
CREATE TABLE reporting.runs (
    report_id     text        NOT NULL,
    run_id        text        NOT NULL,
    run_key       text        NOT NULL,   -- run_id made safe for object keys and folders
    kind          text        NOT NULL CHECK (kind IN ('scheduled', 'manual', 'backfill')),
    state         text        NOT NULL CHECK (state IN ('running', 'success', 'failed', 'skipped')),
    reason        text,                   -- why it was skipped or failed, in plain words
    scheduled_for timestamptz NOT NULL,
    window_start  timestamptz,
    window_end    timestamptz,
    triggered_by  text        NOT NULL,   -- a user's id, airflow:<user>, or system
    clear_number  integer     NOT NULL,   -- Airflow's; a higher one freezes anew
    frozen        jsonb,                  -- the row and the request as `query` found them; null when it was refused
    mail          jsonb,                  -- to whom and how, fixed when the first message is claimed
    data_rows     bigint,                 -- rows of the main dataset with data; null until `query` has counted them
    counted       text CHECK (counted IN ('success', 'failed')),  -- what the report's counters hold for this run
    started_at    timestamptz NOT NULL DEFAULT now(),
    settled_at    timestamptz,
    PRIMARY KEY (report_id, run_id)
);
CREATE INDEX runs_unsettled_idx ON reporting.runs (started_at) WHERE state = 'running';
CREATE INDEX runs_report_idx ON reporting.runs (report_id, scheduled_for DESC);

-- One row per file that S3 holds whole.
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
    total_rows   bigint      NOT NULL,    -- rows of the main dataset there were
    uploaded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (report_id, run_id, format),
    FOREIGN KEY (report_id, run_id) REFERENCES reporting.runs (report_id, run_id) ON DELETE CASCADE
);

-- The ledger: claimed before the call, so that no retry can mail twice.
CREATE TABLE reporting.deliveries (
    report_id    text        NOT NULL,
    run_id       text        NOT NULL,
    message      text        NOT NULL,    -- 'report' or, where the envelope is split, 'report/2', 'report/3' …
    state        text        NOT NULL CHECK (state IN ('claimed', 'sent', 'refused', 'unknown')),
    subject      text        NOT NULL,
    recipients   jsonb       NOT NULL,    -- {"to": [], "cc": [], "bcc": []}: this call's envelope
    mode         text        NOT NULL CHECK (mode IN ('attach', 'zip', 'link')),
    formats      text[]      NOT NULL,
    message_id   text,                    -- what the mail service answered
    error        text,
    claimed_at   timestamptz NOT NULL DEFAULT now(),
    settled_at   timestamptz,
    PRIMARY KEY (report_id, run_id, message)
);
$file$;
    END IF;
END
$once$;

-- From migrations/0002_retention.sql

DO $once$
BEGIN
    IF NOT EXISTS (SELECT FROM reporting.migrations WHERE name = '0002_retention') THEN
        INSERT INTO reporting.migrations (name) VALUES ('0002_retention');
        EXECUTE $file$
-- What upkeep has to know to let old files and rows go.

-- When the object was deleted; the row stays as long as its run does.
ALTER TABLE reporting.artifacts ADD COLUMN deleted_at timestamptz;

ALTER TABLE reporting.runs
    -- Since when S3 holds nothing of the run; null while it may.
    ADD COLUMN files_gone_at timestamptz,
    -- When something was in the way of retention: it looks at the run again an hour later.
    ADD COLUMN put_off_at    timestamptz;
-- Every run is in one of the two: what has files waits for keep_files, what has none for keep_rows.
CREATE INDEX runs_with_files_idx ON reporting.runs (settled_at) WHERE settled_at IS NOT NULL AND files_gone_at IS NULL;
CREATE INDEX runs_without_files_idx ON reporting.runs (settled_at)
    WHERE settled_at IS NOT NULL AND files_gone_at IS NOT NULL;
-- Few at any time, and asked for with every run that may go.
CREATE INDEX deliveries_claimed_idx ON reporting.deliveries (report_id, run_id) WHERE state = 'claimed';

-- Reports that were deleted, until nothing is left of them.  A tombstone goes with the DAG, within minutes; this stays.
CREATE TABLE reporting.departed (
    report_id    text        PRIMARY KEY,
    workspace_id text,                    -- null where nobody saw which; its runs tell then
    since        timestamptz NOT NULL DEFAULT clock_timestamp(),
    now_called   text,                    -- a report with a new id is no deleted one: it takes along what the old id left
    put_off_at   timestamptz
);
CREATE INDEX departed_renamed_idx ON reporting.departed (now_called) WHERE now_called IS NOT NULL;

-- Those that went before this table came.  Executions follow a report to a new id, and go with a deleted one.
INSERT INTO reporting.departed (report_id, since, now_called)
SELECT gone.report_id, coalesce(t.since, now()), (
    SELECT e.scheduled_report_id
    FROM reporting.artifacts a JOIN report_executions e ON e.id = a.execution_id
    WHERE a.report_id = gone.report_id
    LIMIT 1
)
FROM (
    SELECT report_id FROM reporting.tombstones WHERE reason = 'deleted' UNION SELECT report_id FROM reporting.runs
) gone
LEFT JOIN reporting.tombstones t ON t.report_id = gone.report_id
WHERE NOT EXISTS (SELECT FROM scheduled_reports r WHERE r.id = gone.report_id);
$file$;
    END IF;
END
$once$;

-- From migrations/0003_delivery.sql

DO $once$
BEGIN
    IF NOT EXISTS (SELECT FROM reporting.migrations WHERE name = '0003_delivery') THEN
        INSERT INTO reporting.migrations (name) VALUES ('0003_delivery');
        EXECUTE $file$
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
$file$;
    END IF;
END
$once$;

-- From migrations/0004_charts.sql

DO $once$
BEGIN
    IF NOT EXISTS (SELECT FROM reporting.migrations WHERE name = '0004_charts') THEN
        INSERT INTO reporting.migrations (name) VALUES ('0004_charts');
        EXECUTE $file$
-- What a mail draws of the data, so that its charts need no staging: Arrow IPC streams, one after the other, some
-- kilobytes each.  Runs from before have none, and their mails show none when they are sent again.
ALTER TABLE reporting.runs ADD COLUMN charts bytea;
$file$;
    END IF;
END
$once$;

-- From migrations/0005_api.sql

DO $once$
BEGIN
    IF NOT EXISTS (SELECT FROM reporting.migrations WHERE name = '0005_api') THEN
        INSERT INTO reporting.migrations (name) VALUES ('0005_api');
        EXECUTE $file$
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
$file$;
    END IF;
END
$once$;

-- From migrations/0006_imports.sql

DO $once$
BEGIN
    IF NOT EXISTS (SELECT FROM reporting.migrations WHERE name = '0006_imports') THEN
        INSERT INTO reporting.migrations (name) VALUES ('0006_imports');
        EXECUTE $file$
-- Which export job became which report.  A row outlives its report: what was deleted does not come back.
CREATE TABLE reporting.imports (
    job_id        text        PRIMARY KEY,
    report_id     text        NOT NULL,
    -- What the two looked like then: an edit shows in them.
    job_digest    text        NOT NULL,
    report_digest text        NOT NULL,
    -- What the old way had counted then: it goes on counting until it is switched off.
    run_count     integer     NOT NULL,
    failure_count integer     NOT NULL,
    imported_at   timestamptz NOT NULL DEFAULT now(),
    switched_off  timestamptz
);
$file$;
    END IF;
END
$once$;

-- From triggers.sql

-- Keep reporting.report_options and reporting.tombstones right whoever edits scheduled_reports: Prisma, psql or we.
-- SECURITY DEFINER, because the application's database user has no rights in our schema and needs none; the fixed
-- search_path keeps that from being turned against us.

CREATE OR REPLACE FUNCTION reporting.schedule_became_effective() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.id <> NEW.id THEN
        -- Our options follow the report; what another one has left under its new id goes.
        DELETE FROM reporting.report_options WHERE report_id = NEW.id;
        UPDATE reporting.report_options SET report_id = NEW.id WHERE report_id = OLD.id;
        DELETE FROM reporting.tombstones WHERE report_id = NEW.id;
    END IF;
    -- clock_timestamp() and not now(): now() is when the transaction began, which may be long before this edit, and
    -- after a wait for another editor's lock it would put the moment back to before that editor's change.
    INSERT INTO reporting.report_options (report_id, effective_from) VALUES (NEW.id, clock_timestamp())
    ON CONFLICT (report_id) DO UPDATE SET effective_from = EXCLUDED.effective_from;
    RETURN NULL;
END
$$;

-- Why a report is in ERROR is forgotten when somebody takes it out of there.
CREATE OR REPLACE FUNCTION reporting.error_lifted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE reporting.report_options SET error_cause = NULL, status_before = NULL WHERE report_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION reporting.report_went() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM reporting.report_options WHERE report_id = OLD.id;
        -- What it was called before goes with it.
        UPDATE reporting.departed SET since = clock_timestamp(), now_called = NULL WHERE now_called = OLD.id;
        INSERT INTO reporting.departed (report_id, workspace_id) VALUES (OLD.id, OLD.workspace_id)
        ON CONFLICT (report_id) DO UPDATE
        SET workspace_id = EXCLUDED.workspace_id, since = EXCLUDED.since, now_called = NULL, put_off_at = NULL;
    ELSIF OLD.id <> NEW.id THEN
        DELETE FROM reporting.departed WHERE report_id = NEW.id;
        UPDATE reporting.departed SET now_called = NEW.id WHERE now_called = OLD.id;
        INSERT INTO reporting.departed (report_id, workspace_id, now_called) VALUES (OLD.id, OLD.workspace_id, NEW.id)
        ON CONFLICT (report_id) DO UPDATE SET workspace_id = EXCLUDED.workspace_id, now_called = EXCLUDED.now_called;
    END IF;
    INSERT INTO reporting.tombstones (report_id, name, reason)
    VALUES (OLD.id, OLD.name, CASE WHEN TG_ARGV[0] = 'disabled' THEN 'disabled' ELSE 'deleted' END)
    ON CONFLICT (report_id) DO UPDATE SET name = EXCLUDED.name, reason = EXCLUDED.reason, since = EXCLUDED.since;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION reporting.report_came() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM reporting.tombstones WHERE report_id = NEW.id;
    DELETE FROM reporting.departed WHERE report_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION reporting.reports_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO reporting.tombstones (report_id, name, reason)
    SELECT report_id, report_id, 'deleted' FROM reporting.report_options
    ON CONFLICT (report_id) DO UPDATE SET reason = EXCLUDED.reason, since = EXCLUDED.since;
    UPDATE reporting.departed SET since = clock_timestamp(), now_called = NULL WHERE now_called IS NOT NULL;
    INSERT INTO reporting.departed (report_id) SELECT report_id FROM reporting.report_options
    ON CONFLICT (report_id) DO UPDATE SET since = EXCLUDED.since, now_called = NULL;
    DELETE FROM reporting.report_options;
    RETURN NULL;
END
$$;

-- Our API says who acts by a setting of the transaction; everybody else is known by the role he has connected with.
CREATE OR REPLACE FUNCTION reporting.edit_noted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- What no person edits.
    ours CONSTANT text[] := ARRAY['last_run', 'last_run_status', 'next_run', 'run_count', 'success_count',
                                  'failure_count', 'last_error', 'created_at', 'updated_at'];
    was CONSTANT jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) - ours END;
    is_now CONSTANT jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) - ours END;
    report CONSTANT jsonb := was || is_now;
BEGIN
    IF was = is_now THEN
        RETURN NULL;
    END IF;
    INSERT INTO reporting.audit (report_id, workspace_id, action, actor, acting_user, before, after)
    SELECT report ->> 'id', report ->> 'workspace_id',
           CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'UPDATE' THEN 'changed' ELSE 'deleted' END,
           coalesce(nullif(current_setting('reporting.actor', true), ''), 'database:' || session_user),
           nullif(current_setting('reporting.acting_user', true), ''),
           jsonb_object_agg(key, was -> key) FILTER (WHERE was ? key),
           jsonb_object_agg(key, is_now -> key) FILTER (WHERE is_now ? key)
    FROM jsonb_object_keys(report) AS key
    WHERE was -> key IS DISTINCT FROM is_now -> key;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER reporting_report_added AFTER INSERT ON scheduled_reports
FOR EACH ROW EXECUTE FUNCTION reporting.schedule_became_effective();

CREATE OR REPLACE TRIGGER reporting_report_came AFTER INSERT ON scheduled_reports
FOR EACH ROW EXECUTE FUNCTION reporting.report_came();

-- UPDATE OF and WHEN: a counter write does not even look at these, and saving a report unchanged calls nothing.
CREATE OR REPLACE TRIGGER reporting_schedule_changed
AFTER UPDATE OF id, cron_expression, timezone, is_active, status ON scheduled_reports
FOR EACH ROW WHEN (
    OLD.id <> NEW.id
    OR OLD.cron_expression <> NEW.cron_expression
    OR OLD.timezone <> NEW.timezone
    OR ((NEW.is_active AND NEW.status = 'ACTIVE') AND NOT (OLD.is_active AND OLD.status = 'ACTIVE'))
)
EXECUTE FUNCTION reporting.schedule_became_effective();

CREATE OR REPLACE TRIGGER reporting_error_lifted AFTER UPDATE OF status ON scheduled_reports
FOR EACH ROW WHEN (OLD.status = 'ERROR' AND NEW.status <> 'ERROR')
EXECUTE FUNCTION reporting.error_lifted();

CREATE OR REPLACE TRIGGER reporting_report_disabled AFTER UPDATE OF status ON scheduled_reports
FOR EACH ROW WHEN (OLD.status <> 'DISABLED' AND NEW.status = 'DISABLED')
EXECUTE FUNCTION reporting.report_went('disabled');

CREATE OR REPLACE TRIGGER reporting_report_enabled AFTER UPDATE OF status ON scheduled_reports
FOR EACH ROW WHEN (OLD.status = 'DISABLED' AND NEW.status <> 'DISABLED')
EXECUTE FUNCTION reporting.report_came();

CREATE OR REPLACE TRIGGER reporting_report_renamed AFTER UPDATE OF id ON scheduled_reports
FOR EACH ROW WHEN (OLD.id <> NEW.id)
EXECUTE FUNCTION reporting.report_went();

CREATE OR REPLACE TRIGGER reporting_report_deleted AFTER DELETE ON scheduled_reports
FOR EACH ROW EXECUTE FUNCTION reporting.report_went();

CREATE OR REPLACE TRIGGER reporting_reports_truncated AFTER TRUNCATE ON scheduled_reports
FOR EACH STATEMENT EXECUTE FUNCTION reporting.reports_truncated();

-- Not for the columns that we write after every run.
CREATE OR REPLACE TRIGGER reporting_edit_noted
AFTER INSERT OR DELETE OR UPDATE OF
    id, name, description, "reportType", cron_expression, timezone, is_active, status, export_formats, parameters, tags,
    email_enabled, email_recipients, email_cc_recipients, email_bcc_recipients, email_subject,
    email_include_attachment, email_include_preview, email_send_only_if_data, workspace_id, created_by_id
ON scheduled_reports
FOR EACH ROW EXECUTE FUNCTION reporting.edit_noted();

-- From adopt.sql

-- Reports older than the triggers: effective from this moment, so that none fires for a tick before it.
INSERT INTO reporting.report_options (report_id, effective_from)
SELECT id, statement_timestamp() FROM scheduled_reports
ON CONFLICT (report_id) DO NOTHING;
