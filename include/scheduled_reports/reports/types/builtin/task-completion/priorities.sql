-- One row per priority, most urgent first.
SELECT initcap(p.priority::text COLLATE "C") AS priority,
       count(*) FILTER (WHERE t.is_open) AS open_tasks,
       count(*) FILTER (WHERE t.is_open AND t.is_due) AS overdue,
       count(*) FILTER (WHERE t.is_new) AS created,
       count(*) FILTER (WHERE t.has_ended AND t.status = 'DONE') AS completed
FROM unnest(enum_range(NULL::"TaskPriority")) p (priority)
LEFT JOIN classified t USING (priority)
GROUP BY p.priority
ORDER BY p.priority
