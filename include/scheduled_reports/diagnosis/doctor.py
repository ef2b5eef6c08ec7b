"""All checks of a deployment, in the order in which a person would correct what they find."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from ..domain.finding import Level, fault, ok, warning
from ..monitoring.health import counts, lag
from . import clock, configuration, mail, storage
from .checks import Check, findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..domain.finding import Finding
    from ..domain.report import Report
    from ..ports.database import Database
    from ..ports.services import Services

SETTINGS: Final = "correct the setting in every Airflow process, and restart them"
DATABASE: Final = "check the connection to the reports database, the network and the server"
AWS: Final = "check the AWS connection"


def examine(
    services: Services,
    database: Database,
    environ: Mapping[str, str],
    *,
    more: Iterable[Check] = (),
    send_to: str | None = None,
) -> Iterator[Finding]:
    """Examine everything, *more* checks after the settings; nothing is mailed unless *send_to* is an address.

    With a wrong setting nothing else is examined but the database: everything else would fail because of it.
    """
    found = list(findings([Check("settings", partial(configuration.settings, environ), SETTINGS)]))
    yield from found
    checks = [Check("database", database.findings, DATABASE)]
    if all(one.level is not Level.FAULT for one in found):
        checks = [*more, *checks, *_Rest(services, database, send_to).checks()]
    yield from findings(checks)


def examine_without_airflow(database: Database, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Examine what needs no connection of Airflow."""
    yield from findings(
        [
            Check("settings", partial(configuration.settings, environ), SETTINGS),
            Check("database", database.findings, DATABASE),
        ]
    )
    text = "Airflow is not installed here: its connections resolve only where it is"
    yield warning("airflow", f"{text}; storage and mail were not checked", "run the doctor where Airflow runs")


class _Rest:
    """The checks that need the settings; the reports are read once for several of them."""

    def __init__(self, services: Services, database: Database, send_to: str | None) -> None:
        self._services, self._database, self._send_to = services, database, send_to

    def checks(self) -> Iterator[Check]:
        services, database = self._services, self._database
        yield Check("clock", partial(clock.clocks, services, database), DATABASE)
        yield Check("reports", lambda: [self._reports[1]], DATABASE)
        yield Check("time zones", self._time_zones, DATABASE)
        yield Check("report types", self._report_types, DATABASE)
        yield Check("runs", self._runs, DATABASE)
        yield Check("staging", partial(storage.staging, services), "check STAGING, and who may write there")
        yield Check("bucket", partial(storage.bucket, services), AWS)
        yield Check("mail", partial(mail.service, services), "check the mail service's connection, and the network")
        yield Check("events", partial(mail.events, services), "check the queue, and allow sqs:GetQueueAttributes")
        if self._send_to is not None:
            yield Check("test message", partial(mail.send_test, services, self._send_to), AWS)

    @cached_property
    def _reports(self) -> tuple[tuple[Report, ...], Finding]:
        return configuration.reports(self._services)

    def _time_zones(self) -> Iterator[Finding]:
        zones = sorted({report.timezone.key for report in self._reports[0]})
        return clock.time_zones(self._services, self._database, zones)

    def _report_types(self) -> Iterator[Finding]:
        return configuration.report_types(self._services, self._reports[0])

    def _runs(self) -> Iterator[Finding]:
        """What the record says of runs: whether any are late or stuck."""
        found, late = counts(self._services), lag(self._services, self._reports[0])
        told = []
        if late > self._services.settings.grace_seconds:
            text = f"a due report has not begun for {late.total_seconds() / 60:.0f} minutes"
            told.append(fault("runs", text, "check the scheduler, free slots, and whether its DAG is paused"))
        if stuck := found.stuck_runs + found.stuck_executions:
            remedy = "make sure that the DAG scheduled_reports_upkeep runs every minute, and read its log"
            told.append(fault("runs", f"{stuck} runs or executions are stuck", remedy))
        if found.left_out:
            text = f"{found.left_out} reports are beyond MAX_REPORTS and have no DAG"
            told.append(fault("runs", text, "raise MAX_REPORTS"))
        if found.unknown_deliveries:
            text = f"emails of the last day whose delivery is not confirmed: {found.unknown_deliveries}"
            told.append(warning("runs", text, "look at the pages of their reports, and send them again if need be"))
        if not found.mail_enabled:
            told.append(warning("runs", "all mail is stopped", "set the switch `mail` in reporting.switches to true"))
        yield from told or [ok("runs", f"{found.open_runs} in progress, none late or stuck")]
