-- One row: the key figures of the window.
WITH ran AS (
    SELECT e.id, e.workflow_id, e.status::text AS status, e.trigger_type, e.error, e.started_at, e.duration_ms
    FROM workflow_executions e
    JOIN workflows w ON w.id = e.workflow_id
    WHERE e.workspace_id = current_setting('report.workspace_id')
      AND w.workspace_id = current_setting('report.workspace_id')
      AND (w.status <> 'ARCHIVED'
           OR (SELECT (current_setting('report.parameters')::jsonb -> 'includeArchived')::boolean))
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'workflowIds') IS NULL
           OR w.id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'workflowIds')))
      AND e.started_at >= current_setting('report.start')::timestamp
      AND e.started_at < current_setting('report.end')::timestamp
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR e.triggered_by IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
      AND NOT e.is_simulation
)
SELECT count(*) AS executions,
       (count(*) FILTER (WHERE status = 'COMPLETED')
        / nullif(count(*) FILTER (WHERE status IN ('COMPLETED', 'FAILED', 'TIMEOUT')), 0)::float8) AS success_share,
       count(*) FILTER (WHERE status IN ('FAILED', 'TIMEOUT')) AS failed,
       count(DISTINCT workflow_id) AS active_workflows,
       (percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms)
        FILTER (WHERE status = 'COMPLETED') / 1000)::float8 AS median_seconds,
       count(*) FILTER (WHERE status IN ('PENDING', 'RUNNING')) AS unfinished
FROM ran
