"""Build names and ids: DAG ids, object keys, file names, subjects.  Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote

from . import dates
from .bidi import isolated, without_controls
from .clock import is_midnight
from .graphemes import boundary, cut
from .wording import filled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from .formats import Format
    from .report import Report
    from .run import RunKey, Window

DAG_PREFIX = "scheduled_report_"
#: How the id of a run begins that upkeep makes for a tick.
LATE = "late__"
#: Airflow allows a DAG id of 250 characters, but keeps a task's log in the folder `dag_id=<DAG id>`, and the name of a
#: folder has at most 255 bytes.
LONGEST_ESCAPED_ID = 255 - len("dag_id=") - len(DAG_PREFIX)
#: Airflow allows a run id of 250 characters, which an escaped one must not make longer than a folder's name may be.
LONGEST_RUN_KEY = 120
LONGEST_FILE_STEM = 120
#: What file systems, and with them zip files, allow a name to have, in bytes of UTF-8.
LONGEST_FILE_NAME = 255
#: Room for the extension of any format, and of a zip file with the same name.
_EXTENSION = len(".xlsx")
_PERIOD = re.compile(r" \d{4}-\d{2}-\d{2}( \d{4})? to \d{4}-\d{2}-\d{2}( \d{4})?\.\w+$")
#: Characters of a name in a subject, so that the period after it is seen.
_LONGEST_IN_SUBJECT = 150
#: A subject whose words people chose is cut to so many characters.
_LONGEST_SUBJECT = 250
#: A subject with a sentence of the lead has at most this many characters; inboxes cut a longer one.
_LONGEST_WITH_LEAD = 90
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def escape(text: str) -> str:
    """Letters, digits, ``_`` and ``-`` as they are, every other byte as ``.`` and two hexadecimal digits."""
    return "".join(
        chr(byte) if (chr(byte).isalnum() and byte < 128) or byte in b"_-" else f".{byte:02x}"
        for byte in text.encode("utf-8", "surrogatepass")
    )


def unescape(text: str) -> str:
    """The inverse of `escape`; ValueError for a text that `escape` cannot produce."""
    raw = re.sub(rb"\.([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), text.encode("ascii"))
    original = raw.decode("utf-8", "surrogatepass")
    if escape(original) != text:
        raise ValueError(f"{text!r} is not an escaped id")
    return original


def dag_id(report_id: str) -> str:
    """The DAG of a report; `report_id_of` reads the id back."""
    return DAG_PREFIX + escape(report_id)


def report_id_of(dag_id: str) -> str | None:
    """The report id of a DAG, or None if the DAG is not one of ours."""
    if not dag_id.startswith(DAG_PREFIX):
        return None
    try:
        return unescape(dag_id.removeprefix(DAG_PREFIX))
    except ValueError:
        return None


def run_key(run_id: str) -> str:
    """Airflow's run id, escaped for object keys and folders; a long one is cut and ends with a digest."""
    escaped = escape(run_id)
    if len(escaped) <= LONGEST_RUN_KEY:
        return escaped
    begin = re.sub(r"\.[0-9a-f]?$", "", escaped[: LONGEST_RUN_KEY - 33])
    return f"{begin}-{hashlib.sha256(run_id.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def late_run_id(tick: datetime) -> str:
    """The id of the run that upkeep makes for a tick; Airflow's own run of it is `scheduled__<tick>`."""
    return f"{LATE}{tick.astimezone(UTC).isoformat()}"


def execution_id(key: RunKey, chosen: Format) -> str:
    """The id of a row of report_executions: 25 characters that begin with `c`, like Prisma's cuid().

    Derived from report, run and format, so that opening a run's executions twice finds the same rows.
    """
    digest = hashlib.sha256("\0".join((key.report_id, key.run_id, chosen)).encode()).digest()
    number = int.from_bytes(digest[:16])
    letters = []
    for _ in range(24):
        number, digit = divmod(number, 36)
        letters.append(BASE36[digit])
    return "c" + "".join(letters)


def object_key(report: Report, run: str, extension: str) -> str:
    """`<workspace id>/<report id>/<run>/<file>`: ids only, so that no name can escape from its folder."""
    return f"{objects_of(report.workspace.id, report.id)}{run}/{report.type}.{extension}"


def objects_of(workspace_id: str, report_id: str) -> str:
    """The prefix of the keys of all objects of a report; it ends with `/`, so that `r1` does not match `r10`."""
    return f"{escape(workspace_id)}/{escape(report_id)}/"


def asset_uri(workspace_id: str, report_id: str) -> str:
    """The asset of a report in Airflow; the ids are escaped as in every URI, those of letters and digits not at all."""
    return f"scheduled-reports://{quote(workspace_id, safe='')}/{quote(report_id, safe='')}"


def file_name(report: Report, window: Window, extension: str) -> str:
    """The name of the reader's file: the report's name in its own script, and the period; at most 255 bytes."""
    period = f" {_file_time(window, window.start)} to {_file_time(window, window.end)}"
    stem = re.sub(r'[\\/:*?"<>|]+', "-", without_controls(one_line(report.name))).strip(". ")
    stem = stem[: boundary(stem, LONGEST_FILE_STEM)].strip(". ")
    room = LONGEST_FILE_NAME - len(period) - _EXTENSION
    while len(stem.encode()) > room:
        stem = stem[: boundary(stem, len(stem) - 1)].strip(". ")
    return f"{stem or report.type}{period}.{extension}"


def _file_time(window: Window, edge: datetime) -> str:
    """An edge of the period in a file's name: its day, and the time of day if the period begins or ends within it."""
    if is_midnight(edge, window.zone):
        return f"{window.first_day if edge == window.start else window.last_day}"
    return f"{edge.astimezone(window.zone):%Y-%m-%d %H%M}"


def shown_file_name(name: str) -> str:
    """A file name of `file_name` for a line of text: the digits of its period are read from left to right."""
    found = _PERIOD.search(name)
    return f"{isolated(name[: found.start()])}{found[0]}" if found else isolated(name)


def subject(
    report: Report,
    window: Window,
    *,
    lead: str = "",
    figures: Mapping[str, str] = MappingProxyType({}),
    is_quiet: bool = False,
    test: bool = False,
) -> str:
    """The report's subject, or a default one: name, period, a note if nothing happened (*is_quiet*), workspace.

    *lead*, the first sentence of the report's lead, stands after the name if there is room for it, instead of the
    workspace if need be.  The subject of a *test* says so first.
    """
    values = words(report, window, lead=lead.removesuffix("."), figures=figures)
    subject = (
        cut(one_line(filled(report.wording.subject, values)), _LONGEST_SUBJECT)
        or one_line(report.email.subject or "")
        or _automatic(report, window, lead, is_quiet=is_quiet)
    )
    return f"TEST: {subject}" if test else subject


def words(report: Report, window: Window, *, lead: str, figures: Mapping[str, str]) -> Mapping[str, str]:
    """The values of the placeholders of `domain.wording`; a script from right to left keeps to its place."""
    values = {
        **figures,
        "name": report.name,
        "period": dates.short_stretch(window.start, window.end, window.zone),
        "workspace": report.workspace.name,
        "lead": lead,
    }
    return {name: isolated(one_line(value)) for name, value in values.items()}


def introduction(report: Report, window: Window, *, lead: str, figures: Mapping[str, str]) -> str:
    """The text above the report in its mail, *lead* being all of the lead; empty if it has none."""
    return filled(report.wording.introduction, words(report, window, lead=lead, figures=figures)).strip()


def _automatic(report: Report, window: Window, lead: str, *, is_quiet: bool) -> str:
    days = dates.short_stretch(window.start, window.end, window.zone)
    name, workspace = (
        isolated(cut(one_line(text), _LONGEST_IN_SUBJECT)) for text in (report.name, report.workspace.name)
    )
    begin = name if report.name.endswith("?") else f"{name}:"
    if is_quiet:
        return f"{begin} {days}, no activity ({workspace})"
    news = isolated(one_line(lead).removesuffix("."))
    told = (f"{begin} {news} ({days}, {workspace})", f"{begin} {news} ({days})") if news else ()
    return next(filter(_is_short, told), f"{begin} {days} ({workspace})")


def _is_short(subject: str) -> bool:
    """Whether an inbox shows all of it; the marks that keep a script from right to left in its place are not seen."""
    return len(without_controls(subject).replace("\u200e", "")) <= _LONGEST_WITH_LEAD


def one_line(text: str) -> str:
    """*text* without line breaks, control and direction-override characters, safe for a mail header."""
    kept = "".join(" " if _is_control(character) else character for character in text)
    return " ".join(kept.split())


def shortened(text: str, most: int) -> str:
    """*text*, cut to *most* characters if it is longer; a cut text ends with an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _is_control(character: str) -> bool:
    # Category Cf includes the joiners that emoji and several scripts need, so only its direction overrides are removed.
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in "\u202a\u202b\u202c\u202d\u202e"
