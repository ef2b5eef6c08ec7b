-- Ticks that nobody ran: what upkeep makes good, and what it found missed after an outage.

ALTER TABLE reporting.report_options
    -- Every tick up to here is in the record; upkeep compares the later ones.  Null: since the effective moment.
    ADD COLUMN checked_to   timestamptz,
    -- Upkeep has dealt with every tick up to here, after an outage: no other run of them may start.
    ADD COLUMN caught_up_to timestamptz;
-- What happened before this migration is not made good.
UPDATE reporting.report_options SET checked_to = now();

-- A run that upkeep makes for a tick.  This row, not the request in Airflow, says which tick the run is for.
CREATE TABLE reporting.due_ticks (
    report_id  text        NOT NULL,
    run_id     text        NOT NULL,
    tick       timestamptz NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,               -- when Airflow had the run; null until then
    PRIMARY KEY (report_id, run_id)
);
CREATE INDEX due_ticks_waiting_idx ON reporting.due_ticks (report_id, tick) WHERE started_at IS NULL;

-- One row for each outage of a report.
CREATE TABLE reporting.missed_ticks (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id    text        NOT NULL,
    workspace_id text        NOT NULL,
    first_tick   timestamptz NOT NULL,
    last_tick    timestamptz NOT NULL,
    ticks        integer     NOT NULL,
    policy       text        NOT NULL,
    made         integer     NOT NULL,    -- how many runs upkeep makes for them
    decided_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX missed_ticks_report_idx ON reporting.missed_ticks (report_id, id DESC);

-- The tick that a run holds; whichever run of the same tick comes second is skipped.  Null for runs by hand, for those
-- that were skipped, and in rows of earlier versions.
ALTER TABLE reporting.runs ADD COLUMN tick timestamptz;
CREATE UNIQUE INDEX runs_tick_idx ON reporting.runs (report_id, tick);
