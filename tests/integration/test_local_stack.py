"""The light parts of the demo's stack: child processes, the local S3 and SES, the inbox."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import sys
from email.message import EmailMessage
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
import requests
from botocore.exceptions import ClientError

from demo import airflow, aws, guard, processes, stack
from demo.airflow_home import Site, environment, passwords
from demo.inbox import Inbox
from demo.processes import Child, free_port, is_free, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

SENDER = "reports@neolith.example"
HOSTILE = "<script>alert('s')</script> & \"co\""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[aws.Aws]:
    running = aws.start(tmp_path_factory.mktemp("aws"))
    running.verify_sender(SENDER)
    running.create_bucket("reports")
    yield running
    running.child.stop()


@pytest.fixture
def occupied() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def letter(subject: str = "Report", to: str = "ann@x.example", cc: str | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, to, subject
    if cc:
        message["Cc"] = cc
    message.set_content("plain <b>text</b>")
    return message


def send(cloud: aws.Aws, message: EmailMessage, **destination: list[str]) -> str:
    envelope = {f"{kind.capitalize()}Addresses": addresses for kind, addresses in destination.items()}
    raw = {"Raw": {"Data": message.as_bytes()}}
    answer = cloud.client("sesv2").send_email(FromEmailAddress=SENDER, Destination=envelope, Content=raw)
    return answer["MessageId"]


def mail(cloud: aws.Aws, message_id: str) -> aws.Mail:
    return next(mail for mail in cloud.mails() if mail.message_id == message_id)


# Processes


def test_a_free_port_is_handed_out_once_and_is_none_of_an_outgoing_connection(occupied):
    found = [free_port() for _ in range(5)]

    assert len(set(found)) == 5
    assert max(found) < 32_768
    assert [is_free(port) for port in (*found, occupied)] == [True] * 5 + [False]


def test_a_port_that_somebody_listens_on_is_passed_over(monkeypatch):
    first, second = free_port(), free_port()
    ports = iter([first, second])
    monkeypatch.setattr(processes, "_ports", lambda: ports)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", first))
        listener.listen()

        assert free_port() == second


def test_a_child_that_ignores_sigterm_is_ended(tmp_path):
    child = Child.start("stubborn", [sys.executable, "-c", STUBBORN], log=tmp_path / "log")
    wait_until(lambda: "ready" in child.tail(), seconds=10, what="the child", alive=child)
    child.stop(seconds=0.2)
    assert child.process.returncode == -signal.SIGKILL
    child.stop()


def test_a_session_is_ended_with_the_process_groups_inside_it(tmp_path):
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {STUBBORN!r}], process_group=0)"
    child = Child.start("task", [sys.executable, "-c", code], log=tmp_path / "log")
    wait_until(lambda: "ready" in child.tail(), seconds=10, what="the grandchild", alive=child)
    child.stop()
    assert guard.members(child.process.pid), "its own group kept the grandchild from the signal"
    guard.end_session(child.process.pid)
    assert guard.members(child.process.pid) == []


def test_the_guard_ends_what_a_killed_parent_left(tmp_path):
    parent = dedent(f"""
        import sys, time
        from pathlib import Path
        from demo.guard import Guard
        from demo.processes import Child
        code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], process_group=0)"
        child = Child.start("task", [sys.executable, "-c", code, {STUBBORN!r}], log=Path({str(tmp_path / "log")!r}))
        Guard.start(grace=0.2).watch(child.process.pid)
        print(child.process.pid, flush=True)
        time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, cwd=stack.CHECKOUT) as process:
        assert process.stdout is not None
        leader = int(process.stdout.readline())
        wait_until(lambda: "ready" in (tmp_path / "log").read_text(), seconds=10, what="the grandchild")
        process.kill()
    wait_until(lambda: not guard.members(leader), seconds=10, what="the guard")


# Ports


def test_a_taken_port_is_refused_before_anything_starts(tmp_path, occupied):
    message = f"port {occupied} on 127.0.0.1 is in use"
    with pytest.raises(RuntimeError, match=message):
        stack.Stack.start(stack.Plan(tmp_path / "stack", port=occupied))
    with pytest.raises(RuntimeError, match=message):
        airflow.begin(Site(tmp_path / "airflow", tmp_path, "postgresql://nowhere.example", occupied))
    with pytest.raises(RuntimeError, match=message):
        aws.begin(tmp_path / "aws", port=occupied)
    with pytest.raises(RuntimeError, match=message):
        Inbox.start(list, port=occupied)
    assert list(tmp_path.iterdir()) == []


# Settings for Airflow


def test_nothing_of_the_callers_settings_reaches_airflow(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    for name in ("AIRFLOW__CORE__EXECUTOR", "AIRFLOW_CONN_X", "AWS_PROFILE", "SCHEDULED_REPORTS__MAIL_MODE", "PGHOST"):
        monkeypatch.setenv(name, "the caller's")
    site = Site(tmp_path, tmp_path, "postgresql://u:p@127.0.0.1:1/d", 8080, env={"AIRFLOW__CORE__PARALLELISM": "1"})
    env = environment(site)
    assert "the caller's" not in env.values()
    assert env["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert env["AIRFLOW__CORE__PARALLELISM"] == "1"
    assert env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == "postgresql+psycopg2://u:p@127.0.0.1:1/d"


def test_a_home_keeps_its_keys_and_passwords_to_itself(tmp_path):
    (tmp_path / "home").mkdir()
    site = Site(tmp_path, tmp_path, "postgresql://x", 8080, users={"admin": "admin", "bob": "viewer"})
    first, again = (environment(site), passwords(site)), (environment(site), passwords(site))
    assert first == again
    assert set(first[1]) == {"admin", "bob"}
    assert len(set(first[1].values())) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "home").iterdir()} == {0o600}


# S3 and SES


def test_only_this_server_is_known_to_a_client(cloud, monkeypatch, tmp_path):
    config = tmp_path / "config"
    config.write_text("[profile real]\nendpoint_url = http://198.51.100.1\n[default]\nregion = eu-west-3\n")
    for name, value in {
        "AWS_PROFILE": "real",
        "AWS_CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL": "http://192.0.2.1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.2:1")
    client = cloud.client("s3")
    assert (client.meta.endpoint_url, client.meta.region_name) == (cloud.url, aws.REGION)
    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["reports"]


def test_an_object_is_read_with_its_size(cloud):
    cloud.create_bucket("reports")
    cloud.client("s3").put_object(Bucket="reports", Key="w/r/ü.csv", Body=b"a,b\n", ContentType="text/csv")
    assert cloud.keys("reports", "w/") == {"w/r/ü.csv": 4}
    assert cloud.read("reports", "w/r/ü.csv") == aws.StoredObject("w/r/ü.csv", 4, "text/csv", b"a,b\n")
    assert requests.get(cloud.link("reports", "w/r/ü.csv"), timeout=10).content == b"a,b\n"


def test_a_mail_keeps_its_envelope_apart_from_its_headers(cloud):
    message = letter(to="Ann <ann@x.example>, bob@x.example")
    sent = send(cloud, message, to=["ann@x.example"], cc=["cy@x.example"], bcc=["dee@x.example"])
    found = mail(cloud, sent)
    assert found.recipients == ("ann@x.example", "cy@x.example", "dee@x.example")
    assert (found.sender, found.raw) == (SENDER, message.as_bytes())


def test_without_a_destination_the_headers_are_the_envelope(cloud):
    found = mail(cloud, send(cloud, letter(to='"Lee, Ann" <ann@x.example>', cc="cy@x.example")))
    assert found.recipients == ("ann@x.example", "cy@x.example")


def test_ses_refuses_what_it_refuses_in_earnest(cloud):
    fifty = [f"u{number}@x.example" for number in range(50)]
    assert len(mail(cloud, send(cloud, letter(to=", ".join(fifty)), to=fifty)).recipients) == 50
    with pytest.raises(ClientError, match="Recipient count exceeds 50"):
        send(cloud, letter(), to=[*fifty, "one@x.example"])
    large = letter()
    large.add_attachment(bytes(aws.MAX_MESSAGE_BYTES * 3 // 4), "application", "zip", filename="large.zip")
    with pytest.raises(ClientError, match="more than 41943040 bytes"):
        send(cloud, large, to=["ann@x.example"])
    with pytest.raises(ClientError, match="authority to send"):
        cloud.client("sesv2").send_email(
            FromEmailAddress="who@else.example", Content={"Raw": {"Data": letter().as_bytes()}}
        )


# The inbox


@pytest.fixture
def inbox(cloud: aws.Aws) -> Iterator[Inbox]:
    running = Inbox.start(cloud.mails)
    yield running
    running.stop()


def page(inbox: Inbox, path: str = "/", **headers: str) -> requests.Response:
    return requests.get(f"{inbox.url}{path}", headers=headers, timeout=10)


def test_the_inbox_lists_the_newest_mail_first_and_escapes_it(cloud, inbox):
    first, second = (send(cloud, letter(subject), to=["ann@x.example"]) for subject in ("earlier one", HOSTILE))
    text = page(inbox).text
    assert text.index(second) < text.index(first)
    assert "&lt;script&gt;alert(&#x27;s&#x27;)&lt;/script&gt; &amp; &quot;co&quot;" in text
    assert "<script" not in text


def test_a_mail_is_shown_with_its_parts(cloud, inbox):
    message = letter(HOSTILE)
    message.add_alternative('<head></head><img src="cid:chart"><script>x</script>', subtype="html")
    message.get_payload()[1].add_related(b"png", "image", "png", cid="<chart>")
    message.add_attachment(b"\x00\xffdata", "application", "pdf", filename='a"b\u00e9<.pdf')
    sent = send(cloud, message, to=["ann@x.example"], bcc=["dee@x.example"])
    shown = page(inbox, f"/mail/{sent}")
    assert "<script" not in shown.text
    assert "plain &lt;b&gt;text&lt;/b&gt;" in shown.text
    assert "dee@x.example" in shown.text
    assert "a&quot;bé&lt;.pdf" in shown.text
    assert f'<iframe src="/mail/{sent}/html" sandbox="allow-popups allow-popups-to-escape-sandbox"' in shown.text
    assert "script-src" not in shown.headers["Content-Security-Policy"]
    assert page(inbox, f"/mail/{sent}/source").content == message.as_bytes()


def test_the_html_of_a_mail_can_run_and_load_nothing(cloud, inbox):
    message = letter()
    message.add_alternative('<HEAD></HEAD><img src="cid:chart"><script>x</script>', subtype="html")
    message.get_payload()[1].add_related(b"png", "image", "png", cid="<chart>")
    body = page(inbox, f"/mail/{send(cloud, message, to=['ann@x.example'])}/html")
    policy = body.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert body.text.startswith('<HEAD><base target="_blank"></HEAD><img src="data:image/png;base64,cG5n">')


def test_an_attachment_is_a_download_whatever_it_claims_to_be(cloud, inbox):
    message = letter()
    message.add_attachment(b"<script>x</script>", "text", "html", filename="../x\u00e9.html")
    sent = send(cloud, message, to=["ann@x.example"])
    found = page(inbox, f"/mail/{sent}/attachment/0")
    assert found.content == b"<script>x</script>"
    assert found.headers["Content-Type"] == "application/octet-stream"
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert found.headers["Content-Disposition"] == "attachment; filename*=UTF-8''..%2Fx%C3%A9.html"
    for path in (f"/mail/{sent}/attachment/1", f"/mail/{sent}/attachment/x", "/mail/none", "/other", "/mail"):
        assert page(inbox, path).status_code == 404


def test_an_address_that_breaks_pythons_parser_is_still_shown(cloud, inbox):
    raw = f"From: {SENDER}\r\nTo: <\r\nSubject: odd\r\n\r\nx".encode()
    answer = cloud.client("sesv2").send_email(
        FromEmailAddress=SENDER, Destination={"ToAddresses": ["ann@x.example"]}, Content={"Raw": {"Data": raw}}
    )
    assert "<dt>To</dt><dd>&lt;</dd>" in page(inbox, f"/mail/{answer['MessageId']}").text


def test_a_foreign_host_name_reads_no_mail(inbox):
    assert page(inbox, Host="rebound.example").status_code == 421
