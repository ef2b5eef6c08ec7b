-- One row per assignee of a task created, closed or open in the window, and one for unassigned tasks.
, people AS (
    SELECT assigned_to_id,
           count(*) FILTER (WHERE has_ended AND status = 'DONE') AS completed,
           count(*) FILTER (WHERE is_new) AS created,
           count(*) FILTER (WHERE is_open) AS open_tasks,
           count(*) FILTER (WHERE is_open AND is_due) AS overdue,
           (avg((ended_at <= due_date)::int) FILTER (WHERE has_ended AND status = 'DONE'))::float8 AS on_time_share,
           (avg(extract(epoch FROM ended_at - created_at) / 86400)
                FILTER (WHERE has_ended AND status = 'DONE'))::float8 AS days_to_complete
    FROM classified
    WHERE is_new OR has_ended OR is_open
    GROUP BY 1
    HAVING count(*) FILTER (WHERE is_new OR has_ended) >= (
        SELECT CASE current_setting('report.parameters')::jsonb ->> 'minActivityLevel'
                   WHEN 'low' THEN 1 WHEN 'medium' THEN 5 WHEN 'high' THEN 20 ELSE 0
               END)
)
SELECT CASE WHEN people.assigned_to_id IS NULL THEN 'Unassigned'
            ELSE coalesce(u.display_name, u.name, 'Unnamed') END AS person,
       people.completed, people.created, people.open_tasks, people.overdue,
       people.on_time_share, people.days_to_complete
FROM people
LEFT JOIN users u ON u.id = people.assigned_to_id
ORDER BY people.completed DESC, people.open_tasks DESC, people.assigned_to_id
