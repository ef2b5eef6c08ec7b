-- One row: the key figures of the window.
SELECT count(*) FILTER (WHERE has_ended AND status = 'DONE') AS completed,
       count(*) FILTER (WHERE is_new) AS created,
       count(*) FILTER (WHERE is_open) AS open_tasks,
       count(*) FILTER (WHERE is_open AND is_due) AS overdue,
       (avg((ended_at <= due_date)::int) FILTER (WHERE has_ended AND status = 'DONE'))::float8 AS on_time_share,
       (avg(extract(epoch FROM ended_at - created_at) / 86400)
                FILTER (WHERE has_ended AND status = 'DONE'))::float8 AS days_to_complete,
       count(*) FILTER (WHERE (is_new OR has_ended OR is_open) AND channel_type <> 'PUBLIC') AS unlisted_tasks,
       count(*) FILTER (WHERE is_open AND channel_type <> 'PUBLIC') AS unlisted_open,
       count(*) FILTER (WHERE is_open AND is_due AND channel_type <> 'PUBLIC') AS unlisted_overdue
FROM classified
