-- What upkeep needs to delete old files and rows.

-- When the object was deleted; the row is kept as long as its run.
ALTER TABLE reporting.artifacts ADD COLUMN deleted_at timestamptz;

ALTER TABLE reporting.runs
    -- Since when S3 has no files of the run; null while it may have some.
    ADD COLUMN files_gone_at timestamptz,
    -- When retention was prevented; it tries the run again an hour later.
    ADD COLUMN put_off_at    timestamptz;
-- Every settled run is in one of the two: runs with files wait for keep_files, runs without files for keep_rows.
CREATE INDEX runs_with_files_idx ON reporting.runs (settled_at) WHERE settled_at IS NOT NULL AND files_gone_at IS NULL;
CREATE INDEX runs_without_files_idx ON reporting.runs (settled_at)
    WHERE settled_at IS NOT NULL AND files_gone_at IS NOT NULL;
-- Few rows at any time; queried for every run that may be deleted.
CREATE INDEX deliveries_claimed_idx ON reporting.deliveries (report_id, run_id) WHERE state = 'claimed';

-- Deleted reports, until all their data is deleted.  Their tombstones are removed earlier, with the DAG.
CREATE TABLE reporting.departed (
    report_id    text        PRIMARY KEY,
    workspace_id text,                    -- null if unknown; its runs name it then
    since        timestamptz NOT NULL DEFAULT clock_timestamp(),
    now_called   text,                    -- the new id of a report whose id changed: it owns the data of the old id
    put_off_at   timestamptz
);
CREATE INDEX departed_renamed_idx ON reporting.departed (now_called) WHERE now_called IS NOT NULL;

-- Reports deleted before this table existed.  Executions follow a report to a new id, and are deleted with the report.
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
