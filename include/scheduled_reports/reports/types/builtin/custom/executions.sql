-- Every execution of a workflow, including simulations.
SELECT e.id,
       w.name AS workflow,
       e.status::text AS status,
       e.trigger_type,
       e.is_simulation,
       (e.duration_ms / 1000.0)::float8 AS seconds,
       e.started_at, e.completed_at
FROM workflow_executions e
LEFT JOIN workflows w ON w.id = e.workflow_id AND w.workspace_id = e.workspace_id
WHERE e.workspace_id = current_setting('report.workspace_id')
