"""Port `Store`: artifacts are stored whole, with metadata, and can be linked to."""

from __future__ import annotations

import io
from datetime import timedelta
from email.message import Message
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import requests

from demo import aws as server
from demo.processes import free_port
from include.scheduled_reports.adapters.s3 import S3Store
from include.scheduled_reports.adapters.staging import ArrowStaging
from include.scheduled_reports.domain.errors import ConfigurationError, PermanentError, TransientError
from include.scheduled_reports.testing.storage import MemoryStore

CSV = "text/csv; charset=utf-8"
KEY = "ws1/r1/scheduled__2026-05-10T09.3a00/workspace-activity.csv"


@pytest.fixture(params=["memory", "aws", "rclone"])
def store(request):
    if request.param == "memory":
        return MemoryStore(bucket="reports")
    return S3Store(request.getfixturevalue(request.param).client("s3"), "reports")


@pytest.fixture
def s3_store(aws):
    return S3Store(aws.client("s3"), "reports")


def put(store, content, *, key=KEY, file_name="Weekly activity.csv"):
    store.put(key, io.BytesIO(content), content_type=CSV, file_name=file_name)


def read(store, key=KEY):
    with store.open(key) as file:
        return file.read()


def test_the_bucket_is_known_by_name(store):
    assert store.bucket == "reports"


@pytest.mark.parametrize("content", [b"", b"a;b\r\n1;2\n", bytes(range(256)) * 4 * 1024 * 11])
def test_what_was_put_can_be_read_byte_by_byte(store, content):
    put(store, content)

    assert read(store) == content


def test_putting_again_replaces_what_was_there(store):
    put(store, b"the first and longer one")
    put(store, b"second")

    assert read(store) == b"second"


def test_a_file_on_staging_can_be_put_as_it_is_opened(store, tmp_path):
    staging = ArrowStaging.local(tmp_path)
    staging.put("report.csv", io.BytesIO(b"a;b\n"))
    with staging.open("report.csv") as content:
        store.put(KEY, content, content_type=CSV, file_name="a.csv")

    assert read(store) == b"a;b\n"


def test_what_is_not_there_cannot_be_read(store):
    with pytest.raises(PermanentError), store.open("ws1/r1/run1/nothing.csv"):
        pass


def test_a_link_names_the_file_and_how_long_it_works(store):
    put(store, b"a")

    link = urlsplit(store.link(KEY, timedelta(hours=2)))

    assert link.path.endswith(KEY.replace(":", "%3A"))
    assert "7200" in link.query


def test_what_was_deleted_cannot_be_read_and_everything_else_can(store):
    for key in ("del/r1/a.csv", "del/r1/a.csv.gz", "del/r1/b.csv"):
        put(store, key.encode(), key=key)

    store.delete("del/r1/a.csv")

    with pytest.raises(PermanentError), store.open("del/r1/a.csv"):
        pass
    assert [read(store, key) for key in ("del/r1/a.csv.gz", "del/r1/b.csv")] == [b"del/r1/a.csv.gz", b"del/r1/b.csv"]


def test_deleting_what_is_not_there_does_nothing(store):
    store.delete("del/nothing.csv")
    put(store, b"a", key="del/twice.csv")
    store.delete("del/twice.csv")
    store.delete("del/twice.csv")

    assert list(store.keys("del/twice")) == []


def test_the_keys_below_a_prefix_are_given_in_order_and_no_others(store):
    for key in ("ls/r1/run/b.csv", "ls/r1/run/a.csv", "ls/r10/run/a.csv", "ls/r1.csv", "lsx/r1/run/a.csv"):
        put(store, b"a", key=key)

    assert list(store.keys("ls/r1/")) == ["ls/r1/run/a.csv", "ls/r1/run/b.csv"]
    assert list(store.keys("ls/nothing/")) == []


def test_all_keys_can_be_deleted_while_they_are_given_however_many_there_are(store):
    names = [f"many/r1/{number:04}" for number in range(1_005)]  # S3 lists a thousand keys at a time
    for name in names:
        put(store, b"", key=name)

    found = []
    for key in store.keys("many/"):
        store.delete(key)
        found.append(key)

    assert found == names
    assert list(store.keys("many/")) == []


def test_s3_hands_out_a_linked_file_with_its_type_and_its_name_in_any_script(s3_store):
    put(s3_store, b"a;b\n", file_name='تقرير 週次 🚀 "Q1" 2026.csv')

    answer = requests.get(s3_store.link(KEY, timedelta(hours=2)), timeout=10)

    assert (answer.status_code, answer.content) == (200, b"a;b\n")
    assert answer.headers["Content-Type"] == CSV
    header = Message()
    header["Content-Disposition"] = answer.headers["Content-Disposition"]
    assert header.get_content_disposition() == "attachment"
    name = answer.headers["Content-Disposition"].partition("filename*=UTF-8''")[2]
    assert requests.utils.unquote(name) == 'تقرير 週次 🚀 "Q1" 2026.csv'
    assert answer.headers["Content-Disposition"].isascii()


def test_an_old_reader_gets_a_name_in_ascii(s3_store, aws):
    put(s3_store, b"a", file_name='Zürich "Q1" \\ 世.csv')

    head = aws.client("s3").head_object(Bucket="reports", Key=KEY)

    assert head["ContentDisposition"].startswith("attachment; filename=\"Z_rich 'Q1' _ _.csv\"; filename*=UTF-8''")


def test_s3_is_told_the_type_of_the_content(s3_store, aws):
    put(s3_store, b"a")

    assert aws.client("s3").head_object(Bucket="reports", Key=KEY)["ContentType"] == CSV


def test_a_link_of_s3_is_signed_as_new_buckets_want_it_for_the_time_asked_for(s3_store):
    put(s3_store, b"a")

    asked = parse_qs(urlsplit(s3_store.link(KEY, timedelta(days=7))).query)

    assert asked["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert asked["X-Amz-Expires"] == ["604800"]


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "eu-central-1", "sa-east-1"])
def test_a_link_is_signed_alike_in_old_regions_and_new_ones(region, monkeypatch):
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    store = S3Store(boto3.client("s3", region_name=region), "reports")

    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in store.link(KEY, timedelta(days=1))


def test_a_bucket_that_is_not_there_is_a_matter_of_configuration(aws):
    store = S3Store(aws.client("s3"), "no-such-bucket")

    with pytest.raises(ConfigurationError, match="NoSuchBucket"):
        put(store, b"a")
    with pytest.raises(ConfigurationError, match="NoSuchBucket"):
        store.delete(KEY)
    with pytest.raises(ConfigurationError, match="NoSuchBucket"):
        next(store.keys("ws1/"))


def test_s3_that_does_not_answer_may_do_so_later(aws):
    away = S3Store(server.Aws(f"http://127.0.0.1:{free_port()}", aws.child).client("s3"), "reports")

    with pytest.raises(TransientError, match="S3 did not answer"):
        put(away, b"a")
    with pytest.raises(TransientError, match="S3 did not answer"), away.open(KEY):
        pass
    with pytest.raises(TransientError, match="S3 did not answer"):
        away.delete(KEY)
    with pytest.raises(TransientError, match="S3 did not answer"):
        next(away.keys("ws1/"))


@pytest.mark.parametrize("size", [10, 12 * 2**20], ids=["whole", "in parts"])
def test_a_file_carries_its_tags_and_is_encrypted_with_the_key_that_was_named(aws, size):
    store = S3Store(aws.client("s3"), "reports", kms_key="alias/reports")
    tags = {"team": "reports + co", "workspace": "ws1"}
    store.put(KEY, io.BytesIO(b"x" * size), content_type=CSV, file_name="a.csv", tags=tags)

    client = aws.client("s3")
    head = client.head_object(Bucket="reports", Key=KEY)
    found = client.get_object_tagging(Bucket="reports", Key=KEY)["TagSet"]
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/reports")
    assert {one["Key"]: one["Value"] for one in found} == tags
    assert len(read(store)) == size


def test_without_a_key_and_tags_nothing_is_asked_of_the_bucket(aws):
    store = S3Store(aws.client("s3"), "reports")
    put(store, b"plain")

    client = aws.client("s3")
    assert client.head_object(Bucket="reports", Key=KEY).get("SSEKMSKeyId") is None
    assert client.get_object_tagging(Bucket="reports", Key=KEY)["TagSet"] == []
