"""The sample reports: those in reports.toml, as many generated ones as requested, and the broken ones."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .cast import HERE, Actor, actors, sites
from .rows import Item, Row, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .history import History

FIRST = "demo-report-weekly-activity"  # the report that the demo runs manually

# Generated rows cycle through these: types that any member may create, every format, time zones around the world.
TYPES = (
    "workspace-activity", "channel-analytics", "user-engagement", "task-completion", "workflow-execution",
    "export-summary",
)  # fmt: skip
FORMATS = (["csv"], ["pdf"], ["excel", "csv"], ["html"], ["json"], ["pdf", "excel"], ["csv", "json", "html"])
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Asia/Kathmandu", "Australia/Lord_Howe",
    "America/Los_Angeles", "Africa/Lagos", "America/Sao_Paulo", "Pacific/Auckland", "Asia/Kolkata",
)  # fmt: skip
DAYS = ("* * *", "* * 1-5", "* * 1", "1 * *", "* * 5")
RANGES = ("last-7-days", "last-30-days", "last-quarter")


def scheduled_reports(history: History, valid: int) -> Iterator[Item]:
    """Yield *valid* reports that the application accepts, then the broken ones."""
    written = tomllib.loads((HERE / "reports.toml").read_text(encoding="utf-8"))
    for spec in written["report"][:valid]:
        yield "scheduled_reports", _report(history, spec)
    for number in range(len(written["report"]) + 1, valid + 1):
        yield "scheduled_reports", _report(history, _numbered(number))
    for spec in written["broken"]:
        yield "scheduled_reports", _report(history, spec)


def _report(history: History, spec: Mapping[str, Any]) -> Row:
    return {
        "id": f"demo-report-{spec['id']}",
        "name": spec["name"],
        "description": spec.get("description"),
        "reportType": spec["type"],
        "cron_expression": spec["cron"],
        "timezone": spec["zone"],
        "is_active": spec.get("active", True),
        "status": spec.get("status", "ACTIVE"),
        "export_formats": spec["formats"],
        "parameters": as_json(_parameters(history, spec)),
        "tags": spec.get("tags", []),
        **_mail(spec.get("mail")),
        "workspace_id": f"demo-workspace-{spec['site']}",
        "created_by_id": f"demo-user-{spec['creator']}",
        "created_at": history.ago(40),
        "updated_at": history.ago(12),
    }


def _mail(mail: Mapping[str, Any] | None) -> Row:
    options = mail or {}
    return {
        "email_enabled": mail is not None,
        "email_recipients": options.get("to", []),
        "email_cc_recipients": options.get("cc", []),
        "email_bcc_recipients": options.get("bcc", []),
        "email_subject": options.get("subject"),
        "email_include_attachment": options.get("attach", True),
        "email_include_preview": options.get("preview", False),
        "email_send_only_if_data": options.get("only_if_data", False),
    }


def _parameters(history: History, spec: Mapping[str, Any]) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(spec.get("parameters", {"dateRange": {"type": "last-7-days"}}))
    if parameters["dateRange"]["type"] == "custom":
        days = {"startDate": history.until - timedelta(days=90), "endDate": history.until - timedelta(days=31)}
        parameters["dateRange"] = {"type": "custom", **{name: day.isoformat() for name, day in days.items()}}
    return parameters


def _numbered(number: int) -> dict[str, Any]:
    site = sites()[number % len(sites())]
    creator = _creators(site.key)[number % len(_creators(site.key))]
    kind = TYPES[number % len(TYPES)]
    spec = {
        "id": f"{number:06d}",
        "name": f"{site.name}: {kind} {number:06d}",
        "type": kind,
        "site": site.key,
        "creator": creator.key,
        # Steps coprime to 60 and 24 reach every minute and every hour.
        "cron": f"{number * 7 % 60} {number * 5 % 24} {DAYS[number % len(DAYS)]}",
        "zone": ZONES[number % len(ZONES)],
        "formats": FORMATS[number % len(FORMATS)],
        "tags": ["numbered"],
        "parameters": {"dateRange": {"type": RANGES[number % len(RANGES)]}},
    }
    return spec | ({"mail": {"to": [creator.email], "only_if_data": number % 4 == 0}} if number % 2 else {})


def _creators(site: str) -> list[Actor]:
    return [
        actor
        for actor in actors()
        if actor.roles.get(site) in {"OWNER", "ADMIN", "MEMBER"} and actor.status == "ACTIVE" and not actor.is_helper
    ]
