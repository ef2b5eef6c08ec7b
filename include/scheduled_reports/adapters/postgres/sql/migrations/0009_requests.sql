-- The recipients of runs by hand, which `dag_run.conf` names by id: no table or audit log of Airflow has the addresses.
-- Only the API writes them: the role of the workers, which can write reporting.runs, can not add a recipient.
CREATE TABLE reporting.requests (
    id         text        PRIMARY KEY,
    report_id  text        NOT NULL,
    run_id     text        NOT NULL,
    recipients text[]      NOT NULL,
    asked_at   timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (report_id, run_id) REFERENCES reporting.runs (report_id, run_id) ON DELETE CASCADE
);
CREATE INDEX requests_run_idx ON reporting.requests (report_id, run_id);
