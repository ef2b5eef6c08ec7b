"""Port `Staging`: a local folder, S3 and the fake write, read and delete in the same way."""

from __future__ import annotations

import io
import os
import stat
import time
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from demo import aws as server
from demo.processes import free_port
from include.scheduled_reports.adapters.staging import ArrowStaging
from include.scheduled_reports.domain.errors import StagingMissingError, TransientError
from include.scheduled_reports.ports.storage import Folder
from include.scheduled_reports.testing.storage import MemoryStaging


def s3(url, root):
    scheme, _, address = url.partition("://")
    system = fs.S3FileSystem(
        access_key=server.ACCESS_KEY,
        secret_key=server.SECRET_KEY,
        region=server.REGION,
        scheme=scheme,
        endpoint_override=address,
        connect_timeout=5,
        request_timeout=30,
        allow_delayed_open=True,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
    )
    return ArrowStaging(system, root)


@pytest.fixture(params=["memory", "folder", "aws", "rclone"])
def staging(request):
    if request.param == "rclone":  # like some other stores, it takes no checksum behind the content
        request.getfixturevalue("monkeypatch").setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    return made(request)


@pytest.fixture(params=["memory", "folder", "aws"])
def clearing(request):
    """A staging without rclone, which has real folders: it refuses the markers that Arrow writes when it clears one.

    What it lists of a folder can also be some seconds old.
    """
    return made(request)


def made(request):
    if request.param == "memory":
        return MemoryStaging()
    if request.param == "folder":
        return ArrowStaging.local(request.getfixturevalue("tmp_path") / "staging")
    # A separate prefix for every test.
    root = f"staging/{request.node.name}".replace("[", "-").replace("]", "")
    return s3(request.getfixturevalue(request.param).url, root)


def put(staging, name, content):
    staging.put(name, io.BytesIO(content))


def read(staging, name):
    with staging.open(name) as file:
        return file.read()


def test_what_was_put_can_be_read(staging):
    put(staging, "r1/run1/report.csv", b"a;b\r\n1;2\r\n")

    assert read(staging, "r1/run1/report.csv") == b"a;b\r\n1;2\r\n"


def test_a_link_that_somebody_put_in_the_place_of_a_file_is_not_followed(tmp_path):
    staging, victim = ArrowStaging.local(tmp_path / "staging"), tmp_path / "victim"
    victim.write_bytes(b"untouched")
    (tmp_path / "staging/r1/run1").mkdir(parents=True)
    (tmp_path / "staging/r1/run1/a").symlink_to(victim)

    with pytest.raises(TransientError, match="staging failed to read or write r1/run1/a"):
        put(staging, "r1/run1/a", b"ours")
    assert victim.read_bytes() == b"untouched"


def test_an_empty_file_is_a_file(staging):
    put(staging, "r1/run1/empty", b"")

    assert read(staging, "r1/run1/empty") == b""


def test_a_file_of_many_chunks_arrives_whole(staging):
    content = bytes(range(256)) * 4 * 1024 * 11  # 11 MB
    put(staging, "r1/run1/big", content)

    assert read(staging, "r1/run1/big") == content


def test_putting_again_replaces_what_was_there(staging):
    put(staging, "r1/run1/a", b"the first and longer one")
    put(staging, "r1/run1/a", b"second")

    assert read(staging, "r1/run1/a") == b"second"


def test_content_is_taken_from_where_it_stands(staging):
    content = io.BytesIO(b"skip this, keep that")
    content.seek(len(b"skip this, "))
    staging.put("r1/run1/a", content)

    assert read(staging, "r1/run1/a") == b"keep that"


def test_what_is_read_can_be_sought_in(staging):
    put(staging, "r1/run1/a", b"0123456789")

    with staging.open("r1/run1/a") as file:
        file.seek(7)
        assert file.read(2) == b"78"
        file.seek(0)
        assert file.read() == b"0123456789"


def test_parquet_is_read_in_place(staging):
    content = io.BytesIO()
    pq.write_table(pa.table({"x": [*range(1_000)]}), content)
    put(staging, "r1/run1/x.parquet", content.getvalue())

    with staging.open("r1/run1/x.parquet") as file:
        assert pq.ParquetFile(file).read().column("x").to_pylist() == [*range(1_000)]


def test_a_file_put_from_one_that_was_opened_arrives(staging):
    put(staging, "r1/run1/a", b"hello")
    with staging.open("r1/run1/a") as file:
        staging.put("r1/run1/b", file)

    assert read(staging, "r1/run1/b") == b"hello"


@pytest.mark.parametrize("name", ["r1/run1/nothing", "nothing"])
def test_what_is_not_there_is_missing(staging, name):
    put(staging, "r1/run1/a", b"a")

    with pytest.raises(StagingMissingError, match="nothing is not on staging: clear the run from query"):
        staging.open(name)


def test_clearing_a_folder_takes_all_in_it_and_nothing_beside_it(clearing):
    for name in ("r1/run1/a", "r1/run1/deeper/b", "r1/run10/a", "r1/run2/a", "r2/run1/a"):
        put(clearing, name, name.encode())

    clearing.clear("r1/run1")

    for name in ("r1/run1/a", "r1/run1/deeper/b"):
        with pytest.raises(StagingMissingError):
            clearing.open(name)
    assert [read(clearing, name) for name in ("r1/run10/a", "r1/run2/a", "r2/run1/a")] == [
        b"r1/run10/a",
        b"r1/run2/a",
        b"r2/run1/a",
    ]


def test_clearing_what_is_not_there_does_nothing(clearing):
    clearing.clear("r1/run1")
    put(clearing, "r1/run1/a", b"a")
    clearing.clear("r1/run1")
    clearing.clear("r1/run1")

    with pytest.raises(StagingMissingError):
        clearing.open("r1/run1/a")


def test_a_cleared_folder_can_be_used_again(clearing):
    put(clearing, "r1/run1/a", b"first")
    clearing.clear("r1/run1")
    put(clearing, "r1/run1/a", b"second")

    assert read(clearing, "r1/run1/a") == b"second"


def test_folders_are_told_with_all_that_is_in_them_and_when_it_was_written_last(staging):
    earliest = datetime.now(UTC) - timedelta(seconds=2)  # S3 stores whole seconds
    for name in ("r2/run1/a", "r1/run2/b", "r1/run2/a", "r1/run1/deeper/c"):
        put(staging, name, b"a")

    found = staging.folders()

    assert [(folder.name, sorted(folder.files)) for folder in found] == [
        ("r1/run1", ["deeper/c"]),
        ("r1/run2", ["a", "b"]),
        ("r2/run1", ["a"]),
    ]
    latest = datetime.now(UTC) + timedelta(seconds=2)
    assert [folder for folder in found if not earliest <= folder.newest <= latest] == []


def test_a_file_written_last_makes_its_folder_new(clearing):
    put(clearing, "r1/run1/a", b"a")
    put(clearing, "r1/run2/a", b"a")
    (_, before) = clearing.folders()
    time.sleep(1.1)
    put(clearing, "r1/run2/b", b"b")

    (first, second) = clearing.folders()

    assert second.newest >= before.newest + timedelta(seconds=1)
    assert first.newest < second.newest


def test_files_that_lie_higher_up_belong_to_no_folder(staging):
    put(staging, "stray", b"a")
    put(staging, "r1/stray", b"a")

    assert staging.folders() == []


def test_staging_that_nothing_was_put_on_has_no_folders(staging):
    assert staging.folders() == []


def test_a_cleared_folder_is_told_no_more(clearing):
    put(clearing, "r1/run1/a", b"a")
    put(clearing, "r1/run2/a", b"a")
    clearing.clear("r1/run1")
    assert [folder.name for folder in clearing.folders()] == ["r1/run2"]
    clearing.clear("r1")
    assert clearing.folders() == []


def test_a_file_that_is_listed_without_its_time_counts_as_new(tmp_path):
    # rclone lists a file it has just written with the epoch.
    staging = ArrowStaging.local(tmp_path / "staging")
    put(staging, "r1/run1/a", b"a")
    for path in (tmp_path / "staging/r1/run1/a", tmp_path / "staging/r1/run1"):
        os.utime(path, (0, 0))

    (folder,) = staging.folders()

    assert datetime.now(UTC) - folder.newest < timedelta(minutes=1)


def test_an_empty_local_folder_is_as_old_as_it_is(tmp_path):
    staging = ArrowStaging.local(tmp_path)
    (tmp_path / "r1" / "run1").mkdir(parents=True)
    os.utime(tmp_path / "r1" / "run1", (1_000_000_000, 1_000_000_000))

    assert staging.folders() == [Folder(name="r1/run1", newest=datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC), files=())]


def test_a_local_folder_is_closed_to_other_users(tmp_path):
    ArrowStaging.local(tmp_path / "below" / "staging")

    assert stat.S_IMODE((tmp_path / "below" / "staging").stat().st_mode) == 0o700


def test_s3_that_does_not_answer_may_do_so_later():
    away = s3(f"http://127.0.0.1:{free_port()}", "staging/away")

    for attempt in (
        lambda: put(away, "r1/run1/a", b"a"),
        lambda: away.open("r1/run1/a"),
        lambda: away.clear("r1/run1"),
        away.folders,
    ):
        with pytest.raises(TransientError, match="staging failed to read or write"):
            attempt()
