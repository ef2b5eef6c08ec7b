"""A run's files on staging: datasets, rendered files, and a manifest per file that marks it as complete."""

from __future__ import annotations

import hashlib
import io
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from ..domain.errors import StagingMissingError
from ..domain.naming import escape
from ..domain.run import StagedFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..domain.run import RunKey
    from ..ports.storage import Staging


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The staging folder of one run."""

    staging: Staging
    folder: str

    @classmethod
    def of(cls, staging: Staging, key: RunKey) -> RunFiles:
        """The folder of the run *key*."""
        return cls(staging, f"{escape(key.report_id)}/{escape(key.run_id)}")

    @contextmanager
    def writing(self, name: str) -> Iterator[Draft]:
        """A local draft, published with its manifest when the block ends without an error."""
        with tempfile.TemporaryFile() as file:
            draft = Draft(cast("BinaryIO", file))
            yield draft
            staged = draft.describe(name)
            file.seek(0)
            self.staging.put(f"{self.folder}/{name}", cast("BinaryIO", file))
        manifest = {"bytes": staged.bytes, "sha256": staged.sha256, "rows": staged.rows, "total": staged.total_rows}
        self.staging.put(f"{self.folder}/{name}.manifest.json", io.BytesIO(orjson.dumps(manifest)))

    def manifest(self, name: str) -> StagedFile:
        """The manifest of *name*; raises StagingMissingError if it does not exist."""
        try:
            with self.staging.open(f"{self.folder}/{name}.manifest.json") as file:
                content = orjson.loads(file.read())
        except StagingMissingError as error:
            raise StagingMissingError(f"{name} of this run is no longer on staging: clear from query") from error
        return StagedFile(
            name=name,
            bytes=content["bytes"],
            sha256=content["sha256"],
            rows=content["rows"],
            total_rows=content["total"],
        )

    def has(self, name: str) -> bool:
        """Whether *name* is complete."""
        try:
            self.manifest(name)
        except StagingMissingError:
            return False
        return True

    def open(self, name: str) -> BinaryIO:
        """The content of *name*; raises StagingMissingError if its manifest does not exist."""
        self.manifest(name)
        return self.staging.open(f"{self.folder}/{name}")

    def batches(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of a staged dataset in batches, with all columns or those named, in the order of the file."""
        with self.open(name) as file:
            yield from pq.ParquetFile(file).iter_batches(batch_size=10_000, columns=columns)

    def clear(self) -> None:
        """Remove all of the run's files."""
        self.staging.clear(self.folder)


@dataclass
class Draft:
    """A file being written, its number of rows, and the number of rows it was made from."""

    file: BinaryIO
    rows: int = 0
    total_rows: int = 0
    data_rows: int = 0

    def describe(self, name: str) -> StagedFile:
        """Size and digest of the content written so far."""
        self.file.flush()
        size = self.file.seek(0, io.SEEK_END)
        self.file.seek(0)
        digest = hashlib.file_digest(self.file, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed asks for readinto
        return StagedFile(name=name, bytes=size, sha256=digest, rows=self.rows, total_rows=self.total_rows)
