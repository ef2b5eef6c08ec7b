"""A mail as bytes, parsed with the standard library."""

from __future__ import annotations

import base64
import email
import email.policy
import re
import string
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from include.scheduled_reports.domain.addresses import is_address
from include.scheduled_reports.domain.report import Recipients
from include.scheduled_reports.mail.message import PIECE, Attachment, compose, encode, encoded_size
from include.scheduled_reports.mail.recipients import envelopes, without_repeats

if TYPE_CHECKING:
    from email.message import EmailMessage

ADA = Recipients(to=("ada@acme.example",))
EVIL = "Numbers\r\nBcc: eve@evil.example\r\nX-Evil: 1\r\n\r\n<script>"


def composed(**changes):
    values = {"sender": "reports@acme.example", "recipients": ADA, "subject": "Numbers", "bodies": ("text", "<p>html")}
    return compose(**(values | changes))


def read(raw) -> EmailMessage:
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert not [defect for part in mail.walk() for defect in part.defects]
    return mail


def header_names(raw):
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    return [line.partition(":")[0] for line in head.split("\r\n") if line[:1] not in " \t"]


def addresses(mail, header):
    return [address.addr_spec for address in mail[header].addresses] if mail[header] else []


# Headers


def test_a_mail_has_the_headers_it_needs_and_no_others():
    raw = composed(recipients=Recipients(to=("a@b.example",), cc=("c@d.example",)), headers={"X-Report": "r1"})

    assert header_names(raw) == [
        "From", "To", "Cc", "Subject", "Date", "Message-ID", "X-Report", "MIME-Version", "Content-Type",
    ]  # fmt: skip


def test_blind_copies_are_nowhere_in_the_message():
    raw = composed(recipients=Recipients(to=("a@b.example",), cc=("c@d.example",), bcc=("secret@e.example",)))

    assert b"secret" not in raw
    assert b"bcc" not in raw.lower()
    assert addresses(read(raw), "To") == ["a@b.example"]
    assert addresses(read(raw), "Cc") == ["c@d.example"]


def test_a_senders_name_is_kept_in_its_own_script():
    mail = read(composed(sender="Zürich Zahlen <reports@acme.example>"))

    (sender,) = mail["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Zürich Zahlen", "reports@acme.example")


@pytest.mark.parametrize(
    ("address", "in_ascii"),
    [
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@straße.example", "info@xn--strae-oqa.example"),  # not strasse, which is another domain
        ("info@例え.テスト", "info@xn--r8jz45g.xn--zckzah"),
    ],
)
def test_a_domain_in_another_script_is_written_in_its_ascii_form(address, in_ascii):
    assert addresses(read(composed(recipients=Recipients(to=(address,)))), "To") == [in_ascii]


@pytest.mark.parametrize("subject", ["KW 19: Zahlen für Ünal", "تقرير أسبوعي", "週次レポート", "🚀 " * 60, "x" * 200])
def test_a_subject_arrives_in_its_own_script(subject):
    assert read(composed(subject=subject))["Subject"] == subject.strip()


def test_neither_subject_nor_header_value_nor_file_name_adds_a_header():
    raw = composed(
        subject=EVIL, headers={"X-Intended-Recipients": EVIL}, attachments=(Attachment(EVIL, "text/csv", b"a"),)
    )

    mail = read(raw)
    assert header_names(raw) == [
        "From", "To", "Subject", "Date", "Message-ID", "X-Intended-Recipients", "MIME-Version", "Content-Type",
    ]  # fmt: skip
    assert mail["Subject"] == "Numbers Bcc: eve@evil.example X-Evil: 1 <script>"
    assert [part.get_filename() for part in mail.iter_attachments()] == [
        "Numbers Bcc: eve@evil.example X-Evil: 1 <script>"
    ]
    assert not [part for part in mail.walk() if part["Bcc"] or part["X-Evil"]]


def test_a_message_is_seven_bit_so_that_every_server_takes_it_as_it_is():
    raw = composed(
        sender="Zürich <reports@acme.example>",
        subject="Ünal 🚀",
        bodies=("Grüße, 世界", "<p>Grüße, 世界"),
        attachments=(Attachment("ü.csv", "text/csv; charset=utf-8", "ü;ß".encode()),),
    )

    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


# Bodies


def test_both_bodies_arrive_as_they_were_written():
    text, html = "Grüße\n.\nFrom here\n\n世界 🚀 " + "x" * 2_000, "<p>Grüße</p>\n<p>" + "世" * 2_000 + "</p>"

    mail = read(composed(bodies=(text, html)))

    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == f"{text}\n"
    assert mail.get_body(("html",)).get_content().replace("\r\n", "\n") == f"{html}\n"


# Pictures

LOGO, CHART = (
    Attachment("logo.png", "image/png", b"\x89PNG logo", cid="logo.1@reports"),
    Attachment("chart-1.png", "image/png", b"\x89PNG chart", cid="chart-1.2@reports"),
)
FILE = Attachment("a.csv", "text/csv", b"a")


def shape(part):
    """Return the content types of a message and of its parts."""
    kind = part.get_content_type()
    return (kind, *map(shape, part.iter_parts())) if part.is_multipart() else kind


def test_pictures_belong_to_the_html_and_files_to_the_message():
    assert shape(read(composed(attachments=(LOGO, CHART, FILE)))) == (
        "multipart/mixed",
        ("multipart/alternative", "text/plain", ("multipart/related", "text/html", "image/png", "image/png")),
        "text/csv",
    )


def test_without_files_there_is_nothing_around_the_bodies():
    assert shape(read(composed(attachments=(LOGO,)))) == (
        "multipart/alternative", "text/plain", ("multipart/related", "text/html", "image/png"),
    )  # fmt: skip


def test_a_picture_has_the_id_that_the_html_asks_for_and_is_no_file():
    mail = read(composed(bodies=("text", '<img src="cid:chart-1.2@reports">'), attachments=(FILE, CHART)))
    (picture,) = [part for part in mail.walk() if part["Content-ID"]]

    assert picture["Content-ID"] == "<chart-1.2@reports>"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_payload(decode=True) == CHART.content
    assert [part.get_filename() for part in mail.iter_attachments()] == ["a.csv"]
    assert mail.get_body(("html",)).get_content().strip() == '<img src="cid:chart-1.2@reports">'


def test_a_long_address_in_a_header_is_neither_cut_nor_encoded():
    url = "https://acme.example/" + "off/" * 30 + "?report=weekly"
    raw = composed(headers={"List-Unsubscribe": f"<mailto:a@acme.example>, <{url}>"})

    assert f"<{url}>".encode() in raw
    assert read(raw)["List-Unsubscribe"] == f"<mailto:a@acme.example>, <{url}>"


# Attachments

CSV = 'name;amount\r\nÜnal;1\n\r\n"two\nlines";2\r\n'


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("text/csv; charset=utf-8", CSV.encode()),
        ("text/csv; charset=utf-8", b"\xef\xbb\xbf" + CSV.encode()),
        ("text/csv; charset=utf-8", CSV.encode("latin-1")),
        ("text/csv; charset=utf-8", b"a,b\n1,2\n"),
        ("text/csv; charset=utf-8", b"no end of line"),
        ("text/html; charset=utf-8", b"<p>.\n.\r\nFrom me\n</p>"),
        ("application/json", b'{"a": 1}\n'),
        ("application/pdf", bytes(range(256)) * 400),
        ("application/zip", b""),
    ],
)
def test_an_attachment_arrives_byte_by_byte_with_its_type(content_type, content):
    mail = read(composed(attachments=(Attachment("file.x", content_type, content),)))

    (part,) = mail.iter_attachments()
    assert part.get_payload(decode=True) == content
    assert part.get_content_type() == content_type.partition(";")[0]
    assert part.get_content_disposition() == "attachment"


@pytest.mark.parametrize(
    "name",
    [
        "Weekly activity 2026-05-03 to 2026-05-09.pdf",
        "تقرير أسبوعي 2026-05-03 to 2026-05-09.pdf",
        "週次レポート 2026-05-03 to 2026-05-09.pdf",
        "👩‍👩‍👧 🚀 2026-05-03 to 2026-05-09.pdf",
        "عرض " * 30 + "2026-05-03 to 2026-05-09.xlsx",
        "🚀" * 120 + " 2026-05-03 to 2026-05-09.xlsx",
        'it\'s 100% "quoted"; a=b.csv',
    ],
)
def test_a_file_name_arrives_in_its_own_script(name):
    (part,) = read(composed(attachments=(Attachment(name, "application/pdf", b"x"),))).iter_attachments()

    assert part.get_filename() == name


def test_all_attachments_arrive_in_their_order():
    files = tuple(Attachment(f"{number}.csv", "text/csv", b"%d" % number) for number in range(5))

    parts = list(read(composed(attachments=files)).iter_attachments())

    assert [(part.get_filename(), part.get_payload(decode=True)) for part in parts] == [
        ("0.csv", b"0"), ("1.csv", b"1"), ("2.csv", b"2"), ("3.csv", b"3"), ("4.csv", b"4"),
    ]  # fmt: skip


@given(st.binary(max_size=2_000), st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=150))
def test_whatever_a_file_holds_and_is_called_it_arrives(content, name):
    (part,) = read(composed(attachments=(Attachment(f"{name}.csv", "text/csv", content),))).iter_attachments()

    assert part.get_payload(decode=True) == content
    assert part.get_filename().replace(" ", "") == re.sub(r"[\s\u2028-\u202e]", "", f"{name}.csv")


# Attachments encoded once for the messages of many readers


def test_attachments_encoded_once_arrive_in_each_message():
    shared = encode((FILE, LOGO, Attachment("b.pdf", "application/pdf", bytes(range(256)))))

    for reader in ("ada@acme.example", "bob@acme.example"):
        mail = read(composed(recipients=Recipients(to=(reader,)), bodies=(reader, reader), attachments=shared))
        assert addresses(mail, "To") == [reader]
        assert mail.get_body(("html",)).get_content().strip() == reader
        assert [(part.get_filename(), part.get_payload(decode=True)) for part in mail.iter_attachments()] == [
            ("a.csv", b"a"), ("b.pdf", bytes(range(256))),
        ]  # fmt: skip
        assert [part.get_payload(decode=True) for part in mail.walk() if part["Content-ID"]] == [LOGO.content]


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 40])
def test_a_file_of_any_size_is_encoded_in_whole_lines(size):
    content = bytes(number % 251 for number in range(size))

    (file,) = encode((Attachment("a.bin", "application/octet-stream", content),)).files

    lines = file.partition(b"\r\n\r\n")[2].split(b"\r\n")
    assert b"".join(lines) == base64.b64encode(content)
    assert {len(line) for line in lines[:-2]} <= {76}
    assert lines[-1] == b""


def test_a_further_message_takes_little_more_memory_than_its_own_bytes():
    shared = encode((Attachment("a.pdf", "application/pdf", bytes(1_000_000)),))
    composed(attachments=shared)

    tracemalloc.start()
    message = composed(attachments=shared)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1.1 * len(message)


ATOM = st.text(string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=12)
LABEL = st.text(string.ascii_letters + string.digits, min_size=1, max_size=8) | st.sampled_from(
    ["bücher", "straße", "例え", "пример", "مثال", "xn--p1ai", "a-b", "א1", "\uff41", "²", "·", "\u200d", "ﬁ"]
)


@given(st.lists(ATOM, min_size=1, max_size=4).map(".".join), st.lists(LABEL, min_size=1, max_size=3).map(".".join))
def test_every_address_that_validation_accepts_can_be_used(local, domain):
    address = f"{local}@{domain}.example"
    assume(is_address(address))
    mail = read(composed(recipients=Recipients(to=(address,), cc=(address,))))

    (to,), (cc,) = addresses(mail, "To"), addresses(mail, "Cc")
    assert to == cc == (address if address.isascii() else to)
    assert to.isascii()
    assert to.rpartition("@")[0] == local


# Size of an attachment


@pytest.mark.parametrize(
    ("size", "encoded"),
    [
        (0, 0),
        (1, 4 + 2),
        (3, 4 + 2),
        (57, 76 + 2),  # one full line
        (58, 76 + 2 + 4 + 2),
        (114, 2 * (76 + 2)),
        (1_000_000, 1_333_336 + 2 * 17_544),
    ],
)
def test_the_encoded_size_is_worked_out_before_encoding(size, encoded):
    assert encoded_size(size) == encoded


@given(st.integers(0, 5_000))
def test_the_encoded_size_is_what_the_mail_really_takes(size):
    raw = composed(attachments=(Attachment("a.bin", "application/octet-stream", b"x" * size),))

    body = raw.split(b'filename="a.bin"')[1].partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0]
    assert base64.b64decode(body) == b"x" * size
    assert encoded_size(size) == len(body)


# The envelope


def people(prefix, count):
    return tuple(f"{prefix}{number}@acme.example" for number in range(count))


def test_up_to_the_limit_there_is_one_envelope():
    everyone = Recipients(to=people("to", 30), cc=people("cc", 10), bcc=people("bcc", 10))

    assert envelopes(everyone, 50) == (everyone,)


def test_beyond_the_limit_the_envelope_is_cut_in_order():
    assert envelopes(Recipients(to=people("to", 3), cc=people("cc", 2), bcc=people("bcc", 2)), 3) == (
        Recipients(to=people("to", 3)),
        Recipients(cc=people("cc", 2), bcc=("bcc0@acme.example",)),
        Recipients(bcc=("bcc1@acme.example",)),
    )


def test_no_recipients_need_no_envelope():
    assert envelopes(Recipients(), 50) == ()


crowds = st.builds(
    lambda to, cc, bcc: Recipients(to=people("to", to), cc=people("cc", cc), bcc=people("bcc", bcc)),
    to=st.integers(0, 50),
    cc=st.integers(0, 20),
    bcc=st.integers(0, 20),
)


@given(crowds, st.integers(1, 60))
def test_envelopes_cover_each_address_exactly_once_and_stay_within_the_limit(crowd, limit):
    parts = envelopes(crowd, limit)

    assert all(1 <= len(part) <= limit for part in parts)
    for kind in ("to", "cc", "bcc"):
        assert [one for part in parts for one in getattr(part, kind)] == [*getattr(crowd, kind)]


def test_an_address_is_kept_once_where_it_stands_first_whatever_its_case():
    assert without_repeats(
        Recipients(
            to=("ada@acme.example", "Ada@ACME.example", "bob@acme.example"),
            cc=("BOB@acme.example", "eve@acme.example"),
            bcc=("ada@acme.example", "eve@acme.example", "joe@acme.example"),
        )
    ) == Recipients(to=("ada@acme.example", "bob@acme.example"), cc=("eve@acme.example",), bcc=("joe@acme.example",))
