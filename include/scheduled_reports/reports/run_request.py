"""What a person asks of a run by hand, checked before anything is sent."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, cast

from ..domain.addresses import is_address
from ..domain.errors import RequestError
from ..domain.report import DateRange
from ..domain.run import Request
from .parameters import PERIODS, custom_range
from .validation import Check, did_you_mean, read_formats

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..domain.report import Report

REQUEST_KEYS = ("formats", "recipients", "mail", "period", "resend", "triggered_by", "test")


def parse_request(conf: Mapping[str, Any], report: Report, *, known: Collection[str]) -> Request:
    """What a person asked of a run; *known* are the addresses it may be mailed to instead of the report's own.

    Airflow has checked the values against the form, but lets unknown keys through.
    """
    check = Check()
    for key in conf:
        if key not in REQUEST_KEYS:
            check.add(
                key, conf[key], f"unknown{did_you_mean(key, REQUEST_KEYS)}; allowed are {', '.join(REQUEST_KEYS)}"
            )
    request = Request(
        formats=read_formats(check, "formats", conf["formats"]) if conf.get("formats") else None,
        recipients=_recipients(check, conf.get("recipients"), known),
        mail=conf.get("mail"),
        period=check.reads("period", conf["period"], parse_period) if conf.get("period") else None,
        resend=check.text("resend", conf.get("resend") or "", high=250) or None,
        triggered_by=check.text("triggered_by", conf.get("triggered_by") or "", high=200) or None,
        test=conf.get("test") is True,
    )
    _test(check, conf, request)
    if request.mail and not request.recipients and not report.email.enabled:
        check.add("mail", request.mail, "recipients as well, because the report's own mail is switched off")
    if check.problems:
        raise RequestError(check.problems)
    return request


def _test(check: Check, conf: Mapping[str, Any], request: Request) -> None:
    """Airflow's form does not have `test`, so nobody has looked at it before."""
    if not isinstance(conf.get("test"), bool | None):
        check.add("test", conf["test"], "true or false")
    if not request.test:
        return
    if not conf.get("recipients"):
        check.add("recipients", None, "who tries the report out: a test is never sent to the report's own recipients")
    if request.resend or request.mail is False:
        check.add("test", request.test, "a mail of a run of its own: no resend and no mail=false beside it")


def parse_period(text: str) -> DateRange:
    """`last-7-days` and its like, or `2026-05-01/2026-05-31`, both days included."""
    if text in PERIODS and text != "custom":
        return DateRange(type=cast("Any", text))
    first, slash, last = text.partition("/")
    if not slash:
        raise ValueError(f"{', '.join(PERIODS[:-1])} or two ISO dates as 2026-05-01/2026-05-31")
    return custom_range(date.fromisoformat(first), date.fromisoformat(last))


def _recipients(check: Check, values: Any, known: Collection[str]) -> tuple[str, ...] | None:
    if not values:
        return None
    for value in values:
        if not is_address(str(value)) or value.lower() not in known:
            check.add("recipients", value, "the address of a member of the workspace, or one of an allowed domain")
    return tuple(dict.fromkeys(str(value) for value in values))
