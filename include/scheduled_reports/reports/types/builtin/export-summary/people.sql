-- One row per person who requested an export.
, people AS (
    SELECT requested_by,
           count(*) AS exports,
           count(*) FILTER (WHERE status = 'FAILED') AS failed,
           coalesce(sum(records), 0)::bigint AS records,
           coalesce(sum(bytes), 0) AS bytes,
           max(created_at) AS last_requested_at
    FROM selected
    GROUP BY 1
    HAVING count(*) >= (
        SELECT CASE current_setting('report.parameters')::jsonb ->> 'minActivityLevel'
                   WHEN 'low' THEN 1 WHEN 'medium' THEN 5 WHEN 'high' THEN 20 ELSE 0
               END)
)
SELECT coalesce(u.display_name, u.name, 'Unnamed') AS person,
       people.exports, people.failed, people.records, people.bytes, people.last_requested_at
FROM people
LEFT JOIN users u ON u.id = people.requested_by
ORDER BY people.exports DESC, people.requested_by
