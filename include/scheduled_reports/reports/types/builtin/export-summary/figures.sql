-- One row: the key figures of the window.
SELECT count(*) AS exports,
       (count(*) FILTER (WHERE status = 'COMPLETED')
        / nullif(count(*) FILTER (WHERE status IN ('COMPLETED', 'FAILED')), 0)::float8) AS success_share,
       count(*) FILTER (WHERE status = 'FAILED') AS failed,
       coalesce(sum(records), 0)::bigint AS records,
       coalesce(sum(bytes), 0) AS bytes,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median_seconds,
       count(*) FILTER (WHERE status IN ('COMPLETED', 'FAILED')) AS finished,
       count(*) FILTER (WHERE status NOT IN ('COMPLETED', 'FAILED')) AS unfinished
FROM selected
