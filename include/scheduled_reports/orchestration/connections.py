"""Build the ports from Airflow's connections: of the database, of AWS and, if mails go through it, of SMTP."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk.exceptions import AirflowNotFoundException
from psycopg.conninfo import make_conninfo

from ..domain.errors import ConfigurationError
from . import airflow_settings
from .asset_events import AirflowAssetEvents
from .metrics import AirflowMetrics

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
    from boto3.session import Session
    from botocore.loaders import Loader

    from ..adapters.postgres.brands import PostgresBrands
    from ..adapters.postgres.feedback import PostgresFeedback
    from ..adapters.postgres.ledger import PostgresLedger
    from ..adapters.postgres.readers import PostgresReaders
    from ..adapters.postgres.reports import PostgresDefinitions
    from ..adapters.postgres.retention import PostgresRetention
    from ..adapters.postgres.runs import PostgresRuns
    from ..adapters.postgres.send_rate import PostgresSendRate
    from ..adapters.postgres.source import PostgresSource
    from ..adapters.postgres.stages import PostgresStages
    from ..adapters.postgres.upkeep import PostgresUpkeepStore
    from ..adapters.s3 import S3Store
    from ..adapters.ses import SesMailer
    from ..adapters.smtp import SmtpMailer
    from ..adapters.sqs import SqsEventQueue
    from ..adapters.staging import ArrowStaging
    from ..settings import Settings

#: What an email task has for sending besides the time of a query; the rest of its time is for what it does before, and
#: for the answer to its last message.
MAIL_MARGIN = timedelta(minutes=2)
#: What `record` and a round of upkeep have for sending notices; the next round sends the others.
NOTICE_TIME = timedelta(minutes=1)


class AirflowServices:
    """The ports of one task process; an adapter is imported and created when it is first used."""

    def __init__(self, mail_time: timedelta | None = None) -> None:
        self._mail_time = mail_time

    @cached_property
    def settings(self) -> Settings:
        return airflow_settings.read()

    @cached_property
    def definitions(self) -> PostgresDefinitions:
        from ..adapters.postgres.reports import PostgresDefinitions

        return PostgresDefinitions(self.dsn)

    @cached_property
    def source(self) -> PostgresSource:
        from ..adapters.postgres.source import PostgresSource

        return PostgresSource(self.data_dsn, self.settings.query_seconds)

    @cached_property
    def staging(self) -> ArrowStaging:
        from ..adapters.staging import ArrowStaging

        where = self.settings.staging
        if not where.startswith("s3://"):
            return ArrowStaging.local(Path(where))
        return ArrowStaging(self._s3_file_system(), where.removeprefix("s3://").rstrip("/"))

    @cached_property
    def store(self) -> S3Store:
        from ..adapters.s3 import S3Store

        # Newer regions refuse the older signature, and its presigned URLs do not show when they expire.
        client = self._client("s3", signature_version="s3v4")
        return S3Store(client, self.settings.bucket, kms_key=self.settings.kms_key or None)

    @cached_property
    def mailer(self) -> SesMailer | SmtpMailer:
        """Port `Mailer`; botocore's retries are off, because a repeated call would send a second email."""
        if self.settings.mail_via == "smtp":
            return _smtp(self.settings.smtp_connection)
        from ..adapters.ses import SesMailer

        once = {"total_max_attempts": 1, "mode": "standard"}
        return SesMailer(
            self._client("sesv2", retries=once),
            self.settings.configuration_set or None,
            lambda: self._client("sesv2", retries=once, connect_timeout=2, read_timeout=3),
        )

    @cached_property
    def runs(self) -> PostgresRuns:
        from ..adapters.postgres.runs import PostgresRuns

        return PostgresRuns(self.dsn)

    @cached_property
    def stages(self) -> PostgresStages:
        from ..adapters.postgres.stages import PostgresStages

        return PostgresStages(self.dsn)

    @cached_property
    def upkeep_store(self) -> PostgresUpkeepStore:
        from ..adapters.postgres.upkeep import PostgresUpkeepStore

        return PostgresUpkeepStore(self.dsn)

    @cached_property
    def retention(self) -> PostgresRetention:
        from ..adapters.postgres.retention import PostgresRetention

        return PostgresRetention(self.dsn)

    @cached_property
    def ledger(self) -> PostgresLedger:
        from ..adapters.postgres.ledger import PostgresLedger

        return PostgresLedger(self.dsn)

    @cached_property
    def readers(self) -> PostgresReaders:
        from ..adapters.postgres.readers import PostgresReaders

        return PostgresReaders(self.dsn)

    @cached_property
    def brands(self) -> PostgresBrands:
        from ..adapters.postgres.brands import PostgresBrands

        return PostgresBrands(self.dsn)

    @cached_property
    def feedback(self) -> PostgresFeedback:
        from ..adapters.postgres.feedback import PostgresFeedback

        return PostgresFeedback(self.dsn)

    @cached_property
    def event_queue(self) -> SqsEventQueue | None:
        if not self.settings.feedback_queue:
            return None
        from ..adapters.sqs import SqsEventQueue
        from ..upkeep.feedback import CALLS

        client = self._client("sqs", connect_timeout=3, read_timeout=10, max_pool_connections=CALLS)
        return SqsEventQueue(client, self.settings.feedback_queue)

    @cached_property
    def send_rate(self) -> PostgresSendRate:
        from ..adapters.postgres.send_rate import PostgresSendRate

        return PostgresSendRate(self.dsn)

    @cached_property
    def metrics(self) -> AirflowMetrics:
        return AirflowMetrics()

    @cached_property
    def asset_events(self) -> AirflowAssetEvents:
        return AirflowAssetEvents()

    @cached_property
    def _aws(self) -> tuple[AwsBaseHook, Session]:
        """The hook of AWS_CONNECTION and one session for all clients, so that botocore reads its data files once."""
        from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

        hook = AwsBaseHook(aws_conn_id=self.settings.aws_connection, client_type="s3")
        session = hook.get_session(region_name=hook.region_name)
        session._session.register_component("data_loader", botocore_files())  # noqa: SLF001 - boto3 has no other way
        return hook, session

    def _client(self, service: str, **config: Any) -> Any:
        """Return a boto3 client of AWS_CONNECTION; *config* is added to the connection's configuration.

        The hook's own client is not used: for its user agent it searches all loaded modules, which takes 0.1 to 0.4 s.
        """
        from botocore.config import Config

        hook, session = self._aws
        return session.client(
            service,
            endpoint_url=hook.conn_config.get_service_endpoint_url(service),
            config=hook.config.merge(Config(**config)),
            verify=hook.verify,
        )

    def _s3_file_system(self) -> Any:
        """Return pyarrow's S3 file system with the connection's credentials, region and endpoint."""
        from pyarrow import fs

        hook, session = self._aws
        credentials = session.get_credentials()
        if credentials is None:
            raise ConfigurationError(f"connection {hook.aws_conn_id} gives no AWS credentials for staging")
        frozen = credentials.get_frozen_credentials()
        return fs.S3FileSystem(
            access_key=frozen.access_key,
            secret_key=frozen.secret_key,
            session_token=frozen.token,
            region=hook.region_name or "us-east-1",
            endpoint_override=hook.conn_config.get_service_endpoint_url("s3"),
            allow_bucket_creation=False,
            # One request for a small file instead of the three of a multipart upload.
            allow_delayed_open=True,
            # The default gives up if a busy S3 does not answer within three seconds.
            connect_timeout=10,
            request_timeout=60,
        )

    @cached_property
    def mail_until(self) -> datetime:
        """The time begins with the first message."""
        return self.now() + (self._mail_time or self.settings.query_seconds + MAIL_MARGIN)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    @cached_property
    def dsn(self) -> str:
        """The libpq connection string of the reports database."""
        # A setting that is wrong does not keep the pages from showing it.
        return reports_dsn(airflow_settings.usable().database_connection)

    @cached_property
    def data_dsn(self) -> str:
        """The libpq connection string for reading the data of reports."""
        chosen = self.settings.data_connection
        return self.dsn if chosen == self.settings.database_connection else reports_dsn(chosen)


@cache
def botocore_files() -> Loader:
    """Return botocore's data files, read once for all sessions and before all tasks (see `preload`)."""
    from botocore.loaders import create_loader

    return create_loader()


def reports_dsn(name: str) -> str:
    """Return the libpq connection string of a connection, with its extras (sslmode, options …) and IAM token.

    The hook's URL is for SQLAlchemy and lacks the extras, and ADBC does not use the hook's connections.
    """
    hook = PostgresHook(postgres_conn_id=name)
    try:
        connection = hook.connection
    except AirflowNotFoundException as error:
        raise ConfigurationError(f"the connection {name} is not defined") from error
    login, password, port = connection.login, connection.password, connection.port
    extra = connection.extra_dejson
    if extra.get("iam"):
        login, password, port = hook.get_iam_token(connection)
    values: dict[str, Any] = {
        "host": connection.host,
        "port": port,
        "user": login,
        "password": password,
        "dbname": connection.schema,
        **{option: value for option, value in extra.items() if option not in hook.ignored_extra_options},
    }
    return make_conninfo(**{option: value for option, value in values.items() if value not in (None, "")})


def dsn_outside_airflow(name: str) -> str:
    """As `reports_dsn`, for a process that Airflow has not started: it cannot see Airflow's own database."""
    try:
        return reports_dsn(name)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{error} in the environment (AIRFLOW_CONN_{name.upper()}) or the secrets backend; "
            "one in Airflow's own database is known only inside Airflow"
        ) from None


def _smtp(name: str) -> SmtpMailer:
    """Return the mailer of a connection; the extras are those of Airflow's SMTP connections."""
    from airflow.sdk import BaseHook

    from ..adapters.smtp import smtp_mailer

    try:
        connection = BaseHook.get_connection(name)
    except AirflowNotFoundException as error:
        raise ConfigurationError(f"the connection {name} is not defined") from error
    try:
        return smtp_mailer(
            host=connection.host,
            port=connection.port,
            login=connection.login,
            password=connection.password,
            extra=connection.extra_dejson,
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"the connection {name}: {error}") from error
