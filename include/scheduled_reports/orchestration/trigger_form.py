"""The form of a run by hand: what a person may ask of it; the defaults change nothing."""

from __future__ import annotations

from functools import cache

from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from ..domain.formats import Format
from ..reports.parameters import PERIODS

DAY = r"\d{4}-\d{2}-\d{2}"


@cache
def form() -> ParamsDict:
    """The form; one object for all DAGs, because making and checking it costs more than the rest of one."""
    names = [str(chosen) for chosen in Format]
    periods = "|".join(PERIODS[:-1])
    return ParamsDict(
        {
            "formats": Param(
                None,
                type=["null", "array"],
                title="Formats",
                description="Only these formats, instead of the report's own.",
                items={"type": "string", "enum": names},
                examples=names,
            ),
            "recipients": Param(
                None,
                type=["null", "array"],
                title="Recipients",
                description="Mail to these members of the workspace instead of the report's own recipients.",
                items={"type": "string", "format": "idn-email"},
                maxItems=50,
            ),
            "mail": Param(
                None,
                type=["null", "boolean"],
                title="Mail",
                description="Yes or no, whatever the report says.",
            ),
            "period": Param(
                None,
                type=["null", "string"],
                title="Period",
                description="Another period: last-7-days and its like, or two days as 2026-05-01/2026-05-31. "
                "Such a run is mailed only if asked for.",
                pattern=f"^({periods}|{DAY}/{DAY})$",
                examples=list(PERIODS[:-1]),
            ),
            "resend": Param(
                None,
                type=["null", "string"],
                title="Send again",
                description="The id of an earlier run: its files are mailed again, to those who did not surely get "
                "them, or to the recipients above. Nothing is made anew.",
                maxLength=250,
            ),
            "triggered_by": Param(
                None,
                type=["null", "string"],
                title="On behalf of",
                description="The id of the user who asked for this run.",
                maxLength=200,
            ),
        }
    )
