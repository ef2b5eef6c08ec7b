"""The command line: `python -m include.scheduled_reports` in a checkout, `scheduled-reports` with the wheel."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from contextlib import redirect_stdout
from dataclasses import asdict
from datetime import UTC, date, datetime
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .as_code.command import add_commands
from .domain.clock import parse_zone
from .domain.cron import Cron
from .domain.errors import ReportsError
from .domain.formats import Format
from .domain.moment import parse_moment
from .domain.problem import shown
from .domain.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .domain.calendar import Calendar
    from .domain.finding import Finding

T = TypeVar("T")
SEEN_BY_OTHERS = (
    "warning: other users of this machine can see the password in --dsn; "
    "put it into SCHEDULED_REPORTS_DSN or ~/.pgpass, or use --conn-id"
)
NO_SAMPLE_DATA = (
    "the wheel does not contain the sample data; "
    "run seed-demo in a checkout: python -m include.scheduled_reports seed-demo"
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 1 if it failed or found a problem."""
    options = _parser().parse_args(arguments)
    try:
        if hasattr(options, "dsn"):
            options.dsn = _find_dsn(options)
        return int(options.run(options))
    except (ReportsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description="Manage scheduled reports.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    migrate = commands.add_parser("migrate", help="create or update our tables in a database; safe to repeat")
    migrate.set_defaults(run=_migrate)

    seed = commands.add_parser("seed-demo", help="create sample workspaces and reports; needs a checkout")
    seed.add_argument(
        "--until", type=date.fromisoformat, help="the day after the last with data, such as 2026-05-11 (default: today)"
    )
    seed.add_argument("--reports", type=int, default=13, help="number of valid reports (default: 13)")
    seed.add_argument("--messages", type=int, default=20_000, help="number of messages (default: 20000)")
    seed.set_defaults(run=_seed)

    validate = commands.add_parser(
        "validate", help="list invalid reports and report types with every reason; exit status 1 if there are any"
    )
    validate.set_defaults(run=_validate)

    preview = commands.add_parser("preview", help="create the file of a report without Airflow, S3 or SES")
    preview.add_argument("report_id", help="the id of the report")
    preview.add_argument("--format", type=Format, choices=list(Format), required=True, help="the format")
    preview.add_argument("--at", type=_moment, required=True, help="the time of the run, such as 2026-05-11T09:00:00Z")
    preview.add_argument("--out", type=Path, required=True, help="the file to write")
    preview.set_defaults(run=_preview)

    jobs = commands.add_parser(
        "import-export-jobs", help="create reports from the schedules in export_jobs.metadata; safe to repeat"
    )
    jobs.add_argument("--retire", action="store_true", help="disable the old schedules and enable the new reports")
    jobs.set_defaults(run=_import_export_jobs)

    script = commands.add_parser("prisma-migration", help="print what migrate does as a Prisma migration")
    script.set_defaults(run=_prisma_migration)

    openapi = commands.add_parser("openapi", help="print the OpenAPI document of the API")
    openapi.set_defaults(run=_openapi)

    door = commands.add_parser("serve", help="serve the public door, to which links in mails lead; see docs/public.md")
    door.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    door.add_argument("--port", type=int, default=8090, help="the port (default: 8090)")
    door.set_defaults(run=_serve)

    doctor = commands.add_parser(
        "doctor", help="check settings, servers and privileges, and say what to do; exit status 1 if there is a fault"
    )
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.add_argument("--send-to", metavar="ADDRESS", help="also send a test message; otherwise nothing is mailed")
    doctor.set_defaults(run=_doctor)

    as_code = add_commands(commands)
    for command in as_code:
        command.set_defaults(run=_as_code)

    for command in (migrate, seed, validate, preview, jobs, *as_code):
        database = command.add_mutually_exclusive_group()
        database.add_argument(
            "--conn-id",
            help="an Airflow connection, from the environment or the secrets backend; one in Airflow's own database is "
            "known only inside Airflow",
        )
        database.add_argument(
            "--dsn",
            help="a libpq connection string, without the password, which other users of this machine would see "
            "(default: SCHEDULED_REPORTS_DSN, AIRFLOW_CONN_REPORTS_DB, or libpq's variables, such as PGSERVICE)",
        )

    runs = commands.add_parser("next-runs", help="print the upcoming run times of a cron expression")
    runs.add_argument("cron", help="five fields in quotes, such as '0 9 * * 1'")
    runs.add_argument("--timezone", default="UTC", help="an IANA time zone (default: UTC)")
    runs.add_argument(
        "--from",
        dest="start",
        type=_moment,
        default=None,
        help="the time after which they come, such as 2026-05-11T09:00:00Z (default: now)",
    )
    runs.add_argument("--count", type=int, default=5, help="how many to print (default: 5)")
    runs.add_argument("--calendar", help="a country or region whose holidays and weekends are closed, such as DE-BY")
    runs.add_argument(
        "--on-closed",
        choices=("skip", "before", "after"),
        default="skip",
        help="what becomes of a run on a closed day: skipped, or moved to the open day before or after (default: skip)",
    )
    runs.add_argument("--starts-on", type=date.fromisoformat, help="the first local day, such as 2026-05-11")
    runs.add_argument("--ends-on", type=date.fromisoformat, help="the last local day")
    runs.set_defaults(run=_next_runs)
    return parser


def _find_dsn(options: argparse.Namespace) -> str:
    from .adapters.postgres.dsn import find_dsn, has_password

    if getattr(options, "conn_id", None):
        return _connection(options.conn_id)
    if options.dsn and has_password(options.dsn):
        print(SEEN_BY_OTHERS, file=sys.stderr)
    return find_dsn(options.dsn, os.environ)


def _connection(conn_id: str) -> str:
    """Return the connection string of an Airflow connection; nothing else of a command needs Airflow."""
    try:
        from .orchestration.connections import dsn_outside_airflow
    except ModuleNotFoundError as error:
        raise ValueError(f"--conn-id needs Airflow, and {error.name} is not installed; use --dsn") from None
    return dsn_outside_airflow(conn_id)


def _migrate(options: argparse.Namespace) -> int:
    from .adapters.postgres.migrate import migrate

    print(*migrate(options.dsn), sep="\n")
    return 0


def _prisma_migration(_: argparse.Namespace) -> int:
    from .adapters.postgres.sql.prisma import script

    print(script(), end="")
    return 0


def _openapi(_: argparse.Namespace) -> int:
    from .web.app import document, make

    # Nothing is asked of the caller or the ports to describe the routes.
    print(json.dumps(document(make(lambda: None, lambda: None)), indent=1, sort_keys=True))  # type: ignore[arg-type,return-value]
    return 0


def _seed(options: argparse.Namespace) -> int:
    try:
        from .sample_data.seed import seed
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(f"{__package__}."):
            raise ValueError(NO_SAMPLE_DATA) from None
        raise
    until = options.until or datetime.now(UTC).date()
    print(*seed(options.dsn, until=until, reports=options.reports, messages=options.messages), sep="\n")
    return 0


def _validate(options: argparse.Namespace) -> int:
    from .adapters.postgres.reports import PostgresDefinitions
    from .reports.calendars import resolved
    from .reports.parser import parse
    from .reports.types.catalog import catalog

    rows = PostgresDefinitions(options.dsn).rows(limit=1_000_000)
    reports, rejections = parse(resolved(row) for row in rows)
    broken = {name: reasons.split("\n") for name, reasons in catalog().broken.items()}
    broken |= _wrong_columns(options.dsn, {report.type for report in reports})
    for name, reasons in broken.items():
        print(f"report type {name!r} is broken")
        print(*(f"  {reason}" for reason in reasons), sep="\n")
    for rejection in rejections:
        print(f"{rejection.report_id} {rejection.name!r}")
        for problem in rejection.problems:
            print(f"  {problem}")
    print(f"{len(reports)} valid, {len(rejections)} rejected")
    return 1 if rejections or broken else 0


def _wrong_columns(dsn: str, used: set[str]) -> dict[str, list[str]]:
    """What the database says of the queries of our users' own report types, and of the types that reports use."""
    from .adapters.postgres.source import PostgresSource
    from .reports.types.catalog import KNOWN_TYPES, report_types
    from .runs.query import type_problems

    source = PostgresSource(dsn)
    checked = [kind for kind in report_types().values() if kind.id in used or kind.id not in KNOWN_TYPES]
    found = {kind.id: type_problems(source, kind) for kind in checked}
    return {name: problems for name, problems in found.items() if problems}


def _import_export_jobs(options: argparse.Namespace) -> int:
    from .adapters.postgres.export_jobs import PostgresExportJobs
    from .reports.export_jobs.decision import lines, totals

    old = PostgresExportJobs(options.dsn)
    if not old.has_schedules():
        print("export_jobs has no JSON column metadata: there is no schedule to import")
        return 0
    ids, jobs = old.candidates()
    outcomes = []
    for job_id in ids:
        if outcome := old.import_job(job_id, retire=options.retire):
            outcomes.append(outcome)
            print(*lines(outcome), sep="\n", flush=True)
    print(totals(outcomes, jobs - len(outcomes)))
    return 1 if any(outcome.failed for outcome in outcomes) else 0


def _preview(options: argparse.Namespace) -> int:
    from .adapters.postgres.brands import PostgresBrands
    from .adapters.postgres.reports import PostgresDefinitions
    from .adapters.postgres.runs import PostgresRuns
    from .adapters.postgres.source import PostgresSource
    from .adapters.staging import ArrowStaging
    from .runs.preview import preview
    from .settings import Settings

    row = PostgresDefinitions(options.dsn).row(options.report_id)
    if row is None:
        raise ValueError(f"there is no report {options.report_id!r}")
    with tempfile.TemporaryDirectory() as folder:
        rows = preview(
            row,
            options.format,
            options.at,
            options.out,
            source=PostgresSource(options.dsn),
            staging=ArrowStaging.local(Path(folder)),
            settings=Settings.from_env(os.environ),
            watermark=PostgresRuns(options.dsn).watermark(options.report_id),
            brand=PostgresBrands(options.dsn).of(row["workspace_id"]),
        )
    print(f"{options.out}: {rows} rows")
    return 0


def _as_code(options: argparse.Namespace) -> int:
    from .adapters.postgres.as_code import PostgresCodeStore
    from .as_code.command import run

    return run(options, PostgresCodeStore(options.dsn))


def _serve(options: argparse.Namespace) -> int:
    from .serving import serve

    serve(options.host, options.port, os.environ)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from .domain.finding import Level

    with redirect_stdout(sys.stderr):  # where Airflow logs, once it is imported
        found = list(_findings(options.send_to))
    if options.json:
        print(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
    else:
        for one in found:
            print(f"{one.level.upper():<8} {one.subject}: {one.text}")
            if one.remedy:
                print(f"{'':<8} → {one.remedy}")
    return int(any(one.level is Level.FAULT for one in found))


def _findings(send_to: str | None) -> Iterable[Finding]:
    """What the doctor finds; where Airflow is not installed, only the settings and the database are examined."""
    if find_spec("airflow") is not None:
        from .orchestration.doctor import examine

        return examine(send_to=send_to)
    from .adapters.postgres.dsn import find_dsn
    from .adapters.postgres.examine import PostgresDatabase
    from .diagnosis.doctor import examine_without_airflow

    return examine_without_airflow(PostgresDatabase(find_dsn(None, os.environ)), os.environ)


def _next_runs(options: argparse.Namespace) -> int:
    start = options.start or datetime.now(UTC)
    cron, zone = _read(options.cron, Cron.parse), _read(options.timezone, parse_zone)
    schedule = Schedule(
        cron=cron,
        zone=zone,
        effective_from=start,
        calendar=None if options.calendar is None else _country(options.calendar, start),
        on_closed=options.on_closed,
        starts_on=options.starts_on,
        ends_on=options.ends_on,
    )
    for tick in islice(schedule.ticks_after(start), options.count):
        print(tick.astimezone(zone).isoformat())
    return 0


def _country(code: str, start: datetime) -> Calendar:
    from .reports.calendars import country

    return _read(code, lambda text: country(text, start))


def _read(text: str, parse: Callable[[str], T]) -> T:
    """What *parse* makes of an argument; its error begins with the argument, as in a rejection."""
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{shown(text)} {error}") from error


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{shown(text)} {error}.") from None


if __name__ == "__main__":
    sys.exit(main())
