-- The fifty errors that came most often, with their first 200 characters.
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
SELECT w.name AS workflow, left(ran.error, 200) AS error, count(*) AS executions, max(ran.started_at) AS last_started_at
FROM ran
JOIN workflows w ON w.id = ran.workflow_id
WHERE ran.status IN ('FAILED', 'TIMEOUT')
GROUP BY w.id, w.name, left(ran.error, 200)
ORDER BY 3 DESC, w.id, left(ran.error, 200) COLLATE "C" NULLS LAST
LIMIT 50
