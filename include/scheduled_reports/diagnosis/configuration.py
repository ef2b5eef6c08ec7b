"""Check the settings and the report types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..domain.finding import fault, ok, warning
from ..reports.calendars import resolved
from ..reports.parser import parse
from ..reports.types.catalog import KNOWN_TYPES, catalog
from ..runs.query import type_problems
from ..settings import PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..domain.finding import Finding
    from ..domain.report import Report
    from ..ports.services import Services


def settings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Every setting that is wrong, and those whose default most deployments do not want."""
    wrong = Settings.wrong(environ)
    for problem in wrong:
        yield fault("settings", str(problem), "correct it in every Airflow process, and restart them")
    if wrong:
        return
    chosen = Settings.from_env(environ)
    count = sum(name.startswith(PREFIX) for name in environ)
    yield ok("settings", f"{count} set, all valid")
    if chosen.mail_mode == "off":
        yield warning("settings", "MAIL_MODE is off: nothing is mailed", "set redirect:<address> or live")
    elif chosen.redirect_to:
        yield warning("settings", f"all mail goes to {chosen.redirect_to}", "set MAIL_MODE=live for real recipients")
    _ = chosen.branding  # raises ConfigurationError if the logo's file cannot be used


def report_types(services: Services, reports: tuple[Report, ...]) -> Iterator[Finding]:
    """Report types that are broken, and those in use, or of our users, whose queries the database does not accept."""
    known = catalog()
    found = [fault("report types", reason, "correct the folder of the report type") for reason in known.broken.values()]
    used = {report.type for report in reports}
    for kind in known.types.values():
        if kind.id in used or kind.id not in KNOWN_TYPES:
            found += [
                fault("report types", f"{kind.id}: {problem}", "correct its query, or grant what it reads to the role")
                for problem in type_problems(services.source, kind)
            ]
    yield from found or [ok("report types", f"{len(known.types)}, of which {len(used)} are in use")]


def reports(services: Services) -> tuple[tuple[Report, ...], Finding]:
    """The valid reports, and what is to be said of those that are not."""
    rows = services.definitions.rows(limit=services.settings.max_reports)
    valid, rejections = parse(resolved(row) for row in rows)
    told = ok("reports", f"{len(valid)} valid")
    if rejections:
        text = f"{len(rejections)} of {len(valid) + len(rejections)} reports are invalid and not scheduled"
        told = warning("reports", text, "run `scheduled-reports validate`, which names every reason")
    return tuple(valid), told
