"""The form in Airflow for a manual run; its defaults change nothing."""

from __future__ import annotations

from functools import cache

from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from ..domain.formats import Format
from ..reports.parameters import PERIODS

DAY = r"\d{4}-\d{2}-\d{2}"


@cache
def form() -> ParamsDict:
    """Return the form: one object for all DAGs, because building it takes longer than the rest of a DAG."""
    names = [str(chosen) for chosen in Format]
    periods = "|".join(PERIODS[:-1])
    return ParamsDict(
        {
            "formats": Param(
                None,
                type=["null", "array"],
                title="Formats",
                description="Create only these formats instead of the report's.",
                items={"type": "string", "enum": names},
                examples=names,
            ),
            "recipients": Param(
                None,
                type=["null", "array"],
                title="Recipients",
                description="Send to these members of the workspace instead of the report's recipients.",
                items={"type": "string", "format": "idn-email"},
                maxItems=50,
            ),
            "mail": Param(
                None,
                type=["null", "boolean"],
                title="Send by email",
                description="Overrides the report's setting.",
            ),
            "period": Param(
                None,
                type=["null", "string"],
                title="Period",
                description="Another period, such as last-7-days, or two dates such as 2026-05-01/2026-05-31. "
                "The run is then sent only if you choose to send it by email.",
                pattern=f"^({periods}|{DAY}/{DAY})$",
                examples=list(PERIODS[:-1]),
            ),
            "resend": Param(
                None,
                type=["null", "string"],
                title="Resend",
                description="The ID of an earlier run. Its files are sent again to everyone who did not certainly "
                "receive them, or to the recipients above. No new files are created.",
                maxLength=250,
            ),
            "triggered_by": Param(
                None,
                type=["null", "string"],
                title="On behalf of",
                description="The ID of the user who requested this run.",
                maxLength=200,
            ),
        }
    )
