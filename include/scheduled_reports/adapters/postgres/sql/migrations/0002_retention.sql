-- What upkeep has to know to let old files and rows go.

-- When the object was deleted; the row stays as long as its run does.
ALTER TABLE reporting.artifacts ADD COLUMN deleted_at timestamptz;

ALTER TABLE reporting.runs
    -- Since when S3 holds nothing of the run; null while it may.
    ADD COLUMN files_gone_at timestamptz,
    -- When something was in the way of retention: it looks at the run again an hour later.
    ADD COLUMN put_off_at    timestamptz;
-- Every run is in one of the two: what has files waits for keep_files, what has none for keep_rows.
CREATE INDEX runs_with_files_idx ON reporting.runs (settled_at) WHERE settled_at IS NOT NULL AND files_gone_at IS NULL;
CREATE INDEX runs_without_files_idx ON reporting.runs (settled_at)
    WHERE settled_at IS NOT NULL AND files_gone_at IS NOT NULL;
-- Few at any time, and asked for with every run that may go.
CREATE INDEX deliveries_claimed_idx ON reporting.deliveries (report_id, run_id) WHERE state = 'claimed';

-- Reports that were deleted, until nothing is left of them.  A tombstone goes with the DAG, within minutes; this stays.
CREATE TABLE reporting.departed (
    report_id    text        PRIMARY KEY,
    workspace_id text,                    -- null where nobody saw which; its runs tell then
    since        timestamptz NOT NULL DEFAULT clock_timestamp(),
    now_called   text,                    -- a report with a new id is no deleted one: it takes along what the old id left
    put_off_at   timestamptz
);
CREATE INDEX departed_renamed_idx ON reporting.departed (now_called) WHERE now_called IS NOT NULL;

-- Those that went before this table came.  Executions follow a report to a new id, and go with a deleted one.
INSERT INTO reporting.departed (report_id, since, now_called)
SELECT gone.report_id, coalesce(t.since, now()), (
    SELECT e.scheduled_report_id
    FROM reporting.artifacts a JOIN report_executions e ON e.id = a.execution_id
    WHERE a.report_id = gone.report_id
    LIMIT 1
)
FROM (
    SELECT report_id FROM reporting.tombstones WHERE reason = 'deleted' UNION SELECT report_id FROM reporting.runs
) gone
LEFT JOIN reporting.tombstones t ON t.report_id = gone.report_id
WHERE NOT EXISTS (SELECT FROM scheduled_reports r WHERE r.id = gone.report_id);
