-- Which export job became which report.  The row outlives the report, so that a deleted report is not imported again.
CREATE TABLE reporting.imports (
    job_id        text        PRIMARY KEY,
    report_id     text        NOT NULL,
    -- Digests of both at the time of the import, to detect edits.
    job_digest    text        NOT NULL,
    report_digest text        NOT NULL,
    -- The old scheduler's counters at that time; it continues to count until it is switched off.
    run_count     integer     NOT NULL,
    failure_count integer     NOT NULL,
    imported_at   timestamptz NOT NULL DEFAULT now(),
    switched_off  timestamptz
);
