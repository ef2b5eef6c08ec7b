"""What the API answers, as types: mypy holds the serializers to them, and the OpenAPI document describes them.

Times are ISO 8601 in UTC with milliseconds, such as `2026-05-11T07:00:00.000Z`.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

#: Every problem of every field, by the field's name.
Details = dict[str, list[str]]


class Failure(TypedDict):
    """Why a request was not done."""

    error: str
    details: NotRequired[Details]


class Done(TypedDict):
    """A change that was made."""

    success: Literal[True]
    message: str


class Workspace(TypedDict):
    """A workspace."""

    id: str
    name: str
    slug: str


class Pagination(TypedDict):
    """The part of a list."""

    limit: int
    offset: int
    hasMore: bool


class Person(TypedDict):
    """The owner of a report."""

    id: str
    name: str | None
    email: str | None
    avatarUrl: str | None


class EmailDelivery(TypedDict):
    """How a report is emailed."""

    enabled: bool
    recipients: list[str]
    subject: str | None
    includeAttachment: bool
    includeInlinePreview: bool
    sendOnlyIfData: bool
    ccRecipients: list[str]
    bccRecipients: list[str]


class Report(TypedDict):
    """A report."""

    id: str
    name: str
    description: str | None
    reportType: str
    cronExpression: str
    cronDescription: str | None
    timezone: str
    exportFormats: list[str]
    emailDelivery: EmailDelivery
    parameters: Any
    isActive: bool
    tags: list[str]
    lastRun: str | None
    lastRunStatus: str | None
    nextRun: str | None
    runCount: int
    failureCount: int
    createdBy: Person
    createdAt: str | None
    updatedAt: str | None
    status: str
    successCount: int
    lastError: str | None
    missedRuns: str
    options: dict[str, Any]
    phase: str
    dagId: str | None
    pausedInAirflow: bool


class ReportList(TypedDict):
    """A page of a list of reports."""

    reports: list[Report]
    total: int
    pagination: Pagination
    workspace: Workspace


class Execution(TypedDict):
    """A row of report_executions: one format of a run."""

    id: str
    status: str
    startedAt: str | None
    completedAt: str | None
    recordCount: int | None
    fileSize: int | None
    error: str | None
    duration: int | None
    format: str
    progress: int
    scheduledFor: str | None
    emailSent: bool
    emailSentAt: str | None
    emailError: str | None
    retryCount: int
    triggeredBy: str
    triggeredManually: bool
    createdAt: str | None


class MissedTicks(TypedDict):
    """The missed ticks of one outage."""

    first: str | None
    last: str | None
    ticks: int
    policy: str
    made: int
    at: str | None


class ReportDetail(Report):
    """A report with its newest executions."""

    problems: Details
    executionHistory: list[Execution]
    missedTicks: list[MissedTicks]
    optedOut: list[str]


class MailDecision(TypedDict):
    """What was decided about the email of a run; `wanted` is null if it could not be decided."""

    wanted: bool | None
    why: str | None
    suppressed: list[str]


class Condition(TypedDict):
    """What one condition of an email has found."""

    met: bool
    text: str


class SendIf(TypedDict):
    """What the conditions of an email have found."""

    met: bool
    why: str | None
    conditions: list[Condition]


class Run(TypedDict):
    """A run; `queued` is a requested one of which no task has started."""

    runId: str
    kind: str
    state: str
    reason: str | None
    test: bool
    resendOf: str | None
    scheduledFor: str | None
    windowStart: str | None
    windowEnd: str | None
    triggeredBy: str
    rows: int | None
    dataRows: int | None
    summary: str | None
    startedAt: str | None
    settledAt: str | None
    mail: MailDecision | None
    sendIf: SendIf | None
    executions: list[Execution]


class RunList(TypedDict):
    """A page of the runs of a report, the newest first."""

    runs: list[Run]
    total: int
    pagination: Pagination


class Stage(TypedDict):
    """A stage of a run: a task in Airflow, or a part of one."""

    name: str
    taskId: str
    mapIndex: int
    label: str | None
    state: str | None
    attempt: int
    startedAt: str | None
    endedAt: str | None
    seconds: float | None


class Artifact(TypedDict):
    """A file of a run; `path` is relative to the app."""

    format: str
    fileName: str
    contentType: str
    bytes: int
    sha256: str
    rows: int | None
    totalRows: int | None
    executionId: str
    fileUrl: str
    path: str


class Outcome(TypedDict):
    """What became of a message at one recipient."""

    address: str
    state: str
    isPermanent: bool | None
    at: str | None
    reason: str | None
    detail: str | None


class ReaderState(TypedDict):
    """What became of a message's links; the address of a message to several readers is null."""

    address: str | None
    openings: int
    automaticOpenings: int
    lastOpenedAt: str | None
    revokedAt: str | None


class Delivery(TypedDict):
    """A message of the ledger; `reader` is null unless its links lead to the public door."""

    message: str
    isNotice: bool
    state: str
    subject: str | None
    recipients: dict[str, list[str]]
    mode: str | None
    formats: list[str]
    messageId: str | None
    error: str | None
    refused: Any
    requestedBy: str | None
    resendOf: str | None
    claimedAt: str | None
    settledAt: str | None
    confirmedAt: str | None
    hasEvents: bool
    almostCertainlyNotSent: bool
    outcomes: list[Outcome]
    reader: ReaderState | None


class RunDetail(Run):
    """A run with its stages, its files and its messages."""

    stages: list[Stage]
    artifacts: list[Artifact]
    deliveries: list[Delivery]


class ArtifactList(TypedDict):
    """The files of a run."""

    artifacts: list[Artifact]


class DeliveryList(TypedDict):
    """The messages of a run."""

    deliveries: list[Delivery]


class ExecutionJob(TypedDict):
    """The execution of the first format of a requested run."""

    id: str
    status: str | None
    progress: int | None
    createdAt: str | None


class Requested(Done):
    """A run that was requested."""

    executionJob: ExecutionJob
    runId: str


class Retried(Done):
    """A run whose failed steps are repeated."""

    runId: str


class Revoked(Done):
    """A run whose links were revoked, and for how many messages."""

    revoked: int


class OptOut(TypedDict):
    """That a reader left a report, and how it was taken back."""

    address: str
    how: str
    leftAt: str | None
    returnedAt: str | None
    returnedBy: str | None
    returnReason: str | None


class OptOutList(TypedDict):
    """The readers who left a report."""

    optOuts: list[OptOut]


class Suppression(TypedDict):
    """An address that a workspace's reports do not mail, and how it was let be mailed again."""

    address: str
    cause: str
    reason: str
    since: str | None
    reportId: str | None
    reportName: str | None
    liftedAt: str | None
    liftedBy: str | None
    liftReason: str | None


class SuppressionList(TypedDict):
    """The suppressed addresses of a workspace."""

    suppressions: list[Suppression]


class Brand(TypedDict):
    """The brand of a workspace; null where the deployment's counts."""

    name: str | None
    logo: str | None
    logoDark: str | None
    colour: str | None
    footer: str | None
    senderName: str | None
    senderAddress: str | None
    replyTo: str | None


class BrandAnswer(TypedDict):
    """The brand of a workspace."""

    brand: Brand


class HandedOver(TypedDict):
    """Whether one report was handed over, and what was wrong."""

    id: str
    changed: bool
    error: str | None


class HandOverResult(TypedDict):
    """What became of each report."""

    results: list[HandedOver]
    changed: int


class Moment(TypedDict):
    """A time in UTC and in the zone of the schedule."""

    at: str | None
    local: str


class NextRuns(TypedDict):
    """The upcoming run times."""

    cronDescription: NotRequired[str | None]
    timezone: str
    nextRuns: list[Moment]


class AuditEntry(TypedDict):
    """An entry of the audit trail."""

    id: int
    at: str | None
    reportId: str | None
    action: str
    actor: str
    actingUserId: str | None
    runId: str | None
    before: Any
    after: Any


class AuditTrail(TypedDict):
    """Entries of the audit trail, the newest first."""

    entries: list[AuditEntry]


class Rejection(TypedDict):
    """A row that cannot be scheduled."""

    id: str
    name: Any
    problems: Details


class RejectionList(TypedDict):
    """The rows of a workspace that cannot be scheduled."""

    rejections: list[Rejection]
    total: int


class Finding(TypedDict):
    """A line of the doctor."""

    level: str
    subject: str
    text: str
    remedy: str | None


class HealthDetails(TypedDict):
    """What the doctor finds."""

    status: str
    findings: list[Finding]


class EventsRead(TypedDict):
    """How far the mail service's events were read."""

    read: int
    ignored: int
    drainedAt: str | None


class ListedValue(TypedDict):
    """A value of a parameter, and how people see it."""

    value: Any
    title: str


class ListedValues(TypedDict):
    """The values that a query lists; there are more than were returned if `hasMore`."""

    values: list[ListedValue]
    hasMore: bool


class ParameterValues(TypedDict):
    """The listed values of a report type's parameters, by name."""

    parameters: dict[str, ListedValues]
