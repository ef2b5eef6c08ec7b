"""Render pages from templates: values are escaped, and nothing is loaded from other sites."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..responses import finite

#: Inline styles are allowed for previews, which a sandboxed frame shows under this policy.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
)
environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
#: An id is one segment of a path, also if it contains a slash.
environment.filters["urlencode"] = lambda value: quote(str(value), safe="")
#: Not `tojson`, which escapes letters outside ASCII for scripts; the template escapes the text anyway.
environment.filters["json"] = lambda value, indent=None: json.dumps(finite(value), ensure_ascii=False, indent=indent)


def page(request: Request, template: str, **values: Any) -> Response:
    """Return the page of *template* with *values*."""
    root = request.scope.get("root_path", "")
    text = environment.get_template(f"{template}.html.j2").render(
        root=root, airflow=root.rpartition("/")[0], since=since, duration=duration, **values
    )
    return Response(text, headers={"content-type": "text/html; charset=utf-8", "content-security-policy": POLICY})


def since(moment: str | None) -> str:
    """Return roughly how long ago a time was; the script adds the exact time in the viewer's time zone."""
    if not moment:
        return "never"
    elapsed = datetime.now(UTC) - datetime.fromisoformat(moment)
    if elapsed < timedelta(0):
        return f"in {duration(-elapsed.total_seconds())}"
    return f"{duration(elapsed.total_seconds())} ago"


def duration(length: float | None) -> str:
    """Format seconds as `2.5 s`, `3 min`, `5 h` or `4 days`."""
    if length is None:
        return ""
    for size, unit in ((86_400 * 2, "days"), (3_600 * 2, "h"), (120, "min")):
        if length >= size:
            return f"{length / {'days': 86_400, 'h': 3_600, 'min': 60}[unit]:.0f} {unit}"
    return f"{length:.1f} s" if length < 10 else f"{length:.0f} s"
