-- Every object that migrate may create, in its current state; `migrate` compares it before and after to report changes.
WITH ours AS (
    SELECT oid, relname FROM pg_class WHERE oid IN (to_regclass('scheduled_reports'), to_regclass('report_executions'))
)
SELECT 'enum' AS kind, typname::text AS name, string_agg(enumlabel, ', ' ORDER BY enumsortorder) AS definition
FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid
WHERE pg_type.oid IN (to_regtype('"ScheduledReportStatus"'), to_regtype('"ExportStatus"'), to_regtype('"ExportFormat"'))
GROUP BY typname
UNION ALL
SELECT 'table', relname, '' FROM ours
UNION ALL
SELECT 'index', pg_class.relname, pg_get_indexdef(indexrelid)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid IN (SELECT oid FROM ours) AND NOT indisprimary
UNION ALL
SELECT 'foreign key', conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE conrelid IN (SELECT oid FROM ours) AND contype = 'f'
UNION ALL
SELECT 'function', 'reporting.' || proname, pg_get_functiondef(oid)
FROM pg_proc WHERE pronamespace = to_regnamespace('reporting')
UNION ALL
SELECT 'trigger', tgname, pg_get_triggerdef(oid)
FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM ours) AND NOT tgisinternal;
