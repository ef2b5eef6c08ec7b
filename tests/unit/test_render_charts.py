"""Charts, read from the SVG."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from include.scheduled_reports.render import as_html, charts
from include.scheduled_reports.render.charts.vega import specification
from include.scheduled_reports.render.colours import contrast
from tests.unit.documents import ZONE, chart, column

DAY, NAME, MESSAGES = column("day", "date"), column("name"), column("messages", "integer")
PEOPLE = column("people", "integer", title="Active people")
WEEK = [(date(2026, 5, 4) + timedelta(days=n), 100 * n, n) for n in range(7)]
MESSAGES_BY_DAY = [row[:2] for row in WEEK]


class Bar(NamedTuple):
    """A bar, in pixels from the top left of the plot."""

    left: float
    width: float
    height: float
    bottom: float


def bars(drawing):
    """Return the bars, from the paths that draw them: `M left,top h width v height h -width Z`."""
    found = []
    for element in elements(drawing):
        path = element.get("d", "")
        if element.get("aria-roledescription") == "bar" or element.get("fill") in charts.PALETTE:
            numbers = re.fullmatch(r"M([-\d.]+),([-\d.]+)h([-\d.]+)v([-\d.]+)h-[\d.]+Z", path)
            if numbers:
                left, top, width, height = map(float, numbers.groups())
                found.append(Bar(left, width, abs(height), max(top, top + height)))
    return found


def texts(drawing):
    return [element.text for element in elements(drawing) if element.tag == "{http://www.w3.org/2000/svg}text"]


def elements(drawing):
    return list(ET.fromstring(drawing).iter())  # noqa: S314 - drawn here


def test_the_axis_labels_each_day_of_a_week():
    shown = texts(charts.svg(chart("bar", DAY, [MESSAGES], MESSAGES_BY_DAY)))

    assert shown[:7] == ["Mon 4", "Tue 5", "Wed 6", "Thu 7", "Fri 8", "Sat 9", "Sun 10"]
    assert "600" in shown


def test_bars_leave_room_for_days_without_data():
    gap = [(date(2026, 5, 4), 5), (date(2026, 5, 5), 5), (date(2026, 5, 10), 5)]
    first, second, last = bars(charts.svg(chart("bar", DAY, [MESSAGES], gap)))

    assert last.left - second.left == pytest.approx(5 * (second.left - first.left), abs=0.1)
    assert first.width < second.left - first.left


def test_bars_of_two_series_stand_side_by_side_and_each_begins_at_zero():
    rows = [(date(2026, 5, 4), 6, 3), (date(2026, 5, 5), 3, 6)]
    drawn = bars(charts.svg(chart("bar", DAY, [MESSAGES, PEOPLE], rows), charts.ChartStyle(legend=False)))
    high, low, low_again, high_again = sorted(drawn, key=lambda bar: bar.left)

    assert high.left + high.width == pytest.approx(low.left)
    assert high.bottom == low.bottom == low_again.bottom == high_again.bottom
    assert (high.height, high_again.height) == (2 * low.height, 2 * low_again.height)


@pytest.mark.parametrize("kind", ["bar", "line"])
def test_the_axis_of_counts_has_no_fractions(kind):
    shown = texts(charts.svg(chart(kind, DAY, [MESSAGES], [(date(2026, 5, 4), 1), (date(2026, 5, 5), 2)])))

    assert shown[:5] == ["Mon 4", "Tue 5", "0", "1", "2"]


def test_a_narrow_chart_labels_every_second_day():
    shown = texts(charts.svg(chart("line", DAY, [MESSAGES], MESSAGES_BY_DAY), charts.ChartStyle(width=300)))

    assert shown[:4] == ["Mon 4", "Wed 6", "Fri 8", "Sun 10"]


def test_a_chart_has_the_width_colours_and_legend_of_its_style():
    style = charts.ChartStyle(width=300, palette=("#123456", "#654321"), legend=False)
    drawing = charts.svg(chart("line", DAY, [MESSAGES, PEOPLE], WEEK), style)

    assert ET.fromstring(drawing).get("width") == "300"  # noqa: S314 - drawn here
    assert {element.get("stroke") for element in elements(drawing)} >= {"#123456", "#654321"}
    assert "Active people" not in texts(drawing)


@pytest.mark.parametrize(("value", "flat"), [(0, True), (None, True), (float("nan"), True), (1, False), (-1, False)])
def test_a_chart_of_nothing_but_zeros_is_flat(value, flat):
    assert charts.is_flat(chart("line", DAY, [MESSAGES], [(date(2026, 5, 4), 0), (date(2026, 5, 5), value)])) is flat


def test_a_line_of_zeros_lies_on_the_axis_below_a_one():
    assert "1" in texts(charts.svg(chart("line", DAY, [MESSAGES], [(day, 0) for day, _, _ in WEEK])))


def test_times_are_placed_at_local_time():
    hours = [(datetime(2026, 5, 10, hour, tzinfo=ZONE), hour) for hour in (9, 10, 11)]

    shown = texts(charts.svg(chart("line", column("at", "timestamp"), [MESSAGES], hours)))

    assert shown[:3] == ["09:00", "10:00", "11:00"]


def test_a_long_span_is_labelled_by_month():
    months = [(date(2025 + n // 12, n % 12 + 1, 1), n) for n in range(18)]

    assert "Jan 2026" in texts(charts.svg(chart("line", DAY, [MESSAGES], months)))


def test_several_lines_have_a_legend_and_a_single_one_has_none():
    assert "Active people" in texts(charts.svg(chart("line", DAY, [MESSAGES, PEOPLE], WEEK)))
    assert "Messages" not in texts(charts.svg(chart("line", DAY, [MESSAGES], MESSAGES_BY_DAY)))


def test_large_values_are_shortened_on_the_axis_and_shares_are_percent():
    large = [(day, n * 1_000_000) for day, _, n in WEEK]
    share = column("share", "percent", 1)

    assert "6M" in texts(charts.svg(chart("bar", DAY, [MESSAGES], large)))
    assert "100%" in texts(charts.svg(chart("line", DAY, [share], [(day, n / 6) for day, _, n in WEEK])))


def test_a_ranking_names_each_bar_and_writes_its_value():
    rows = [("general", 12345), ("general", 7), ("<script>alert(1)</script>", 3)]
    drawing = charts.svg(chart("rank", NAME, [MESSAGES], rows))

    assert texts(drawing) == ["general", "general", "<script>alert(1)</script>", "12,345", "7", "3"]
    assert "<script" not in drawing


def test_a_ranking_shows_the_first_and_says_so():
    many = chart("rank", NAME, [MESSAGES], [(f"c{n}", 100 - n) for n in range(26)])

    assert len(charts.ranked(many)) == 25
    assert "c24" in texts(charts.svg(many))
    assert "c25" not in texts(charts.svg(many))
    assert charts.note(many) == "First 25 of 26"
    assert charts.note(chart("rank", NAME, [MESSAGES], [("c", 1)])) == ""


def test_missing_values_and_nan_are_not_drawn():
    holes = [(date(2026, 5, 4), None), (date(2026, 5, 5), float("nan")), (date(2026, 5, 6), 4)]

    assert [point["v"] for point in specification(chart("line", DAY, [MESSAGES], holes))["data"]["values"]] == [
        None, None, 4.0,
    ]  # fmt: skip


@pytest.mark.parametrize("rows", [[], [(date(2026, 5, 4), None)]])
def test_nothing_is_drawn_without_data(rows):
    empty = chart("bar", DAY, [MESSAGES], rows)

    assert not charts.has_data(empty)
    assert charts.svg(empty) == ""
    assert charts.png(empty) == b""


@pytest.mark.parametrize("kind", ["bar", "line", "rank"])
def test_one_row_of_zero_is_still_drawn(kind):
    x = NAME if kind == "rank" else DAY
    value = "general" if kind == "rank" else date(2026, 5, 4)

    assert "NaN" not in charts.svg(chart(kind, x, [MESSAGES], [(value, 0)]))


def test_a_png_is_as_large_as_its_scale():
    drawn = chart("bar", DAY, [MESSAGES], MESSAGES_BY_DAY)
    small, large = (Image.open(BytesIO(charts.png(drawn, scale))) for scale in (1, 2))

    assert (small.format, small.width) == ("PNG", 660)
    assert large.width == pytest.approx(2 * small.width, abs=2)


def test_drawing_opens_no_connection(monkeypatch):
    def refused(*args):
        raise AssertionError("a chart wanted to connect")

    monkeypatch.setattr(socket.socket, "connect", refused)
    hostile = [("https://127.0.0.1:1/x.svg", 1), ("data:image/svg+xml,<svg/>", 2)]
    drawing = charts.svg(chart("rank", NAME, [MESSAGES], hostile))

    assert not [element for element in elements(drawing) if element.tag.endswith(("}image", "}script", "}a"))]


def test_the_dark_page_recolours_what_the_charts_use():
    drawing = charts.svg(chart("line", DAY, [MESSAGES, PEOPLE], WEEK))
    css = (Path(as_html.__file__).parent / "templates" / "screen.css").read_text()

    for attribute in ('fill="#3d4550"', 'fill="#5b6472"', 'stroke="#e3e7ec"'):
        assert attribute in drawing
        assert f"svg [{attribute}]" in css


@pytest.mark.parametrize("top", [5, 24, 215, 999, 1_001])
@pytest.mark.parametrize("kind", ["bar", "line"])
def test_the_topmost_line_of_the_axis_lies_above_the_largest_value(kind, top):
    shown = texts(charts.svg(chart(kind, DAY, [MESSAGES], [(date(2026, 5, 4), top), (date(2026, 5, 5), 1)])))

    assert top <= max(int(text.replace(",", "")) for text in shown if text[0].isdigit()) <= 1.3 * top


@pytest.mark.parametrize(("brand", "first"), [("#7b2ff7", "#7b2ff7"), ("#ffd500", None)])
def test_the_first_colour_is_the_brands_as_far_as_it_can_be_seen_on_white(brand, first):
    found = charts.brand_palette(brand)[0]

    assert found == first or first is None
    assert contrast(found, "#ffffff") >= 3


# Weekends, weeks, failures and the period before


def fills(drawing):
    return [element.get("fill") for element in elements(drawing)]


def test_weekends_are_shaded_behind_days():
    drawing = charts.svg(chart("line", DAY, [MESSAGES], MESSAGES_BY_DAY))

    assert fills(drawing).count(charts.WEEKEND) == 2  # Saturday 9 and Sunday 10 May
    assert charts.WEEKEND not in fills(charts.svg(chart("line", DAY, [MESSAGES], MESSAGES_BY_DAY[:3])))


def test_more_than_sixty_days_are_drawn_as_weeks_that_end_with_the_last_day():
    days = [(date(2026, 2, 10) + timedelta(days=n), 1, 2) for n in range(90)]
    weeks = charts.binned(chart("bar", DAY, [MESSAGES, PEOPLE], days))

    assert [row["day"] for row in weeks.rows[:2]] == [date(2026, 2, 10), date(2026, 2, 16)]
    assert [(row["messages"], row["people"]) for row in weeks.rows] == [(6, 12)] + [(7, 14)] * 12
    assert weeks.rows[-1]["day"] == date(2026, 5, 4)


def test_a_week_shows_the_average_where_a_sum_means_nothing():
    days = [(date(2026, 2, 10) + timedelta(days=n), n % 7) for n in range(91)]
    weeks = charts.binned(replace(chart("line", DAY, [PEOPLE], days), weekly="average"))

    assert [row["people"] for row in weeks.rows] == [3.0] * 13
    assert charts.note(replace(chart("line", DAY, [PEOPLE], days), weekly="average")) == "Average per day, by week"


def test_weeks_of_the_period_before_are_those_of_its_days():
    days = [(date(2026, 2, 10) + timedelta(days=n), 1) for n in range(90)]
    before = tuple({"messages": 3 if n < 89 else None} for n in range(90))
    weeks = charts.binned(replace(chart("bar", DAY, [MESSAGES], days), before=before))

    assert [row["messages"] for row in weeks.before] == [18] + [21] * 11 + [18]


def test_days_with_gaps_stay_days():
    days = [(date(2026, 1, 1) + timedelta(days=2 * n), 1) for n in range(90)]

    assert charts.binned(chart("bar", DAY, [MESSAGES], days)).rows == chart("bar", DAY, [MESSAGES], days).rows


def test_failures_have_the_colour_of_failure():
    failed = replace(PEOPLE, tone="bad")
    shown = chart("line", DAY, [failed, MESSAGES], [(day, n, m) for day, m, n in WEEK])

    assert charts.series_colours(shown, ("#123456", "#654321")) == (charts.FAILURE, "#123456")
    assert charts.FAILURE in {element.get("stroke") for element in elements(charts.svg(shown))}


@pytest.mark.parametrize("kind", ["bar", "line"])
def test_the_period_before_is_drawn_and_named(kind):
    week = chart(kind, DAY, [MESSAGES], MESSAGES_BY_DAY)
    drawing = charts.svg(replace(week, before=tuple({"messages": 50} for _ in MESSAGES_BY_DAY)))

    assert charts.BEFORE in texts(drawing)
    assert any(charts.EARLIER in {one.get("stroke"), one.get("fill")} for one in elements(drawing))
    assert charts.BEFORE not in texts(charts.svg(week))


def test_bars_that_would_be_hairlines_are_lines():
    month = [(date(2026, 4, 11) + timedelta(days=n), n + 1, 1) for n in range(30)]
    shown = chart("bar", DAY, [MESSAGES, PEOPLE], month)

    assert len(bars(charts.svg(shown, charts.ChartStyle(width=660, legend=False)))) == 60
    assert bars(charts.svg(shown, charts.ChartStyle(width=264, legend=False))) == []


def test_a_day_without_anything_has_no_bar():
    assert len(bars(charts.svg(chart("bar", DAY, [MESSAGES], MESSAGES_BY_DAY)))) == 6  # Monday has 0


def test_a_long_name_of_a_ranking_breaks_between_words():
    ranks = chart("rank", NAME, [MESSAGES], [("Untertitel und Beschreibungen der Videos", 3), ("general", 1)])
    drawing = charts.svg(ranks, charts.ChartStyle(width=264))

    assert "Untertitel und" in " ".join(filter(None, ("".join(one.itertext()) for one in elements(drawing))))


# Every row is drawn, or the chart says how many are not


HOURS = [(datetime(2026, 5, 1, tzinfo=ZONE) + timedelta(hours=hour), hour + 1) for hour in range(720)]


def test_a_line_of_720_hours_is_drawn_whole():
    whole = chart("line", column("at", "timestamp"), [MESSAGES], HOURS)
    line = max((one.get("d", "") for one in elements(charts.svg(whole))), key=len)

    assert len(re.findall("[ML]", line)) == 720
    assert charts.note(whole) == ""


@pytest.mark.parametrize(
    ("kind", "x", "shown", "total", "at_limit", "note"),
    [
        ("rank", NAME, 400, 5_000, False, "First 25 of 5,000"),
        ("rank", NAME, 10, 57, False, "First 10 of 57"),
        ("rank", NAME, 10, 500, True, "First 10 of 500 or more"),
        ("line", DAY, 300, 20_000, False, "First 300 of 20,000"),
        ("line", DAY, 300, 300, True, "First 300"),
        ("bar", NAME, 1_000, 1_000, False, "First 400 of 1,000"),
        ("line", DAY, 300, 300, False, "By week"),
        ("line", DAY, 60, 60, False, ""),
    ],
)
def test_a_chart_says_how_many_rows_it_leaves_out(kind, x, shown, total, at_limit, note):
    rows = [(date(2026, 1, 1) + timedelta(days=n) if x is DAY else f"c{n}", n + 1) for n in range(shown)]

    assert charts.note(replace(chart(kind, x, [MESSAGES], rows), total=total, at_limit=at_limit)) == note


def test_a_cut_chart_of_zeros_is_not_flat():
    zeros = chart("line", DAY, [MESSAGES], [(day, 0) for day, _, _ in WEEK])

    assert charts.is_flat(zeros)
    assert not charts.is_flat(replace(zeros, total=400))


@pytest.mark.parametrize("kind", ["bar", "rank"])
def test_there_are_as_many_bars_as_rows(kind):
    rows = [("Anna", 30), ("Anna", 20), (None, 7), ("", 4)]
    drawn = bars_of(charts.svg(chart(kind, NAME, [MESSAGES], rows)))

    assert len(drawn) == 4
    assert [round(size / drawn[3] * 4) for size in drawn] == [30, 20, 7, 4]


def test_bars_of_one_day_stand_side_by_side():
    rows = [(date(2026, 5, 4), 30), (date(2026, 5, 4), 20), (date(2026, 5, 5), 10)]
    drawing = charts.svg(chart("bar", DAY, [MESSAGES], rows))

    assert [round(size / bars_of(drawing)[2] * 10) for size in bars_of(drawing)] == [30, 20, 10]
    assert texts(drawing)[:3] == ["Mon 4 May 2026", "Mon 4 May 2026", "Tue 5 May 2026"]


def bars_of(drawing):
    """The lengths of all bars in the order of the rows, whichever way they point."""
    found = []
    for element in elements(drawing):
        if element.get("fill") in charts.PALETTE:
            xs, ys = corners(element.get("d", ""))
            found.append((max(xs) - min(xs), max(ys) - min(ys)))
    lengths = [[size[way] for size in found] for way in (0, 1)]
    return next(sizes for sizes in lengths if len({round(size, 1) for size in sizes}) > 1)


def corners(path):
    """The corners of a path of straight lines and of the arcs that round a bar's end."""
    x, y, xs, ys = 0.0, 0.0, [], []
    for command, values in re.findall(r"([MhvLHVC])([-\d.,\s]+)", path):
        given = [*map(float, re.findall(r"-?[\d.]+", values))]
        if command in "ML" or command == "C":
            x, y = given[-2:]
        elif command == "h":
            x += given[0]
        elif command == "v":
            y += given[0]
        elif command == "H":
            x = given[0]
        else:
            y = given[0]
        xs.append(x)
        ys.append(y)
    return xs, ys


@pytest.mark.parametrize("kind", ["line", "bar"])
@pytest.mark.parametrize("place", [0, 2, 7])
def test_a_row_without_a_date_is_not_drawn_and_the_chart_says_so(kind, place):
    rows = [*MESSAGES_BY_DAY[:place], (None, 10_000), *MESSAGES_BY_DAY[place:]]
    holed = chart(kind, DAY, [MESSAGES], rows)

    assert charts.svg(holed) == charts.svg(chart(kind, DAY, [MESSAGES], MESSAGES_BY_DAY))
    assert charts.note(holed) == "1 row has no date"


@pytest.mark.parametrize("kind", ["line", "bar", "rank"])
@pytest.mark.parametrize(
    "rows",
    [
        [(None, 5), (None, 6)],
        [(date(2026, 5, 4), 5)],
        [(date(2026, 5, 4), float("nan")), (date(2026, 5, 5), float("inf"))],
        [(date(2026, 5, 4), -5), (date(2026, 5, 5), -7)],
        [(date(1, 1, 1), 5), (date(9999, 12, 31), 7)],
    ],
    ids=["no date", "one point", "no number", "negative", "all of time"],
)
def test_sparse_rows_break_no_chart(kind, rows):
    drawing = charts.svg(chart(kind, DAY, [MESSAGES], rows))

    assert "NaN" not in drawing
    assert "undefined" not in drawing


def test_a_negative_bar_of_a_ranking_is_drawn_to_the_left_with_its_value_at_zero():
    drawing = charts.svg(chart("rank", NAME, [MESSAGES], [("a", 50), ("b", -35), ("c", -110)]))
    boxes = [corners(one.get("d", ""))[0] for one in elements(drawing) if one.get("fill") in charts.PALETTE]
    zero = min(boxes[0])

    assert [round(max(xs) - min(xs)) for xs in boxes[1:]] == [
        round((max(boxes[0]) - zero) * size / 50) for size in (35, 110)
    ]
    assert max(boxes[1]) == max(boxes[2]) == pytest.approx(zero)
    assert texts(drawing)[-3:] == ["50", "-35", "-110"]
