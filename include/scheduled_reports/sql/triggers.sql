-- Keeps reporting.report_options.effective_from right whoever edits scheduled_reports: Prisma, psql or we.
-- SECURITY DEFINER, because the application's database user has no rights in our schema and needs none; the fixed
-- search_path keeps that from being turned against us.

CREATE OR REPLACE FUNCTION reporting.schedule_became_effective() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.id <> NEW.id THEN
        DELETE FROM reporting.report_options WHERE report_id = OLD.id;
    END IF;
    -- clock_timestamp() and not now(): now() is when the transaction began, which may be long before this edit, and
    -- after a wait for another editor's lock it would put the moment back to before that editor's change.
    INSERT INTO reporting.report_options (report_id, effective_from) VALUES (NEW.id, clock_timestamp())
    ON CONFLICT (report_id) DO UPDATE SET effective_from = EXCLUDED.effective_from;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION reporting.report_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM reporting.report_options WHERE report_id = OLD.id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER reporting_report_added AFTER INSERT ON scheduled_reports
FOR EACH ROW EXECUTE FUNCTION reporting.schedule_became_effective();

-- UPDATE OF and WHEN: a counter write does not even look at this trigger, and saving a report unchanged calls nothing.
CREATE OR REPLACE TRIGGER reporting_schedule_changed
AFTER UPDATE OF id, cron_expression, timezone, is_active, status ON scheduled_reports
FOR EACH ROW WHEN (
    OLD.id <> NEW.id
    OR OLD.cron_expression <> NEW.cron_expression
    OR OLD.timezone <> NEW.timezone
    OR ((NEW.is_active AND NEW.status = 'ACTIVE') AND NOT (OLD.is_active AND OLD.status = 'ACTIVE'))
)
EXECUTE FUNCTION reporting.schedule_became_effective();

CREATE OR REPLACE TRIGGER reporting_report_deleted AFTER DELETE ON scheduled_reports
FOR EACH ROW EXECUTE FUNCTION reporting.report_deleted();
