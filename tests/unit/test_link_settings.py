"""The settings of links: LINK_BASE, LINK_KEYS, LINK_SECONDS, PUBLIC_DSN and MESSAGES."""

from base64 import b64encode, urlsafe_b64encode
from datetime import timedelta

import pytest

from include.scheduled_reports.domain.errors import ConfigurationError
from include.scheduled_reports.settings import PREFIX, Settings
from include.scheduled_reports.settings.links import read_base, read_keys

#: Not random: they are part of the names of tests, which all workers must agree on.
BASE, SECRET = "https://reports.acme.example", bytes(range(32))
KEY = f"1:{b64encode(SECRET).decode()}"
DAY = 86_400


def read(**values):
    return Settings.from_env({f"{PREFIX}{name}": value for name, value in values.items()})


def reason(**values):
    with pytest.raises(ConfigurationError) as refused:
        read(**values)
    return str(refused.value)


def test_without_a_public_door_all_is_as_before():
    found = Settings()

    assert (found.door, found.keys.keys, found.is_separate, found.link_seconds) == ("", (), False, timedelta(days=7))


@pytest.mark.parametrize(
    ("text", "door"),
    [
        (BASE, BASE),
        (f"{BASE}/", BASE),
        (f"{BASE}:8443", f"{BASE}:8443"),
        ("https://acme.example/a/reports/", "https://acme.example/a/reports"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("http://localhost:8090", "http://localhost:8090"),
        ("http://[::1]:8090", "http://[::1]:8090"),
    ],
)
def test_the_address_of_the_door_has_no_slash_at_its_end(text, door):
    found = read(LINK_BASE=text, LINK_KEYS=KEY)

    assert (found.door, found.is_separate) == (door, True)


@pytest.mark.parametrize(
    "text",
    [
        "reports.acme.example", "http://reports.acme.example", "ftp://acme.example", "https://", "https:///files",
        "https://acme.example?x=1", "https://acme.example#x", "https://ann:secret@acme.example", "https://acme.example:0",
        "https://acme.example:99999", "https://acme.example:x", "https://a b.example", "https://b\u00fccher.example",
        "https://acme.example/<script>", "https://[::1", "javascript:alert(1)", "HTTPS", "http://127.0.0.1.acme.example",
        'https://acme.example/"', "https://acme.example/\r\nx", "https://acme.example/{report}",
    ],
)  # fmt: skip
def test_an_address_that_is_not_safe_in_an_email_is_refused(text):
    with pytest.raises(ValueError, match="is not the address of the public door; use one such as https://"):
        read_base(text)
    assert f"{PREFIX}LINK_BASE: " in reason(LINK_BASE=text, LINK_KEYS=KEY)


def test_keys_are_read_in_their_order_in_either_alphabet_and_with_or_without_padding():
    other = bytes(range(100, 148))
    texts = [
        f"7:{b64encode(SECRET).decode()},1:{b64encode(other).decode()}",
        f" 7:{urlsafe_b64encode(SECRET).decode()} , 1:{urlsafe_b64encode(other).decode()} ",
        f"7:{b64encode(SECRET).decode().rstrip('=')},01:{b64encode(other).decode()}",
    ]

    for text in texts:
        assert [(one.number, one.secret) for one in read_keys(text).keys] == [(7, SECRET), (1, other)]


@pytest.mark.parametrize(
    "text",
    [
        "planted", ":planted", "1:", "1", f"256:{KEY[2:]}", f"-1:{KEY[2:]}", f"x:{KEY[2:]}", f"1.0:{KEY[2:]}",
        f"{KEY},{KEY}", f"{KEY},01:{KEY[2:]}", f"{KEY},", f",{KEY}", f"{KEY};2:{KEY[2:]}",
        f"1:{b64encode(bytes(31)).decode()}", f"1:{'A' * 45}", f"1:planted!{KEY[2:]}",
        f"\u0661:{KEY[2:]}",
    ],
)  # fmt: skip
def test_a_wrong_key_is_named_by_its_setting_and_never_shown(text):
    told = reason(LINK_BASE=BASE, LINK_KEYS=text)

    assert told.startswith(f'{PREFIX}LINK_KEYS: "\u2026" are not keys; use number:secret')
    assert "planted" not in told
    assert KEY[2:-2] not in told


def test_a_door_needs_a_key_and_a_key_alone_is_harmless():
    assert f'{PREFIX}LINK_KEYS: "" must be set with LINK_BASE' in reason(LINK_BASE=BASE)
    assert not read(LINK_KEYS=KEY).is_separate


def test_secrets_are_not_shown_with_the_settings():
    found = read(LINK_BASE=BASE, LINK_KEYS=KEY, PUBLIC_DSN="postgresql://door:planted@db/x")

    shown = f"{found!r} {found.keys!r}"
    assert "planted" not in shown
    assert KEY[2:-2] not in shown
    assert repr(SECRET) not in shown
    assert found.public_dsn == "postgresql://door:planted@db/x"


@pytest.mark.parametrize(
    ("seconds", "with_door", "without"),
    [(1, True, True), (7 * DAY, True, True), (7 * DAY + 1, True, False), (90 * DAY, True, False),
     (90 * DAY + 1, False, False), (0, False, False)],
)  # fmt: skip
def test_with_a_door_a_link_lasts_as_long_as_the_files_and_without_one_a_week(seconds, with_door, without):
    for allowed, base in ((with_door, BASE), (without, "")):
        values = {"LINK_SECONDS": str(seconds), "LINK_BASE": base, "LINK_KEYS": KEY}
        if allowed:
            assert read(**values).link_seconds == timedelta(seconds=seconds)
        else:
            assert "LINK_SECONDS" in reason(**values)


@pytest.mark.parametrize(
    ("messages", "base", "separate"),
    [("", "", False), ("", BASE, True), ("together", BASE, False), ("separate", "", True)],
)
def test_each_reader_gets_a_message_of_their_own_where_links_are_theirs(messages, base, separate):
    assert read(MESSAGES=messages, LINK_BASE=base, LINK_KEYS=KEY).is_separate is separate


def test_a_way_to_mail_readers_is_one_of_two():
    assert reason(MESSAGES="bcc") == (
        f'{PREFIX}MESSAGES: "bcc" is not a way to mail readers; use together or separate.'
    )


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "fast", "10001", ""])
def test_a_rate_is_a_sensible_number(text):
    assert f'{PREFIX}MAIL_RATE: "{text}" is not a number from 0 to 10000' in reason(MAIL_RATE=text)
