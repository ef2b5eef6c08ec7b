-- One row per content type.
SELECT type AS kind,
       count(*) AS exports,
       count(*) FILTER (WHERE status = 'FAILED') AS failed,
       (count(*) FILTER (WHERE status = 'COMPLETED')
        / nullif(count(*) FILTER (WHERE status IN ('COMPLETED', 'FAILED')), 0)::float8) AS success_share,
       coalesce(sum(records), 0)::bigint AS records,
       coalesce(sum(bytes), 0) AS bytes
FROM selected
GROUP BY 1
ORDER BY 2 DESC, type COLLATE "C"
