-- The options of a report: what people may set and the columns of scheduled_reports cannot hold, as one JSON object.
-- `missed_runs` keeps its column.
ALTER TABLE reporting.report_options
    ADD COLUMN options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object');
