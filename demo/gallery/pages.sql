-- A history for the screenshots: weeks of runs, a failed one, and an email whose delivery is unconfirmed.
INSERT INTO reporting.runs (report_id, run_id, run_key, kind, state, reason, scheduled_for, triggered_by, clear_number,
    counted, started_at, settled_at, touched_at, main_rows, data_rows)
SELECT r.id, 'scheduled__' || moment, 'scheduled__' || moment, 'scheduled', run.outcome,
       CASE run.outcome WHEN 'failed' THEN 'csv: a server was away or busy, four times' END, moment, 'system', 0,
       run.outcome, moment, moment + interval '9 seconds', moment, 40 + day * 7 % 31, 40 + day * 7 % 31
FROM scheduled_reports r
CROSS JOIN generate_series(1, 29) AS day
CROSS JOIN LATERAL (SELECT date_trunc('hour', now()) - day * interval '1 day' + interval '13 hours') AS at (moment)
CROSS JOIN LATERAL (
    SELECT CASE WHEN r.id = 'demo-report-daily-channels' AND day = 1 OR (day * 13 + length(r.name)) % 23 = 0
                THEN 'failed' ELSE 'success' END
) AS run (outcome)
WHERE r.status = 'ACTIVE' AND r.is_active AND r.id <> 'demo-report-weekly-activity';

UPDATE scheduled_reports s
SET last_run = (newest.started_at AT TIME ZONE 'UTC'), last_run_status = newest.counted,
    run_count = counts.total, success_count = counts.well, failure_count = counts.total - counts.well
FROM (SELECT DISTINCT ON (report_id) report_id, started_at, counted FROM reporting.runs
      WHERE counted IS NOT NULL ORDER BY report_id, started_at DESC) AS newest,
     (SELECT report_id, count(*) AS total, count(*) FILTER (WHERE counted = 'success') AS well
      FROM reporting.runs WHERE counted IS NOT NULL GROUP BY report_id) AS counts
WHERE newest.report_id = s.id AND counts.report_id = s.id;

INSERT INTO reporting.deliveries (report_id, run_id, message, state, subject, recipients, mode, formats, error)
SELECT report_id, run_id, 'report', 'unknown', 'Channels, the last seven days',
       '{"to": ["olena.kovalenko@acme-robotics.example"], "cc": [], "bcc": []}', 'attach', '{csv,excel}',
       'the connection to the mail service broke before it answered'
FROM reporting.runs WHERE report_id = 'demo-report-daily-channels'
ORDER BY started_at DESC LIMIT 1;

UPDATE scheduled_reports SET tags = '{daily,engineering}', updated_at = now() WHERE id = 'demo-report-daily-channels';
