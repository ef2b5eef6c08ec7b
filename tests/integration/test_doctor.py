"""The doctor on real servers: nothing to say of a sound deployment, and each planted fault is named with its remedy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from demo import aws as server
from demo.processes import free_port
from include.scheduled_reports.adapters.postgres.examine import PostgresDatabase
from include.scheduled_reports.adapters.postgres.feedback import PostgresFeedback
from include.scheduled_reports.adapters.postgres.reports import PostgresDefinitions
from include.scheduled_reports.adapters.postgres.source import PostgresSource
from include.scheduled_reports.adapters.postgres.upkeep import PostgresUpkeepStore
from include.scheduled_reports.adapters.s3 import S3Store
from include.scheduled_reports.adapters.ses import SesMailer
from include.scheduled_reports.adapters.smtp import SmtpMailer
from include.scheduled_reports.adapters.sqs import SqsEventQueue
from include.scheduled_reports.adapters.staging import ArrowStaging
from include.scheduled_reports.diagnosis.doctor import examine, examine_without_airflow
from include.scheduled_reports.domain.finding import Level
from include.scheduled_reports.reports.types import catalog
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.testing.services import MemoryServices
from tests.contract.mailbox import Mailbox
from tests.contract.tables import add_people, add_report, execute
from tests.integration.roles import Roles

SENDER = "reports@acme.example"
ENVIRON = {"SCHEDULED_REPORTS__MAIL_MODE": "live", "SCHEDULED_REPORTS__MAIL_FROM": SENDER}


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    running = server.start(tmp_path_factory.mktemp("aws"))
    running.create_bucket("reports")
    running.verify_sender(SENDER)
    running.create_queue("events")
    yield running
    running.child.stop()


class Deployment:
    """A deployment that a test makes wrong in one way, and what the doctor says of it."""

    def __init__(self, dsn, aws, folder, monkeypatch):
        self.dsn, self.aws, self.folder, self.monkeypatch = dsn, aws, folder, monkeypatch
        self.environ, self.database = dict(ENVIRON), PostgresDatabase(dsn)
        self.services = MemoryServices(
            source=PostgresSource(dsn),
            definitions=PostgresDefinitions(dsn),
            settings=Settings(mail_mode="live", mail_from=SENDER, bucket="reports", staging=str(folder / "staging")),
            staging=ArrowStaging.local(folder / "staging"),
            moment=datetime.now(UTC),
        )
        self.services.store = S3Store(aws.client("s3"), "reports")
        self.services.mailer = SesMailer(aws.client("sesv2"))
        self.services.upkeep_store, self.services.feedback = PostgresUpkeepStore(dsn), PostgresFeedback(dsn)

    def set(self, **settings):
        self.services.settings = replace(self.services.settings, **settings)

    def execute(self, statement):
        execute(self.dsn, statement)

    def read_events(self, name="events"):
        url = self.aws.queue_url(name)
        self.set(feedback_queue=url)
        self.services.event_queue = SqsEventQueue(self.aws.client("sqs"), url)

    def findings(self, **options):
        return list(examine(self.services, self.database, self.environ, **options))

    def wrong(self, **options):
        return [one for one in self.findings(**options) if one.level is not Level.OK]


@pytest.fixture
def deployment(migrated_dsn, aws, tmp_path, monkeypatch):
    add_people(migrated_dsn)
    add_report(migrated_dsn, id="r1", timezone="Europe/Berlin", is_active=False)  # no run of it is late
    catalog.catalog.cache_clear()
    yield Deployment(migrated_dsn, aws, tmp_path, monkeypatch)
    catalog.catalog.cache_clear()


def test_a_sound_deployment_has_nothing_wrong_and_every_part_is_named(deployment):
    deployment.read_events()
    PostgresFeedback(deployment.dsn).note_drained(0, drained_at=datetime.now(UTC))

    found = deployment.findings()

    # Its emails name no configuration set, which would publish the events.
    assert [(one.subject, one.level) for one in found if one.level is not Level.OK] == [("mail", Level.WARNING)]
    assert {one.subject for one in found} == {
        "settings", "database", "schema", "privileges", "clock", "reports", "time zones", "report types", "runs",
        "staging", "bucket", "mail", "events",
    }  # fmt: skip
    assert deployment.aws.keys("reports", "doctor") == {}
    assert [path for path in (deployment.folder / "staging").rglob("*") if path.is_file()] == []
    assert SENDER not in {mail.sender for mail in deployment.aws.mails()}


# Each plants one fault; what the doctor then says, and of what.


def unknown_setting(deployment):
    deployment.environ["SCHEDULED_REPORTS__BUKET"] = "reports"


def wrong_value(deployment):
    deployment.environ["SCHEDULED_REPORTS__RETRIES"] = "many"


def no_mail(deployment):
    deployment.environ["SCHEDULED_REPORTS__MAIL_MODE"] = "off"
    deployment.set(mail_mode="off")


def missing_logo(deployment):
    deployment.environ["SCHEDULED_REPORTS__BRAND_LOGO"] = "/no/such/logo.png"


def wrong_port(deployment):
    deployment.database = PostgresDatabase(make_conninfo(deployment.dsn, port=free_port()))


def read_only(deployment):
    deployment.execute(
        f'ALTER DATABASE "{conninfo_to_dict(deployment.dsn)["dbname"]}" SET default_transaction_read_only = on'
    )


def missing_migration(deployment):
    deployment.execute("DELETE FROM reporting.migrations WHERE name = '0020_feedback'")


def newer_migration(deployment):
    deployment.execute("INSERT INTO reporting.migrations (name) VALUES ('9999_of_the_future')")


def dropped_trigger(deployment):
    deployment.execute("DROP TRIGGER reporting_report_deleted ON scheduled_reports")


def disabled_trigger(deployment):
    deployment.execute("ALTER TABLE scheduled_reports DISABLE TRIGGER reporting_edit_noted")


def older_function(deployment):
    deployment.execute(
        "CREATE OR REPLACE FUNCTION reporting.report_came() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
    )


def another_clock(deployment):
    deployment.services.moment -= timedelta(minutes=7)


def invalid_report(deployment):
    add_report(deployment.dsn, id="r2", cron_expression="*/5 * * * *")


def broken_type(deployment):
    folder = deployment.folder / "types" / "orders"
    folder.mkdir(parents=True)
    (folder / "report.yaml").write_text("title: [")
    deployment.monkeypatch.setenv("SCHEDULED_REPORTS__REPORT_TYPES", str(folder.parent))


def refused_type(deployment):
    deployment.execute("ALTER TABLE messages RENAME COLUMN author_id TO writer_id")


def stopped_mail(deployment):
    deployment.execute("UPDATE reporting.switches SET enabled = false WHERE name = 'mail'")


def staging_under_a_file(deployment):
    (deployment.folder / "file").write_text("")
    deployment.services.staging = ArrowStaging(deployment.services.staging.system, str(deployment.folder / "file"))


def no_bucket(deployment):
    deployment.services.store = S3Store(deployment.aws.client("s3"), "no-such-bucket")


def unknown_key(deployment):
    client = deployment.aws.client("s3")
    client.meta.events.register("before-send.s3.PutObject", refuse_key)
    deployment.services.store = S3Store(client, "reports", kms_key="alias/none")


def refuse_key(request, **_):
    """Answer as S3 does when the key does not exist."""
    from botocore.awsrequest import AWSResponse

    class Body:
        def stream(self, *_, **__):
            yield b"<Error><Code>KMS.NotFoundException</Code><Message>No such key</Message></Error>"

    return AWSResponse(request.url, 400, {}, Body())


def unverified_sender(deployment):
    deployment.set(mail_from="reports@elsewhere.example")


def no_configuration_set(deployment):
    deployment.set(configuration_set="none")


def unreachable_ses(deployment):
    client = server.Aws(f"http://127.0.0.1:{free_port()}", child=None).client("sesv2")
    deployment.services.mailer = SesMailer(client)


def no_queue(deployment):
    deployment.read_events("no-such-queue")
    deployment.set(feedback_queue="")


def unread_queue(deployment):
    deployment.read_events()
    deployment.set(feedback_queue="")


PLANTED = {
    unknown_setting: ("fault", "settings", "SCHEDULED_REPORTS__BUKET"),
    wrong_value: ("fault", "settings", 'RETRIES: "many"'),
    no_mail: ("warning", "settings", "MAIL_MODE is off"),
    missing_logo: ("fault", "settings", "BRAND_LOGO"),
    wrong_port: ("fault", "database", "did not answer"),
    read_only: ("fault", "database", "read-only"),
    missing_migration: ("fault", "schema", "not applied: 0020_feedback"),
    newer_migration: ("warning", "schema", "9999_of_the_future"),
    dropped_trigger: ("fault", "schema", "triggers are missing: reporting_report_deleted"),
    disabled_trigger: ("fault", "schema", "triggers are disabled: reporting_edit_noted"),
    older_function: ("fault", "schema", "functions are of another version: report_came"),
    another_clock: ("fault", "clock", "differ by 4"),
    invalid_report: ("warning", "reports", "1 of 2 reports are invalid"),
    broken_type: ("fault", "report types", "orders/report.yaml"),
    refused_type: ("fault", "report types", "workspace-activity: "),
    stopped_mail: ("warning", "runs", "all mail is stopped"),
    staging_under_a_file: ("fault", "staging", "staging failed to read or write"),
    no_bucket: ("fault", "bucket", "NoSuchBucket"),
    unknown_key: ("fault", "bucket", "KMS.NotFoundException"),
    unverified_sender: ("fault", "mail", "neither reports@elsewhere.example nor its domain is verified"),
    no_configuration_set: ("fault", "mail", "no configuration set none"),
    unreachable_ses: ("fault", "mail", "could not be reached"),
    no_queue: ("fault", "events", "SQS refuses get_queue_attributes"),
    unread_queue: ("warning", "events", "has not read the queue to its end yet"),
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_named_with_what_to_do(deployment, plant):
    level, subject, words = PLANTED[plant]
    plant(deployment)

    named = [one for one in deployment.wrong() if (one.level, one.subject) == (level, subject)]

    assert [one for one in named if words in one.text], deployment.wrong()
    assert all(one.remedy for one in named)


def test_several_faults_are_named_at_once(deployment):
    planted = [invalid_report, dropped_trigger, no_bucket, unverified_sender, stopped_mail]
    for plant in planted:
        plant(deployment)

    told = " ".join(one.text for one in deployment.wrong())
    assert [plant for plant in planted if PLANTED[plant][2] not in told] == []


def test_a_database_without_our_tables_says_so_and_what_to_run(postgres, tmp_path, aws):
    dsn = postgres.create_database("doctor_empty")
    wrong = [one for one in PostgresDatabase(dsn).findings() if one.level is Level.FAULT]

    assert [(one.subject, one.text) for one in wrong] == [("schema", "our tables do not exist")]
    assert "migrate" in wrong[0].remedy


def test_a_password_is_never_shown(deployment):
    deployment.database = PostgresDatabase(make_conninfo(deployment.dsn, user="nobody", password="hunter2"))

    told = deployment.wrong()
    assert [one.subject for one in told][:1] == ["database"]
    assert "hunter2" not in repr(told)


def test_the_role_of_tasks_has_every_privilege_and_any_one_that_is_taken_away_is_named(migrated_dsn):
    roles = Roles(migrated_dsn)
    roles.make()
    try:
        writing = PostgresDatabase(roles.writing)
        assert [one.level for one in writing.findings() if one.subject == "privileges"] == [Level.OK]
        (named,) = [one for one in PostgresDatabase(roles.reading).findings() if one.level is Level.FAULT]
        assert named.text == f"the role {roles.users['reading']} may not use the schema reporting"
        execute(migrated_dsn, f"REVOKE UPDATE ON reporting.runs FROM {roles.names['writing']}")
        (named,) = [one for one in writing.findings() if one.level is Level.FAULT]
        assert named.text == f"the role {roles.users['writing']} lacks UPDATE on reporting.runs"
    finally:
        roles.drop()


def test_nothing_is_mailed_unless_an_address_is_named(deployment):
    before = len(deployment.aws.mails())
    deployment.findings()
    assert len(deployment.aws.mails()) == before

    told = {one.subject: one for one in deployment.findings(send_to="ann@acme.example")}
    assert told["test message"].level is Level.OK
    assert [mail.recipients for mail in deployment.aws.mails()[before:]] == [("ann@acme.example",)]


def test_a_test_message_keeps_to_the_settings_of_mail(deployment):
    deployment.set(recipient_domains="acme.example")
    refused = {one.subject: one for one in deployment.findings(send_to="ann@elsewhere.example")}["test message"]
    assert (refused.level, refused.text) == (Level.FAULT, "the address may not be mailed")

    before = len(deployment.aws.mails())
    deployment.set(mail_mode=f"redirect:{SENDER}")
    deployment.findings(send_to="ann@acme.example")
    assert [mail.recipients for mail in deployment.aws.mails()[before:]] == [(SENDER,)]


def test_without_airflow_the_rest_is_examined_and_what_was_not_is_said(migrated_dsn):
    found = list(examine_without_airflow(PostgresDatabase(migrated_dsn), ENVIRON))

    assert [one.subject for one in found] == ["settings", "database", "schema", "privileges", "airflow"]
    assert "storage and mail were not checked" in found[-1].text


def test_an_smtp_server_that_takes_less_than_our_messages_is_named(deployment):
    with Mailbox.open() as mailbox:
        deployment.services.mailer = SmtpMailer(host="127.0.0.1", port=mailbox.port, tls="none", timeout=5)
        deployment.set(mail_via="smtp", message_bytes=10**12)
        told = [one.text for one in deployment.findings() if one.subject == "mail"]

    assert any("accepts the sender" in one for one in told)
    assert any("MESSAGE_BYTES is 1,000,000,000,000" in one for one in told)
