"""The public door over HTTP: uvicorn with its real options, PostgreSQL and a local S3."""

from __future__ import annotations

import base64
import hashlib
import html
import logging
import re
import socket
import threading
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.scheduled_reports.adapters.door_files import DoorFiles
from include.scheduled_reports.adapters.postgres.door import PostgresDoor
from include.scheduled_reports.domain.errors import TransientError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.domain.link_token import Purpose
from include.scheduled_reports.settings.links import read_keys
from include.scheduled_reports.web.public.app import PublicDoor
from include.scheduled_reports.web.public.pages import Pages
from tests.conftest import copied
from tests.contract.door import ADA, CONTENT, JO, Scene, new_key, put_file, serving
from tests.contract.runs_suite import PDF

KEYS, FORM = new_key(1), {"content-type": "application/x-www-form-urlencoded"}
#: RFC 8058, 8.1, shows both.
MULTIPART = (
    b"---FormBoundaryjWmhtjORrn\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\n"
    b"One-Click\r\n---FormBoundaryjWmhtjORrn--\r\n"
)  # fmt: skip


@pytest.fixture
def scene(migrated_dsn):
    return Scene.make(migrated_dsn)


def app(scene, aws, keys=KEYS, **changes):
    return PublicDoor(**{
        "door": PostgresDoor(scene.dsn),
        "link": DoorFiles(aws.client("s3")).link,
        "keys": read_keys(keys),
        "pages": Pages("Acme"),
        **changes,
    })  # fmt: skip


@pytest.fixture
def visitor(scene, aws):
    with serving(app(scene, aws), KEYS) as found:
        yield found


@pytest.fixture(scope="module")
def kept(postgres, migrated_template):
    """The same scene for tests that change nothing but the counts of openings: a copy of a database takes time."""
    with copied(postgres, migrated_template) as dsn:
        yield Scene.make(dsn)


@pytest.fixture(scope="module")
def looker(kept, aws):
    with serving(app(kept, aws), KEYS) as found:
        yield found


def text_of(answer):
    """Return what a person reads on a page."""
    body = re.sub(r"<style>.*?</style>|<title>.*?</title>", "", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"</?(?!bdi)[^>]+>", " ", re.sub(r"</?(bdi|b)>", "", body))).split())


def brand_of(answer):
    return re.search(r'<p class="brand">(.*?)</p>', answer.text)[1]


def buttons(answer):
    return re.findall(r"<button[^>]*>(.+?)</button>", answer.text)


def test_a_file_is_signed_at_the_click_and_the_opening_counted(visitor, scene, aws):
    put_file(aws.client("s3"))

    answer = visitor.http.get(visitor.file(scene.ada))

    assert (answer.status_code, answer.content) == (302, b"")
    fetched = httpx.get(answer.headers["location"], trust_env=False)
    assert (fetched.status_code, fetched.content) == (200, CONTENT)
    assert fetched.headers["content-disposition"].endswith("filename*=UTF-8''%C3%84rger.csv")
    assert "X-Amz-Expires=60&" in answer.headers["location"]
    assert scene.openings(scene.ada) == (1, 0)


def test_head_says_what_the_file_is_and_opens_nothing(visitor, scene):
    answer = visitor.http.head(visitor.file(scene.ada))

    assert (answer.status_code, answer.content) == (200, b"")
    assert (answer.headers["content-type"], answer.headers["content-length"]) == ("text/plain", str(len(CONTENT)))
    assert "location" not in answer.headers
    assert scene.openings(scene.ada) == (0, 0)


def test_each_format_has_a_link_of_its_own(looker, kept):
    found = {one: looker.http.get(looker.file(kept.ada, one)) for one in Format}

    assert {one: answer.status_code for one, answer in found.items()} == {
        Format.PDF: 302, Format.CSV: 302, Format.JSON: 404, Format.EXCEL: 404, Format.HTML: 404,
    }  # fmt: skip
    assert urlsplit(found[PDF].headers["location"]).path == "/reports/ws1/r1/run/report.pdf"


class NobodyHome:
    """A database that must not be asked."""

    def __getattr__(self, name):
        raise AssertionError(name)


def tampered(token):
    """Yield the token with one character changed, at each place."""
    for place, letter in enumerate(token):
        yield token[:place] + ("A" if letter != "A" else "B") + token[place + 1 :]


def wrong_paths(visitor, reader):
    """Yield paths that lead nowhere: for each purpose every kind of wrong token, and other addresses."""
    past, other = datetime.now(UTC) - timedelta(seconds=1), new_key(1)
    makers = {Purpose.FILES: visitor.file, Purpose.LEAVE: visitor.leave, Purpose.MANAGE: visitor.manage}
    for purpose, make in makers.items():
        path = make(reader)
        token = path.rpartition("/")[2]
        foreign = [maker(reader).rpartition("/")[2] for other, maker in makers.items() if other is not purpose]
        wrong = [token[:-1], token[:40], token + "A", token[4:], "x", "", token.lower(), f"{token}=", *foreign]
        # Places that stand for each part: key, handle, file, expiry, signature.
        changed = list(tampered(token))
        wrong += [changed[place] for place in (0, 2, 12, 22, 24, 28, 40, 71)]
        yield from (f"/{purpose}/{one}" for one in wrong)
        yield from (make(reader, expires=past), make(reader, keys=other), make(reader, keys=new_key(2)))
        yield from (
            f"{path}/",
            f"{path}/x",
            f"/{purpose}//{token}",
            f"/x{path}",
            path.upper(),
            f"{path}%00",
            f"{path}%2F..",
        )
    yield from ("/", "/files", "/leave/", "/favicon.ico", "/robots.txt", "/docs", "/openapi.json", "/.env", "/files/ü")


def test_every_wrong_token_and_address_gets_the_same_page_and_asks_no_database(kept, aws):
    with serving(app(kept, aws, door=NobodyHome()), KEYS) as visitor:
        page = visitor.http.get("/nothing")
        assert page.status_code == 404
        paths = list(wrong_paths(visitor, kept.ada))
        answers = {path: visitor.http.get(path) for path in paths}
        posted = {path: visitor.http.post(path, data={"leave": "1"}) for path in paths[::3]}
        heads = [visitor.http.head(path) for path in paths[::7]]

    assert len(answers) > 70
    for answer in (*answers.values(), *posted.values()):
        assert (answer.status_code, answer.content) == (404, page.content), answer.url
        assert {**answer.headers, "date": ""} in (
            {**page.headers, "date": ""},
            {**page.headers, "date": "", "connection": "close"},
        )
    assert {(one.status_code, one.headers["content-length"]) for one in heads} == {(404, str(len(page.content)))}
    told = text_of(page)
    assert "This link does not work" in told
    assert "Open the newest email of the report" in told
    assert "Ask the person who set up the report" in told


@pytest.mark.parametrize(
    ("statement", "works"),
    [
        ("UPDATE reporting.readers SET revoked_at = now()", "leave manage"),
        ("UPDATE scheduled_reports SET email_recipients = '{}' WHERE id = 'r1'", "leave manage"),
        ("UPDATE reporting.artifacts SET deleted_at = now()", "leave manage"),
        ("DELETE FROM scheduled_reports WHERE id = 'r1'", ""),
        ("UPDATE scheduled_reports SET workspace_id = 'ws2' WHERE id = 'r1'", ""),
        ("DELETE FROM reporting.runs", ""),
    ],
)
def test_a_link_that_was_revoked_gets_the_same_page_as_one_that_never_was(visitor, scene, statement, works):
    page = visitor.http.get("/nothing")
    scene.execute(statement)
    paths = {"files": visitor.file(scene.ada), "leave": visitor.leave(scene.ada), "manage": visitor.manage(scene.ada)}

    for name, path in paths.items():
        for method in ("GET", "HEAD"):
            answer = visitor.http.request(method, path)
            assert answer.status_code == (200 if name in works.split() else 404), (method, path)
            if answer.status_code == 404:
                assert {**answer.headers, "date": ""} == {**page.headers, "date": ""}
                assert answer.content == (page.content if method == "GET" else b"")
    if not works:
        assert visitor.http.post(paths["leave"]).content == page.content
        assert visitor.http.post(paths["manage"], data={"report": "r1", "receives": "0"}).content == page.content
        assert scene.opt_outs() == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST"])
def test_no_other_method_is_answered(looker, kept, method):
    paths = [looker.file(kept.ada)]
    if method != "POST":
        paths += [looker.leave(kept.ada), looker.manage(kept.ada)]

    assert {looker.http.request(method, path).status_code for path in paths} == {404}
    assert kept.opt_outs() == []


def test_the_page_of_leaving_says_what_it_means_and_has_one_button(looker, kept):
    answer = looker.http.get(looker.leave(kept.ada))

    assert answer.status_code == 200
    assert buttons(answer) == ["Stop these emails"]
    told = text_of(answer)
    assert "Stop getting “Weekly activity”?" in told
    assert f"Then this report of Acme is no longer emailed to {ADA}." in told
    assert "files that you already have stay yours" in told
    assert kept.opt_outs() == []


def test_the_button_leaves_and_the_page_then_has_a_way_back(visitor, scene):
    path = visitor.leave(scene.ada)

    answer = visitor.http.post(path, data={"leave": "1"})
    assert (answer.status_code, answer.headers["location"]) == (303, path.rpartition("/")[2])
    assert scene.opt_outs() == [("r1", "ada@acme.example", "page", False)]

    left = visitor.http.get(path)
    assert buttons(left) == ["Get it again"]
    assert "You no longer get “Weekly activity”" in text_of(left)
    assert f"{datetime.now(UTC):%B %Y}" in text_of(left)

    assert visitor.http.post(path, data={"return": "1"}).status_code == 303
    assert scene.opt_outs() == [("r1", "ada@acme.example", "page", True)]
    assert buttons(visitor.http.get(path)) == ["Stop these emails"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
        ("application/x-www-form-urlencoded; charset=utf-8", b"list-unsubscribe=one-click"),
        ("multipart/form-data; boundary=-FormBoundaryjWmhtjORrn", MULTIPART),
    ],
)
def test_a_mail_program_leaves_with_one_click_and_without_a_redirect(visitor, scene, kind, body):
    for _ in range(2):
        answer = visitor.http.post(visitor.leave(scene.ada), content=body, headers={"content-type": kind})
        assert answer.status_code == 200
        assert "You no longer get" in text_of(answer)

    assert scene.opt_outs() == [("r1", "ada@acme.example", "one-click", False)]


@pytest.mark.parametrize("body", [b"", b"anything=else", b"return=0"])
def test_whoever_posts_without_our_words_wants_to_leave(visitor, scene, body):
    visitor.http.post(visitor.leave(scene.ada), content=body, headers=FORM)

    assert scene.opt_outs() == [("r1", "ada@acme.example", "page", False)]


def test_a_page_leads_to_everything_that_the_address_gets(looker, kept):
    path = looker.leave(kept.ada)
    (link,) = re.findall(r'<a href="(.+?)"', looker.http.get(path).text)
    manage = str(httpx.URL(f"http://x{path}").join(link).path)

    answer = looker.http.get(manage)

    assert answer.status_code == 200
    told = text_of(answer)
    assert "Emails from Acme" in told
    assert [name in told for name in (ADA, "Weekly activity", "Ärger & <Co>")] == [True] * 3
    assert buttons(answer) == ["Stop", "Stop"]
    assert "Of others" not in told
    assert "Elsewhere" not in told
    assert (
        read_keys(KEYS).read(Purpose.MANAGE, manage.rpartition("/")[2], datetime.now(UTC)).expires
        == read_keys(KEYS).read(Purpose.LEAVE, path.rpartition("/")[2], datetime.now(UTC)).expires
    )


def test_the_pages_of_a_workspace_with_a_brand_have_its_name_above_them(visitor, scene):
    add = "INSERT INTO reporting.brands (workspace_id, brand, until) VALUES (%s, %s, %s)"
    scene.execute(add, "ws1", Jsonb({"name": "Of yesterday"}), datetime.now(UTC))
    scene.execute(add, "ws2", Jsonb({"name": "Of another workspace"}), None)
    pages = [visitor.leave(scene.ada), visitor.manage(scene.ada)]

    assert [brand_of(visitor.http.get(path)) for path in pages] == ["Acme"] * 2
    scene.execute(add, "ws1", Jsonb({"name": "<b>Robots</b> & Söhne"}), None)
    assert [brand_of(visitor.http.get(path)) for path in pages] == ["&lt;b&gt;Robots&lt;/b&gt; &amp; Söhne"] * 2
    scene.execute("UPDATE reporting.brands SET brand = '{}' WHERE workspace_id = 'ws1'")
    assert [brand_of(visitor.http.get(path)) for path in pages] == ["Acme"] * 2


def test_each_report_has_a_switch_of_its_own(visitor, scene):
    path = visitor.manage(scene.ada)

    answer = visitor.http.post(path, data={"report": "r2", "receives": "0"})
    assert (answer.status_code, answer.headers["location"]) == (303, path.rpartition("/")[2])
    assert scene.opt_outs() == [("r2", "ada@acme.example", "manage", False)]
    assert buttons(visitor.http.get(path)) == ["Stop", "Get it again"]

    visitor.http.post(path, data={"report": "r2", "receives": "1"})
    assert scene.opt_outs() == [("r2", "ada@acme.example", "manage", True)]


@pytest.mark.parametrize(
    "form",
    [
        {"report": "r3", "receives": "0"}, {"report": "r9", "receives": "0"}, {"report": "r1", "receives": "2"},
        {"report": "r1"}, {"receives": "0"}, {}, {"report": "r1\0", "receives": "0"},
        {"report": "\ud800".encode("utf-8", "surrogatepass"), "receives": "0"},
    ],
)  # fmt: skip
def test_a_report_that_is_not_shown_cannot_be_switched(looker, kept, form):
    answer = looker.http.post(looker.manage(kept.ada), data=form)

    assert answer.status_code == 404
    assert kept.opt_outs() == []


#: All that a link could change, but for the counts of openings.
EVERYTHING = """
SELECT (SELECT jsonb_agg(to_jsonb(r) - 'openings' - 'last_opened_at' ORDER BY r.handle) FROM reporting.readers r),
       (SELECT jsonb_agg(o) FROM reporting.opt_outs o), (SELECT jsonb_agg(s ORDER BY s.id) FROM scheduled_reports s)
"""


def test_a_scanner_that_opens_everything_a_hundred_times_changes_nothing_but_the_counts(visitor, scene):
    before = scene.query(EVERYTHING)
    paths = [visitor.file(scene.ada), visitor.file(scene.ada, PDF), visitor.leave(scene.ada), visitor.manage(scene.ada)]

    for number in range(100):
        for path in paths:
            visitor.http.get(path)
            if number % 10 == 0:
                visitor.http.head(path)

    assert scene.query(EVERYTHING) == before
    assert scene.openings(scene.ada) == (200, 0)
    assert scene.openings(scene.jo) == (0, 0)


def test_addresses_with_a_tag_and_a_domain_in_another_script(visitor, scene):
    path = visitor.leave(scene.jo)
    assert JO in text_of(visitor.http.get(path))
    assert visitor.http.get(visitor.file(scene.jo)).status_code == 302

    visitor.http.post(path, content=b"List-Unsubscribe=One-Click", headers=FORM)

    assert scene.opt_outs() == [("r1", "jo+news@xn--bcher-kva.example", "one-click", False)]


def test_a_message_to_several_readers_links_files_and_has_nobody_to_leave(looker, kept):
    assert looker.http.get(looker.file(kept.all)).status_code == 302
    for path in (looker.leave(kept.all), looker.manage(kept.all)):
        assert looker.http.get(path).status_code == 404
        assert looker.http.post(path).status_code == 404


def test_keys_are_rotated_while_links_are_alive(kept, aws):
    old, new = new_key(1), new_key(2)
    with serving(app(kept, aws, f"{new},{old}"), new) as visitor:
        assert visitor.http.get(visitor.file(kept.ada, keys=old)).status_code == 302
        assert visitor.http.get(visitor.file(kept.ada)).status_code == 302
        (link,) = re.findall(r"\.\./manage/([\w-]+)", visitor.http.get(visitor.leave(kept.ada, keys=old)).text)
        assert base64.urlsafe_b64decode(link)[0] == 2
    with serving(app(kept, aws, new), new) as visitor:
        assert visitor.http.get(visitor.file(kept.ada, keys=old)).status_code == 404
        assert visitor.http.get(visitor.file(kept.ada)).status_code == 302


@pytest.mark.parametrize("below", ["/a/reports", "/files"])
def test_below_a_path_the_pages_work_whether_the_proxy_keeps_it_or_not(kept, aws, below):
    with serving(app(kept, aws, path=below), KEYS) as visitor:
        for prefix in ("", below):
            assert visitor.http.get(prefix + visitor.file(kept.ada)).status_code == 302
            page = visitor.http.get(prefix + visitor.leave(kept.ada))
            (link,) = re.findall(r'<a href="(.+?)"', page.text)
            assert page.url.join(link).path.startswith(f"{prefix}/manage/")
            assert visitor.http.get(page.url.join(link)).status_code == 200
            assert re.findall(r'(?:href|src|action)="(?!\.\./manage/)', page.text) == []
        assert visitor.http.get(f"/a{visitor.file(kept.ada)}").status_code == 404


def test_every_answer_has_strict_headers_and_no_page_loads_anything(visitor, scene):
    leave = visitor.leave(scene.ada)
    answers = [
        visitor.http.get("/nothing"), visitor.http.get(leave), visitor.http.post(leave), visitor.http.get(leave),
        visitor.http.get(visitor.manage(scene.ada)), visitor.http.get(visitor.file(scene.ada)),
        visitor.http.head(visitor.file(scene.ada)),
    ]  # fmt: skip

    for answer in answers:
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy.keys() == {"default-src", "style-src", "form-action", "frame-ancestors", "base-uri"}
        assert (policy["default-src"], policy["frame-ancestors"], policy["form-action"]) == (
            "'none'",
            "'none'",
            "'self'",
        )
        for style in re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL):
            digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
            assert policy["style-src"] == f"'sha256-{digest}'"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-robots-tag"].startswith("noindex")
        assert {"server", "set-cookie"} & answer.headers.keys() == set()
        assert not re.search(r"<script|<link|<img|@import|url\(|style=|\son\w+=|https?:", answer.text)


class Down:
    """A database that is down, or a function that it does not have."""

    def __init__(self, error):
        self.error = error

    def __getattr__(self, name):
        def fail(*values, **options):
            raise self.error

        return fail


@pytest.mark.parametrize(
    ("error", "told"), [(TransientError("planted"), "TransientError"), (ValueError("planted"), "ValueError")]
)
def test_while_the_database_is_down_the_page_says_so_and_the_log_nothing_else(kept, aws, caplog, error, told):
    with caplog.at_level(logging.DEBUG), serving(app(kept, aws, door=Down(error)), KEYS) as visitor:
        paths = [visitor.file(kept.ada), visitor.leave(kept.ada), visitor.manage(kept.ada)]
        answers = [visitor.http.get(path) for path in paths] + [visitor.http.post(path) for path in paths[1:]]

    assert {(one.status_code, one.headers["retry-after"]) for one in answers} == {(503, "60")}
    assert "open it again in a few minutes" in text_of(answers[0])
    ours = [one.getMessage() for one in caplog.records if one.name.startswith(("include.", "uvicorn"))]
    assert len([one for one in ours if one.startswith(f"a request failed: {told}")]) == 5
    assert not any("planted" in one or path.rpartition("/")[2] in one for one in ours for path in paths)


def test_a_database_that_cannot_be_reached_or_refuses_is_a_page_too(scene, aws):
    port = urlsplit(scene.dsn).port
    for dsn in (scene.dsn.replace(f":{port}/", ":1/"), scene.dsn.replace("postgres:", "nobody:", 1)):
        with serving(app(scene, aws, door=PostgresDoor(dsn)), KEYS) as visitor:
            assert visitor.http.get(visitor.leave(scene.ada)).status_code == 503
    with psycopg.connect(scene.dsn) as connection:
        connection.execute("DROP FUNCTION reporting.door_reader")
    with serving(app(scene, aws), KEYS) as visitor:
        assert visitor.http.get(visitor.leave(scene.ada)).status_code == 503
        assert visitor.http.get(visitor.file(scene.ada)).status_code == 302


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"leave=" + b"1" * 9_000),
        ("application/x-www-form-urlencoded", b"&".join(b"x=1" for _ in range(20))),
        ("multipart/form-data", b"no boundary"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\na\r\n--x--\r\n',
        ),
    ],
)
def test_a_form_that_is_none_of_ours_changes_nothing(looker, kept, kind, body):
    answer = looker.http.post(looker.leave(kept.ada), content=body, headers={"content-type": kind})

    assert answer.status_code == 404
    assert kept.opt_outs() == []


def pour(line):
    """Send until the other side hangs up."""
    while True:
        line.sendall(b"x" * 65_536)


def test_a_body_without_an_end_is_not_read_to_its_end(looker, kept):
    head = f"POST {looker.leave(kept.ada)} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    with socket.create_connection(("127.0.0.1", looker.http.base_url.port), timeout=20) as line:
        line.sendall(f"{head}content-length: 1000000000\r\n\r\nx=".encode())
        with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
            pour(line)

    assert kept.opt_outs() == []


def test_a_request_line_without_an_end_is_refused(looker):
    with socket.create_connection(("127.0.0.1", looker.http.base_url.port), timeout=20) as line:
        line.sendall(b"GET /files/" + b"A" * 16_300)
        line.sendall(b"A" * 100)

        assert line.recv(1_000).startswith(b"HTTP/1.1 400 ")
        assert line.recv(1_000) in {b"", b"Invalid HTTP request received."}


def test_slow_work_holds_up_nobody_else(kept, aws):
    release, begun = threading.Event(), threading.Semaphore(0)

    class Slow:
        def reader(self, _):
            begun.release()
            release.wait(20)

    with serving(app(kept, aws, door=Slow()), KEYS) as visitor:
        path = visitor.leave(kept.ada)
        waiting = [threading.Thread(target=visitor.http.get, args=(path,)) for _ in range(10)]
        for one in waiting:
            one.start()
        for _ in range(8):
            assert begun.acquire(timeout=20)

        assert visitor.http.get("/nothing").status_code == 404
        assert not begun.acquire(blocking=False)
        release.set()
        for one in waiting:
            one.join()
