-- Every channel created before the end of the period; only public channels have a name.
SELECT c.id,
       CASE WHEN c.type = 'PUBLIC' THEN c.name END AS channel,
       c.type::text AS type,
       c.is_archived,
       (SELECT count(*) FROM channel_members m
        WHERE m.channel_id = c.id
          AND m.joined_at < current_setting('report.end')::timestamp
          AND coalesce(m.left_at, 'infinity') >= current_setting('report.end')::timestamp) AS people,
       c.created_at
FROM channels c
WHERE c.workspace_id = current_setting('report.workspace_id')
  AND c.created_at < current_setting('report.end')::timestamp
