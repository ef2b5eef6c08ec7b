-- The workspace that a run was made for.  A report may be moved to another workspace, or its id be used again for
-- another report: the history stays with the workspace whose data it shows.  Empty if the report was gone; null in rows
-- that the previous version writes during an upgrade.

ALTER TABLE reporting.runs ADD COLUMN workspace_id text;
UPDATE reporting.runs SET workspace_id = frozen #>> '{row,workspace_id}' WHERE frozen IS NOT NULL;
-- A run that was refused froze no row: it is its report's, unless another run shows that the report was moved.
UPDATE reporting.runs r
SET workspace_id = CASE WHEN EXISTS (
    SELECT FROM reporting.runs other WHERE other.report_id = r.report_id AND other.workspace_id <> s.workspace_id
) THEN '' ELSE s.workspace_id END
FROM scheduled_reports s
WHERE r.workspace_id IS NULL AND s.id = r.report_id;
