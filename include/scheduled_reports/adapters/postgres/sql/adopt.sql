-- Reports older than the triggers: effective from this moment, so that none fires for a tick before it.
INSERT INTO reporting.report_options (report_id, effective_from)
SELECT id, statement_timestamp() FROM scheduled_reports
ON CONFLICT (report_id) DO NOTHING;
