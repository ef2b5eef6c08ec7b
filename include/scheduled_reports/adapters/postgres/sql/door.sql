-- What the public door may do: its database role can call these functions and nothing else, so that without the handle
-- of a verified token it sees no address, report or file.  SECURITY DEFINER with a fixed search_path, to which the last
-- statement adds the schema of the application's tables.

-- Whether the addresses include one of the spellings of an address.  The row itself is no argument: a function on its
-- type would keep the application from dropping the table.
CREATE OR REPLACE FUNCTION reporting.door_names(addresses text[], spellings text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM unnest(addresses) one WHERE lower(one) = ANY (spellings))
$$;

-- The reader of a handle, under the present id of their report; none if the report is gone or in another workspace.
CREATE OR REPLACE FUNCTION reporting.door_found(sought uuid)
RETURNS TABLE (report_id text, run_id text, message text, name text, workspace_id text, workspace text, address text,
               mailbox text, spellings text[], revoked_at timestamptz, is_recipient boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT r.id, f.run_id, f.message, r.name, r.workspace_id, w.name, f.address, f.mailbox, f.spellings, f.revoked_at,
           NOT f.of_report OR f.address IS NULL
               OR reporting.door_names(r.email_recipients || r.email_cc_recipients || r.email_bcc_recipients, f.spellings)
    FROM reporting.readers f
    LEFT JOIN reporting.departed d ON d.report_id = f.report_id
    JOIN scheduled_reports r ON r.id = coalesce(d.now_called, f.report_id) AND r.workspace_id = f.workspace_id
    LEFT JOIN workspaces w ON w.id = r.workspace_id
    WHERE f.handle = sought;
END
$$;

CREATE OR REPLACE FUNCTION reporting.door_file(sought uuid, sought_format text, is_opening boolean)
RETURNS TABLE (bucket text, object_key text, content_type text, bytes bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT a.bucket, a.object_key, a.content_type, a.bytes
    FROM reporting.door_found(sought) f
    JOIN reporting.readers own ON own.handle = sought
    JOIN reporting.artifacts a
        ON a.report_id = own.report_id AND a.run_id = own.run_id AND a.format = sought_format AND a.deleted_at IS NULL
    WHERE f.revoked_at IS NULL AND f.is_recipient;
    IF FOUND AND is_opening THEN
        UPDATE reporting.readers r
        SET openings = r.openings + CASE WHEN sent.just_now THEN 0 ELSE 1 END,
            automatic = r.automatic + CASE WHEN sent.just_now THEN 1 ELSE 0 END,
            last_opened_at = CASE WHEN sent.just_now THEN r.last_opened_at ELSE now() END
        FROM (
            -- A message that is still being sent was sent just now.
            SELECT coalesce(bool_or(coalesce(d.settled_at, now()) > now() - interval '10 seconds'), false) AS just_now
            FROM reporting.readers f
            JOIN reporting.deliveries d
                ON d.report_id = f.report_id AND d.run_id = f.run_id AND d.message = f.message
            WHERE f.handle = sought
        ) sent
        WHERE r.handle = sought;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION reporting.door_reader(sought uuid)
RETURNS TABLE (address text, report text, workspace text, left_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT f.address, f.name, f.workspace, o.left_at
    FROM reporting.door_found(sought) f
    LEFT JOIN reporting.opt_outs o
        ON o.report_id = f.report_id AND o.workspace_id = f.workspace_id AND o.mailbox = f.mailbox
        AND o.returned_at IS NULL
    WHERE f.address IS NOT NULL;
END
$$;

CREATE OR REPLACE FUNCTION reporting.door_reports(sought uuid)
RETURNS TABLE (id text, name text, has_left boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT r.id, r.name, o.id IS NOT NULL
    FROM reporting.door_found(sought) f
    JOIN scheduled_reports r ON r.workspace_id = f.workspace_id
    LEFT JOIN reporting.opt_outs o
        ON o.report_id = r.id AND o.workspace_id = r.workspace_id AND o.mailbox = f.mailbox AND o.returned_at IS NULL
    WHERE f.address IS NOT NULL
      AND (r.id = f.report_id OR o.id IS NOT NULL
           OR (r.email_enabled AND r.status::text <> 'DISABLED' AND reporting.door_names(
               r.email_recipients || r.email_cc_recipients || r.email_bcc_recipients, f.spellings)))
    ORDER BY lower(r.name), r.id
    LIMIT 200;
END
$$;

CREATE OR REPLACE FUNCTION reporting.door_switch(sought uuid, sought_report text, how text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- Null stands for the report of the link itself.
    chosen CONSTANT text := coalesce(sought_report, (SELECT f.report_id FROM reporting.door_found(sought) f));
    known reporting.readers;
BEGIN
    SELECT r.* INTO known FROM reporting.readers r WHERE r.handle = sought;
    IF chosen IS NULL OR known.address IS NULL
       OR NOT EXISTS (SELECT FROM reporting.door_reports(sought) d WHERE d.id = chosen) THEN
        RETURN false;
    END IF;
    IF how IS NULL THEN
        UPDATE reporting.opt_outs SET returned_at = now()
        WHERE report_id = chosen AND workspace_id = known.workspace_id AND mailbox = known.mailbox
          AND returned_at IS NULL;
    ELSE
        INSERT INTO reporting.opt_outs (report_id, workspace_id, mailbox, address, how)
        VALUES (chosen, known.workspace_id, known.mailbox, known.address, how)
        ON CONFLICT (report_id, workspace_id, mailbox) WHERE returned_at IS NULL DO NOTHING;
    END IF;
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION
    reporting.door_found(uuid), reporting.door_file(uuid, text, boolean), reporting.door_reader(uuid),
    reporting.door_reports(uuid), reporting.door_switch(uuid, text, text)
FROM PUBLIC;

DO $$
DECLARE
    application CONSTANT name := (
        SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = 'scheduled_reports'::regclass
    );
    door regprocedure;
BEGIN
    FOR door IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'reporting'::regnamespace AND p.proname LIKE 'door\_%' AND p.prosecdef
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', door, application);
    END LOOP;
END
$$;
