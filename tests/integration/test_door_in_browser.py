"""The pages of the public door in a browser: its policy lets the style in, and the buttons work."""

from __future__ import annotations

import pytest

from demo import aws
from include.scheduled_reports.adapters.door_files import DoorFiles
from include.scheduled_reports.adapters.postgres.door import PostgresDoor
from include.scheduled_reports.settings.links import read_keys
from include.scheduled_reports.web.public.app import PublicDoor
from include.scheduled_reports.web.public.pages import Pages
from tests.contract.door import CONTENT, Scene, new_key, put_file, serving
from tests.e2e.visitors import chromium

pytestmark = pytest.mark.slow
KEYS = new_key(1)


@pytest.fixture
def local_aws(tmp_path):
    running = aws.start(tmp_path)
    running.create_bucket("reports")
    put_file(running.client("s3"))
    yield running
    running.child.stop()


def test_a_reader_leaves_comes_back_switches_another_report_and_loads_a_file(migrated_dsn, local_aws):
    scene = Scene.make(migrated_dsn)
    app = PublicDoor(
        door=PostgresDoor(scene.dsn), link=DoorFiles(local_aws.client("s3")).link, keys=read_keys(KEYS), pages=Pages()
    )
    with serving(app, KEYS) as visitor, chromium() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 640}, color_scheme="dark")
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.on("requestfailed", lambda request: said.append(request.url))
        root = str(visitor.http.base_url).rstrip("/")

        page.goto(root + visitor.leave(scene.ada))
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 15, 16)"
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.get_by_role("button", name="Stop these emails").click()
        page.get_by_role("heading", name="You no longer get “Weekly activity”").wait_for()
        page.reload()
        page.get_by_role("button", name="Get it again").click()
        page.get_by_role("button", name="Stop these emails").wait_for()
        assert scene.opt_outs() == [("r1", "ada@acme.example", "page", True)]

        page.get_by_role("link", name="Everything that this address gets from Acme").click()
        row = page.get_by_role("listitem").filter(has_text="Ärger & <Co>")
        row.get_by_role("button", name="Stop").click()
        row.get_by_role("button", name="Get it again").wait_for()
        assert row.get_by_text("You have left it.").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert scene.opt_outs()[1:] == [("r2", "ada@acme.example", "manage", False)]

        assert said == []

        with page.expect_download() as loading:
            page.evaluate("address => { location.href = address }", root + visitor.file(scene.ada))
        assert loading.value.path().read_bytes() == CONTENT
        assert loading.value.suggested_filename == "Ärger.csv"
