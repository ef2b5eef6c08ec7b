WITH counted AS (
    SELECT workflow_id, count(*) AS executions,
           count(*) FILTER (WHERE status = 'COMPLETED') AS completed,
           count(*) FILTER (WHERE status = 'FAILED') AS failed,
           count(*) FILTER (WHERE status = 'TIMEOUT') AS timed_out,
           count(*) FILTER (WHERE status = 'CANCELLED') AS cancelled,
           count(*) FILTER (WHERE status IN ('PENDING', 'RUNNING')) AS unfinished,
           (percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE status = 'COMPLETED')
               / 1000)::float8 AS median_seconds,
           max(started_at) AS last_started_at
    FROM workflow_executions
    WHERE workspace_id = 'w' AND NOT is_simulation AND started_at >= ':start' AND started_at < ':end'
    GROUP BY 1
)
SELECT w.name AS workflow, initcap(w.status::text) AS status, coalesce(executions, 0) AS executions,
       coalesce(completed, 0) AS completed, coalesce(failed, 0) AS failed, coalesce(timed_out, 0) AS timed_out,
       coalesce(cancelled, 0) AS cancelled, coalesce(unfinished, 0) AS unfinished,
       completed / nullif(completed + failed + timed_out, 0)::float8 AS success_share, median_seconds, last_started_at
FROM workflows w
LEFT JOIN counted ON counted.workflow_id = w.id
WHERE w.workspace_id = 'w' AND w.status <> 'ARCHIVED' AND w.created_at < ':end'
ORDER BY 3 DESC, w.id
