-- Three roles without login, each with what its part of the product needs and no more; see docs/security.md.
--
--   psql "postgresql://owner@host/neolith" -f deploy/sql/roles.sql
--   psql … -v reading=reports_reading -v writing=reports_writing -v editing=reports_editing -v schema=public -f …
--
-- Run it as whoever ran `migrate`, after `migrate`, and again after an update of the product: it is safe to repeat.
-- Roles of the same names that are there already are used; what you have granted them besides stays.
-- Then give them to users who can log in, one for each connection:
--
--   CREATE ROLE airflow_data LOGIN PASSWORD '…' IN ROLE reports_reading;    -- DATA_CONNECTION
--   CREATE ROLE airflow_tasks LOGIN PASSWORD '…' IN ROLE reports_writing;   -- reports_db of DAG processor and workers
--   CREATE ROLE airflow_api LOGIN PASSWORD '…' IN ROLE reports_editing;     -- reports_db of the API server

\set ON_ERROR_STOP on
\if :{?reading} \else \set reading reports_reading \endif
\if :{?writing} \else \set writing reports_writing \endif
\if :{?editing} \else \set editing reports_editing \endif
\if :{?schema} \else \set schema public \endif

BEGIN;
SET LOCAL search_path = :"schema", pg_catalog;

SELECT format('CREATE ROLE %I NOLOGIN', wanted.name)
FROM unnest(ARRAY[:'reading', :'writing', :'editing']) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name)
\gexec

-- Reading: the tables that the report types ask, and nothing of ours.
-- A report type of your own may need more: GRANT SELECT ON its_table TO the reading role.
GRANT USAGE ON SCHEMA :"schema" TO :"reading";
GRANT SELECT ON
    audit_logs, channel_members, channels, export_jobs, files, message_attachments, messages, reactions,
    report_executions, scheduled_reports, tasks, users, vps, workflow_executions, workflows, workspace_members,
    workspaces
TO :"reading";

-- Writing: what parse, tasks and upkeep do.  Of a report only what no person edits can be changed.
GRANT USAGE ON SCHEMA :"schema", reporting TO :"writing";
GRANT SELECT ON workspaces, workspace_members, scheduled_reports, report_executions TO :"writing";
GRANT SELECT (id, email, name, display_name, avatar_url, status) ON users TO :"writing";
GRANT UPDATE (
    status, last_run, last_run_status, next_run, run_count, success_count, failure_count, last_error
) ON scheduled_reports TO :"writing";
GRANT INSERT, UPDATE, DELETE ON report_executions TO :"writing";
GRANT SELECT, INSERT, UPDATE, DELETE ON
    reporting.artifacts, reporting.audit, reporting.deliveries, reporting.departed, reporting.report_options,
    reporting.runs, reporting.tombstones
TO :"writing";
-- Who may stop all mail at once is for you to say.
GRANT SELECT ON reporting.switches TO :"writing";

-- Editing: the same, and what the API changes in reports.  Without the API nobody needs it.
GRANT :"writing" TO :"editing";
GRANT INSERT, UPDATE, DELETE ON scheduled_reports TO :"editing";
COMMIT;
