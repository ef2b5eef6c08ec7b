-- The executions started in the window that the report's parameters select; simulations do not count.
WITH selected AS (
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
