-- Which export job became which report.  A row outlives its report: what was deleted does not come back.
CREATE TABLE reporting.imports (
    job_id        text        PRIMARY KEY,
    report_id     text        NOT NULL,
    -- What the two looked like then: an edit shows in them.
    job_digest    text        NOT NULL,
    report_digest text        NOT NULL,
    -- What the old way had counted then: it goes on counting until it is switched off.
    run_count     integer     NOT NULL,
    failure_count integer     NOT NULL,
    imported_at   timestamptz NOT NULL DEFAULT now(),
    switched_off  timestamptz
);
