-- The events with what their action and severity say; actions are classified once for each that occurs.
, seen (action) AS (
    (SELECT a.action FROM audit_logs a ORDER BY 1 LIMIT 1)
    UNION ALL
    SELECT (SELECT a.action FROM audit_logs a WHERE a.action > s.action ORDER BY 1 LIMIT 1)
    FROM seen s
    WHERE s.action IS NOT NULL
), actions AS MATERIALIZED (
    SELECT seen.action, judged.failed,
           NOT judged.failed AND seen.action ~* concat(
               '(role|permission|privilege|owner|admin|invit|policy|policies',
               '|grant|revoke|settings|member[._](added|removed))') AS changes
    FROM seen
    CROSS JOIN LATERAL (
        SELECT seen.action ~* '(fail|denied|rejected|refused|forbidden|unauthori[sz]ed|lockout|locked_out)' AS failed
    ) judged
    WHERE seen.action IS NOT NULL
), judged AS NOT MATERIALIZED (
    SELECT e.*, actions.failed, actions.changes,
           lower(e.severity COLLATE "C") NOT IN ('info', 'debug', 'low', 'notice') AS serious,
           lower(e.severity COLLATE "C") IN ('critical', 'fatal', 'emergency', 'alert', 'severe') AS critical
    FROM events e
    LEFT JOIN actions ON actions.action = e.action
)
