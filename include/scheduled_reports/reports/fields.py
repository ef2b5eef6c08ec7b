"""The names that the API and the files of reports give to columns, and the values of columns that are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The fields of a report and their columns.
FIELDS = {
    "name": "name",
    "description": "description",
    "reportType": "reportType",
    "cronExpression": "cron_expression",
    "timezone": "timezone",
    "exportFormats": "export_formats",
    "parameters": "parameters",
    "isActive": "is_active",
    "tags": "tags",
    "createdBy": "created_by_id",
}
#: The fields of `emailDelivery`.
EMAIL_FIELDS = {
    "enabled": "email_enabled",
    "recipients": "email_recipients",
    "subject": "email_subject",
    "includeAttachment": "email_include_attachment",
    "includeInlinePreview": "email_include_preview",
    "sendOnlyIfData": "email_send_only_if_data",
    "ccRecipients": "email_cc_recipients",
    "bccRecipients": "email_bcc_recipients",
}
#: The field of each column.
FIELD_OF = {column: field for field, column in FIELDS.items()} | {
    column: f"emailDelivery.{field}" for field, column in EMAIL_FIELDS.items()
}
#: The fields of a workspace's brand, and their names in `domain.brand`.
BRAND_FIELDS = {
    "name": "name",
    "logo": "logo",
    "logoDark": "logo_dark",
    "colour": "colour",
    "footer": "footer",
    "senderName": "sender_name",
    "senderAddress": "sender_address",
    "replyTo": "reply_to",
}
#: Values of a new row; those of required columns are placeholders.
DEFAULTS: dict[str, Any] = {
    "name": "",
    "description": None,
    "reportType": "",
    "cron_expression": "",
    "timezone": "UTC",
    "is_active": True,
    "status": "ACTIVE",
    "export_formats": [],
    "parameters": {},
    "tags": [],
    "email_enabled": False,
    "email_recipients": [],
    "email_cc_recipients": [],
    "email_bcc_recipients": [],
    "email_subject": None,
    "email_include_attachment": True,
    "email_include_preview": False,
    "email_send_only_if_data": False,
    "created_by_id": "",
    "options": {},
    "missed_runs": "latest",
}
#: The columns about the creator if there is no such user.
NO_CREATOR: dict[str, Any] = {
    "creator_email": None,
    "creator_status": None,
    "creator_name": None,
    "creator_is_member": False,
    "creator_role": None,
}


def new_row(
    report_id: str, values: Mapping[str, Any], workspace: Mapping[str, str], creator: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the row of a new report as the parser reads it; *workspace* has `id`, `name` and `slug`."""
    return {
        **DEFAULTS,
        **values,
        **(creator or NO_CREATOR),
        **{f"workspace_{name}": value for name, value in workspace.items()},
        "id": report_id,
        "deleted": False,
        "tombstone": None,
        "slug_is_unique": True,
        "effective_from": "1970-01-01T00:00:00+00:00",
        "calendar": None,
        "error_cause": None,
    }
