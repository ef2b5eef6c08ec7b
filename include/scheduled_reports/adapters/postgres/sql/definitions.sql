-- name: definition
-- What validation reads of each report, and the tombstones, in one query that the statements below extend.
WITH definition AS (
    SELECT coalesce(r.id, t.report_id) AS id, r.id IS NULL AS deleted, t.reason AS tombstone,
           -- Texts longer than any valid one are cut: the parser rejects them, and they cost each parse only so much.
           left(coalesce(r.name, t.name), 1000) AS name, left(r.description, 2000) AS description,
           left(r."reportType", 1000) AS "reportType", left(r.cron_expression, 1000) AS cron_expression,
           left(r.timezone, 1000) AS timezone,
           r.is_active, r.status, r.export_formats, r.parameters, r.tags,
           r.email_enabled, r.email_recipients, r.email_cc_recipients, r.email_bcc_recipients,
           left(r.email_subject, 1000) AS email_subject,
           r.email_include_attachment, r.email_include_preview, r.email_send_only_if_data,
           r.workspace_id, left(w.name, 1000) AS workspace_name, left(w.slug, 1000) AS workspace_slug,
           NOT EXISTS (SELECT FROM workspaces o WHERE o.slug = w.slug AND o.id <> w.id) AS slug_is_unique,
           r.created_by_id, u.email AS creator_email, u.status AS creator_status,
           left(coalesce(u.name, u.display_name), 1000) AS creator_name,
           member.role IS NOT NULL AS creator_is_member, member.role AS creator_role,
           -- Ticks that upkeep has dealt with after an outage do not fire any more; `changed_at` is the last edit.
           greatest(o.effective_from, o.caught_up_to) AS effective_from, o.effective_from AS changed_at,
           coalesce(o.missed_runs, 'latest') AS missed_runs, o.options, calendar.calendar,
           o.error_cause
    FROM (
        -- The limit keeps the reports that were seen first: none loses its DAG to a newer one.
        SELECT report.* FROM scheduled_reports report
        LEFT JOIN reporting.report_options seen ON seen.report_id = report.id
        WHERE (%(report_id)s::text IS NULL OR report.id = %(report_id)s)
          AND (%(workspace_id)s::text IS NULL OR report.workspace_id = %(workspace_id)s)
        ORDER BY seen.place NULLS LAST, report.id
        LIMIT %(limit)s
    ) r
    FULL JOIN (
        -- Counted apart from the reports, so that deleted ones take no place.
        SELECT * FROM reporting.tombstones
        WHERE (%(report_id)s::text IS NULL OR report_id = %(report_id)s) AND %(workspace_id)s::text IS NULL
        ORDER BY since, report_id
        LIMIT %(limit)s
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
    LEFT JOIN LATERAL (
        -- The workspace's own goes before a country's; one date more than allowed, so that the parser rejects it.
        SELECT jsonb_build_object('code', c.code, 'weekend', c.weekend, 'dates', c.dates[1:1001]) AS calendar
        FROM reporting.calendars c
        WHERE c.code = o.options ->> 'calendar' AND c.workspace_id IN (r.workspace_id, '')
        ORDER BY c.workspace_id = ''
        LIMIT 1
    ) calendar ON true
    -- The shard depends on the id only, so that a report keeps its shard while the number of shards stays the same.
    WHERE %(shard)s::int IS NULL
        OR mod(('x' || left(md5(coalesce(r.id, t.report_id)), 8))::bit(32)::bigint, %(shards)s) = %(shard)s
)

-- name: rows
-- As JSON objects; `parameters` is separate, as text: a value that Python cannot read must not affect other rows.
-- A longer text than the limit is cut, and so rejected.
SELECT to_jsonb(definition) - 'parameters' AS row, left(parameters::text, %(longest)s) AS parameters
FROM definition
ORDER BY id

-- name: digests
-- The sum changes with any definition; it hashes the row as text, because JSON would take four times as long.
SELECT mod(('x' || left(md5(id), 8))::bit(32)::bigint, %(shards)s)::int AS shard,
       sum(hashtextextended(definition::text, 0))::text AS digest
FROM definition
GROUP BY 1

-- name: left_out
-- The reports beyond the limit, which have no DAG.
SELECT r.id, left(r.name, 200) AS name
FROM scheduled_reports r
LEFT JOIN reporting.report_options seen ON seen.report_id = r.id
ORDER BY seen.place NULLS LAST, r.id
LIMIT %(most)s OFFSET %(limit)s

-- name: admins
-- Owners and administrators of a workspace, whom notices reach if a report's owner has gone.
SELECT DISTINCT u.email
FROM workspace_members m
JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = %(workspace_id)s AND u.status <> 'SUSPENDED' AND m.role::text IN ('OWNER', 'ADMIN')
ORDER BY 1
LIMIT %(limit)s

-- name: calendar
-- As in a row.
SELECT jsonb_build_object('code', c.code, 'weekend', c.weekend, 'dates', c.dates[1:1001]) AS calendar
FROM reporting.calendars c
WHERE c.code = %(code)s AND c.workspace_id IN (%(workspace_id)s, '')
ORDER BY c.workspace_id = ''
LIMIT 1

-- name: members
-- The addresses of members of the workspace that may be among the given ones (lower case); the caller compares them.
-- The lower case of "I" depends on the database's locale, so ASCII is mapped by the rules of "C" as well.
SELECT u.email
FROM workspace_members m
JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = %(workspace_id)s AND u.status <> 'SUSPENDED'
  AND (lower(u.email COLLATE "C") = ANY (%(addresses)s) OR lower(u.email) = ANY (%(addresses)s))
ORDER BY 1
