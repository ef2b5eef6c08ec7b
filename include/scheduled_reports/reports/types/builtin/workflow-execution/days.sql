-- One row per local day of the window; days without an execution are there with zeros.
WITH days AS (
    SELECT generate_series(
        (current_setting('report.start')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date,
        (current_setting('report.end')::timestamp AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date - 1,
        interval '1 day'
    )::date AS day
), ran AS (
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
), counted AS (
    SELECT (started_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('report.timezone'))::date AS day,
           count(*) AS executions,
           count(*) FILTER (WHERE status = 'COMPLETED') AS completed,
           count(*) FILTER (WHERE status IN ('FAILED', 'TIMEOUT')) AS failed
    FROM ran
    GROUP BY 1
)
SELECT days.day,
       coalesce(counted.executions, 0) AS executions,
       coalesce(counted.completed, 0) AS completed,
       coalesce(counted.failed, 0) AS failed
FROM days
LEFT JOIN counted USING (day)
ORDER BY days.day
