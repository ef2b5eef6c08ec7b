-- One row per workflow, including those that did not run.
, counted AS (
    SELECT workflow_id,
           count(*) AS executions,
           count(*) FILTER (WHERE status = 'COMPLETED') AS completed,
           count(*) FILTER (WHERE status = 'FAILED') AS failed,
           count(*) FILTER (WHERE status = 'TIMEOUT') AS timed_out,
           count(*) FILTER (WHERE status = 'CANCELLED') AS cancelled,
           count(*) FILTER (WHERE status IN ('PENDING', 'RUNNING')) AS unfinished,
           (count(*) FILTER (WHERE status = 'COMPLETED')
        / nullif(count(*) FILTER (WHERE status IN ('COMPLETED', 'FAILED', 'TIMEOUT')), 0)::float8) AS success_share,
           (percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms)
        FILTER (WHERE status = 'COMPLETED') / 1000)::float8 AS median_seconds,
           max(started_at) AS last_started_at
    FROM selected
    GROUP BY 1
)
SELECT w.name AS workflow, initcap(w.status::text COLLATE "C") AS status,
       coalesce(counted.executions, 0) AS executions,
       coalesce(counted.completed, 0) AS completed,
       coalesce(counted.failed, 0) AS failed,
       coalesce(counted.timed_out, 0) AS timed_out,
       coalesce(counted.cancelled, 0) AS cancelled,
       coalesce(counted.unfinished, 0) AS unfinished,
       counted.success_share, counted.median_seconds, counted.last_started_at
FROM workflows w
LEFT JOIN counted ON counted.workflow_id = w.id
WHERE w.workspace_id = current_setting('report.workspace_id')
  AND w.created_at < current_setting('report.end')::timestamp
  AND (w.status <> 'ARCHIVED'
       OR (SELECT (current_setting('report.parameters')::jsonb -> 'includeArchived')::boolean))
  AND ((SELECT current_setting('report.parameters')::jsonb -> 'workflowIds') IS NULL
       OR w.id IN (
           SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'workflowIds')))
ORDER BY 3 DESC, w.id
