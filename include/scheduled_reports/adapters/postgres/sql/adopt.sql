-- Reports created before the triggers existed are effective from now, so that none runs for an earlier tick.
INSERT INTO reporting.report_options (report_id, effective_from)
SELECT id, statement_timestamp() FROM scheduled_reports
ON CONFLICT (report_id) DO NOTHING;
