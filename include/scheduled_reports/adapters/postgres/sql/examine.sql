-- name: server
SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
       current_setting('server_encoding') AS encoding, current_user AS role,
       pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean AS is_read_only

-- name: now
SELECT clock_timestamp() AS now

-- name: schema
SELECT coalesce(has_schema_privilege(to_regnamespace('reporting'), 'USAGE'), true) AS may_be_used

-- name: tables
SELECT to_regclass('scheduled_reports') IS NOT NULL AND to_regclass('report_executions') IS NOT NULL
       AND to_regclass('reporting.migrations') IS NOT NULL AS exist,
       coalesce(has_table_privilege(to_regclass('reporting.migrations'), 'SELECT'), false) AS may_read_migrations

-- name: migrations
SELECT name FROM reporting.migrations

-- name: triggers
SELECT t.tgname AS name, t.tgenabled <> 'D' AS is_enabled
FROM pg_trigger t
WHERE NOT t.tgisinternal AND (t.tgrelid = to_regclass('scheduled_reports')
      OR t.tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace('reporting')))

-- name: functions
SELECT proname AS name, prosrc AS body FROM pg_proc WHERE pronamespace = to_regnamespace('reporting')

-- name: missing_privileges
-- What parses, tasks and upkeep need: the role `reports_writing` of deploy/sql/roles.sql.
SELECT wanted.name, string_agg(privilege, ', ' ORDER BY place) AS privileges
FROM (VALUES
    ('scheduled_reports', 'SELECT, UPDATE'),
    ('report_executions', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.artifacts', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.audit', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.brands', 'SELECT, DELETE'),
    ('reporting.calendars', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.condition_state', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.deliveries', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.departed', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.due_ticks', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.feedback', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.migrations', 'SELECT'),
    ('reporting.missed_ticks', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.opt_outs', 'SELECT, DELETE'),
    ('reporting.readers', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.recipients', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.report_options', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.requests', 'SELECT'),
    ('reporting.runs', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.send_rates', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.stages', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.suppressions', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting.switches', 'SELECT'),
    ('reporting.tombstones', 'SELECT, INSERT, UPDATE, DELETE')
) AS wanted (name, privileges)
CROSS JOIN LATERAL string_to_table(wanted.privileges, ', ') WITH ORDINALITY AS one (privilege, place)
CROSS JOIN LATERAL (SELECT to_regclass(wanted.name) AS oid) AS known
-- Of some tables the role may change single columns only, and rows are deleted as a whole.
WHERE known.oid IS NOT NULL AND NOT CASE
    WHEN privilege = 'DELETE' THEN has_table_privilege(known.oid, privilege)
    ELSE has_any_column_privilege(known.oid, privilege)
END
GROUP BY wanted.name ORDER BY wanted.name

-- name: offsets
-- CET and others are abbreviations with a fixed offset for PostgreSQL, whatever its zones say; those are left out.
SELECT zone, CASE WHEN known.name IS NOT NULL THEN (
    SELECT array_agg(extract(epoch FROM (moment AT TIME ZONE zone) - (moment AT TIME ZONE 'UTC'))::int ORDER BY place)
    FROM unnest(%(moments)s::timestamptz[]) WITH ORDINALITY AS m (moment, place)
) END AS offsets
FROM unnest(%(zones)s::text[]) AS z (zone)
LEFT JOIN pg_timezone_names known ON known.name = zone
WHERE NOT EXISTS (SELECT FROM pg_timezone_abbrevs WHERE abbrev = zone)
