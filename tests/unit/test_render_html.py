"""HTML, read with the standard library's parser."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from io import BytesIO

import pytest

from include.scheduled_reports.domain.lead import Sentence
from include.scheduled_reports.render.as_html import render
from include.scheduled_reports.render.as_html.page import Page
from include.scheduled_reports.render.colours import contrast
from include.scheduled_reports.render.document import GivenParameter
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
            ["general", "1,234,567", "12.5%", "99,999,999,999,999,999,999.05", "No", "Sun 1 Feb 2026"],
            ["\N{EN DASH}"] * 6,
        ]
    ]


def test_the_head_of_the_page_says_what_it_is():
    _, page = written(document(description="For Mondays", figures=[figure("Messages", 1234567, 987654)]))

    assert page.words.startswith(
        "Weekly channels · 4\N{EN DASH}10 May 2026 Channel analytics Weekly channels"
        " Acme · 4\N{EN DASH}10 May 2026 · compared with 27 Apr \N{EN DASH} 3 May For Mondays"
        " Messages 1,234,567 ▲ 25.0% from 987,654 Channels (2)"
    )


def test_the_foot_of_the_page_says_when_the_run_was_due_and_whose_clock_its_times_follow():
    _, page = written(document(branding=Branding(footer="Confidential <b>&</b>")))

    assert page.words.endswith(
        "Scheduled for Mon 11 May 2026, 09:00 (Berlin). Times in Berlin time. Confidential <b>&</b>"
    )


def test_nothing_is_compared_with_where_there_are_no_key_figures():
    assert "compared with" not in written(document())[1].words


def test_a_page_shows_the_logo_and_without_one_the_name_of_the_company():
    _, page = written(document(branding=Branding(logo=PIXEL, name="Neolith <b>")))
    _, named = written(document(branding=Branding(name="Neolith <b>")))

    assert ("src", PIXEL) in page.attributes
    assert ("alt", "Neolith <b>") in page.attributes
    assert "Neolith" not in page.words
    assert "Neolith <b> Channel analytics" in named.words


def test_a_title_that_is_that_of_the_type_is_said_once():
    _, page = written(document(title="Channel Analytics"))

    assert page.words.startswith("Channel Analytics · 4\N{EN DASH}10 May 2026 Channel Analytics Acme ·")


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

    assert "Messages – no data" in page.words  # noqa: RUF001


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
    assert "Channels (12,345) First 20 of 12,345 rows." in page.words
    assert page.words.count("First 20 of 12,345 rows.") == 2  # above the table and where it stops


def test_a_limit_never_cuts_a_table_of_at_most_fifty_rows():
    fifty, more = (table([column("n", "integer")], [(n,) for n in range(count)]) for count in (50, 51))
    count, page = written(document(fifty), row_limit=20)

    assert (count, len(page.tables[0])) == (50, 51)
    assert "First" not in page.words
    assert written(document(more), row_limit=20)[0] == 20


def test_a_cut_says_which_rows_and_where_the_rest_is():
    events = table(
        [column("n", "integer")], [(n,) for n in range(128)], batch=50,
        cut="Newest {shown} of {total} events", rest="All of them are in the CSV file.",
    )  # fmt: skip

    assert (
        "Newest 20 of 128 events. All of them are in the CSV file." in written(document(events), row_limit=20)[1].words
    )


def test_there_is_no_notice_if_every_row_is_shown():
    assert "First" not in written(document(), row_limit=2)[1].words


def test_an_empty_report_says_so_once():
    empty = [table([column("a")], []), table([column("b")], [], name="other")]
    nothing = chart("bar", column("day", "date"), [column("n", "integer")], [], title="By day")
    count, page = written(document(*empty, charts=[nothing], figures=[figure(value=0, previous=4)]))

    assert count == 0
    assert page.tables == []
    assert page.words.count("No activity in this period.") == 1
    assert "Messages" not in page.words
    assert "By day" not in page.words
    assert "Channels" not in page.words.replace("Weekly channels", "")


def test_where_nothing_happened_there_are_no_zeros_and_the_lead_says_so_first():
    count, page = written(
        document(
            table([column("channel"), column("messages", "integer")], [("pilot", 0)], zero_filled=True),
            table([column("kind"), column("messages", "integer")], [("Huddles", 0)], name="kinds", title="Kinds"),
            table([column("level"), column("people", "integer")], [("Silent", 25)], name="levels", title="Levels"),
            charts=[chart("rank", column("channel"), [column("messages", "integer")], [("pilot", 0)])],
            figures=[figure("Messages", 0, 9), figure("Members", 25, 25)],
            lead=(Sentence(text="Nobody wrote anything."),),
        )
    )

    assert count == 1
    assert "May Nobody wrote anything. The report ran as planned; there is no data for 4" in page.words
    assert page.tables == [[["Level", "People"], ["Silent", "25"]]]
    assert "Members 25 no change" in page.words
    assert "Messages" not in page.words
    assert "Kinds" not in page.words


# What a report says in words


def test_the_lead_stands_under_the_title_with_its_tones():
    lead = (Sentence(text="5 of 30 executions failed.", tone="bad"), Sentence(text="The rest <took> 9 s."))
    out = BytesIO()
    render(document(description="For Mondays", figures=[figure()], lead=lead), out, row_limit=None)
    page = out.getvalue().decode()

    assert "For Mondays 5 of 30 executions failed. The rest <took> 9 s. Messages 5" in Reader(page).words
    assert '<span class="bad">5 of 30 executions failed.</span>' in page
    assert '<span class="neutral">The rest &lt;took&gt; 9 s.</span>' in page


def test_what_does_not_add_up_is_said_below_the_figures_and_at_its_table():
    note = "7 tasks in private channels are counted, not listed."
    shown = table([column("task")], [("a",)], title="Tasks", notes=(note,))
    _, page = written(document(shown, figures=[figure("Tasks", 8, 8)], notes=(note,)))

    assert f"no change {note} Tasks (1) {note}" in page.words


def test_an_empty_table_says_what_its_type_says():
    overdue = table([column("b")], [], name="o", title="Overdue", none="No overdue tasks.")

    assert "Overdue No overdue tasks." in written(document(table([column("a")], [("x",)]), overdue))[1].words


KINDS = GivenParameter(name="kinds", title="Kinds <b>", value=["<i>a"], words="<i>a")


def test_a_page_says_what_its_parameters_select_and_escapes_it():
    _, page = written(document(parameters=(KINDS,)))
    _, bare = written(document())

    assert "Definitions and scope Kinds <b>: <i>a Data until" in page.words
    assert page.tags.count("b") == bare.tags.count("b")


def test_a_page_without_data_says_what_its_parameters_select():
    _, page = written(document(table([column("a")], []), figures=[figure("Messages", 0, 0)], parameters=(KINDS,)))

    assert "no data for 4\N{EN DASH}10 May 2026. Kinds <b>: <i>a" in page.words


def test_a_page_ends_with_definitions_and_what_the_data_covers():
    columns = [
        column("channel", definition="A public channel."), column("messages", "integer", definition="Written."),
        column("replies", "integer", definition="Of this channel."),
    ]  # fmt: skip
    shown = table(columns, [("a", 1, 1)], definition="Public channels only.")
    figures = [figure("Messages", definition="Written."), figure("Replies", definition="In threads.")]
    _, page = written(document(shown, figures=figures, link="https://airflow.example/runs/1"))
    _, bare = written(document())

    assert page.words.endswith(
        "Definitions and scope Messages Written. Replies In threads. Channels Public channels only."
        " Channel A public channel. Replies (Channels) Of this channel. Data until Sun 10 May 2026, 24:00 (Berlin)."
        " Scheduled for Mon 11 May 2026, 09:00 (Berlin). Times in Berlin time. Open this report"
    )
    assert ("href", "https://airflow.example/runs/1") in page.attributes
    assert ("title", "A public channel.") in page.attributes
    assert "details" in page.tags
    assert "details" not in bare.tags


def test_a_page_of_three_tables_has_a_bar_of_links_to_them():
    tables = [table([column("a")], [("x",)], name=name, title=name) for name in ("One", "Two", "Three")]
    _, page = written(document(*tables))
    links = [value for name, value in page.attributes if name == "href"]

    assert [value.removeprefix("#") for value in links] == [
        value for name, value in page.attributes if name == "id" and value.startswith("t")
    ]
    assert "nav" not in written(document(*tables[:2]))[1].tags


def test_a_long_table_of_days_that_a_chart_draws_is_opened_on_demand():
    day, count = column("day", "date"), column("n", "integer")
    rows = [(date(2026, 4, 1) + timedelta(days=n), n) for n in range(15)]
    lines = chart("line", day, [count], rows, table="days", title="Per day")
    folded = written(document(table([column("a")], [("x",)]), table([day, count], rows, name="days"), charts=[lines]))[
        1
    ]
    short = [
        written(document(table([column("a")], [("x",)]), table([day, count], rows[:14], name="days"), charts=[lines])),
        written(document(table([day, count], rows, name="days"), charts=[lines])),
    ]

    assert folded.tags.count("details") == 1
    assert len(folded.tables[1]) == 16
    assert [page.tags.count("details") for _, page in short] == [0, 0]


# Cells


def test_a_table_ends_with_the_sums_that_mean_something():
    columns = [
        column("day", "date"), column("n", "integer", total=True), column("people", "integer"),
        column("cost", "decimal", 2, total=True),
    ]  # fmt: skip
    rows = [
        (date(2026, 5, 4), 2**62, 3, Decimal("0.10")), (date(2026, 5, 5), 2**62, 4, None),
        (date(2026, 5, 6), None, 5, Decimal("0.25")),
    ]  # fmt: skip

    assert written(document(table(columns, rows)))[1].tables[0][-1] == [
        "Total",
        "9,223,372,036,854,775,808",
        "",
        "0.35",
    ]


@pytest.mark.parametrize(
    "shown",
    [
        table([column("a"), column("n", "integer", total=True)], [("x", 1)]),
        table([column("a"), column("n", "integer", total=True)], [("x", 1)] * 60),
        table([column("a"), column("n", "integer", total=True)], [("x", 1)] * 3, limit=3),
        table([column("n", "integer", total=True)], [(1,)] * 3),
    ],
    ids=["of one row", "that is cut", "at the limit of its query", "without a place for the word"],
)
def test_a_table_has_no_total(shown):
    assert "Total" not in [cell for row in written(document(shown), row_limit=20)[1].tables[0] for cell in row]


def test_a_value_has_the_tone_and_the_bar_of_its_column():
    columns = [
        column("status", titles={"FAILED": "Failed"}, tones={"FAILED": "bad"}),
        column("late", "boolean", tone="warning"),
        column("n", "integer", tone="bad", bar=True),
    ]  # fmt: skip
    out = BytesIO()
    render(document(table(columns, [("FAILED", True, 50), ("OK", False, 0), ("OK", None, 20)])), out, row_limit=None)
    page = out.getvalue().decode()

    assert '<tr><td class="bad">Failed</td><td class="other warning">Yes</td>' in page
    assert '<td class="number bad"><i style="width: 100%"></i>50</td>' in page
    assert '<tr><td>OK</td><td class="other">No</td><td class="number">0</td></tr>' in page
    assert '<i style="width: 40%"></i>20' in page


def test_on_a_phone_a_row_of_many_columns_is_a_card_with_the_titles_of_its_columns():
    wide = table([column(f"c{n}", title=f"Title {n} \"'<") for n in range(4)], [tuple("abcd")])
    out = BytesIO()
    render(document(wide, table([column("a")], [("x",)], name="o")), out, row_limit=None)
    page = out.getvalue().decode()
    labels = dict(re.findall(r'#t1 td:nth-child\((\d)\)::before \{ content: "([^"]*)"', page))

    assert {place: css_text(text) for place, text in labels.items()} == {
        str(n + 1): f"Title {n} \"'<" for n in range(4)
    }
    assert "#t2 td" not in page


def css_text(escaped):
    """Read a CSS string of escaped characters."""
    return "".join(chr(int(code, 16)) for code in re.findall(r"\\([0-9a-f]{6})", escaped))


def test_an_empty_table_among_others_says_so():
    _, page = written(document(table([column("b")], [("x",)], title="Other"), table([column("a")], [], name="o")))

    assert "Channels No rows in this period." in page.words
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

    assert (
        "Messages by day. In: 3 (Tue 5 May 2026) to 1,234 (Mon 4 May 2026). <Out>: 7 (Tue 5 May 2026) to 7"
        in page.words
    )
    assert ("role", "img") in page.attributes


def test_a_chart_of_zeros_says_that_there_was_nothing():
    zeros = chart("bar", column("day", "date"), [column("n", "integer")], [(date(2026, 5, 4), 0)], title="By day")
    _, page = written(document(charts=[zeros]))

    assert "By day No activity in this period." in page.words
    assert "svg" not in page.tags


def test_charts_that_are_narrow_share_a_row_and_a_long_one_has_its_own():
    day, count = column("day", "date"), [column("n", "integer")]
    short = [(date(2026, 5, 4) + timedelta(days=n), n + 1) for n in range(7)]
    long = [(date(2026, 1, 1) + timedelta(days=2 * n), n + 1) for n in range(120)]
    drawn = [
        chart("line", day, count, rows, title=name)
        for name, rows in zip("abcd", (short, short, short, long), strict=True)
    ]
    _, page = written(document(charts=drawn))

    assert [value for name, value in page.attributes if name == "class" and value.startswith("tiles")] == [
        "tiles pair even", "tiles", "tiles",
    ]  # fmt: skip


def test_a_ranking_of_few_bars_beside_another_chart_takes_a_third_of_the_width():
    day, count = column("day", "date"), [column("n", "integer")]
    lines = chart("line", day, count, [(date(2026, 5, 4), 1), (date(2026, 5, 5), 2)])
    few, many = (chart("rank", column("a"), count, [(f"bar {n}", 9) for n in range(rows)]) for rows in (6, 7))

    def spans(*charts):
        _, page = written(document(charts=charts))
        return [value for name, value in page.attributes if name == "class" and value in ("slim", "broad")]

    assert spans(few, lines) == ["slim", "broad"]
    assert spans(lines, few) == ["broad", "slim"]
    assert spans(lines, many) == spans(few, few) == spans(few) == []


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


def styles_of(bars):
    _, page = written(document(charts=[chart("rank", column("name"), [column("n", "number", 1)], bars)]))
    return [value for name, value in page.attributes if name == "style" and value.startswith("width: ")][1:]


def test_a_negative_bar_of_a_ranking_runs_to_the_left_of_zero():
    assert styles_of([("a", 50.0), ("b", -35.0), ("c", -150.0), ("d", 0.0)]) == [
        "width: 25.0%; margin-left: 75.0%", "width: 17.5%; margin-left: 57.5%", "width: 75.0%",
        "width: 0.0%; margin-left: 75.0%",
    ]  # fmt: skip
    assert styles_of([("a", -5.0), ("b", -2.5)]) == ["width: 100.0%", "width: 50.0%; margin-left: 50.0%"]


@pytest.mark.parametrize(
    ("name", "is_shaped"),
    [("العربية", True), ("תוצאות", True), ("हिन्दी", True), ("ไทยน้ำ", True), ("Ελένη", False), ("王", False)],
)
def test_a_name_whose_letters_join_is_drawn_as_a_picture_on_paper(name, is_shaped):
    bars = chart("bar", column("name"), [column("n", "integer")], [(name, 5), ("b", 3)])
    for medium, is_picture in (("print", is_shaped), ("screen", False)):
        page = "".join(Page(document(charts=[bars]), medium, None).html())
        assert ("<image " in page) is is_picture
        assert (f">{name}</text>" in page) is not is_picture
