-- name: settings
-- The settings on which our statements and the reports' values rely, whatever the server, database or role has.
-- Local to the transaction: behind PgBouncer a session belongs to many clients.  One statement, without parameters,
-- to which others may be appended.  The application's tables may be in any schema that the search path names.
SELECT set_config('TimeZone', 'UTC', true),
       set_config('DateStyle', 'ISO, MDY', true),
       set_config('IntervalStyle', 'postgres', true),
       set_config('extra_float_digits', '1', true), -- the shortest text that is exact
       set_config('bytea_output', 'hex', true),
       set_config('standard_conforming_strings', 'on', true),
       set_config('transform_null_equals', 'off', true),
       set_config('quote_all_identifiers', 'off', true),
       set_config('search_path', CASE WHEN to_regclass('scheduled_reports') IS NULL THEN 'public'
                                      ELSE current_setting('search_path') END, true)

-- name: application_schemas
-- Where the search path finds the application's tables and ours, and where it would create tables.
SELECT (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass('workspaces')) AS application,
       (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass('scheduled_reports')) AS ours,
       quote_ident(current_schema()) AS first,
       current_schema() = session_user AS is_named_like_role
