-- Airflow's asset event of a run's first success: Airflow's number of clears of the run in which `record` emitted it,
-- 'due' while upkeep has yet to emit it, 'upkeep' once upkeep has; null for a run without one.
ALTER TABLE reporting.runs ADD COLUMN asset_event text CHECK (asset_event ~ '^(\d+|due|upkeep)$');

CREATE INDEX runs_asset_event_due ON reporting.runs (settled_at) WHERE asset_event = 'due';
