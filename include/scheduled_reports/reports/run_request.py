"""What a person requests of a manual run: which keys exist, and the parser that checks them before anything is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ..domain.addresses import is_address, mailbox
from ..domain.errors import RequestError
from ..domain.formats import Format
from ..domain.run import Request
from ..domain.storable import is_storable, storable
from .parameters import PERIODS
from .periods import NAMED_PERIODS, parse_period
from .validation import Check, read_formats

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..domain.report import Report

Sender = Literal["form", "trigger", "resend", "test"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestKey:
    """A key of a run's conf: its JSON schema, and who may send it."""

    name: str
    #: The JSON schema of its value, which may also be null.
    schema: Mapping[str, Any]
    #: What the trigger form takes, if that is less: a change of the form stores every DAG anew.
    form_schema: Mapping[str, Any] | None = None
    #: What the trigger form and the API's documentation show.
    title: str = ""
    description: str = ""
    #: Airflow's trigger form, and the bodies of our API's routes; Airflow's own REST API may send every key.
    senders: tuple[Sender, ...] = ()


_DAY = r"\d{4}-\d{2}-\d{2}"
_FORMATS = [str(chosen) for chosen in Format]


def _periods(names: Sequence[str]) -> Mapping[str, Any]:
    return {"type": "string", "pattern": f"^({'|'.join(names)}|{_DAY}/{_DAY})$", "examples": list(names)}


#: What may be requested of a run: the parser, the trigger form and the API's bodies read this table.
_KEYS = {
    key.name: key
    for key in (
        RequestKey(
            name="formats",
            schema={"type": "array", "items": {"type": "string", "enum": _FORMATS}, "examples": _FORMATS},
            title="Formats",
            description="Create only these formats instead of the report's.",
            senders=("form", "trigger", "resend", "test"),
        ),
        RequestKey(
            name="recipients",
            schema={"type": "array", "items": {"type": "string", "format": "idn-email"}, "maxItems": 50},
            title="Recipients",
            description="Send to these members of the workspace instead of the report's recipients.",
            senders=("form", "trigger", "resend", "test"),
        ),
        RequestKey(
            name="mail",
            schema={"type": "boolean"},
            title="Send by email",
            description="Overrides the report's setting.",
            senders=("form", "trigger"),
        ),
        RequestKey(
            name="period",
            schema=_periods(NAMED_PERIODS),
            form_schema=_periods([name for name in PERIODS if name != "custom"]),
            title="Period",
            description="Another period, such as last-7-days, or two dates such as 2026-05-01/2026-05-31. "
            "The run is then sent only if you choose to send it by email.",
            senders=("form", "trigger", "test"),
        ),
        RequestKey(
            name="resend",
            schema={"type": "string", "maxLength": 250},
            title="Resend",
            description="The ID of an earlier run. Its files are sent again to everyone who did not certainly receive "
            "them, or to the recipients above. No new files are created.",
            senders=("form",),
        ),
        RequestKey(
            name="triggered_by",
            schema={"type": "string", "maxLength": 200},
            title="On behalf of",
            description="The ID of the user who requested this run.",
            senders=("form",),
        ),
        # The routes of our API add it themselves: nobody sends it.
        RequestKey(name="test", schema={"type": "boolean"}),
    )
}
#: The key that our API sends to Airflow in place of `recipients`: the id under which reporting.requests keeps them.
KEPT = "recipients_kept"
#: The key that our API sends to Airflow in place of `period` if the trigger form does not take the value.
NAMED_PERIOD = "named_period"
REQUEST_KEYS: Mapping[str, RequestKey] = MappingProxyType(_KEYS)


def keys_sent_by(sender: Sender) -> list[RequestKey]:
    """The keys that *sender* may send, in the order of the table."""
    return [key for key in REQUEST_KEYS.values() if sender in key.senders]


def check_storable(conf: Mapping[str, Any]) -> None:
    """Raise a RequestError that names the keys whose values PostgreSQL, and so the record, cannot hold."""
    check = Check()
    for key, value in conf.items():
        if not is_storable([key, value]):
            reason = "holds a character or a number that PostgreSQL cannot store (NUL, half a character, infinity)"
            check.add(storable(key), value, f"{reason}; remove it")
    if check.problems:
        raise RequestError(check.problems)


def parse_request(conf: Mapping[str, Any], report: Report, *, known: Collection[str]) -> Request:
    """The request in *conf*; *known* are the mailboxes it may be mailed to instead of the report's own recipients.

    Airflow has checked the values against the form, but accepts unknown keys.
    """
    check = Check()
    for key in conf:
        if key not in REQUEST_KEYS and key not in (KEPT, NAMED_PERIOD):
            check.unknown(key, key, "key", list(REQUEST_KEYS))
    period = conf.get("period") or conf.get(NAMED_PERIOD)
    weeks = partial(parse_period, week_start=report.date_range.week_start)
    request = Request(
        formats=read_formats(check, "formats", conf["formats"]) if conf.get("formats") else None,
        recipients=_recipients(check, conf.get("recipients"), known),
        mail=conf.get("mail"),
        period=check.reads("period", period, weeks) if period else None,
        resend=_short_text(check, "resend", conf),
        triggered_by=_short_text(check, "triggered_by", conf),
        test=conf.get("test") is True,
    )
    _test(check, conf, request)
    if request.mail and not (request.recipients or conf.get(KEPT)) and not report.email.enabled:
        check.add("mail", request.mail, "needs recipients; add them, because email of this report is disabled")
    if check.problems:
        raise RequestError(check.problems)
    return request


def as_the_form_takes_it(conf: Mapping[str, Any]) -> dict[str, Any]:
    """*conf* with a period that the trigger form does not take under another key, which Airflow does not check."""
    taken = REQUEST_KEYS["period"].form_schema or {}
    period = conf.get("period")
    if period is None or re.fullmatch(taken["pattern"], period):
        return dict(conf)
    return {name: value for name, value in conf.items() if name != "period"} | {NAMED_PERIOD: period}


def _test(check: Check, conf: Mapping[str, Any], request: Request) -> None:
    """Check `test`, which Airflow's form does not have and so has not checked."""
    if not isinstance(conf.get("test"), bool | None):
        check.add("test", conf["test"], "is not a boolean; use true or false")
    if not request.test:
        return
    if not (conf.get("recipients") or conf.get(KEPT)):
        check.add("recipients", None, "names nobody; add recipients, because a test is never sent to the report's own")
    if request.resend or request.mail is False:
        check.add("test", request.test, "cannot be combined with resend or with mail=false; remove those")


def _short_text(check: Check, key: str, conf: Mapping[str, Any]) -> str | None:
    return check.text(key, conf.get(key) or "", high=REQUEST_KEYS[key].schema["maxLength"]) or None


def _recipients(check: Check, values: Any, known: Collection[str]) -> tuple[str, ...] | None:
    if not values:
        return None
    for value in values:
        if not is_address(str(value)) or mailbox(value) not in known:
            check.add(
                "recipients", value, "may not be mailed; use the address of a workspace member or of an allowed domain"
            )
    return tuple(dict.fromkeys(str(value) for value in values))
