-- The files uploaded in the window that are attached to a message in a selected channel.
, shared_files AS (
    SELECT f.created_at
    FROM files f
    WHERE f.workspace_id = current_setting('report.workspace_id')
      AND f.created_at >= current_setting('report.start')::timestamp
      AND f.created_at < current_setting('report.end')::timestamp
      AND f.status <> 'FAILED'
      AND ((SELECT current_setting('report.parameters')::jsonb -> 'userIds') IS NULL
           OR f.uploaded_by_id IN (
               SELECT jsonb_array_elements_text(current_setting('report.parameters')::jsonb -> 'userIds')))
      AND EXISTS (
          SELECT
          FROM message_attachments a
          JOIN messages m ON m.id = a.message_id
          JOIN selected_channels c ON c.id = m.channel_id
          WHERE a.file_id = f.id
            AND NOT m.is_deleted)
)
