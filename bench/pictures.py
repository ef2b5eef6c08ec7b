"""`python -m bench.pictures`: write table and curves of docs/performance.md from bench/results.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import vl_convert

from .__main__ import RESULTS

DOCS = Path(__file__).parents[1] / "docs"
PAGE, FOLDER = DOCS / "performance.md", DOCS / "performance"
BEGIN, END = "<!-- table: made by bench.pictures -->", "<!-- end of the table -->"
SCALE = 2
POWERS = {"values": [10.0**power for power in range(-3, 7)], "format": ",~g"}


def main() -> int:
    """Write the table into the page and the pictures next to it."""
    results = json.loads(RESULTS.read_text())
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{table(results['lines'])}\n{END}{after}", encoding="utf-8")
    FOLDER.mkdir(exist_ok=True)
    for name, spec in _curves(results["curves"]).items():
        (FOLDER / f"{name}.png").write_bytes(vl_convert.vegalite_to_png(vl_spec=spec, scale=SCALE))
    return 0


def table(lines: list[dict[str, Any]]) -> str:
    """Format the lines as a Markdown table; missed targets are marked."""
    rows = [
        "| what | rows, reports or runs | ours | peer or limit | its figure | ratio | wanted | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        theirs = "" if line["theirs"] is None else f"{line['theirs']:,.2f} s"
        ratio = f"{line['ratio']:,.2f}" if line["peer"] else ""
        memory = f"{line['ours_mb']} MB, peer {line['theirs_mb']} MB" if line["ours_mb"] else line["note"]
        rows.append(
            f"| {line['what']} | {line['size']:,} | {line['ours']:,.2f} {line['unit']} | {line['peer']} | {theirs} |"
            f" {ratio} | {_words(line)} | {'' if line['met'] else '**not met** '}{memory} |"
        )
    return "\n".join(rows)


def _words(line: dict[str, Any]) -> str:
    sign, _, bound = line["wanted"].partition(" ")
    if line["peer"]:
        return f"{bound} times as fast" if sign.startswith(">") else f"at most {bound} times as long"
    return f"at least {bound}" if sign.startswith(">") else f"at most {bound}"


def _curves(curves: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    if points := curves.get("data"):
        for name, field, title in (("seconds", "seconds", "seconds"), ("memory", "mb", "peak memory, MB")):
            found[f"data-{name}"] = _lines(points, ("rows", field, title), facet="what")
    if points := curves.get("fleet"):
        kinds = {"bundle": "our bundle", "file": "our one file", "hand": "by hand", "dag-factory": "dag-factory"}
        named = [{**one, "who": kinds[one["kind"]]} for one in points]
        for field, title in (
            ("all_present", "seconds until all DAGs are there"),
            ("cold_cpu", "CPU seconds until then"),
            ("rest_percent_with_parses", "% of a core at rest"),
        ):
            found[f"fleet-{field.replace('_', '-')}"] = _lines(named, ("reports", field, title))
    return found


def _lines(points: list[dict[str, Any]], axes: tuple[str, str, str], facet: str | None = None) -> dict[str, Any]:
    """Draw lines on logarithmic axes: slope one means proportional growth."""
    x, y, title = axes
    chart: dict[str, Any] = {
        "mark": {"type": "line", "point": True},
        "width": 200 if facet else 460,
        "height": 160 if facet else 260,
        "encoding": {
            "x": {"field": x, "type": "quantitative", "scale": {"type": "log"}, "title": x, "axis": POWERS},
            "y": {"field": y, "type": "quantitative", "scale": {"type": "log"}, "title": title, "axis": POWERS},
            "color": {"field": "who", "type": "nominal", "title": None, "legend": {"orient": "bottom", "columns": 4}},
        },
    }
    shown: dict[str, Any] = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "data": {"values": points},
    }
    if not facet:
        return {**shown, **chart}
    return {**shown, "facet": {"field": facet, "type": "nominal", "title": None}, "columns": 3, "spec": chart}


if __name__ == "__main__":
    sys.exit(main())
