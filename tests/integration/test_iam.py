"""The policies of deploy/iam on S3 and SES with access checks: what they allow works, and nothing else.

The local server checks actions and resources.  It does not know conditions (`s3:prefix`, `ses:FromAddress`).  It checks
`*` as the resource of every mail, and the bucket when several keys are deleted at once, where AWS checks the keys.
"""

from __future__ import annotations

import io
import json
import string
from email.message import EmailMessage
from pathlib import Path

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from pyarrow import fs

from demo import aws as server
from include.scheduled_reports.adapters.s3 import S3Store
from include.scheduled_reports.adapters.ses import SesMailer
from include.scheduled_reports.adapters.sqs import SqsEventQueue
from include.scheduled_reports.adapters.staging import ArrowStaging
from include.scheduled_reports.domain.errors import ConfigurationError, TransientError
from include.scheduled_reports.domain.report import Recipients

IAM = Path(__file__).parents[2] / "deploy/iam"
SENDER = "reports@acme.example"
KEY = "ws1/r1/scheduled__1/channel-analytics.csv"
VALUES = {
    "BUCKET": "reports", "STAGING_BUCKET": "staging", "STAGING_PREFIX": "runs", "REGION": server.REGION,
    "ACCOUNT": "123456789012", "CONFIGURATION_SET": "reports", "KMS_KEY": "1234", "MAIL_FROM": SENDER,
    "FEEDBACK_QUEUE_NAME": "acme-events",
}  # fmt: skip
#: Rights that only the local server needs, not AWS.
LOCAL = {
    "tasks": {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"},
            {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::staging"},
            # AWS takes the right to delete one message for several, too.
            {"Effect": "Allow", "Action": "sqs:DeleteMessageBatch", "Resource": "*"},
        ],
    },
    "api": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "ses:GetEmailIdentity", "Resource": "*"}],
    },
}


def policy(name):
    """Return a policy as an operator fills it in."""
    return string.Template((IAM / f"{name}.json").read_text()).substitute(VALUES)


@pytest.fixture(scope="module")
def users(tmp_path_factory):
    """Start a server with access checks; return credentials of one user per policy."""
    running = server.start(tmp_path_factory.mktemp("iam"))
    try:
        for bucket in ("reports", "staging", "others"):
            running.create_bucket(bucket)
        running.client("s3").put_object(Bucket="others", Key=KEY, Body=b"theirs")
        running.client("s3").put_object(Bucket="staging", Key="theirs/file", Body=b"theirs")
        running.verify_sender(SENDER)
        for queue in ("acme-events", "theirs"):
            url = running.client("sqs").create_queue(QueueName=queue)["QueueUrl"]
            running.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
        iam = running.client("iam")
        keys = {}
        for name in ("tasks", "api", "public"):
            iam.create_user(UserName=name)
            iam.put_user_policy(UserName=name, PolicyName="ours", PolicyDocument=policy(name))
            if name in LOCAL:
                iam.put_user_policy(UserName=name, PolicyName="local", PolicyDocument=json.dumps(LOCAL[name]))
            keys[name] = iam.create_access_key(UserName=name)["AccessKey"]
        answer = requests.post(f"{running.url}/moto-api/reset-auth", data=b"0", timeout=30)
        assert answer.status_code == 200
        yield running, keys
    finally:
        running.child.stop()


@pytest.fixture
def client(users):
    """Return a function that makes a client of a service for one of the users."""
    running, keys = users

    def of(service, user="tasks", **config):
        return boto3.client(
            service,
            endpoint_url=running.url,
            region_name=server.REGION,
            aws_access_key_id=keys[user]["AccessKeyId"],
            aws_secret_access_key=keys[user]["SecretAccessKey"],
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, proxies={}, **config),
        )

    return of


@pytest.fixture
def staging(users):
    """Return staging as the tasks use it."""
    running, keys = users
    system = fs.S3FileSystem(
        access_key=keys["tasks"]["AccessKeyId"],
        secret_key=keys["tasks"]["SecretAccessKey"],
        endpoint_override=running.url,
        region=server.REGION,
        allow_bucket_creation=False,
    )
    return lambda root: ArrowStaging(system, root)


def test_the_tasks_may_do_with_files_all_they_have_to(client):
    store = S3Store(client("s3"), "reports")
    big = bytes(range(256)) * 4 * 1024 * 12  # 12 MB: a multipart upload

    store.put(KEY, io.BytesIO(b"a,b\r\n"), content_type="text/csv", file_name="a.csv", tags={"team": "reports"})
    store.put(f"{KEY}.big", io.BytesIO(big), content_type="text/csv", file_name="b.csv", tags={"team": "reports"})
    with store.open(KEY) as file:
        assert file.read() == b"a,b\r\n"
    assert list(store.keys("ws1/r1/")) == [KEY, f"{KEY}.big"]
    for key in (KEY, f"{KEY}.big"):
        store.delete(key)
    assert list(store.keys("ws1/r1/")) == []


def test_the_tasks_may_do_on_staging_all_they_have_to(staging):
    ours = staging("staging/runs")
    big = b"x" * 12 * 2**20

    ours.put("r1/run/data.parquet", io.BytesIO(big))
    assert ours.names("r1/run") == ["r1/run/data.parquet"]
    with ours.open("r1/run/data.parquet") as file:
        assert file.read() == big
    assert [one.name for one in ours.folders()] == ["r1/run"]
    ours.clear("r1/run")
    assert ours.names("r1/run") == []


def test_the_tasks_may_mail(client):
    message = EmailMessage()
    message["From"], message["To"] = SENDER, "ann@acme.example"
    message.set_content("hello")
    mailer = SesMailer(client("sesv2"))

    assert mailer.send(SENDER, Recipients(to=("ann@acme.example",)), message.as_bytes(), tags={"report": "r1"})


def test_the_tasks_may_ask_for_the_rate_of_the_account(client):
    assert SesMailer(client("sesv2")).recipients_per_second() == server.MAX_SEND_RATE


def test_the_tasks_may_read_the_queue_of_events_and_no_other(client, users):
    running, _ = users
    queue = SqsEventQueue(client("sqs"), f"{running.url}/{VALUES['ACCOUNT']}/acme-events")
    assert queue.waiting() == 1
    batch = queue.receive()
    queue.delete(batch.handles)

    assert batch.ignored == 1
    theirs = SqsEventQueue(client("sqs"), f"{running.url}/{VALUES['ACCOUNT']}/theirs")
    with pytest.raises(ConfigurationError, match="SQS refuses receive_message"):
        theirs.receive()


def test_the_api_may_ask_whether_a_sender_is_verified(client):
    assert SesMailer(client("sesv2", "api")).is_verified(SENDER) is True
    assert SesMailer(client("sesv2", "api")).is_verified("mallory@zeta.example") is False
    assert SesMailer(client("sesv2", "public")).is_verified(SENDER) is None


def test_without_the_right_to_ask_there_is_no_rate_and_no_error(client):
    assert SesMailer(client("sesv2", "api")).recipients_per_second() is None


@pytest.mark.parametrize(
    ("user", "service", "method", "arguments"),
    [
        ("tasks", "s3", "get_object", {"Bucket": "others", "Key": KEY}),
        ("tasks", "s3", "put_object", {"Bucket": "others", "Key": "x", "Body": b""}),
        ("tasks", "s3", "get_object", {"Bucket": "staging", "Key": "theirs/file"}),
        ("tasks", "s3", "put_object", {"Bucket": "staging", "Key": "theirs/mine", "Body": b""}),
        ("tasks", "s3", "delete_object", {"Bucket": "staging", "Key": "theirs/file"}),
        ("tasks", "s3", "list_objects_v2", {"Bucket": "others"}),
        ("tasks", "s3", "list_buckets", {}),
        ("tasks", "s3", "delete_bucket", {"Bucket": "reports"}),
        ("tasks", "s3", "get_bucket_policy", {"Bucket": "reports"}),
        ("tasks", "sesv2", "create_email_identity", {"EmailIdentity": "mallory@acme.example"}),
        ("tasks", "iam", "list_users", {}),
        ("api", "s3", "put_object", {"Bucket": "reports", "Key": KEY, "Body": b""}),
        ("api", "s3", "delete_object", {"Bucket": "reports", "Key": KEY}),
        ("api", "s3", "list_objects_v2", {"Bucket": "reports", "Prefix": "ws1/"}),
        ("api", "s3", "get_object", {"Bucket": "staging", "Key": "runs/x"}),
        ("api", "sesv2", "list_email_identities", {}),
        ("public", "s3", "put_object", {"Bucket": "reports", "Key": KEY, "Body": b""}),
        ("public", "s3", "delete_object", {"Bucket": "reports", "Key": KEY}),
        ("public", "s3", "list_objects_v2", {"Bucket": "reports", "Prefix": "ws1/r1/"}),
        ("public", "s3", "get_object", {"Bucket": "staging", "Key": "runs/x"}),
        ("public", "sesv2", "list_email_identities", {}),
        ("api", "sesv2", "get_account", {}),
    ],
)
def test_everything_else_is_denied(client, user, service, method, arguments):
    with pytest.raises(ClientError) as refused:
        getattr(client(service, user), method)(**arguments)

    assert refused.value.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException", "403"}


def test_what_is_denied_is_a_matter_of_configuration_and_says_so(client, staging):
    with pytest.raises(ConfigurationError, match=r"S3 refused s3://others/x: AccessDenied"):
        S3Store(client("s3"), "others").put("x", io.BytesIO(b""), content_type="text/csv", file_name="x.csv")
    with pytest.raises(TransientError):
        staging("staging/theirs").put("r1/run/x", io.BytesIO(b"x"))


@pytest.mark.parametrize("user", ["api", "public"])
def test_the_api_and_the_public_door_may_read_files_and_no_more(client, user):
    tasks, reader = S3Store(client("s3"), "reports"), S3Store(client("s3", user), "reports")
    tasks.put(KEY, io.BytesIO(b"whole"), content_type="text/csv", file_name="a.csv")

    with reader.open(KEY) as file:
        assert file.read() == b"whole"


def test_no_policy_says_star_where_it_can_name_a_thing():
    for path in IAM.glob("*.json"):
        for statement in json.loads(policy(path.stem))["Statement"]:
            resources = statement["Resource"]
            if statement["Action"] == "ses:GetAccount":  # it has no resource
                continue
            assert "*" not in (resources if isinstance(resources, list) else [resources])
            assert "*" not in str(statement["Action"])
