"""The scenes of the gallery: a report of the sample data per scene."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from include.scheduled_reports.domain.brand import Brand

if TYPE_CHECKING:
    from collections.abc import Mapping

_DRAWN = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 220 48">
<rect x="2" y="6" width="36" height="36" rx="9" fill="#0b6e5f"/>
<circle cx="14" cy="21" r="4" fill="#fff"/><circle cx="26" cy="21" r="4" fill="#fff"/>
<path d="M12 31h16" stroke="#fff" stroke-width="3" stroke-linecap="round"/>
<text x="50" y="33" font-family="Noto Sans" font-size="24" font-weight="700" fill="#12332d">acme robotics</text>
</svg>"""
LOGO: Final = f"data:image/svg+xml;base64,{b64encode(_DRAWN).decode()}"
LOGO_DARK: Final = f"data:image/svg+xml;base64,{b64encode(_DRAWN.replace(b'#12332d', b'#e6e9ed')).decode()}"
EVERYTHING: Final = ("pdf", "csv", "json", "excel", "html")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One run of a sample report: *name* is the folder, *row* changes columns of the report before the run.

    *sql* is a file beside this one, executed before the run; scenes after it see what it changed.
    """

    name: str
    title: str
    about: str
    report: str
    row: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    sql: str = ""
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    brand: Brand | None = None  # of the report's workspace
    formats: tuple[str, ...] = EVERYTHING
    pages: int = 2  # of the PDF
    sheets: int = 2  # of the workbook
    views: tuple[str, ...] = ("mail", "mail-phone", "html", "html-dark", "html-phone")


SCENES: Final = (
    Scene(
        name="workspace-activity",
        title="Workspace activity",
        about="Emailed every Monday at 09:00 in Berlin, with all five formats attached.",
        report="demo-report-weekly-activity",
        row={"name": "Weekly activity", "description": "What happened at Acme Robotics last week."},
    ),
    Scene(
        name="channel-analytics",
        title="Channel analytics",
        about="Which channels are active, and which have gone quiet.",
        report="demo-report-daily-channels",
        row={"name": "Channels, the last seven days", "description": "Who talks where.", "email_subject": None},
    ),
    Scene(
        name="user-engagement",
        title="User engagement",
        about="A month, with people by activity level.",
        report="demo-report-engagement",
        row={
            "name": "Engagement",
            "description": "",
            "timezone": "Europe/Berlin",
            "parameters": {"dateRange": {"type": "last-30-days"}},
        },
    ),
    Scene(
        name="task-completion",
        title="Task completion",
        about="What was completed, what is overdue, and by whom.",
        report="demo-report-tasks-hourly",
        row={
            "name": "Tasks, the last 30 days",
            "email_recipients": ["ada.okafor@acme-robotics.example"],
            "parameters": {"dateRange": {"type": "last-30-days"}},
        },
    ),
    Scene(
        name="workflow-execution",
        title="Workflow execution",
        about="What ran, how long it took and why it failed.",
        report="demo-report-workflows",
        row={"name": "Workflows", "timezone": "America/New_York", "parameters": {"dateRange": {"type": "last-7-days"}}},
    ),
    Scene(
        name="security-audit",
        title="Security audit",
        about="Every event of a week; runs only while its creator is ADMIN or OWNER.",
        report="demo-report-security",
        row={"name": "Security audit", "email_include_attachment": True, "email_subject": None},
    ),
    Scene(
        name="export-summary",
        title="Export summary",
        about="A calendar quarter of exports.",
        report="demo-report-exports-quarterly",
        row={"name": "Quarterly exports"},
    ),
    Scene(
        name="custom",
        title="Custom report",
        about="A table defined by its creator from allowed sources and columns.",
        report="demo-report-late-tasks",
    ),
    Scene(
        name="nothing-happened",
        title="When nothing happened",
        about="A channel that is silent since it was archived: the report says so in every format.",
        report="demo-report-pilot-watch",
        row={"is_active": True, "email_send_only_if_data": False},
        pages=1,
        sheets=1,
    ),
    Scene(
        name="too-long",
        title="When a table is longer than its format allows",
        about="PDF and HTML stop at ROW_LIMIT (here 20) and say so in the file, the email and the record; "
        "the files here are too large to attach, so the email has links and says until when they work.",
        report="demo-report-security",
        row={"name": "Security audit", "email_include_attachment": True, "email_subject": None},
        settings={"row_limit": 20, "message_bytes": 530_000},
        formats=("pdf", "csv", "html"),
        views=("mail",),
        pages=3,
    ),
    Scene(
        name="branded",
        title="In the colours of a company",
        about="Logo, colour, footer, name and sender of its workspace, in PDF, HTML, Excel and email; "
        "the email has an unsubscribe link.",
        report="demo-report-weekly-activity",
        row={"name": "Weekly activity", "description": "What happened at Acme Robotics last week."},
        settings={
            "unsubscribe": "mailto:reports@acme-robotics.example?subject=unsubscribe, https://acme-robotics.example/off",
        },
        brand=Brand(
            name="Acme Robotics",
            logo=LOGO,
            logo_dark=LOGO_DARK,
            colour="#0b6e5f",
            footer="Acme Robotics GmbH, Spree 12, Berlin. For internal use only.",
            sender_name="Acme Robotics reports",
        ),
        sheets=1,
    ),
    Scene(
        name="another-brand",
        title="In the colours and words of another workspace",
        about="The same deployment and another workspace: its own colour and sender, and a subject and an introduction "
        "with placeholders.",
        report="demo-report-tokyo-morning",
        options={
            "subject": "Tokyo this morning: {lead}",
            "introduction": "Good morning, Tokyo.\nThis is {name} for {period}, as every day.",
        },
        brand=Brand(
            name="Tokyo Lab", colour="#a02c5a", footer="Tokyo Lab · ask@tokyo-lab.example", sender_name="Tokyo Lab"
        ),
        pages=1,
        sheets=1,
        views=("mail", "mail-phone", "html", "html-dark"),
    ),
    Scene(
        name="tokyo",
        title="In another script",
        about="Names in any script, in every format.",
        report="demo-report-tokyo-morning",
        pages=1,
        sheets=1,
        views=("mail", "html"),
    ),
    Scene(
        name="dubai",
        title="From right to left",
        about="Arabic names beside Latin, Chinese and Korean ones, in every format.",
        report="demo-report-tokyo-morning",
        row={
            "name": "نشاط مكتب دبي",
            "description": "أسبوع واحد في مكتب دبي",
            "timezone": "Asia/Dubai",
            "email_subject": None,
        },
        sql="dubai.sql",
        pages=1,
        sheets=1,
        views=("mail", "mail-phone", "html", "html-phone"),
    ),
)
