"""Which queries a run asks: those whose rows its files, its email and its conditions show."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.unit.run_helpers import KEY, attachments, mails, manual, text_of, walk

#: workspace-activity: its main dataset is `days`, which its chart compares with the period before; the email shows the
#: figures and the chart, the files of other formats than CSV show every dataset.
FIGURES = {"figures": 2}
ALL = FIGURES | {"days": 2, "people": 1, "channels": 1}
UNMAILED = {"mail": False}


def asked(make_services, answers, formats, conf=None, **options):
    services = make_services(export_formats=formats, **options)
    outcome = walk(services, manual(**conf or {}))
    assert outcome.reason is None
    return Counter(name for name, _ in answers.asked)


ROWS = {"kind": "rows", "dataset": "people", "is": "any"}
ABOVE = {"kind": "figure", "figure": "messages", "operator": ">", "value": 3}


@pytest.mark.parametrize(
    ("formats", "conf", "wanted"),
    [
        (["csv"], UNMAILED, {"days": 1}),
        (["csv"], {"period": "2026-04-01/2026-04-30"}, {"days": 1}),
        (["json"], UNMAILED, ALL | {"days": 1}),
        (["csv", "json"], UNMAILED, ALL | {"days": 1}),
        (["excel"], UNMAILED, ALL),
        (["html"], UNMAILED, ALL),
        (["csv"], {}, ALL),
    ],
)
def test_are_asked_for_the_formats_and_the_email(make_services, answers, formats, conf, wanted):
    assert asked(make_services, answers, formats, conf) == wanted


@pytest.mark.parametrize(
    ("condition", "wanted"), [(ROWS, {"days": 1, "people": 1}), (ABOVE, {"days": 1, "figures": 2})]
)
def test_are_asked_for_the_conditions(make_services, answers, condition, wanted):
    options = {"sendIf": {"conditions": [condition]}}

    assert asked(make_services, answers, ["csv"], UNMAILED, options=options) == wanted


def test_of_a_csv_that_was_not_mailed_are_enough_to_mail_it_afterwards(make_services):
    services = make_services(export_formats=["csv"])
    walk(services, manual(**UNMAILED))

    again = replace(manual(resend=KEY.run_id), key=replace(KEY, run_id="manual__again"))
    assert walk(services, again).reason is None

    (mail,) = mails(services)
    assert [name.rpartition(".")[2] for name in attachments(mail)] == ["csv"]
    assert "7 rows match." in text_of(mail)
