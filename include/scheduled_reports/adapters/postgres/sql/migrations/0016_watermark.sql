-- The newest tick of each report whose scheduled run has succeeded: where the period "since the last run" starts.
ALTER TABLE reporting.report_options ADD COLUMN watermark timestamptz;

UPDATE reporting.report_options o
SET watermark = newest.scheduled_for
FROM (
    SELECT report_id, max(scheduled_for) AS scheduled_for
    FROM reporting.runs
    WHERE kind = 'scheduled' AND state = 'success'
    GROUP BY report_id
) newest
WHERE newest.report_id = o.report_id;

-- The period that a run is compared with, frozen with its own one; runs of earlier versions have none.
ALTER TABLE reporting.runs ADD COLUMN previous_start timestamptz, ADD COLUMN previous_end timestamptz;
