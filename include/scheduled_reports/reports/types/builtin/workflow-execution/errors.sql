-- The 50 most frequent errors, each cut to its first 200 characters.
SELECT w.name AS workflow, left(e.error, 200) AS error, count(*) AS executions, max(e.started_at) AS last_started_at
FROM selected e
JOIN workflows w ON w.id = e.workflow_id
WHERE e.status IN ('FAILED', 'TIMEOUT')
GROUP BY w.id, w.name, left(e.error, 200)
ORDER BY 3 DESC, w.id, left(e.error, 200) COLLATE "C" NULLS LAST
LIMIT 50
