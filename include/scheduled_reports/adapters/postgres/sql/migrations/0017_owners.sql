-- Notices about rejected reports, and the ticks of reports whose owner has gone.  Nothing is sent about reports that
-- are rejected already.
ALTER TABLE reporting.report_options
    ADD COLUMN keeps_ticks       boolean NOT NULL DEFAULT false,  -- while it is rejected: only its owner is wrong
    ADD COLUMN rejection_notice  text,                            -- the notice that names this rejection
    ADD COLUMN rejection_told_at timestamptz;                     -- when it was sent, or found to have no reader
UPDATE reporting.report_options SET rejection_told_at = now() WHERE error_cause = 'rejected';
