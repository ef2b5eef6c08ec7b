-- One row: the key figures of the window.
SELECT count(*) FILTER (WHERE has_ended AND status = 'DONE') AS completed,
       count(*) FILTER (WHERE is_new) AS created,
       count(*) FILTER (WHERE is_open) AS open_tasks,
       count(*) FILTER (WHERE is_open AND is_due) AS overdue,
       (avg((ended_at <= due_date)::int) FILTER (WHERE has_ended AND status = 'DONE'))::float8 AS on_time_share,
       (avg(extract(epoch FROM ended_at - created_at) / 86400)
                FILTER (WHERE has_ended AND status = 'DONE'))::float8 AS days_to_complete
FROM classified
