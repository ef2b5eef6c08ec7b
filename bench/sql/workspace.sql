-- A workspace w and a neighbour x with a twentieth of the rows; :messages and :audit are replaced by numbers.
-- The workspace grows: 60 % of all rows are in the last 7 days, 90 % in the last 30, the rest in the 30 days before.
CREATE FUNCTION pg_temp.moment(share float8) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$
    SELECT timestamp '2026-05-01' - interval '1 ms' - interval '1 day' * CASE
        WHEN share < 0.6 THEN share / 0.6 * 7
        WHEN share < 0.9 THEN 7 + (share - 0.6) / 0.3 * 23
        ELSE 30 + (share - 0.9) / 0.1 * 30 END
$$;
CREATE FUNCTION pg_temp.place(number bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN number % 20 = 19 THEN 'x' ELSE 'w' END
$$;

INSERT INTO organizations (id, name, slug, updated_at) VALUES ('o', 'Org', 'org', now());
INSERT INTO workspaces (id, name, slug, organization_id, updated_at)
VALUES ('w', 'Space', 'w', 'o', now()), ('x', 'Neighbour', 'x', 'o', now());
INSERT INTO users (id, email, name, updated_at)
SELECT 'user-' || n, n || '@neolith.example', 'Person ' || n, now() FROM generate_series(0, 1999) n;
-- Of 2,000 people 1,800 are members, some since the last weeks; 100 have left, 100 are members of the neighbour.
INSERT INTO workspace_members (id, workspace_id, user_id, role, joined_at)
SELECT 'member-' || n, pg_temp.place(n), 'user-' || n, CASE WHEN n = 0 THEN 'OWNER' ELSE 'MEMBER' END::"WorkspaceRole",
       CASE WHEN n % 10 = 1 THEN pg_temp.moment(n / 2000.0) ELSE '2025-01-01' END
FROM generate_series(0, 1999) n
WHERE n % 20 <> 7;
INSERT INTO vps (id, discipline, role, user_id, organization_id, workspace_id, updated_at)
SELECT 'vp-' || n, 'd', 'r', 'user-' || n, 'o', CASE WHEN n < 5 THEN 'w' END, now() FROM generate_series(0, 9) n;
INSERT INTO channels (id, name, slug, type, is_archived, workspace_id, created_at, updated_at)
SELECT 'channel-' || n, 'channel ' || n, n,
       (ARRAY['PUBLIC', 'PUBLIC', 'PUBLIC', 'PRIVATE', 'DM'])[n % 5 + 1]::"ChannelType", n % 20 = 7, pg_temp.place(n),
       '2025-01-01', now()
FROM generate_series(0, 549) n;
INSERT INTO channel_members (id, channel_id, user_id, joined_at, left_at)
SELECT 'stay-' || n, 'channel-' || n % 500, 'user-' || n % 20 + 20 * ((n % 500 / 20 + n / 500 * 5) % 100), '2025-01-01',
       CASE WHEN n % 20 = 7 THEN pg_temp.moment(n / 10000.0) END
FROM generate_series(0, 9999) n;

INSERT INTO messages (id, content, type, is_deleted, channel_id, author_id, parent_id, created_at, updated_at)
SELECT 'message-' || n, 'What was said, in a sentence of some length, number ' || n, 'TEXT', n % 97 = 0,
       'channel-' || (n * 7919::bigint + n / 1000) % 550, 'user-' || (n * 104729::bigint + n / 777) % 2000,
       CASE WHEN n % 5 = 0 AND n > 100 THEN 'message-' || n - 100 END, at, at
FROM (SELECT n, pg_temp.moment(n::float8 / :messages) AS at FROM generate_series(1, :messages) n) _;
INSERT INTO reactions (id, emoji, message_id, user_id, created_at)
SELECT 'reaction-' || n, '+1', 'message-' || n * 8, 'user-' || n % 2000, pg_temp.moment(n * 8::float8 / :messages)
FROM generate_series(1, :messages / 8) n;
INSERT INTO files (id, filename, original_name, mime_type, size, s3_key, s3_bucket, status, workspace_id,
    uploaded_by_id, created_at, updated_at)
SELECT 'file-' || n, 'f', 'f', 'text/plain', n, 'k', 'b', 'READY', pg_temp.place(n), 'user-' || n % 2000,
       pg_temp.moment(n * 33::float8 / :messages), now()
FROM generate_series(1, :messages / 33) n;
INSERT INTO message_attachments (id, message_id, file_id)
SELECT 'attachment-' || n, 'message-' || n * 33, 'file-' || n FROM generate_series(1, :messages / 33) n;
INSERT INTO tasks (id, title, priority, status, vp_id, workspace_id, channel_id, created_by_id, assigned_to_id,
    created_at, updated_at, completed_at, due_date)
SELECT 'task-' || n, 'Task ' || n, (enum_range(NULL::"TaskPriority"))[n % 4 + 1],
       CASE WHEN n % 10 = 0 THEN 'TODO' ELSE 'DONE' END::"TaskStatus", 'vp-' || n % 10, pg_temp.place(n),
       'channel-' || n % 550, 'user-0', 'user-' || n * 7919::bigint % 2000, at, at,
       CASE WHEN n % 10 > 0 THEN at + interval '3 days' END, at + interval '4 days'
FROM (SELECT n, pg_temp.moment(n * 20::float8 / :messages) AS at FROM generate_series(1, :messages / 20) n) _;
INSERT INTO workflows (id, name, trigger, actions, status, workspace_id, created_by, created_at, updated_at)
SELECT 'workflow-' || n, 'Workflow ' || n, '{}', '[]', 'ACTIVE', pg_temp.place(n), 'user-0', '2025-01-01', now()
FROM generate_series(0, 119) n;
INSERT INTO workflow_executions (id, status, triggered_by, trigger_type, error, started_at, duration_ms, workflow_id,
    workspace_id)
SELECT 'execution-' || n, CASE WHEN n % 9 = 0 THEN 'FAILED' ELSE 'COMPLETED' END::"WorkflowExecutionStatus",
       'system', (ARRAY['schedule', 'manual', 'event'])[n % 3 + 1], CASE WHEN n % 9 = 0 THEN 'error ' || n % 70 END,
       pg_temp.moment(n * 10::float8 / :messages), n % 60000, 'workflow-' || n % 120, pg_temp.place(n % 120)
FROM generate_series(1, :messages / 10) n;
INSERT INTO export_jobs (id, workspace_id, type, format, status, record_count, file_size, requested_by, created_at,
    completed_at)
SELECT 'export-' || n, pg_temp.place(n), (ARRAY['messages', 'tasks', 'files'])[n % 3 + 1],
       'CSV', 'COMPLETED', n, n * 100::bigint, 'user-' || n % 2000, at, at + interval '20 seconds'
FROM (SELECT n, pg_temp.moment(n * 50::float8 / :messages) AS at FROM generate_series(1, :messages / 50) n) _;
INSERT INTO scheduled_reports (id, name, "reportType", cron_expression, export_formats, parameters, workspace_id,
    created_by_id, updated_at)
SELECT 'report-' || n, 'Report ' || n, 'security-audit', '0 9 1 * *', '{csv}',
       '{"dateRange": {"type": "last-30-days"}}', 'w', 'user-0', now()
FROM generate_series(0, 99) n;

-- What happened to which kind of object: sign-ins of nobody's, objects of every table, and types nobody knows.
CREATE TEMPORARY TABLE happened (number int, action text, kind text, prefix text, objects bigint);
INSERT INTO happened
SELECT row_number() OVER () - 1, *
FROM (VALUES
    ('session.login', 'session', 'session-', 1000000), ('session.login', 'session', 'session-', 1000000),
    ('session.logout', 'session', 'session-', 1000000), ('session.login_failed', 'user', 'user-', 2000),
    ('user.updated', 'User', 'user-', 2000), ('mfa.enabled', 'user', 'user-', 2000),
    ('api_key.created', 'api_key', 'key-', 5000), ('billing.viewed', 'billing', NULL, 1),
    ('channel.updated', 'channel', 'channel-', 550), ('channel.created', 'Channel', 'channel-', 550),
    ('conversation.muted', 'conversation', 'channel-', 550), ('member.added', 'channel_member', 'stay-', 10000),
    ('member.role_changed', 'WorkspaceMember', 'member-', 2000), ('member.invited', 'member', 'member-', 2000),
    ('message.deleted', 'message', 'message-', :messages), ('message.edited', 'message', 'message-', :messages),
    ('message.edited', 'message', 'message-', :messages), ('reaction.removed', 'reaction', 'reaction-', :messages / 8),
    ('file.uploaded', 'file', 'file-', :messages / 33), ('file.downloaded', 'file', 'file-', :messages / 33),
    ('task.created', 'task', 'task-', :messages / 20), ('task.updated', 'task', 'task-', :messages / 20),
    ('task.completed', 'task', 'task-', :messages / 20), ('workflow.updated', 'workflow', 'workflow-', 120),
    ('workflow.executed', 'workflow_execution', 'execution-', :messages / 10),
    ('export.downloaded', 'export', 'export-', :messages / 50), ('agent.asked', 'vp', 'vp-', 10),
    ('report.updated', 'scheduled_report', 'report-', 100), ('permission.denied', 'workspace', 'w', NULL),
    ('workspace.settings_changed', 'workspace', 'w', NULL)
) _ (action, kind, prefix, objects);
INSERT INTO audit_logs (id, actor_id, actor_type, action, resource_type, resource_id, ip, user_agent, severity,
    created_at)
SELECT 'audit-' || n, CASE WHEN n % 53 = 0 THEN 'vp-' || n % 10 ELSE 'user-' || n * 7919::bigint % 2000 END,
       CASE WHEN n % 53 = 0 THEN 'vp' ELSE 'user' END, h.action, h.kind,
       CASE WHEN h.objects > 1 THEN h.prefix || 1 + n * 48271::bigint % (h.objects - 1) ELSE h.prefix END,
       '192.0.' || n * 7919::bigint % 2000 % 250 || '.' || n / 1000 % 4,
       'Mozilla/5.0 (X11; Linux x86_64) Firefox/' || n % 90,
       CASE WHEN n % 50 = 0 THEN 'critical' WHEN n % 12 = 0 THEN 'warning' ELSE 'info' END,
       pg_temp.moment(n::float8 / :audit)
FROM generate_series(1, :audit) n
JOIN happened h ON h.number = (n + n / 30) % 30;
