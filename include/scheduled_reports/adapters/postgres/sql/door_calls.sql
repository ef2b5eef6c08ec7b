-- name: file
SELECT bucket, object_key, content_type, bytes, workspace_id, report_id
FROM reporting.door_file(%(reader)s, %(format)s, %(is_opening)s)

-- name: reader
SELECT address, report, workspace, left_at, reporting.door_brand(%(reader)s) AS brand FROM reporting.door_reader(%(reader)s)

-- name: reports
SELECT id, name, has_left FROM reporting.door_reports(%(reader)s)

-- name: switch
SELECT reporting.door_switch(%(reader)s, %(report_id)s, %(how)s) AS done
