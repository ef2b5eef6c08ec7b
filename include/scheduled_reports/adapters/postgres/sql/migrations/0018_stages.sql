-- Compact runs: the attempts at each stage.  Those of staged runs are tasks of Airflow.
CREATE TABLE reporting.stages (
    report_id  text        NOT NULL,
    run_id     text        NOT NULL,
    stage      text        NOT NULL CHECK (stage IN ('query', 'render', 'upload', 'email')),
    format     text        NOT NULL,    -- empty for the stages of the whole run
    attempt    integer     NOT NULL,    -- of the task `report`
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    result     text CHECK (result IN ('success', 'failed', 'refused')),    -- null: at work, or its process was killed
    PRIMARY KEY (report_id, run_id, stage, format, attempt),
    FOREIGN KEY (report_id, run_id) REFERENCES reporting.runs (report_id, run_id) ON DELETE CASCADE
);
