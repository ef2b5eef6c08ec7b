"""The operator's settings, read from the environment."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import timedelta
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from include.scheduled_reports.domain.errors import ConfigurationError
from include.scheduled_reports.domain.problem import shown
from include.scheduled_reports.settings import Settings, environment
from include.scheduled_reports.settings.branding import Branding
from include.scheduled_reports.settings.provider import default_texts


def read(**values):
    return Settings.from_env({f"SCHEDULED_REPORTS__{name}": value for name, value in values.items()})


def reason(**values):
    with pytest.raises(ConfigurationError) as refused:
        read(**values)
    return str(refused.value)


QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/report-events"


def test_an_empty_environment_gives_the_defaults_and_they_mail_nobody():
    found = Settings.from_env({"PATH": "/bin", "AIRFLOW__CORE__LOAD_EXAMPLES": "false"})

    assert found == Settings()
    assert (found.mail_mode, found.redirect_to) == ("off", None)


def test_texts_numbers_and_durations_are_read():
    found = read(BUCKET=" reports ", MESSAGE_BYTES="1000000", QUERY_SECONDS="90", RETRY_SECONDS="0.5", ROW_LIMIT="50")

    assert (found.bucket, found.message_bytes, found.row_limit) == ("reports", 1_000_000, 50)
    assert (found.query_seconds, found.retry_seconds) == (timedelta(seconds=90), timedelta(milliseconds=500))


def test_every_field_can_be_set():
    # No default equals one of these values.
    odd: dict[type, str] = {str: "live", int: "7", float: "0.5", bool: "true", timedelta: "77"}
    values = {name.upper(): odd[type(getattr(Settings(), name))] for name in Settings.__slots__}

    sound = {
        "MAIL_FROM": "reports@acme.example",
        "REPLY_TO": "help@acme.example",
        "MAIL_VIA": "smtp",
        "RUN_MODE": "compact",
    }
    sound |= {"BRAND_COLOUR": "#123456", "UNSUBSCRIBE": "https://acme.example/off", "OBJECT_TAGS": "a=b"}
    sound |= {"REPORT_URL": "https://acme.example/reports/{report}", "MESSAGES": "together"}
    sound |= {"FEEDBACK_QUEUE": ""}  # only SES has events
    sound |= {"LINK_BASE": "https://reports.acme.example", "LINK_KEYS": f"1:{'A' * 43}="}
    found = read(**values | sound)

    same = [name for name in Settings.__slots__ if getattr(found, name) == getattr(Settings(), name)]
    assert same == ["feedback_queue"]
    assert read(FEEDBACK_QUEUE=QUEUE).feedback_queue == QUEUE


@pytest.mark.parametrize(
    "wrong",
    [
        "report-events",
        "arn:aws:sqs:eu-west-1:123456789012:report-events",
        "ftp://sqs.eu-west-1.amazonaws.com/123456789012/report-events",
        "https://sqs.eu-west-1.amazonaws.com/report-events",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/report-events.fifo",  # SES publishes to no FIFO topic
        "https://sqs.eu-west-1.amazonaws.com/123456789012/",
        "https:///123456789012/report-events",
        "https://[/123456789012/report-events",
        QUEUE + "?x=1",
    ],
)
def test_a_queue_is_named_by_its_url(wrong):
    assert "is not the URL of an SQS queue" in reason(FEEDBACK_QUEUE=wrong)


def test_smtp_has_no_events():
    assert "has no events with MAIL_VIA=smtp" in reason(FEEDBACK_QUEUE=QUEUE, MAIL_VIA="smtp")


def test_a_run_mode_is_staged_or_compact():
    assert read(RUN_MODE="compact").run_mode == "compact"
    assert reason(RUN_MODE="fast") == ('SCHEDULED_REPORTS__RUN_MODE: "fast" is not a run mode; use staged or compact.')


def test_an_unknown_setting_is_refused_so_that_no_slip_goes_unnoticed():
    assert reason(MAIL_MOD="live").startswith(
        'SCHEDULED_REPORTS__MAIL_MOD: Unknown setting "MAIL_MOD"; choose from ALLOWED_DOMAINS, '
    )


def test_the_old_name_of_a_renamed_setting_is_accepted_for_a_release():
    assert read(FAREWELL_SECONDS="20").tombstone_seconds == timedelta(seconds=20)
    assert read(FAREWELL_SECONDS="20", TOMBSTONE_SECONDS="30").tombstone_seconds == timedelta(seconds=30)
    assert reason(FAREWELL_SECONDS="soon").startswith('SCHEDULED_REPORTS__FAREWELL_SECONDS: "soon" is not a number')


def test_every_wrong_setting_is_named_at_once():
    found = reason(RETRIES="-1", QUERY_SECONDS="soon", MAIL_MODE="loud", TINT="red")

    for problem in (
        'TINT: Unknown setting "TINT"; ',
        'QUERY_SECONDS: "soon" is not a number of seconds',
        'RETRIES: "-1" is not a whole number',
        'MAIL_MODE: "loud" is not a mail mode',
    ):
        assert f"SCHEDULED_REPORTS__{problem}" in found


@pytest.mark.parametrize("value", ["", "1.5", "1e3", "many", "-1"])
def test_a_count_is_a_whole_number(value):
    assert reason(RETRIES=value) == (f'SCHEDULED_REPORTS__RETRIES: "{value}" is not a whole number; use one such as 5.')


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e10"])
def test_a_duration_is_a_sensible_number_of_seconds(value):
    assert reason(QUERY_SECONDS=value) == (
        f'SCHEDULED_REPORTS__QUERY_SECONDS: "{value}" is not a number of seconds from 0 to 1000000000; '
        "use one in that range."
    )


@pytest.mark.parametrize("url", ["acme.example/reports", "ftp://acme.example", "https://", "https://a.example/{who}"])
def test_the_page_of_a_report_is_a_url(url):
    assert reason(REPORT_URL=url).startswith(f'SCHEDULED_REPORTS__REPORT_URL: "{url}" is not the URL of a page')


# Mail


def test_redirect_names_the_one_address_that_gets_every_mail():
    found = read(MAIL_MODE="redirect:test@acme.example", MAIL_FROM="reports@acme.example")

    assert found.redirect_to == "test@acme.example"


def test_live_mail_is_redirected_to_nobody():
    assert read(MAIL_MODE="live", MAIL_FROM="reports@acme.example").redirect_to is None


@pytest.mark.parametrize(
    "mode", ["on", "LIVE", "redirect", "redirect:", "redirect:nobody", "redirect:a@b.example,c@d.example"]
)
def test_a_mail_mode_that_is_none_is_refused_rather_than_guessed(mode):
    assert reason(MAIL_MODE=mode, MAIL_FROM="reports@acme.example") == (
        f'SCHEDULED_REPORTS__MAIL_MODE: "{mode}" is not a mail mode; use off, redirect:<address> or live.'
    )


@pytest.mark.parametrize(
    "sender",
    [
        "reports@acme.example",
        "Acme <reports@acme.example>",
        '"Acme, Inc." <reports@acme.example>',
        "Zürich <a@b.example>",
    ],
)
def test_a_sender_is_an_address_with_or_without_a_name(sender):
    assert read(MAIL_MODE="live", MAIL_FROM=sender).mail_from == sender


@pytest.mark.parametrize(
    "sender",
    ["", "reports", "Acme, Inc. <reports@acme.example>", "Acme reports@acme.example", "a@b.example, c@d.example"],
)
@pytest.mark.parametrize("mode", ["live", "redirect:test@acme.example"])
def test_who_mails_needs_one_sender(sender, mode):
    assert reason(MAIL_MODE=mode, MAIL_FROM=sender) == (
        f'SCHEDULED_REPORTS__MAIL_FROM: "{sender}" is not one sender; '
        "use an address or Name <address>, unless MAIL_MODE is off."
    )


def test_mail_leaves_by_ses_unless_smtp_is_asked_for():
    assert Settings().mail_via == "ses"
    assert read(MAIL_VIA="smtp").mail_via == "smtp"


@pytest.mark.parametrize("transport", ["", "SMTP", "sendgrid"])
def test_an_unknown_mail_transport_is_refused_rather_than_guessed(transport):
    assert reason(MAIL_VIA=transport) == (
        f'SCHEDULED_REPORTS__MAIL_VIA: "{transport}" is not a mail transport; use ses or smtp.'
    )


def test_answers_go_to_one_plain_address():
    assert read(REPLY_TO="ada@acme.example").reply_to == "ada@acme.example"


@pytest.mark.parametrize("address", ["ada", "Ada <ada@acme.example>", "a@b.example, c@d.example"])
def test_what_is_no_plain_address_gets_no_answers(address):
    assert reason(REPLY_TO=address) == (
        f'SCHEDULED_REPORTS__REPLY_TO: "{address}" is not one plain address; use one, or nothing.'
    )


@pytest.mark.parametrize("name", ["two words", "größe", "x" * 65])
def test_a_configuration_set_is_named_as_ses_lets_it_be_named(name):
    assert read(CONFIGURATION_SET="Reports_2026-b").configuration_set == "Reports_2026-b"
    assert reason(CONFIGURATION_SET=name) == (
        f'SCHEDULED_REPORTS__CONFIGURATION_SET: "{name}" is not a name that SES allows; '
        "use at most 64 ASCII letters, digits, _ and -."
    )


@pytest.mark.parametrize(("seconds", "shown"), [("0", "0"), ("604801", "604801")])
def test_a_link_lives_as_long_as_s3_allows(seconds, shown):
    assert reason(LINK_SECONDS=seconds) == (
        f"SCHEDULED_REPORTS__LINK_SECONDS: {shown} is not allowed by S3; use 1 to 604800."
    )
    assert read(LINK_SECONDS="604800").link_seconds == timedelta(days=7)


def test_jitter_stays_below_the_hour_that_two_ticks_are_apart():
    assert read(JITTER_SECONDS="3599").jitter_seconds == timedelta(seconds=3599)
    assert reason(JITTER_SECONDS="3600") == (
        "SCHEDULED_REPORTS__JITTER_SECONDS: 3600 is an hour or more; use less than 3600."
    )


# Retention periods


def test_files_are_kept_for_ninety_days_rows_for_four_hundred_staging_for_one_and_what_was_deleted_for_a_week():
    found = Settings()

    assert (found.keep_files_seconds, found.keep_rows_seconds) == (timedelta(days=90), timedelta(days=400))
    assert (found.keep_staging_seconds, found.erase_seconds) == (timedelta(days=1), timedelta(days=7))


@pytest.mark.parametrize("name", ["KEEP_FILES", "KEEP_ROWS", "KEEP_STAGING"])
def test_nothing_is_the_time_that_no_run_is_kept_for_because_it_could_mean_for_ever_as_well(name):
    assert f"SCHEDULED_REPORTS__{name}_SECONDS: 0 is too short; use 1 or more" in reason(**{f"{name}_SECONDS": "0"})


def test_for_ever_is_a_big_number():
    found = read(KEEP_FILES_SECONDS="999999999", KEEP_ROWS_SECONDS="1e9", KEEP_STAGING_SECONDS="1e9")

    assert found.keep_files_seconds > timedelta(days=11_000)


def test_what_was_deleted_can_go_at_once():
    assert read(ERASE_SECONDS="0").erase_seconds == timedelta()


def test_a_row_outlives_the_file_it_tells_of():
    assert reason(KEEP_FILES_SECONDS="864001", KEEP_ROWS_SECONDS="864000") == (
        "SCHEDULED_REPORTS__KEEP_ROWS_SECONDS: 864000 is too short; "
        "use 1 or more, and not less than KEEP_FILES_SECONDS."
    )
    assert read(KEEP_FILES_SECONDS="864000", KEEP_ROWS_SECONDS="864000").keep_rows_seconds == timedelta(days=10)


def test_a_file_outlives_the_link_in_its_mail():
    assert reason(KEEP_FILES_SECONDS="86399", LINK_SECONDS="86400") == (
        "SCHEDULED_REPORTS__KEEP_FILES_SECONDS: 86399 is too short; use 1 or more, and not less than LINK_SECONDS."
    )
    assert read(KEEP_FILES_SECONDS="86400", LINK_SECONDS="86400").keep_files_seconds == timedelta(days=1)


@pytest.mark.parametrize("name", ["ALLOWED_DOMAINS", "RECIPIENT_DOMAINS"])
@pytest.mark.parametrize(
    "wrong",
    ["@acme.example", "*.acme.example", "a;b", "acme.example;partner.example", "acme..example", "-a.example",
     ".example", "https://acme.example", "ada@acme.example", "acme.example/", "acme example",
     "b\u00fccher\u3002example", "☃.example"],
)  # fmt: skip
def test_a_text_that_is_no_domain_is_an_error_that_names_it(name, wrong):
    with pytest.raises(ConfigurationError, match=r"is not a list of domains: ") as told:
        read(**{name: f"partner.example, {wrong}"})

    assert name in str(told.value)
    assert f"domains: {shown(wrong)};" in str(told.value)


@pytest.mark.parametrize(
    ("domains", "address", "allowed"),
    [
        ("bücher.example", "x@xn--bcher-kva.example", True),  # RFC 5890, 2.3.2.4
        ("xn--bcher-kva.example", "x@bücher.example", True),
        ("XN--BCHER-KVA.Example", "x@BÜCHER.example", True),
        ("b\u00fccher.example", "x@bu\u0308cher.example", True),  # composed and decomposed
        ("acme.example.", "x@acme.example", True),  # the root's dot
        ("\uff41\uff43\uff4d\uff45.example", "x@acme.example", True),  # full width
        ("straße.example", "x@xn--strae-oqa.example", True),  # IDNA 2008 keeps the ß
        ("straße.example", "x@strasse.example", False),
        ("strasse.example", "x@straße.example", False),
        ("acme.example", "x@sub.acme.example", False),
        ("acme.example", "x@acme.example.evil.example", False),
    ],
)
def test_a_domain_is_the_same_in_either_spelling(domains, address, allowed):
    assert read(RECIPIENT_DOMAINS=domains).may_receive(address) is allowed


def test_allowed_domains_are_told_apart_by_commas_in_any_case():
    assert read(ALLOWED_DOMAINS=" Acme.example, partner.example ,,").domains == {"acme.example", "partner.example"}
    assert Settings().domains == frozenset()


# Branding

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def drawing(inside, attributes='viewBox="0 0 9 9"'):
    """Return an SVG as a data: URI with readable text."""
    return "data:image/svg+xml," + quote(f"<svg {NAMESPACES} {attributes}>{inside}</svg>")


def drawn(logo):
    """Return the root element of an SVG logo."""
    kind, _, content = logo.partition(",")
    assert kind == "data:image/svg+xml;base64"
    return ET.fromstring(b64decode(content))  # noqa: S314 - made by this test


def test_a_report_wears_nothing_but_a_colour_unless_it_is_asked_to():
    assert Settings().branding == Branding(logo="", colour="#2f6fab", footer="", name="")


def test_colour_footer_and_name_are_worn_as_they_are_set():
    found = read(BRAND_COLOUR="#AA00fF", BRAND_FOOTER="Confidential · Neolith GmbH", BRAND_NAME="Neolith").branding

    assert (found.colour, found.footer, found.name) == ("#aa00ff", "Confidential · Neolith GmbH", "Neolith")


@pytest.mark.parametrize("colour", ["", "red", "#fff", "#12345g", "2f6fab", "#2f6fab;x:y", "#2f6fab\n", "rgb(0,0,0)"])
def test_a_colour_is_six_hexadecimal_digits(colour):
    (problem,) = Settings(brand_colour=colour).problems()

    assert str(problem) == (
        f"SCHEDULED_REPORTS__BRAND_COLOUR: {json.dumps(colour)} is not a colour; use one such as #2f6fab."
    )


@pytest.mark.parametrize(("name", "most"), [("NAME", 60), ("FOOTER", 200)])
def test_a_text_of_the_brand_is_one_line_of_a_bounded_length(name, most):
    assert getattr(read(**{f"BRAND_{name}": "x" * most}).branding, name.lower()) == "x" * most
    for wrong in ("x" * (most + 1), "two\nlines", "bell\x07"):
        assert reason(**{f"BRAND_{name}": wrong}).endswith(
            f" is not one line of at most {most} characters; shorten it or remove line breaks."
        )


def test_a_logo_is_the_data_it_is_given_as():
    assert read(BRAND_LOGO=PIXEL).branding.logo == PIXEL


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_logo_is_read_from_a_file_and_what_its_bytes_say_counts(tmp_path, kind):
    file = tmp_path / "logo.svg"
    Image.new("RGB", (40, 20), "navy").save(file, kind)
    logo = read(BRAND_LOGO=str(file)).branding.logo

    assert logo.startswith(f"data:image/{kind.lower()};base64,")
    assert b64decode(logo.partition(",")[2]) == file.read_bytes()


def test_a_parse_needs_no_logo_file_but_a_render_says_which_one_is_missing(tmp_path):
    missing = str(tmp_path / "logo.png")

    found = read(BRAND_LOGO=missing)

    with pytest.raises(ConfigurationError) as refused:
        _ = found.branding
    assert "SCHEDULED_REPORTS__BRAND_LOGO: " in str(refused.value)
    assert str(refused.value).endswith(
        " cannot be read (No such file or directory); use a readable file or a data: URI."
    )


def test_a_logo_is_small(tmp_path):
    heavy, large = tmp_path / "heavy.svg", tmp_path / "large.png"
    heavy.write_text(f"<svg {NAMESPACES} viewBox='0 0 9 9'><desc>{'x' * 200_000}</desc></svg>")
    Image.new("1", (4_001, 1)).save(large)

    with pytest.raises(ConfigurationError, match="at most 200,000 bytes"):
        _ = read(BRAND_LOGO=str(heavy)).branding
    with pytest.raises(ConfigurationError, match="at most 4000 pixels in width and height"):
        _ = read(BRAND_LOGO=str(large)).branding


@pytest.mark.parametrize(
    ("logo", "why"),
    [
        (
            "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
            "is not an image; use a data: URI of image/png, image/jpeg or image/svg+xml",
        ),
        (
            "data:text/html,<script>alert(1)</script>",
            "is not an image; use a data: URI of image/png, image/jpeg or image/svg+xml",
        ),
        ("data:image/png;base64,*", "has broken base64; encode the image again"),
        ("data:image/png;base64,iVBORw0KGgoAAAANSUhE", "cannot be decoded; use a valid PNG or JPEG"),
        ("data:image/png,hello", "is not an image; use a PNG, a JPEG, or an SVG in UTF-8"),
        (drawing("<path d='M0 0'/>", ""), "is not an SVG with a viewBox, without which it cannot be scaled; add one"),
        (drawing("<script>alert(1)</script>"), "contains <script>; use an SVG without it"),
        (drawing("<a href='#x'><path/></a>"), "contains <a>; use an SVG without it"),
        (drawing("<foreignObject/>"), "contains <foreignObject>; use an SVG without it"),
        (drawing("<g><image href='x.png'/></g>"), "contains <image>; use an SVG without it"),
        (drawing("<animate attributeName='href' to='x'/>"), "contains <animate>; use an SVG without it"),
        (
            drawing("", 'viewBox="0 0 9 9" onload="alert(1)"'),
            "contains onload, which runs script; use an SVG without it",
        ),
        (
            drawing("<use href='//x.example/y.svg#z'/>"),
            "refers to something outside; use an SVG that refers only to itself",
        ),
        (
            drawing("<use xlink:href='data:image/svg+xml,x'/>"),
            "refers to something outside; use an SVG that refers only to itself",
        ),
        (
            drawing("<path fill='url(https://x.example/#a)'/>"),
            "refers to something outside; use an SVG that refers only to itself",
        ),
        (
            drawing("<path style='fill: URL( \"x.svg#a\" )'/>"),
            "refers to something outside; use an SVG that refers only to itself",
        ),
        (
            drawing("<style>@import 'x.css';</style>"),
            "refers to something outside; use an SVG that refers only to itself",
        ),
        (
            drawing("<style>path{fill:u\\72l(x)}</style>"),
            "refers to something outside; use an SVG that refers only to itself",
        ),
        (
            "data:image/svg+xml," + quote("<!DOCTYPE s [<!ENTITY x 'y'>]><svg/>"),
            "defines entities; use an SVG without them",
        ),
        ("data:image/svg+xml,<html/>", "is not an SVG with a viewBox, without which it cannot be scaled; add one"),
    ],
)
def test_a_logo_that_could_run_or_fetch_or_is_none_is_refused(logo, why):
    assert reason(BRAND_LOGO=logo).startswith('SCHEDULED_REPORTS__BRAND_LOGO: "data:')
    assert reason(BRAND_LOGO=logo).endswith(f" {why}.")


def test_a_wrong_logo_is_named_but_not_written_out():
    assert len(reason(BRAND_LOGO="data:image/png;base64," + "A" * 100_000)) < 200


def test_a_drawing_keeps_its_shapes_and_loses_what_its_program_left_in_it(tmp_path):
    file = tmp_path / "logo"
    file.write_text(
        f"""<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd">
        <svg {NAMESPACES} xmlns:ink="http://www.inkscape.org/" viewBox="0 0 18 9" width="100%" ink:version="1">
        <!-- made by me -->
        <metadata><x/></metadata><ink:view/><defs><linearGradient id="a"/></defs>
        <style>.b {{ fill: url(#a) }}</style><use xlink:href="#a"/>
        <path class="b" d="M0 0h9" fill="url('#a')"/></svg>"""
    )
    root = drawn(read(BRAND_LOGO=str(file)).branding.logo)

    assert [element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in root.iter()] == [
        "svg", "defs", "linearGradient", "style", "use", "path",
    ]  # fmt: skip
    assert root.attrib == {"viewBox": "0 0 18 9", "width": "18", "height": "9"}
    assert root[2].attrib == {"href": "#a"}
    assert root[3].attrib == {"class": "b", "d": "M0 0h9", "fill": "url('#a')"}


@pytest.mark.parametrize(
    "name",
    [
        "株式会社　東京",
        "شرکت می\u200cخواهم",  # noqa: RUF001 - letters of another script
        "Café\u00a0: Société\u202fAnonyme",
        "👨‍👩‍👧‍👦 GmbH",
        "क्षत्रिय लिमिटेड",
        "\u200fשלום\u200f",  # noqa: RUF001 - letters of another script
        "A\u00adB",
        "👨‍👩‍👧‍👦" * 60,
    ],
    ids=["ideographic space", "non-joiner", "no-break space", "emoji", "Hindi", "mark", "soft hyphen", "60 families"],
)
def test_a_company_may_have_the_characters_of_its_script(name):
    assert read(BRAND_NAME=name).branding.name == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((f"Acme{char}Ltd", "is not one line of at most 60 characters") for char in "\n\r\t\x00\x7f\x85\u2028\u2029"),
        ("क्षि" * 61, "is not one line of at most 60 characters"),
        ("a" + "\u0301" * 5_000, "is not one line of at most 60 characters"),
        ("Acme\u202eLtd", "contains U+202E, which no text can show or which reverses text; remove it"),
        ("Acme\u2067Ltd", "contains U+2067, which no text can show or which reverses text; remove it"),
        ("Acme\uffffLtd", "contains U+FFFF, which no text can show or which reverses text; remove it"),
    ],
)
def test_a_company_may_have_no_character_that_does_harm(name, reason):
    (problem,) = Settings(brand_name=name).problems()

    assert reason in str(problem)


def test_the_data_is_read_through_the_connection_of_the_database_unless_another_is_named():
    assert (Settings().database_connection, Settings().data_connection) == ("reports_db", "reports_db")
    assert read(DATABASE_CONNECTION="neolith").data_connection == "neolith"
    assert read(DATABASE_CONNECTION="neolith", DATA_CONNECTION="replica").data_connection == "replica"


def test_a_connection_has_an_id():
    assert reason(AWS_CONNECTION=" ") == (
        'SCHEDULED_REPORTS__AWS_CONNECTION: "" is not the id of an Airflow connection; use one such as reports_aws.'
    )


def test_a_default_as_text_is_read_as_the_default():
    texts = {name.upper(): text for name, text in default_texts().items()}

    assert texts["LINK_SECONDS"] == "604800"
    assert (texts["CSV_BOM"], texts["MAIL_RATE"], texts["BRAND_COLOUR"]) == ("false", "0", "#2f6fab")
    assert read(**texts) == Settings()


def test_what_airflow_says_lies_beneath_the_environment(monkeypatch):
    monkeypatch.setenv("SCHEDULED_REPORTS__BUCKET", "mine")
    monkeypatch.setattr(environment, "_beneath", {})
    environment.use_beneath({"SCHEDULED_REPORTS__BUCKET": "theirs", "SCHEDULED_REPORTS__ROW_LIMIT": "7"})

    found = Settings.from_env(environment.environ())
    assert (found.bucket, found.row_limit) == ("mine", 7)
