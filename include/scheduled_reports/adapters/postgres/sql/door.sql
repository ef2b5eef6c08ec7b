-- What the public door may do: its database role can call five functions and nothing else, so that without the handle of
-- a verified token it sees no address, report or file.  They are SECURITY DEFINER with a fixed search_path that does not
-- contain the application's schema, in which others may be able to create functions; the ones they call have the rights
-- of the caller.  They take no lock on the application's rows.

-- Whether the addresses include one of the spellings of an address.  Letters are turned into lower case by the rules of
-- the database and by those of ASCII, because in Turkish the lower case of "I" is another letter.
CREATE OR REPLACE FUNCTION reporting.door_names(addresses text[], spellings text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM unnest(addresses) AS one
        WHERE lower(one COLLATE "C") = ANY (spellings) OR lower(one) = ANY (spellings)
    )
$$;

-- A workspace's reports, or the one of them with this id.  The application's tables are looked up at each call, so that
-- the application may move, change and drop them; `workspaces` may be missing.
CREATE OR REPLACE FUNCTION reporting.door_rows(workspace text, only_id text DEFAULT NULL)
RETURNS TABLE (id text, name text, workspace_name text, recipients text[], is_mailed boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    reports regclass;
    workspaces regclass;
BEGIN
    -- Only the trigger on scheduled_reports knows the application's schema.
    SELECT t.tgrelid, to_regclass(format('%I.workspaces', c.relnamespace::regnamespace::name)) INTO reports, workspaces
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE t.tgname = 'reporting_edit_noted' AND t.tgfoid = 'reporting.edit_noted'::regproc
    ORDER BY t.tgrelid LIMIT 1;
    IF reports IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT r.id::text, r.name::text, %s, '
        'r.email_recipients::text[] || r.email_cc_recipients::text[] || r.email_bcc_recipients::text[], '
        'r.email_enabled AND r.status::text <> ''DISABLED'' '
        'FROM %s r WHERE r.workspace_id = $1 AND ($2 IS NULL OR r.id = $2)',
        CASE WHEN workspaces IS NULL THEN 'NULL::text'
             ELSE format('(SELECT w.name::text FROM %s w WHERE w.id = r.workspace_id)', workspaces) END,
        reports
    ) USING workspace, only_id;
END
$$;

-- The reader of a handle, under the present id of their report; none if the report is gone or in another workspace.
CREATE OR REPLACE FUNCTION reporting.door_found(sought uuid)
RETURNS TABLE (report_id text, name text, workspace_id text, workspace text, address text, mailbox text,
               spellings text[], revoked_at timestamptz, is_recipient boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT a.id, a.name, f.workspace_id, a.workspace_name, f.address, f.mailbox, f.spellings, f.revoked_at,
           NOT f.of_report OR f.address IS NULL OR reporting.door_names(a.recipients, f.spellings)
    FROM reporting.readers f
    LEFT JOIN reporting.departed d ON d.report_id = f.report_id
    CROSS JOIN LATERAL reporting.door_rows(f.workspace_id, coalesce(d.now_called, f.report_id)) a
    WHERE f.handle = sought;
END
$$;

-- The file, and the ids under which its run stored it.
CREATE OR REPLACE FUNCTION reporting.door_file(sought uuid, sought_format text, is_opening boolean)
RETURNS TABLE (bucket text, object_key text, content_type text, bytes bigint, workspace_id text, report_id text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT a.bucket, a.object_key, a.content_type, a.bytes, own.workspace_id, own.report_id
    FROM reporting.readers own
    CROSS JOIN LATERAL reporting.door_found(own.handle) f
    JOIN reporting.artifacts a
        ON a.report_id = own.report_id AND a.run_id = own.run_id AND a.format = sought_format AND a.deleted_at IS NULL
    WHERE own.handle = sought AND f.revoked_at IS NULL AND f.is_recipient;
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

-- The name of the workspace's brand; null if it is the deployment's.
CREATE OR REPLACE FUNCTION reporting.door_brand(sought uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT b.brand ->> 'name' FROM reporting.readers f
    JOIN reporting.brands b ON b.workspace_id = f.workspace_id AND b.until IS NULL
    WHERE f.handle = sought
$$;

CREATE OR REPLACE FUNCTION reporting.door_reports(sought uuid)
RETURNS TABLE (id text, name text, has_left boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT a.id, a.name, o.id IS NOT NULL
    FROM reporting.door_found(sought) f
    CROSS JOIN LATERAL reporting.door_rows(f.workspace_id) a
    LEFT JOIN reporting.opt_outs o
        ON o.report_id = a.id AND o.workspace_id = f.workspace_id AND o.mailbox = f.mailbox AND o.returned_at IS NULL
    WHERE f.address IS NOT NULL
      AND (a.id = f.report_id OR o.id IS NOT NULL
           OR (a.is_mailed AND reporting.door_names(a.recipients, f.spellings)))
    ORDER BY a.id <> f.report_id, lower(a.name), a.id
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
       OR sought_report IS NOT NULL
          AND NOT EXISTS (SELECT FROM reporting.door_reports(sought) d WHERE d.id = sought_report) THEN
        RETURN false;
    END IF;
    IF how IS NULL THEN
        UPDATE reporting.opt_outs o SET returned_at = now()
        WHERE o.report_id = chosen AND o.workspace_id = known.workspace_id AND o.mailbox = known.mailbox
          AND o.returned_at IS NULL;
        RETURN true;
    END IF;
    -- Leaving and returning again and again within the hour is one opt-out: nobody can fill the table with their link.
    UPDATE reporting.opt_outs o SET returned_at = NULL
    WHERE o.id = (
        SELECT max(one.id) FROM reporting.opt_outs one
        WHERE one.report_id = chosen AND one.workspace_id = known.workspace_id AND one.mailbox = known.mailbox
    ) AND o.returned_at IS NOT NULL AND o.returned_by IS NULL AND o.left_at > now() - interval '1 hour';
    IF NOT FOUND THEN
        INSERT INTO reporting.opt_outs (report_id, workspace_id, mailbox, address, how)
        VALUES (chosen, known.workspace_id, known.mailbox, known.address, how)
        ON CONFLICT (report_id, workspace_id, mailbox) WHERE returned_at IS NULL DO NOTHING;
    END IF;
    RETURN true;
END
$$;

-- By default everybody may execute a function, and whoever may execute that of a trigger can put it on a table of their
-- own and so write into ours with its rights.  Triggers that exist work without this right.
DO $$
DECLARE
    ours regprocedure;
BEGIN
    FOR ours IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'reporting'::regnamespace
          AND (p.prorettype = 'trigger'::regtype OR starts_with(p.proname, 'door_'))
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', ours);
    END LOOP;
END
$$;
