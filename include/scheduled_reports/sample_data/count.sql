-- Set the counters that the application would have kept while the sample rows were written; only sample rows change.

UPDATE workflows SET
    execution_count = counted.all_of_them,
    success_count = counted.good,
    failure_count = counted.bad,
    last_executed_at = counted.latest
FROM (
    SELECT workflow_id,
           count(*) AS all_of_them,
           count(*) FILTER (WHERE status = 'COMPLETED') AS good,
           count(*) FILTER (WHERE status IN ('FAILED', 'TIMEOUT')) AS bad,
           max(started_at) AS latest
    FROM workflow_executions
    WHERE id LIKE 'demo-execution-%' AND NOT is_simulation
    GROUP BY workflow_id
) counted
WHERE workflows.id = counted.workflow_id AND workflows.id LIKE 'demo-workflow-%';

UPDATE users SET last_active_at = counted.latest
FROM (
    SELECT author_id, max(created_at) AS latest FROM messages WHERE id LIKE 'demo-message-%' GROUP BY author_id
) counted
WHERE users.id = counted.author_id AND users.id LIKE 'demo-user-%';
