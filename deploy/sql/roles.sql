-- Four roles without login, each with the least privileges of its part of the product; see docs/security.md.
--
--   psql "postgresql://owner@host/neolith" -f deploy/sql/roles.sql
--   psql … -v reading=reports_reading -v writing=reports_writing -v editing=reports_editing \
--        -v public=reports_public -v schema=public -f …
--
-- Run it as the user who ran `migrate`, after `migrate`, and again after an update of the product: it is safe to repeat.
-- Existing roles of the same names are used; other privileges that you have granted them are kept.
-- Then grant them to users who can log in, one for each connection:
--
--   CREATE ROLE airflow_data LOGIN PASSWORD '…' IN ROLE reports_reading;    -- DATA_CONNECTION
--   CREATE ROLE airflow_tasks LOGIN PASSWORD '…' IN ROLE reports_writing;   -- reports_db of DAG processor and workers
--   CREATE ROLE airflow_api LOGIN PASSWORD '…' IN ROLE reports_editing;     -- reports_db of the API server
--   CREATE ROLE public_door LOGIN PASSWORD '…' IN ROLE reports_public;      -- PUBLIC_DSN of the public door

\set ON_ERROR_STOP on
\if :{?reading} \else \set reading reports_reading \endif
\if :{?writing} \else \set writing reports_writing \endif
\if :{?editing} \else \set editing reports_editing \endif
\if :{?public} \else \set public reports_public \endif
\if :{?schema} \else \set schema public \endif

BEGIN;
SET LOCAL search_path = :"schema", pg_catalog;

SELECT format('CREATE ROLE %I NOLOGIN', wanted.name)
FROM unnest(ARRAY[:'reading', :'writing', :'editing', :'public']) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name)
\gexec

-- Reading: the columns that the report types read, and none of our tables.  No address is among them.
-- Your own report type may need more: GRANT SELECT (its, columns) ON its_table TO the reading role.
GRANT USAGE ON SCHEMA :"schema" TO :"reading";
GRANT SELECT (
    id, actor_id, actor_type, action, resource_type, resource_id, ip, user_agent, severity, created_at
) ON audit_logs TO :"reading";
GRANT SELECT (id, channel_id, user_id, joined_at, left_at) ON channel_members TO :"reading";
GRANT SELECT (id, name, type, is_archived, workspace_id, created_at) ON channels TO :"reading";
GRANT SELECT (
    id, workspace_id, type, format, status, requested_by, record_count, file_size, error, created_at, started_at,
    completed_at
) ON export_jobs TO :"reading";
GRANT SELECT (id, mime_type, size, status, workspace_id, uploaded_by_id, created_at) ON files TO :"reading";
GRANT SELECT (message_id, file_id) ON message_attachments TO :"reading";
-- The text of messages only for its length; no report type shows it.
GRANT SELECT (
    id, content, type, is_edited, is_deleted, channel_id, author_id, parent_id, created_at
) ON messages TO :"reading";
GRANT SELECT (id, message_id, user_id, created_at) ON reactions TO :"reading";
GRANT SELECT (id, scheduled_report_id) ON report_executions TO :"reading";
GRANT SELECT (id, name, workspace_id) ON scheduled_reports TO :"reading";
GRANT SELECT (
    id, title, status, priority, estimated_hours, due_date, vp_id, workspace_id, channel_id, created_by_id,
    assigned_to_id, created_at, updated_at, completed_at
) ON tasks TO :"reading";
GRANT SELECT (id, name, display_name, status, is_vp, last_active_at) ON users TO :"reading";
GRANT SELECT (id, user_id, workspace_id) ON vps TO :"reading";
GRANT SELECT (
    id, status, triggered_by, trigger_type, is_simulation, duration_ms, error, workflow_id, workspace_id, started_at,
    completed_at
) ON workflow_executions TO :"reading";
GRANT SELECT (id, name, status, workspace_id, created_at) ON workflows TO :"reading";
GRANT SELECT (id, role, workspace_id, user_id, joined_at) ON workspace_members TO :"reading";
GRANT SELECT (id, name) ON workspaces TO :"reading";

-- Writing: what parses, tasks and upkeep do.  Of a report it can change only the columns that people do not edit.
GRANT USAGE ON SCHEMA :"schema", reporting TO :"writing";
GRANT SELECT ON workspaces, workspace_members, scheduled_reports, report_executions TO :"writing";
GRANT SELECT (id, email, name, display_name, avatar_url, status) ON users TO :"writing";
GRANT UPDATE (
    status, last_run, last_run_status, next_run, run_count, success_count, failure_count, last_error
) ON scheduled_reports TO :"writing";
GRANT INSERT, UPDATE, DELETE ON report_executions TO :"writing";
GRANT SELECT, INSERT, UPDATE, DELETE ON
    reporting.artifacts, reporting.audit, reporting.calendars, reporting.condition_state, reporting.deliveries,
    reporting.departed, reporting.due_ticks, reporting.missed_ticks, reporting.report_options, reporting.runs,
    reporting.readers, reporting.send_rates, reporting.stages, reporting.tombstones
TO :"writing";
GRANT SELECT, INSERT, UPDATE, DELETE ON reporting.recipients, reporting.feedback TO :"writing";
-- Events suppress an address; lifting that is for the API, and changing a brand as well.
GRANT SELECT, INSERT, DELETE ON reporting.suppressions TO :"writing";
GRANT UPDATE (told_at) ON reporting.suppressions TO :"writing";
GRANT SELECT, DELETE ON reporting.brands TO :"writing";
-- Who has left is for the public door and owners to say; erasing a report erases it, too.
GRANT SELECT, DELETE ON reporting.opt_outs TO :"writing";
-- You decide who may stop all email at once, and only the API names the recipients of a run by hand.
GRANT SELECT ON reporting.switches, reporting.requests TO :"writing";
-- What the doctor compares with the code.
GRANT SELECT ON reporting.migrations TO :"writing";

-- Editing: the same, and what the API changes in reports.  Needed only with the API.
GRANT :"writing" TO :"editing";
GRANT INSERT, UPDATE, DELETE ON scheduled_reports TO :"editing";
GRANT INSERT ON reporting.requests TO :"editing";
GRANT UPDATE ON reporting.opt_outs, reporting.suppressions TO :"editing";
GRANT INSERT, UPDATE ON reporting.brands TO :"editing";

-- Public: five functions, each of which needs the handle of a reader's link, and no table.  Needed only with LINK_BASE.
GRANT USAGE ON SCHEMA reporting TO :"public";
GRANT EXECUTE ON FUNCTION
    reporting.door_brand(uuid), reporting.door_file(uuid, text, boolean), reporting.door_reader(uuid),
    reporting.door_reports(uuid), reporting.door_switch(uuid, text, text)
TO :"public";
COMMIT;
