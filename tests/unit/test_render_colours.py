"""Colours, compared with contrast values from WCAG's tools."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.render.charts.vega import PALETTE
from include.scheduled_reports.render.colours import contrast, ink_on, palette, readable

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#767676", 4.54),
        ("#777777", "#ffffff", 4.48),
        ("#ff0000", "#ffffff", 4.0),
        ("#0000ff", "#ffffff", 8.59),
        ("#ffff00", "#ffffff", 1.07),
        ("#123456", "#123456", 1.0),
    ],
)
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize(("colour", "ink"), [("#0b1f4b", "#ffffff"), ("#2f6fab", "#ffffff"), ("#ffd500", "#1f2328")])
def test_text_on_a_colour_is_white_or_dark(colour, ink):
    assert ink_on(colour) == ink


@given(colours)
def test_text_on_any_colour_can_be_read(colour):
    # The worst grey between white and #1f2328 leaves a contrast of 3.98, which is enough for large or bold text.
    assert contrast(ink_on(colour), colour) >= 3.9


@given(colours, st.sampled_from(["#ffffff", "#12161c"]), st.sampled_from([3.0, 4.5]))
def test_any_colour_can_be_made_readable_on_paper_and_in_the_dark(colour, paper, least):
    assert contrast(readable(colour, paper, least), paper) >= least


def test_a_colour_that_can_be_read_stays_as_it_is():
    assert readable("#2f6fab", "#ffffff") == "#2f6fab"


def test_chart_colours_close_to_that_of_the_brand_are_left_out():
    assert palette("#2f6fab", PALETTE)[:5] == PALETTE[:5]
    assert "#d98032" not in palette("#ff7a00", PALETTE)
    assert "#c0504d" not in palette("#c8102e", PALETTE)
    assert palette("#0b1f4b", PALETTE)[0] == "#0b1f4b"


@given(colours)
def test_there_are_colours_enough_for_four_lines(colour):
    assert len(palette(colour, PALETTE)) >= 4
