-- name: definition
-- What validation reads of each report, and the tombstones, in one ordered query that the statements below extend.
WITH definition AS (
    SELECT coalesce(r.id, t.report_id) AS id, r.id IS NULL AS deleted, t.reason AS tombstone,
           coalesce(r.name, t.name) AS name, r.description, r."reportType", r.cron_expression, r.timezone,
           r.is_active, r.status, r.export_formats, r.parameters, r.tags,
           r.email_enabled, r.email_recipients, r.email_cc_recipients, r.email_bcc_recipients, r.email_subject,
           r.email_include_attachment, r.email_include_preview, r.email_send_only_if_data,
           r.workspace_id, w.name AS workspace_name, w.slug AS workspace_slug,
           NOT EXISTS (SELECT FROM workspaces o WHERE o.slug = w.slug AND o.id <> w.id) AS slug_is_unique,
           r.created_by_id, u.email AS creator_email, u.status AS creator_status,
           coalesce(u.name, u.display_name) AS creator_name,
           member.role IS NOT NULL AS creator_is_member, member.role AS creator_role,
           o.effective_from, coalesce(o.missed_runs, 'latest') AS missed_runs, o.error_cause
    FROM (
        SELECT * FROM scheduled_reports
        WHERE (%(report_id)s::text IS NULL OR id = %(report_id)s)
          AND (%(workspace_id)s::text IS NULL OR workspace_id = %(workspace_id)s)
    ) r
    FULL JOIN (
        SELECT * FROM reporting.tombstones
        WHERE (%(report_id)s::text IS NULL OR report_id = %(report_id)s) AND %(workspace_id)s::text IS NULL
    ) t
        ON t.report_id = r.id
    LEFT JOIN workspaces w ON w.id = r.workspace_id
    LEFT JOIN users u ON u.id = r.created_by_id
    LEFT JOIN LATERAL (
        -- One row, even where no constraint prevents two; the lower of two roles.
        SELECT max(m.role) AS role FROM workspace_members m
        WHERE m.workspace_id = r.workspace_id AND m.user_id = r.created_by_id
    ) member ON true
    LEFT JOIN reporting.report_options o ON o.report_id = r.id
    -- The shard depends on the id only, so that a report keeps its shard while the number of shards stays the same.
    WHERE %(shard)s::int IS NULL
        OR mod(('x' || left(md5(coalesce(r.id, t.report_id)), 8))::bit(32)::bigint, %(shards)s) = %(shard)s
    ORDER BY 1
    LIMIT %(limit)s
)

-- name: rows
-- As JSON objects; `parameters` is separate, as text: a value that Python cannot read must not affect other rows.
SELECT to_jsonb(definition) - 'parameters' AS row, parameters::text AS parameters FROM definition ORDER BY id

-- name: digests
-- The sum changes with any definition; it hashes the row as text, because JSON would take four times as long.
SELECT mod(('x' || left(md5(id), 8))::bit(32)::bigint, %(shards)s)::int AS shard,
       sum(hashtextextended(definition::text, 0))::text AS digest
FROM definition
GROUP BY 1

-- name: members
-- The given addresses (lower case) that belong to members of the workspace.
SELECT lower(u.email) AS email
FROM workspace_members m
JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = %(workspace_id)s AND lower(u.email) = ANY (%(addresses)s) AND u.status <> 'SUSPENDED'
ORDER BY 1
