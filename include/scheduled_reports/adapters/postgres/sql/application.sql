-- The seed's two tables with their enums, indexes and foreign keys, exactly as Prisma creates them: a Prisma diff
-- against the seed's models is empty afterwards.  Names are unqualified: they share the application's schema.
-- Safe to run again; objects that exist, created by us or by Prisma, are not changed.
-- `id` and `updated_at` have no default because the Prisma client sets them.

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

-- PostgreSQL has no ADD CONSTRAINT IF NOT EXISTS; the application's tables may be created after ours.
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
