"""The rows of an HTML table, compared with the same row written by a template that escapes."""

from __future__ import annotations

import jinja2
import pytest

from include.scheduled_reports.render.as_html.row_markup import row_markup

TEMPLATE = jinja2.Template(
    "<tr>{% for kind, text, bar, right_to_left in row %}"
    '<td{% if kind %} class="{{ kind }}"{% endif %}{% if right_to_left %} dir="auto"{% endif %}>'
    '{% if bar %}<i style="width: {{ bar }}%"></i>{% endif %}{{ text }}</td>{% endfor %}</tr>',
    autoescape=True,
)
#: Classes, text, bar in percent, and whether the cell is written from right to left.
CELLS = [
    ("", "plain", 0, False), ("", "", 0, False), ("", "<script>alert('&\"')</script>", 0, False),
    ("", "שלום", 0, True), ("bad", "مرحبا <b>", 0, True), ("number", "1,234", 0, False),
    ("number good", "-5", 7, False), ("other", "שלום", 0, False), ("total", "Total", 0, False),
    ("", "中文 &amp;", 0, False),
]  # fmt: skip


@pytest.mark.parametrize("cell", CELLS, ids=[f"{kind}-{number}" for number, (kind, *_) in enumerate(CELLS)])
def test_a_cell_is_what_the_template_writes(cell):
    assert str(row_markup([cell[:3]])) == TEMPLATE.render(row=[cell])


def test_a_row_holds_its_cells_in_order():
    assert str(row_markup([cell[:3] for cell in CELLS])) == TEMPLATE.render(row=CELLS)
