-- One row: the key figures of the window.
SELECT count(*) AS executions,
       (count(*) FILTER (WHERE status = 'COMPLETED')
        / nullif(count(*) FILTER (WHERE status IN ('COMPLETED', 'FAILED', 'TIMEOUT')), 0)::float8) AS success_share,
       count(*) FILTER (WHERE status IN ('FAILED', 'TIMEOUT')) AS failed,
       count(DISTINCT workflow_id) AS active_workflows,
       (percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms)
        FILTER (WHERE status = 'COMPLETED') / 1000)::float8 AS median_seconds,
       count(*) FILTER (WHERE status IN ('PENDING', 'RUNNING')) AS unfinished,
       count(*) FILTER (WHERE status IN ('COMPLETED', 'FAILED', 'TIMEOUT')) AS finished
FROM selected
