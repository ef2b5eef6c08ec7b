"""Tags of the files in S3."""

from __future__ import annotations

import pytest

from include.scheduled_reports.domain.errors import ConfigurationError
from include.scheduled_reports.domain.formats import Format
from include.scheduled_reports.runs import pipeline
from include.scheduled_reports.settings import Settings
from include.scheduled_reports.settings.object_tags import read_tags, tags_of
from tests.unit.rows import report
from tests.unit.run_helpers import KEY, TRIGGER


def test_tags_are_names_and_values_in_their_order():
    assert read_tags(" team = reports , class=pii,") == {"team": "reports", "class": "pii"}
    assert read_tags("") == {}


@pytest.mark.parametrize(
    "text",
    ["team", "a=1,a=2", "=x", "aws:cost=1", "a=b&c", 'a="b"', "a={nobody}", ",".join(f"t{n}=1" for n in range(11)),
     f"{'n' * 129}=1", f"a={'v' * 257}", "a=ü"],
)  # fmt: skip
def test_what_s3_would_not_take_is_refused_when_the_settings_are_read(text):
    with pytest.raises(ConfigurationError, match=r"SCHEDULED_REPORTS__OBJECT_TAGS: "):
        Settings.from_env({"SCHEDULED_REPORTS__OBJECT_TAGS": text})


def test_places_become_the_ids_of_the_report():
    found = tags_of("of={workspace}/{report},type={type}", report(id="r1", workspace_id="ws 1"))

    assert found == {"of": "ws.201/r1", "type": "workspace-activity"}


def test_each_file_carries_them(make_services):
    services = make_services(Settings(object_tags="report={report}"))
    pipeline.query(services, TRIGGER)
    pipeline.render(services, KEY, Format.CSV)
    pipeline.upload(services, KEY, Format.CSV)

    assert list(services.store.tags.values()) == [{"report": "r1"}]
