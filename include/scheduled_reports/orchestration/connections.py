"""From Airflow's connections to the ports: `reports_db` and `reports_aws`, looked up when first used."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk.exceptions import AirflowNotFoundException
from psycopg.conninfo import make_conninfo

from ..domain.errors import ConfigurationError
from ..settings import Settings
from .metrics import AirflowMetrics

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
    from boto3.session import Session
    from botocore.loaders import Loader

    from ..adapters.postgres.ledger import PostgresLedger
    from ..adapters.postgres.reports import PostgresDefinitions
    from ..adapters.postgres.retention import PostgresRetention
    from ..adapters.postgres.runs import PostgresRuns
    from ..adapters.postgres.source import PostgresSource
    from ..adapters.postgres.upkeep import PostgresUpkeepStore
    from ..adapters.s3 import S3Store
    from ..adapters.ses import SesMailer
    from ..adapters.smtp import SmtpMailer
    from ..adapters.staging import ArrowStaging

DATABASE = "reports_db"
AWS = "reports_aws"
SMTP = "reports_smtp"


class AirflowServices:
    """All ports of one task process; an adapter is imported and made when a stage first asks for it."""

    @cached_property
    def settings(self) -> Settings:
        return Settings.from_env(os.environ)

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

        # The older signature is refused by newer regions, and a link of its kind shows no expiry of its own.
        client = self._client("s3", signature_version="s3v4")
        return S3Store(client, self.settings.bucket, kms_key=self.settings.kms_key or None)

    @cached_property
    def mailer(self) -> SesMailer | SmtpMailer:
        """Port `Mailer`; botocore's own retries are off, because a repeated call is a second mail."""
        if self.settings.mail_via == "smtp":
            return _smtp()
        from ..adapters.ses import SesMailer

        client = self._client("sesv2", retries={"total_max_attempts": 1, "mode": "standard"})
        return SesMailer(client, self.settings.configuration_set or None)

    @cached_property
    def runs(self) -> PostgresRuns:
        from ..adapters.postgres.runs import PostgresRuns

        return PostgresRuns(self.dsn)

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
    def metrics(self) -> AirflowMetrics:
        return AirflowMetrics()

    @cached_property
    def _aws(self) -> tuple[AwsBaseHook, Session]:
        """The hook of `reports_aws` and one session for all its clients, which read botocore's own files once."""
        from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

        hook = AwsBaseHook(aws_conn_id=AWS, client_type="s3")
        session = hook.get_session(region_name=hook.region_name)
        session._session.register_component("data_loader", botocore_files())  # noqa: SLF001 - boto3 has no other way
        return hook, session

    def _client(self, service: str, **config: Any) -> Any:
        """A boto3 client of `reports_aws`; *config* is added to the connection's own.

        Not the hook's own: for its user agent that looks through every loaded module, for 0.1 to 0.4 s.
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
        """Pyarrow's S3 with the connection's credentials, region and endpoint."""
        from pyarrow import fs

        hook, session = self._aws
        credentials = session.get_credentials()
        if credentials is None:
            raise ConfigurationError(f"connection {AWS} gives no AWS credentials for staging")
        frozen = credentials.get_frozen_credentials()
        return fs.S3FileSystem(
            access_key=frozen.access_key,
            secret_key=frozen.secret_key,
            session_token=frozen.token,
            region=hook.region_name or "us-east-1",
            endpoint_override=hook.conn_config.get_service_endpoint_url("s3"),
            allow_bucket_creation=False,
            # A small file is one request instead of the three of an upload in parts.
            allow_delayed_open=True,
            # By default a busy S3 that takes three seconds to answer is given up.
            connect_timeout=10,
            request_timeout=60,
        )

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    @cached_property
    def dsn(self) -> str:
        """The libpq connection string of the reports database."""
        return reports_dsn()

    @cached_property
    def data_dsn(self) -> str:
        """The libpq connection string that the data of reports is read through."""
        chosen = self.settings.data_connection
        return self.dsn if chosen == DATABASE else reports_dsn(chosen)


@cache
def botocore_files() -> Loader:
    """What botocore knows of AWS, from its files: once for all sessions, and ahead of all tasks (see `preload`)."""
    from botocore.loaders import create_loader

    return create_loader()


def reports_dsn(name: str = DATABASE) -> str:
    """The libpq connection string of a connection, its extras (sslmode, options …) and IAM token with it.

    The hook's own URL is SQLAlchemy's and drops the extras, and ADBC opens connections of its own.
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


def _smtp() -> SmtpMailer:
    """The server of `reports_smtp`; its extras are those of Airflow's own SMTP connections."""
    from airflow.sdk import BaseHook

    from ..adapters.smtp import smtp_mailer

    try:
        connection = BaseHook.get_connection(SMTP)
    except AirflowNotFoundException as error:
        raise ConfigurationError(f"the connection {SMTP} is not defined") from error
    try:
        return smtp_mailer(
            host=connection.host,
            port=connection.port,
            login=connection.login,
            password=connection.password,
            extra=connection.extra_dejson,
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"the connection {SMTP}: {error}") from error
