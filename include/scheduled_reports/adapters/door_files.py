"""The files of the public door in S3, with the credentials that boto3 finds by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import boto3  # noqa: TID251 - boto3 finds the credentials; tasks get theirs from Airflow
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from ..domain.errors import ConfigurationError
from .s3 import S3Store

if TYPE_CHECKING:
    from ..ports.readers import DoorFile

#: A browser follows the redirect at once; whoever finds the address of S3 later can do nothing with it.
LIFETIME: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class DoorFiles:
    """Signs addresses of files; *client* is a boto3 S3 client, whose credentials renew themselves."""

    client: Any
    _stores: dict[str, S3Store] = field(default_factory=dict, repr=False)

    @classmethod
    def by_default_chain(cls) -> DoorFiles:
        """With boto3's default chain: environment, profile, web identity, container or instance role."""
        session = boto3.Session()
        if session.region_name is None:
            raise ConfigurationError("no AWS region is set; set AWS_DEFAULT_REGION to that of the bucket")
        try:
            if session.get_credentials() is None:
                raise ConfigurationError("no AWS credentials are found; give the public door a role or access keys")
            return cls(session.client("s3", config=Config(signature_version="s3v4")))
        except BotoCoreError as error:
            raise ConfigurationError(f"S3 cannot be used: {type(error).__name__}") from error

    def link(self, file: DoorFile) -> str:
        """An address of the file that works for a minute, or until the credentials end."""
        store = self._stores.get(file.bucket) or self._stores.setdefault(file.bucket, S3Store(self.client, file.bucket))
        return store.link(file.object_key, store.lifetime(LIFETIME))
