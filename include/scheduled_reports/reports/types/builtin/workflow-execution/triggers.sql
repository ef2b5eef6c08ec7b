-- One row per trigger type.
SELECT trigger_type AS trigger,
       count(*) AS executions,
       count(*) FILTER (WHERE status = 'COMPLETED') AS completed,
       count(*) FILTER (WHERE status IN ('FAILED', 'TIMEOUT')) AS failed
FROM selected
GROUP BY 1
ORDER BY 2 DESC, trigger_type COLLATE "C"
