-- Keep reporting.report_options and reporting.tombstones correct for every edit of scheduled_reports, by Prisma, psql
-- or this product.  SECURITY DEFINER, because the application's database user has no rights in our schema and needs
-- none; the fixed search_path prevents misuse of these rights.

CREATE OR REPLACE FUNCTION reporting.schedule_became_effective() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.id <> NEW.id THEN
        -- The options follow the report; those that another report left under the new id are deleted.
        DELETE FROM reporting.report_options WHERE report_id = NEW.id;
        UPDATE reporting.report_options SET report_id = NEW.id WHERE report_id = OLD.id;
        DELETE FROM reporting.condition_state WHERE report_id = NEW.id;
        UPDATE reporting.condition_state SET report_id = NEW.id WHERE report_id = OLD.id;
        DELETE FROM reporting.tombstones WHERE report_id = NEW.id;
        UPDATE reporting.missed_ticks SET report_id = NEW.id WHERE report_id = OLD.id;
        DELETE FROM reporting.opt_outs WHERE report_id = NEW.id;
        UPDATE reporting.opt_outs SET report_id = NEW.id WHERE report_id = OLD.id;
    END IF;
    -- clock_timestamp() instead of now(): now() is the start of the transaction, which may be long before this edit;
    -- after waiting for the lock of another edit it would be earlier than that edit.
    INSERT INTO reporting.report_options (report_id, effective_from) VALUES (NEW.id, clock_timestamp())
    ON CONFLICT (report_id) DO UPDATE
    -- Nothing of the new schedule has been checked yet.
    SET effective_from = EXCLUDED.effective_from, checked_to = NULL, caught_up_to = NULL;
    RETURN NULL;
END
$$;

-- Clear the cause of an ERROR when the report leaves that status.
CREATE OR REPLACE FUNCTION reporting.error_lifted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE reporting.report_options
    SET error_cause = NULL, status_before = NULL, keeps_ticks = false, rejection_notice = NULL, rejection_told_at = NULL
    WHERE report_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION reporting.report_went() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM reporting.report_options WHERE report_id = OLD.id;
        DELETE FROM reporting.condition_state WHERE report_id = OLD.id;
        -- Its earlier ids are deleted as well.
        UPDATE reporting.departed SET since = clock_timestamp(), now_called = NULL WHERE now_called = OLD.id;
        INSERT INTO reporting.departed (report_id, workspace_id) VALUES (OLD.id, OLD.workspace_id)
        ON CONFLICT (report_id) DO UPDATE
        SET workspace_id = EXCLUDED.workspace_id, since = EXCLUDED.since, now_called = NULL, put_off_at = NULL;
    ELSIF OLD.id <> NEW.id THEN
        DELETE FROM reporting.departed WHERE report_id = NEW.id;
        UPDATE reporting.departed SET now_called = NEW.id WHERE now_called = OLD.id;
        INSERT INTO reporting.departed (report_id, workspace_id, now_called) VALUES (OLD.id, OLD.workspace_id, NEW.id)
        ON CONFLICT (report_id) DO UPDATE SET workspace_id = EXCLUDED.workspace_id, now_called = EXCLUDED.now_called;
    END IF;
    INSERT INTO reporting.tombstones (report_id, name, reason)
    VALUES (OLD.id, OLD.name, CASE WHEN TG_ARGV[0] = 'disabled' THEN 'disabled' ELSE 'deleted' END)
    ON CONFLICT (report_id) DO UPDATE SET name = EXCLUDED.name, reason = EXCLUDED.reason, since = EXCLUDED.since;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION reporting.report_came() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM reporting.tombstones WHERE report_id = NEW.id;
    DELETE FROM reporting.departed WHERE report_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION reporting.reports_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO reporting.tombstones (report_id, name, reason)
    SELECT report_id, report_id, 'deleted' FROM reporting.report_options
    ON CONFLICT (report_id) DO UPDATE SET reason = EXCLUDED.reason, since = EXCLUDED.since;
    UPDATE reporting.departed SET since = clock_timestamp(), now_called = NULL WHERE now_called IS NOT NULL;
    INSERT INTO reporting.departed (report_id) SELECT report_id FROM reporting.report_options
    ON CONFLICT (report_id) DO UPDATE SET since = EXCLUDED.since, now_called = NULL;
    DELETE FROM reporting.report_options;
    DELETE FROM reporting.condition_state;
    RETURN NULL;
END
$$;

-- What the old workspace's runs have left in the row is not the new one's.
CREATE OR REPLACE FUNCTION reporting.report_moved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE reporting.report_options SET watermark = NULL WHERE report_id = OLD.id;
    NEW.last_run := NULL;
    NEW.last_run_status := NULL;
    NEW.last_error := NULL;
    NEW.run_count := 0;
    NEW.success_count := 0;
    NEW.failure_count := 0;
    RETURN NEW;
END
$$;

-- The API names the actor in a setting of the transaction; other editors are named by their database role.
CREATE OR REPLACE FUNCTION reporting.edit_noted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- Columns that people do not edit.
    ours CONSTANT text[] := ARRAY['last_run', 'last_run_status', 'next_run', 'run_count', 'success_count',
                                  'failure_count', 'last_error', 'created_at', 'updated_at'];
    was CONSTANT jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) - ours END;
    is_now CONSTANT jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) - ours END;
    report CONSTANT jsonb := was || is_now;
BEGIN
    IF was = is_now THEN
        RETURN NULL;
    END IF;
    -- Of a report that is moved, each workspace sees its own side.
    INSERT INTO reporting.audit (report_id, workspace_id, action, actor, acting_user, before, after)
    SELECT report ->> 'id', side.workspace_id,
           CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'UPDATE' THEN 'changed' ELSE 'deleted' END,
           coalesce(nullif(current_setting('reporting.actor', true), ''), 'database:' || session_user),
           nullif(current_setting('reporting.acting_user', true), ''),
           jsonb_object_agg(key, was -> key) FILTER (WHERE was ? key AND was ->> 'workspace_id' = side.workspace_id),
           jsonb_object_agg(key, is_now -> key)
               FILTER (WHERE is_now ? key AND is_now ->> 'workspace_id' = side.workspace_id)
    FROM (SELECT was ->> 'workspace_id' UNION SELECT is_now ->> 'workspace_id') AS side (workspace_id),
         jsonb_object_keys(report) AS key
    WHERE side.workspace_id IS NOT NULL AND was -> key IS DISTINCT FROM is_now -> key
    GROUP BY side.workspace_id;
    RETURN NULL;
END
$$;

-- Options that decide when a report runs: a change takes effect now, as one of the schedule does.
CREATE OR REPLACE FUNCTION reporting.options_became_effective() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    scheduling CONSTANT text[] := ARRAY['startsOn', 'endsOn', 'calendar', 'onClosed'];
BEGIN
    IF EXISTS (SELECT FROM unnest(scheduling) AS key WHERE OLD.options -> key IS DISTINCT FROM NEW.options -> key) THEN
        NEW.effective_from := clock_timestamp();
        NEW.checked_to := NULL;
        NEW.caught_up_to := NULL;
    END IF;
    RETURN NEW;
END
$$;

-- Another calendar takes effect now, for the reports that use it; a country's is not used where the workspace has its own.
CREATE OR REPLACE FUNCTION reporting.calendar_takes_effect(workspace text, changed text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    reports regclass;
BEGIN
    -- Only the trigger on scheduled_reports knows the application's schema.
    SELECT tgrelid INTO reports FROM pg_trigger WHERE tgname = 'reporting_edit_noted' ORDER BY tgrelid LIMIT 1;
    EXECUTE format(
        'UPDATE reporting.report_options o SET effective_from = clock_timestamp() FROM %s r '
        'WHERE r.id = o.report_id AND o.options ->> ''calendar'' = $2 AND (r.workspace_id = $1 OR $1 = '''' AND NOT '
        'EXISTS (SELECT FROM reporting.calendars own WHERE own.workspace_id = r.workspace_id AND own.code = $2))', reports
    ) USING workspace, changed;
END
$$;

CREATE OR REPLACE FUNCTION reporting.calendar_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    covered_until integer;
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.workspace_id, OLD.code) = (NEW.workspace_id, NEW.code) THEN
        -- Years that were not covered before change nothing that was scheduled.  A workspace's list covers this year.
        covered_until := coalesce(OLD.last_year, greatest(
            (SELECT max(extract(year FROM day)) FROM unnest(OLD.dates) AS day WHERE isfinite(day)),
            extract(year FROM clock_timestamp() + interval '31 days')
        ));
        IF OLD.weekend @> NEW.weekend AND OLD.weekend <@ NEW.weekend AND NOT EXISTS (
            SELECT FROM unnest(OLD.dates || NEW.dates) AS day
            WHERE extract(year FROM day) BETWEEN coalesce(OLD.first_year, 0) AND covered_until
              AND (day = ANY (OLD.dates)) <> (day = ANY (NEW.dates))
        ) THEN
            RETURN NULL;
        END IF;
    -- The days of a country were known before they are first written.
    ELSIF TG_OP <> 'INSERT' AND OLD.workspace_id <> '' THEN
        PERFORM reporting.calendar_takes_effect(OLD.workspace_id, OLD.code);
    END IF;
    IF TG_OP = 'UPDATE' OR TG_OP = 'INSERT' AND NEW.workspace_id <> '' THEN
        PERFORM reporting.calendar_takes_effect(NEW.workspace_id, NEW.code);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION reporting.options_noted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was CONSTANT jsonb := OLD.options || jsonb_build_object('missedRuns', OLD.missed_runs);
    is_now CONSTANT jsonb := NEW.options || jsonb_build_object('missedRuns', NEW.missed_runs);
    reports regclass;
    workspace text;
BEGIN
    -- Only the trigger on scheduled_reports knows the application's schema.
    SELECT tgrelid INTO reports FROM pg_trigger WHERE tgname = 'reporting_edit_noted' ORDER BY tgrelid LIMIT 1;
    EXECUTE format('SELECT workspace_id FROM %s WHERE id = $1', reports) INTO workspace USING NEW.report_id;
    INSERT INTO reporting.audit (report_id, workspace_id, action, actor, acting_user, before, after)
    SELECT NEW.report_id, workspace, 'changed',
           coalesce(nullif(current_setting('reporting.actor', true), ''), 'database:' || session_user),
           nullif(current_setting('reporting.acting_user', true), ''),
           jsonb_build_object('options', coalesce(jsonb_object_agg(key, was -> key) FILTER (WHERE was ? key), '{}')),
           jsonb_build_object('options', coalesce(jsonb_object_agg(key, is_now -> key) FILTER (WHERE is_now ? key), '{}'))
    FROM jsonb_object_keys(was || is_now) AS key
    WHERE workspace IS NOT NULL AND was -> key IS DISTINCT FROM is_now -> key
    HAVING count(*) > 0;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER reporting_report_added AFTER INSERT ON scheduled_reports
FOR EACH ROW EXECUTE FUNCTION reporting.schedule_became_effective();

CREATE OR REPLACE TRIGGER reporting_report_came AFTER INSERT ON scheduled_reports
FOR EACH ROW EXECUTE FUNCTION reporting.report_came();

-- UPDATE OF and WHEN: writing counters does not evaluate these, and saving an unchanged report calls no function.
CREATE OR REPLACE TRIGGER reporting_schedule_changed
AFTER UPDATE OF id, cron_expression, timezone, is_active, status ON scheduled_reports
FOR EACH ROW WHEN (
    OLD.id <> NEW.id
    OR OLD.cron_expression <> NEW.cron_expression
    OR OLD.timezone <> NEW.timezone
    OR ((NEW.is_active AND NEW.status = 'ACTIVE') AND NOT (OLD.is_active AND OLD.status = 'ACTIVE'))
)
EXECUTE FUNCTION reporting.schedule_became_effective();

CREATE OR REPLACE TRIGGER reporting_error_lifted AFTER UPDATE OF status ON scheduled_reports
FOR EACH ROW WHEN (OLD.status = 'ERROR' AND NEW.status <> 'ERROR')
EXECUTE FUNCTION reporting.error_lifted();

CREATE OR REPLACE TRIGGER reporting_report_disabled AFTER UPDATE OF status ON scheduled_reports
FOR EACH ROW WHEN (OLD.status <> 'DISABLED' AND NEW.status = 'DISABLED')
EXECUTE FUNCTION reporting.report_went('disabled');

CREATE OR REPLACE TRIGGER reporting_report_enabled AFTER UPDATE OF status ON scheduled_reports
FOR EACH ROW WHEN (OLD.status = 'DISABLED' AND NEW.status <> 'DISABLED')
EXECUTE FUNCTION reporting.report_came();

CREATE OR REPLACE TRIGGER reporting_report_renamed AFTER UPDATE OF id ON scheduled_reports
FOR EACH ROW WHEN (OLD.id <> NEW.id)
EXECUTE FUNCTION reporting.report_went();

CREATE OR REPLACE TRIGGER reporting_report_deleted AFTER DELETE ON scheduled_reports
FOR EACH ROW EXECUTE FUNCTION reporting.report_went();

CREATE OR REPLACE TRIGGER reporting_reports_truncated AFTER TRUNCATE ON scheduled_reports
FOR EACH STATEMENT EXECUTE FUNCTION reporting.reports_truncated();

CREATE OR REPLACE TRIGGER reporting_report_moved BEFORE UPDATE OF workspace_id ON scheduled_reports
FOR EACH ROW WHEN (OLD.workspace_id <> NEW.workspace_id)
EXECUTE FUNCTION reporting.report_moved();

-- Not for the columns that this product writes after every run.
CREATE OR REPLACE TRIGGER reporting_edit_noted
AFTER INSERT OR DELETE OR UPDATE OF
    id, name, description, "reportType", cron_expression, timezone, is_active, status, export_formats, parameters, tags,
    email_enabled, email_recipients, email_cc_recipients, email_bcc_recipients, email_subject,
    email_include_attachment, email_include_preview, email_send_only_if_data, workspace_id, created_by_id
ON scheduled_reports
FOR EACH ROW EXECUTE FUNCTION reporting.edit_noted();

CREATE OR REPLACE TRIGGER reporting_options_effective BEFORE UPDATE OF options ON reporting.report_options
FOR EACH ROW WHEN (OLD.options IS DISTINCT FROM NEW.options)
EXECUTE FUNCTION reporting.options_became_effective();

CREATE OR REPLACE TRIGGER reporting_options_noted AFTER UPDATE OF options, missed_runs ON reporting.report_options
FOR EACH ROW WHEN (OLD.options IS DISTINCT FROM NEW.options OR OLD.missed_runs IS DISTINCT FROM NEW.missed_runs)
EXECUTE FUNCTION reporting.options_noted();

CREATE OR REPLACE TRIGGER reporting_calendar_changed
AFTER INSERT OR DELETE OR UPDATE OF workspace_id, code, weekend, dates ON reporting.calendars
FOR EACH ROW EXECUTE FUNCTION reporting.calendar_changed();
