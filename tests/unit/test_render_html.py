"""HTML, read with the standard library's parser."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from io import BytesIO

import pytest

from include.scheduled_reports.render.as_html import render
from include.scheduled_reports.render.colours import contrast
from include.scheduled_reports.settings.branding import Branding
from tests.unit.documents import chart, column, document, figure, table

VOID = {"meta", "col", "br", "img"}
#: One red pixel.
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5Erk"
    "Jggg=="
)


class Reader(HTMLParser):
    """The tags and the text of a page, and the cells of its data tables."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.tables, self.open = [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data
        elif "style" not in self.open:
            self.text.append(data)

    @property
    def words(self):
        return " ".join("".join(self.text).split())


def written(shown, row_limit=None):
    out = BytesIO()
    count = render(shown, out, row_limit=row_limit)
    return count, Reader(out.getvalue().decode())


def test_a_table_shows_values_as_people_write_them():
    columns = [
        column("channel"), column("messages", "integer"), column("share", "percent", 1), column("cost", "decimal", 2),
        column("archived", "boolean"), column("since", "date"),
    ]  # fmt: skip
    row = ("general", 1234567, 0.125, Decimal("99999999999999999999.05"), False, date(2026, 2, 1))
    count, page = written(document(table(columns, [row, (None,) * 6])))

    assert count == 2
    assert page.tables == [
        [
            ["Channel", "Messages", "Share", "Cost", "Archived", "Since"],
            ["general", "1,234,567", "12.5 %", "99,999,999,999,999,999,999.05", "no", "2026-02-01"],
            [""] * 6,
        ]
    ]


def test_the_head_of_the_page_says_what_it_is():
    _, page = written(document(description="For Mondays", figures=[figure("Messages", 1234567, 987654)]))

    assert page.words.startswith(
        "Weekly channels · 4\N{EN DASH}10 May 2026 Channel analytics Weekly channels For Mondays"
        " Workspace Acme Period 4\N{EN DASH}10 May 2026 Compared with 27 Apr \N{EN DASH} 3 May"
        " Time zone Berlin Messages 1,234,567 +25.0 % from 987,654 Channels (2)"
    )


def test_the_foot_of_the_page_says_when_the_run_was_due_and_whose_clock_its_times_follow():
    _, page = written(document(branding=Branding(footer="Confidential <b>&</b>")))

    assert page.words.endswith(
        "Scheduled for Mon 11 May 2026, 09:00 (Berlin). Times in Berlin time. Confidential <b>&</b>"
    )


def test_nothing_is_compared_with_where_there_are_no_key_figures():
    assert "Compared with" not in written(document())[1].words


def test_a_page_shows_the_logo_and_the_name_of_the_company():
    _, page = written(document(branding=Branding(logo=PIXEL, name="Neolith <b>")))

    assert ("src", PIXEL) in page.attributes
    assert ("alt", "Neolith <b>") in page.attributes
    assert "Neolith <b> Channel analytics" in page.words


def test_the_colour_of_the_brand_is_that_of_the_first_series_and_is_lighter_in_the_dark():
    day, counts = column("day", "date"), [column("a", "integer"), column("b", "integer")]
    lines = chart("line", day, counts, [(date(2026, 5, 4), 1, 2), (date(2026, 5, 5), 2, 3)])
    out = BytesIO()
    render(document(charts=[lines], branding=Branding(colour="#0b1f4b")), out, row_limit=None)
    page = out.getvalue().decode()
    dark = page.partition("prefers-color-scheme: dark")[2]

    assert 'stroke="#0b1f4b"' in page
    assert ".s0 { background: #0b1f4b; }" in page
    (lighter,) = re.findall(r'svg \[stroke="#0b1f4b"\] \{ stroke: (#[0-9a-f]{6}); \}', dark)
    assert contrast(lighter, "#12161c") >= 3


@pytest.mark.parametrize(("value", "classes"), [(999_999, "value"), (1_234_567, "value long")])
def test_a_number_that_would_break_its_tile_is_written_smaller(value, classes):
    out = BytesIO()
    render(document(table([column("a")], []), figures=[figure(value=value)]), out, row_limit=None)

    assert f'<p class="{classes}">{value:,d}</p>' in out.getvalue().decode()


def test_a_figure_without_earlier_data_says_so():
    _, page = written(document(figures=[figure(value=None, previous=None)]))

    assert "Messages – no earlier data" in page.words  # noqa: RUF001


@pytest.mark.parametrize("place", ["title", "workspace", "description", "cell", "column", "table", "figure", "chart"])
def test_markup_in_a_value_is_only_text(place):
    hostile = "</td></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;"
    texts = {key: hostile if key == place else "plain" for key in ("title", "workspace", "description")}
    shown = table([column("a", title=hostile if place == "column" else "A")], [(hostile if place == "cell" else "x",)])
    if place == "table":
        shown = table([column("a")], [("x",)], title=hostile)
    bars = chart("rank", column("a"), [column("n", "integer")], [(hostile, 1)], title=hostile)
    _, page = written(
        document(shown, **texts, figures=[figure(hostile)] * (place == "figure"), charts=[bars] * (place == "chart"))
    )

    assert not {"script", "img"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert hostile in page.words or any(hostile in cell for rows in page.tables for row in rows for cell in row)


def test_control_characters_reach_no_part_of_the_page():
    hostile = "a\x1b\x00\uffffb"
    day, counts = column("day", "date"), [column(name, "integer", title=hostile) for name in "mn"]
    shown = document(
        table([column("a", title=hostile)], [(hostile,)], title=hostile),
        title=hostile,
        workspace=hostile,
        description=hostile,
        figures=[figure(hostile)],
        charts=[
            chart("rank", column("a"), counts, [(hostile, 1, 2)], title=hostile),
            chart("line", day, counts, [(date(2026, 5, 4), 1, 2)], title=hostile),
        ],
    )
    out = BytesIO()
    render(shown, out, row_limit=None)

    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]", out.getvalue())
    assert out.getvalue().count(b"ab") >= 10


def test_a_file_is_self_contained_and_its_policy_forbids_everything_else():
    days = column("day", "date"), column("n", "integer")
    lines = chart("line", days[0], days[1:], [(date(2026, 5, 4), 1), (date(2026, 5, 5), 2)])
    _, page = written(document(charts=[lines]))
    policy = next(value for _, value in page.attributes if value and value.startswith("default-src"))

    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    assert ("charset", "utf-8") in page.attributes
    assert not {"script", "link", "img", "iframe", "object", "a"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name in ("src", "href", "srcset")]
    assert "svg" in page.tags


def test_css_in_the_page_loads_nothing():
    out = BytesIO()
    render(document(), out, row_limit=None)

    assert re.findall(rb"url\(|@import|@font-face", out.getvalue()) == []


def test_a_row_limit_is_stated_above_the_table():
    many = table([column("n", "integer")], [(n,) for n in range(12_345)], batch=5000)
    count, page = written(document(many), row_limit=20)

    assert count == 20
    assert len(page.tables[0]) == 21
    assert "Channels (12,345) First 20 of 12,345 rows" in page.words


def test_there_is_no_notice_if_every_row_is_shown():
    assert "First" not in written(document(), row_limit=2)[1].words


def test_an_empty_report_says_so_once():
    empty = [table([column("a")], []), table([column("b")], [], name="other")]
    nothing = chart("bar", column("day", "date"), [column("n", "integer")], [], title="By day")
    count, page = written(document(*empty, charts=[nothing], figures=[figure(value=0, previous=4)]))

    assert count == 0
    assert page.tables == []
    assert page.words.count("No activity in this period.") == 1
    assert "Messages 0 −100.0 % from 4" in page.words  # noqa: RUF001
    assert "By day" not in page.words


def test_an_empty_table_among_others_says_so():
    _, page = written(document(table([column("a")], []), table([column("b")], [("x",)], name="o", title="Other")))

    assert "Channels No activity in this period. Other" in page.words
    assert page.tables == [[["B"], ["x"]]]


def test_a_ranking_is_text_and_boxes():
    bars = chart(
        "rank",
        column("name"),
        [column("n", "integer")],
        [("العربية", 50), ("עברית", 25), ("none", None), ("nan", float("nan"))],
    )
    _, page = written(document(charts=[bars]))

    assert [row[0] for row in page.tables[0]] == ["العربية", "עברית", "none", "nan"]
    widths = [value for _, value in page.attributes if value and value.startswith("width: ")]
    assert widths[-4:] == ["width: 100.0%", "width: 50.0%", "width: 0.0%", "width: 0.0%"]


def test_a_chart_has_a_description_for_screen_readers():
    day, counts = column("day", "date"), [column("a", "integer", title="In"), column("b", "integer", title="<Out>")]
    rows = [(date(2026, 5, 4), 1_234, None), (date(2026, 5, 5), 3, 7), (date(2026, 5, 6), 50, 7)]
    _, page = written(document(charts=[chart("line", day, counts, rows)]))

    assert "Messages by day. In: 3 (2026-05-05) to 1,234 (2026-05-04). <Out>: 7 (2026-05-05) to 7" in page.words
    assert ("role", "img") in page.attributes


def test_a_chart_of_zeros_says_that_there_was_nothing():
    zeros = chart("bar", column("day", "date"), [column("n", "integer")], [(date(2026, 5, 4), 0)], title="By day")
    _, page = written(document(charts=[zeros]))

    assert "By day No activity in this period." in page.words
    assert "svg" not in page.tags


def test_charts_that_are_narrow_share_a_row_and_a_long_one_has_its_own():
    day, count = column("day", "date"), [column("n", "integer")]
    short = [(date(2026, 5, 4) + timedelta(days=n), n + 1) for n in range(7)]
    long = [(date(2026, 1, 1) + timedelta(days=n), n + 1) for n in range(120)]
    drawn = [
        chart("line", day, count, rows, title=name)
        for name, rows in zip("abcd", (short, short, short, long), strict=True)
    ]
    _, page = written(document(charts=drawn))

    assert [value for name, value in page.attributes if name == "class" and value.startswith("tiles")] == [
        "tiles pair", "tiles", "tiles",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["שלום", "abc مرحبا", "ﷺ", "ߒߞߏ", "𐤀"])
def test_right_to_left_text_gets_an_automatic_direction(text):
    _, page = written(document(table([column("a"), column("n", "integer")], [("left", 1), (text, 1), ("日本語", 2)])))

    assert page.attributes.count(("dir", "auto")) == 2  # the heading and the cell


def of_zeros():
    """A report whose only chart is all zero, beside 7,000 requests."""
    days = [column("day", "date"), column("requests", "integer"), column("failed", "integer")]
    rows = [(date(2026, 5, day), 1_000, 0) for day in range(4, 11)]
    failures = chart("line", days[0], days[2:], [(day, failed) for day, _, failed in rows], title="Failed per day")
    return document(table(days, rows), figures=[figure("Requests", 7_000, 6_000)], charts=[failures])


def test_a_chart_of_zeros_beside_figures_is_drawn_and_nothing_is_said_of_activity():
    _, page = written(of_zeros())

    assert "No activity" not in page.words
    assert "svg" in page.tags


@pytest.mark.parametrize(("value", "words"), [(461, "No rows in this period."), (0, "No activity in this period.")])
def test_an_empty_main_table_beside_figures_is_no_lack_of_activity(value, words):
    _, page = written(document(table([column("a")], []), figures=[figure(value=value)]))

    assert page.words.count(words) == 1
    assert page.words.count("in this period.") == 1


def test_an_empty_table_of_a_report_with_data_has_no_rows():
    _, page = written(document(table([column("a")], [("x",)]), table([column("b")], [], name="o", title="Failures")))

    assert "Failures No rows in this period." in page.words
