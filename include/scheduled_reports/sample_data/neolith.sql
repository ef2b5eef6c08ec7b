-- Neolith's tables as its own Prisma migrations create them, without scheduled reports.
-- Written from the application's list of columns, enums and indexes, for the demo and the tests; never run this on a
-- real database.  The list has no delete actions, so these are assumed: CASCADE for the parent of a row, RESTRICT for
-- its author or worker, SET NULL for an optional reference.

CREATE TYPE "ChannelRole" AS ENUM ('OWNER', 'ADMIN', 'MEMBER');
CREATE TYPE "ChannelType" AS ENUM ('PUBLIC', 'PRIVATE', 'DM', 'HUDDLE');
CREATE TYPE "ExportFormat" AS ENUM ('JSON', 'CSV');
CREATE TYPE "ExportStatus" AS ENUM ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED');
CREATE TYPE "FileStatus" AS ENUM ('PENDING', 'PROCESSING', 'READY', 'FAILED');
CREATE TYPE "MessageType" AS ENUM ('TEXT', 'FILE', 'SYSTEM', 'COMMAND');
CREATE TYPE "NotificationPriority" AS ENUM ('LOW', 'NORMAL', 'HIGH', 'URGENT');
CREATE TYPE "NotificationType" AS ENUM (
    'MESSAGE', 'MENTION', 'THREAD_REPLY', 'CALL', 'CHANNEL_INVITE', 'ORGANIZATION_UPDATE', 'SYSTEM'
);
CREATE TYPE "OrganizationRole" AS ENUM ('OWNER', 'ADMIN', 'MEMBER');
CREATE TYPE "TaskPriority" AS ENUM ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW');
CREATE TYPE "TaskStatus" AS ENUM ('TODO', 'IN_PROGRESS', 'BLOCKED', 'DONE', 'CANCELLED');
CREATE TYPE "UserStatus" AS ENUM ('ACTIVE', 'INACTIVE', 'PENDING', 'SUSPENDED');
CREATE TYPE "VPStatus" AS ENUM ('ONLINE', 'OFFLINE', 'BUSY', 'AWAY');
CREATE TYPE "WorkflowExecutionStatus" AS ENUM ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED', 'TIMEOUT');
CREATE TYPE "WorkflowStatus" AS ENUM ('ACTIVE', 'INACTIVE', 'DRAFT', 'ARCHIVED');
CREATE TYPE "WorkspaceRole" AS ENUM ('OWNER', 'ADMIN', 'MEMBER', 'GUEST');
CREATE TYPE "WorkspaceVisibility" AS ENUM ('PUBLIC', 'PRIVATE', 'INTERNAL');

CREATE TABLE organizations (
    id          TEXT NOT NULL,
    name        TEXT NOT NULL,
    slug        TEXT NOT NULL,
    avatar_url  TEXT,
    description TEXT,
    settings    JSONB NOT NULL DEFAULT '{}',
    created_at  TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at  TIMESTAMP(3) NOT NULL,
    CONSTRAINT organizations_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX organizations_slug_key ON organizations (slug);
CREATE INDEX organizations_slug_idx ON organizations (slug);

CREATE TABLE users (
    id                     TEXT NOT NULL,
    email                  TEXT NOT NULL,
    name                   TEXT,
    display_name           TEXT,
    avatar_url             TEXT,
    bio                    TEXT,
    status                 "UserStatus" NOT NULL DEFAULT 'PENDING',
    is_vp                  BOOLEAN NOT NULL DEFAULT false,
    vp_config              JSONB,
    preferences            JSONB NOT NULL DEFAULT '{}',
    current_workspace_slug TEXT,
    created_at             TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at             TIMESTAMP(3) NOT NULL,
    last_active_at         TIMESTAMP(3),
    email_verified         TIMESTAMP(3),
    CONSTRAINT users_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX users_email_key ON users (email);
CREATE INDEX users_email_idx ON users (email);
CREATE INDEX users_status_idx ON users (status);

CREATE TABLE sessions (
    id            TEXT NOT NULL,
    session_token TEXT NOT NULL,
    expires       TIMESTAMP(3) NOT NULL,
    user_id       TEXT NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX sessions_session_token_key ON sessions (session_token);
CREATE INDEX sessions_session_token_idx ON sessions (session_token);
CREATE INDEX sessions_user_id_idx ON sessions (user_id);

CREATE TABLE disciplines (
    id              TEXT NOT NULL,
    name            TEXT NOT NULL,
    description     TEXT,
    color           TEXT,
    icon            TEXT,
    organization_id TEXT NOT NULL,
    created_at      TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at      TIMESTAMP(3) NOT NULL,
    CONSTRAINT disciplines_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX disciplines_organization_id_name_key ON disciplines (organization_id, name);
CREATE INDEX disciplines_name_idx ON disciplines (name);
CREATE INDEX disciplines_organization_id_idx ON disciplines (organization_id);

CREATE TABLE workspaces (
    id              TEXT NOT NULL,
    name            TEXT NOT NULL,
    slug            TEXT NOT NULL,
    description     TEXT,
    avatar_url      TEXT,
    visibility      "WorkspaceVisibility" NOT NULL DEFAULT 'PRIVATE',
    settings        JSONB NOT NULL DEFAULT '{}',
    organization_id TEXT NOT NULL,
    created_at      TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at      TIMESTAMP(3) NOT NULL,
    CONSTRAINT workspaces_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX workspaces_organization_id_slug_key ON workspaces (organization_id, slug);
CREATE INDEX workspaces_organization_id_idx ON workspaces (organization_id);
CREATE INDEX workspaces_slug_idx ON workspaces (slug);

CREATE TABLE workspace_members (
    id           TEXT NOT NULL,
    role         "WorkspaceRole" NOT NULL DEFAULT 'MEMBER',
    workspace_id TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    joined_at    TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    settings     JSONB NOT NULL DEFAULT '{}',
    CONSTRAINT workspace_members_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX workspace_members_workspace_id_user_id_key ON workspace_members (workspace_id, user_id);
CREATE INDEX workspace_members_user_id_idx ON workspace_members (user_id);
CREATE INDEX workspace_members_workspace_id_idx ON workspace_members (workspace_id);

CREATE TABLE channels (
    id            TEXT NOT NULL,
    name          TEXT NOT NULL,
    slug          TEXT NOT NULL,
    description   TEXT,
    topic         TEXT,
    type          "ChannelType" NOT NULL DEFAULT 'PUBLIC',
    is_archived   BOOLEAN NOT NULL DEFAULT false,
    settings      JSONB NOT NULL DEFAULT '{}',
    workspace_id  TEXT NOT NULL,
    created_by_id TEXT,
    created_at    TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at    TIMESTAMP(3) NOT NULL,
    CONSTRAINT channels_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX channels_workspace_id_slug_key ON channels (workspace_id, slug);
CREATE INDEX channels_is_archived_idx ON channels (is_archived);
CREATE INDEX channels_type_idx ON channels (type);
CREATE INDEX channels_workspace_id_idx ON channels (workspace_id);

CREATE TABLE channel_members (
    id                      TEXT NOT NULL,
    role                    "ChannelRole" NOT NULL DEFAULT 'MEMBER',
    channel_id              TEXT NOT NULL,
    user_id                 TEXT NOT NULL,
    joined_at               TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_read_at            TIMESTAMP(3),
    left_at                 TIMESTAMP(3),
    is_starred              BOOLEAN NOT NULL DEFAULT false,
    notification_preference TEXT NOT NULL DEFAULT 'all',
    CONSTRAINT channel_members_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX channel_members_channel_id_user_id_key ON channel_members (channel_id, user_id);
CREATE INDEX channel_members_channel_id_idx ON channel_members (channel_id);
CREATE INDEX channel_members_is_starred_idx ON channel_members (is_starred);
CREATE INDEX channel_members_left_at_idx ON channel_members (left_at);
CREATE INDEX channel_members_user_id_idx ON channel_members (user_id);

CREATE TABLE messages (
    id         TEXT NOT NULL,
    content    TEXT NOT NULL,
    type       "MessageType" NOT NULL DEFAULT 'TEXT',
    metadata   JSONB NOT NULL DEFAULT '{}',
    is_edited  BOOLEAN NOT NULL DEFAULT false,
    is_deleted BOOLEAN NOT NULL DEFAULT false,
    edited_at  TIMESTAMP(3),
    deleted_at TIMESTAMP(3),
    channel_id TEXT NOT NULL,
    author_id  TEXT NOT NULL,
    parent_id  TEXT,
    created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP(3) NOT NULL,
    CONSTRAINT messages_pkey PRIMARY KEY (id)
);
CREATE INDEX messages_author_id_idx ON messages (author_id);
CREATE INDEX messages_channel_id_idx ON messages (channel_id);
CREATE INDEX messages_created_at_idx ON messages (created_at);
CREATE INDEX messages_deleted_at_idx ON messages (deleted_at);
CREATE INDEX messages_parent_id_idx ON messages (parent_id);
CREATE INDEX messages_type_idx ON messages (type);

CREATE TABLE reactions (
    id         TEXT NOT NULL,
    emoji      TEXT NOT NULL,
    message_id TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT reactions_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX reactions_message_id_user_id_emoji_key ON reactions (message_id, user_id, emoji);
CREATE INDEX reactions_message_id_idx ON reactions (message_id);
CREATE INDEX reactions_user_id_idx ON reactions (user_id);

CREATE TABLE files (
    id             TEXT NOT NULL,
    filename       TEXT NOT NULL,
    original_name  TEXT NOT NULL,
    mime_type      TEXT NOT NULL,
    size           BIGINT NOT NULL,
    s3_key         TEXT NOT NULL,
    s3_bucket      TEXT NOT NULL,
    thumbnail_url  TEXT,
    status         "FileStatus" NOT NULL DEFAULT 'PENDING',
    metadata       JSONB NOT NULL DEFAULT '{}',
    workspace_id   TEXT NOT NULL,
    uploaded_by_id TEXT NOT NULL,
    created_at     TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at     TIMESTAMP(3) NOT NULL,
    CONSTRAINT files_pkey PRIMARY KEY (id)
);
CREATE INDEX files_mime_type_idx ON files (mime_type);
CREATE INDEX files_status_idx ON files (status);
CREATE INDEX files_uploaded_by_id_idx ON files (uploaded_by_id);
CREATE INDEX files_workspace_id_idx ON files (workspace_id);

CREATE TABLE message_attachments (
    id         TEXT NOT NULL,
    message_id TEXT NOT NULL,
    file_id    TEXT NOT NULL,
    created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT message_attachments_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX message_attachments_message_id_file_id_key ON message_attachments (message_id, file_id);
CREATE INDEX message_attachments_file_id_idx ON message_attachments (file_id);
CREATE INDEX message_attachments_message_id_idx ON message_attachments (message_id);

CREATE TABLE vps (
    id              TEXT NOT NULL,
    discipline      TEXT NOT NULL,
    role            TEXT NOT NULL,
    capabilities    JSONB NOT NULL DEFAULT '[]',
    daemon_endpoint TEXT,
    status          "VPStatus" NOT NULL DEFAULT 'OFFLINE',
    user_id         TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    workspace_id    TEXT,
    discipline_id   TEXT,
    created_at      TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at      TIMESTAMP(3) NOT NULL,
    CONSTRAINT vps_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX vps_user_id_key ON vps (user_id);
CREATE INDEX vps_discipline_id_idx ON vps (discipline_id);
CREATE INDEX vps_discipline_idx ON vps (discipline);
CREATE INDEX vps_organization_id_idx ON vps (organization_id);
CREATE INDEX vps_status_idx ON vps (status);
CREATE INDEX vps_workspace_id_idx ON vps (workspace_id);

CREATE TABLE tasks (
    id              TEXT NOT NULL,
    title           TEXT NOT NULL,
    description     TEXT,
    priority        "TaskPriority" NOT NULL DEFAULT 'MEDIUM',
    status          "TaskStatus" NOT NULL DEFAULT 'TODO',
    due_date        TIMESTAMP(3),
    estimated_hours INTEGER,
    tags            TEXT[] DEFAULT ARRAY[]::TEXT[],
    metadata        JSONB NOT NULL DEFAULT '{}',
    depends_on      TEXT[] DEFAULT ARRAY[]::TEXT[],
    vp_id           TEXT NOT NULL,
    workspace_id    TEXT NOT NULL,
    channel_id      TEXT,
    created_by_id   TEXT NOT NULL,
    assigned_to_id  TEXT,
    created_at      TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at      TIMESTAMP(3) NOT NULL,
    completed_at    TIMESTAMP(3),
    CONSTRAINT tasks_pkey PRIMARY KEY (id)
);
CREATE INDEX tasks_assigned_to_id_idx ON tasks (assigned_to_id);
CREATE INDEX tasks_channel_id_idx ON tasks (channel_id);
CREATE INDEX tasks_created_at_idx ON tasks (created_at);
CREATE INDEX tasks_created_by_id_idx ON tasks (created_by_id);
CREATE INDEX tasks_due_date_idx ON tasks (due_date);
CREATE INDEX tasks_priority_idx ON tasks (priority);
CREATE INDEX tasks_status_idx ON tasks (status);
CREATE INDEX tasks_vp_id_idx ON tasks (vp_id);
CREATE INDEX tasks_workspace_id_idx ON tasks (workspace_id);

CREATE TABLE workflows (
    id               TEXT NOT NULL,
    name             TEXT NOT NULL,
    description      TEXT,
    trigger          JSONB NOT NULL,
    actions          JSONB NOT NULL,
    status           "WorkflowStatus" NOT NULL DEFAULT 'DRAFT',
    tags             TEXT[] DEFAULT ARRAY[]::TEXT[],
    metadata         JSONB,
    execution_count  INTEGER NOT NULL DEFAULT 0,
    success_count    INTEGER NOT NULL DEFAULT 0,
    failure_count    INTEGER NOT NULL DEFAULT 0,
    workspace_id     TEXT NOT NULL,
    created_by       TEXT NOT NULL,
    created_at       TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at       TIMESTAMP(3) NOT NULL,
    last_executed_at TIMESTAMP(3),
    CONSTRAINT workflows_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX workflows_workspace_id_name_key ON workflows (workspace_id, name);
CREATE INDEX workflows_created_at_idx ON workflows (created_at);
CREATE INDEX workflows_created_by_idx ON workflows (created_by);
CREATE INDEX workflows_status_idx ON workflows (status);
CREATE INDEX workflows_workspace_id_idx ON workflows (workspace_id);

CREATE TABLE workflow_executions (
    id            TEXT NOT NULL,
    status        "WorkflowExecutionStatus" NOT NULL DEFAULT 'PENDING',
    triggered_by  TEXT NOT NULL,
    trigger_type  TEXT NOT NULL,
    trigger_data  JSONB,
    steps         JSONB NOT NULL DEFAULT '[]',
    error         TEXT,
    started_at    TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    completed_at  TIMESTAMP(3),
    duration_ms   INTEGER,
    is_simulation BOOLEAN NOT NULL DEFAULT false,
    workflow_id   TEXT NOT NULL,
    workspace_id  TEXT NOT NULL,
    CONSTRAINT workflow_executions_pkey PRIMARY KEY (id)
);
CREATE INDEX workflow_executions_is_simulation_idx ON workflow_executions (is_simulation);
CREATE INDEX workflow_executions_started_at_idx ON workflow_executions (started_at);
CREATE INDEX workflow_executions_status_idx ON workflow_executions (status);
CREATE INDEX workflow_executions_triggered_by_idx ON workflow_executions (triggered_by);
CREATE INDEX workflow_executions_workflow_id_idx ON workflow_executions (workflow_id);
CREATE INDEX workflow_executions_workspace_id_idx ON workflow_executions (workspace_id);

CREATE TABLE notifications (
    id            TEXT NOT NULL,
    title         TEXT NOT NULL,
    body          TEXT NOT NULL,
    type          "NotificationType" NOT NULL,
    priority      "NotificationPriority" NOT NULL DEFAULT 'NORMAL',
    resource_id   TEXT,
    resource_type TEXT,
    action_url    TEXT,
    metadata      JSONB NOT NULL DEFAULT '{}',
    read          BOOLEAN NOT NULL DEFAULT false,
    read_at       TIMESTAMP(3),
    archived      BOOLEAN NOT NULL DEFAULT false,
    expires_at    TIMESTAMP(3),
    user_id       TEXT NOT NULL,
    created_at    TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at    TIMESTAMP(3) NOT NULL,
    CONSTRAINT notifications_pkey PRIMARY KEY (id)
);
CREATE INDEX notifications_created_at_idx ON notifications (created_at);
CREATE INDEX notifications_priority_idx ON notifications (priority);
CREATE INDEX notifications_read_idx ON notifications (read);
CREATE INDEX notifications_type_idx ON notifications (type);
CREATE INDEX notifications_user_id_idx ON notifications (user_id);

CREATE TABLE audit_logs (
    id            TEXT NOT NULL,
    actor_id      TEXT NOT NULL,
    actor_type    TEXT NOT NULL,
    action        TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id   TEXT,
    metadata      JSONB,
    ip            TEXT,
    user_agent    TEXT,
    severity      TEXT NOT NULL DEFAULT 'info',
    created_at    TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT audit_logs_pkey PRIMARY KEY (id)
);
CREATE INDEX audit_logs_action_created_at_idx ON audit_logs (action, created_at);
CREATE INDEX audit_logs_actor_id_created_at_idx ON audit_logs (actor_id, created_at);
CREATE INDEX audit_logs_resource_type_resource_id_idx ON audit_logs (resource_type, resource_id);

CREATE TABLE export_jobs (
    id           TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    type         TEXT NOT NULL,
    format       "ExportFormat" NOT NULL DEFAULT 'JSON',
    status       "ExportStatus" NOT NULL DEFAULT 'PENDING',
    file_url     TEXT,
    file_size    BIGINT,
    record_count INTEGER,
    error        TEXT,
    progress     INTEGER NOT NULL DEFAULT 0,
    start_date   TIMESTAMP(3),
    end_date     TIMESTAMP(3),
    requested_by TEXT NOT NULL,
    created_at   TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    started_at   TIMESTAMP(3),
    completed_at TIMESTAMP(3),
    CONSTRAINT export_jobs_pkey PRIMARY KEY (id)
);
CREATE INDEX export_jobs_created_at_idx ON export_jobs (created_at);
CREATE INDEX export_jobs_requested_by_idx ON export_jobs (requested_by);
CREATE INDEX export_jobs_status_idx ON export_jobs (status);
CREATE INDEX export_jobs_workspace_id_idx ON export_jobs (workspace_id);

ALTER TABLE sessions ADD CONSTRAINT sessions_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE disciplines ADD CONSTRAINT disciplines_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE workspaces ADD CONSTRAINT workspaces_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE workspace_members ADD CONSTRAINT workspace_members_workspace_id_fkey
    FOREIGN KEY (workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE workspace_members ADD CONSTRAINT workspace_members_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE channels ADD CONSTRAINT channels_workspace_id_fkey
    FOREIGN KEY (workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE channels ADD CONSTRAINT channels_created_by_id_fkey
    FOREIGN KEY (created_by_id) REFERENCES users (id) ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE channel_members ADD CONSTRAINT channel_members_channel_id_fkey
    FOREIGN KEY (channel_id) REFERENCES channels (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE channel_members ADD CONSTRAINT channel_members_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE messages ADD CONSTRAINT messages_channel_id_fkey
    FOREIGN KEY (channel_id) REFERENCES channels (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE messages ADD CONSTRAINT messages_author_id_fkey
    FOREIGN KEY (author_id) REFERENCES users (id) ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE messages ADD CONSTRAINT messages_parent_id_fkey
    FOREIGN KEY (parent_id) REFERENCES messages (id) ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE reactions ADD CONSTRAINT reactions_message_id_fkey
    FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE reactions ADD CONSTRAINT reactions_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE files ADD CONSTRAINT files_workspace_id_fkey
    FOREIGN KEY (workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE files ADD CONSTRAINT files_uploaded_by_id_fkey
    FOREIGN KEY (uploaded_by_id) REFERENCES users (id) ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE message_attachments ADD CONSTRAINT message_attachments_message_id_fkey
    FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE message_attachments ADD CONSTRAINT message_attachments_file_id_fkey
    FOREIGN KEY (file_id) REFERENCES files (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE vps ADD CONSTRAINT vps_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE vps ADD CONSTRAINT vps_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE vps ADD CONSTRAINT vps_discipline_id_fkey
    FOREIGN KEY (discipline_id) REFERENCES disciplines (id) ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE tasks ADD CONSTRAINT tasks_vp_id_fkey
    FOREIGN KEY (vp_id) REFERENCES vps (id) ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE tasks ADD CONSTRAINT tasks_workspace_id_fkey
    FOREIGN KEY (workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE tasks ADD CONSTRAINT tasks_channel_id_fkey
    FOREIGN KEY (channel_id) REFERENCES channels (id) ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE tasks ADD CONSTRAINT tasks_created_by_id_fkey
    FOREIGN KEY (created_by_id) REFERENCES users (id) ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE tasks ADD CONSTRAINT tasks_assigned_to_id_fkey
    FOREIGN KEY (assigned_to_id) REFERENCES users (id) ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE workflows ADD CONSTRAINT workflows_workspace_id_fkey
    FOREIGN KEY (workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE workflow_executions ADD CONSTRAINT workflow_executions_workflow_id_fkey
    FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE notifications ADD CONSTRAINT notifications_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE ON UPDATE CASCADE;
