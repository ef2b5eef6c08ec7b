-- Optional: PostgreSQL itself restricts the reading role to one workspace, so that even wrong SQL in your own report
-- type cannot see another one; see docs/security.md.
--
--   psql "postgresql://owner@host/neolith" -f deploy/sql/row-level-security.sql          -- after roles.sql
--   psql … -v undo=1 -f deploy/sql/row-level-security.sql                                -- removes it
--
-- `report.workspace_id` is set in each transaction that reads data; without it every query is an error.
-- Nothing changes for other roles: the policies do not apply to the owner of the tables (no FORCE), and a permissive
-- policy lets all others through.  It needs a separate DATA_CONNECTION: a user with both roles could not read reports.

\set ON_ERROR_STOP on
\if :{?reading} \else \set reading reports_reading \endif
\if :{?schema} \else \set schema public \endif
\if :{?undo} \else \set undo 0 \endif

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = :"schema", pg_catalog;
-- A table that has policies must not be opened by ours.
DO $$
DECLARE
    theirs CONSTANT text := (
        SELECT string_agg(DISTINCT polrelid::regclass::text, ', ') FROM pg_policy
        WHERE polname NOT IN ('reporting_everybody', 'reporting_one_workspace')
          AND polrelid = ANY (ARRAY[
              'audit_logs', 'channel_members', 'channels', 'export_jobs', 'files', 'message_attachments', 'messages',
              'reactions', 'report_executions', 'scheduled_reports', 'tasks', 'workflow_executions', 'workflows',
              'workspace_members', 'workspaces']::regclass[])
    );
BEGIN
    IF theirs IS NOT NULL THEN
        RAISE EXCEPTION 'there are policies already on %: add reporting_one_workspace to them by hand', theirs;
    END IF;
END
$$;

-- An entry of the audit log has no workspace: it belongs to another one if its resource does.  The function runs with
-- the owner's privileges, because the reading role does not see resources of other workspaces.
CREATE OR REPLACE FUNCTION reporting.lies_elsewhere(thing text, workspace text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT EXISTS (
        SELECT FROM (
            SELECT id AS workspace_id FROM workspaces WHERE id = thing
            UNION ALL SELECT workspace_id FROM channels WHERE id = thing
            UNION ALL SELECT c.workspace_id FROM messages m JOIN channels c ON c.id = m.channel_id WHERE m.id = thing
            UNION ALL SELECT c.workspace_id FROM reactions r JOIN messages m ON m.id = r.message_id
                JOIN channels c ON c.id = m.channel_id WHERE r.id = thing
            UNION ALL SELECT workspace_id FROM files WHERE id = thing
            UNION ALL SELECT workspace_id FROM tasks WHERE id = thing
            UNION ALL SELECT workspace_id FROM workflows WHERE id = thing
            UNION ALL SELECT workspace_id FROM workflow_executions WHERE id = thing
            UNION ALL SELECT workspace_id FROM export_jobs WHERE id = thing
            UNION ALL SELECT workspace_id FROM workspace_members WHERE id = thing
            UNION ALL SELECT c.workspace_id FROM channel_members m JOIN channels c ON c.id = m.channel_id
                WHERE m.id = thing
            UNION ALL SELECT workspace_id FROM vps WHERE id = thing
            UNION ALL SELECT workspace_id FROM scheduled_reports WHERE id = thing
            UNION ALL SELECT r.workspace_id FROM report_executions e
                JOIN scheduled_reports r ON r.id = e.scheduled_report_id WHERE e.id = thing
        ) places
        WHERE workspace_id <> workspace
    )
$$;
ALTER FUNCTION reporting.lies_elsewhere SET search_path = :"schema", pg_catalog, pg_temp;
REVOKE ALL ON FUNCTION reporting.lies_elsewhere FROM PUBLIC;
-- It answers yes or no for one id, and returns no row.
GRANT USAGE ON SCHEMA reporting TO :"reading";
GRANT EXECUTE ON FUNCTION reporting.lies_elsewhere TO :"reading";

-- A restrictive policy narrows what a permissive one allows: with the restrictive one alone nobody else would see a row.
SELECT format('ALTER TABLE %I %s ROW LEVEL SECURITY', of.name, CASE WHEN :undo = 1 THEN 'DISABLE' ELSE 'ENABLE' END),
       format('DROP POLICY IF EXISTS reporting_everybody ON %I', of.name),
       format('DROP POLICY IF EXISTS reporting_one_workspace ON %I', of.name),
       CASE WHEN :undo = 0 THEN
           format('CREATE POLICY reporting_everybody ON %I USING (true) WITH CHECK (true)', of.name) END,
       CASE WHEN :undo = 0 THEN
           format('CREATE POLICY reporting_one_workspace ON %I AS RESTRICTIVE FOR SELECT TO %I USING (%s)',
                  of.name, :'reading', of.rule) END
FROM (
    -- In a subquery the setting is read once per query, not once per row.
    SELECT 'workspaces' AS name, $$id = (SELECT current_setting('report.workspace_id'))$$ AS rule
    UNION ALL
    SELECT unnest(ARRAY['channels', 'export_jobs', 'files', 'scheduled_reports', 'tasks', 'workflow_executions',
                        'workflows', 'workspace_members']),
           $$workspace_id = (SELECT current_setting('report.workspace_id'))$$
    UNION ALL
    -- With an array PostgreSQL looks messages up by their channels; with a join it would read all of them.
    SELECT unnest(ARRAY['messages', 'channel_members']), $$channel_id = ANY (ARRAY(
        SELECT c.id FROM channels c WHERE c.workspace_id = (SELECT current_setting('report.workspace_id'))))$$
    UNION ALL
    -- The policies of messages and of scheduled_reports apply here as well.
    SELECT unnest(ARRAY['reactions', 'message_attachments']),
           $$EXISTS (SELECT FROM messages m WHERE m.id = message_id)$$
    UNION ALL
    SELECT 'report_executions', $$EXISTS (SELECT FROM scheduled_reports r WHERE r.id = scheduled_report_id)$$
    UNION ALL
    SELECT 'audit_logs',
           $$NOT reporting.lies_elsewhere(resource_id, (SELECT current_setting('report.workspace_id')))$$
) of
\gexec
COMMIT;
