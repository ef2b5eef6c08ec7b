"""The form of a report, and texts that attack the pages, in a real browser on a running Airflow."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.e2e import page_scene as scene
from tests.e2e.page_scene import column

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TYPES = Path(__file__).parents[2] / "include/scheduled_reports/reports/types/builtin"
FORMATS = ["pdf", "csv", "json", "excel", "html"]


# --- the form


def test_the_form_offers_the_types_and_formats_that_there_are(visit, here):
    page = visit.open("/new")

    offered = page.get_by_role("combobox", name="Type").locator("option")
    assert {one.get_attribute("value") for one in offered.all()} == {
        one.name for one in TYPES.iterdir() if (one / "report.yaml").exists()
    }
    assert "Channel analytics" in offered.all_inner_texts()
    assert page.locator("[name=exportFormats]").evaluate_all("all => all.map(one => one.value)") == FORMATS
    page.get_by_role("combobox", name="Type").select_option("task-completion")
    expect(page.get_by_text("Task statuses")).to_be_visible()
    page.get_by_role("combobox", name="Type").select_option("security-audit")
    expect(page.get_by_text("Task statuses")).to_be_hidden()
    expect(page.locator("#type-description")).to_contain_text("ADMIN or OWNER")
    page.get_by_role("combobox", name="Type").select_option("custom")
    expect(page.get_by_label("Tables and filters (JSON)")).to_be_visible()


def test_a_cron_is_said_in_words_with_its_next_runs_while_it_is_typed(visit, here):
    page = visit.open("/new")
    page.get_by_label("Time zone").fill("America/New_York")
    cron = page.get_by_label("Cron")
    cron.fill("")
    cron.press_sequentially("30 7 1 1 *")

    expect(page.locator(".next .schedule")).to_have_text("Yearly, on 1 January at 07:30")
    year = datetime.now(ZoneInfo("America/New_York")).year + 1
    expect(page.locator(".next li")).to_have_text(
        [re.compile(f"^{year + n}-01-01 07:30 America/New_York, .* 13:30 your time$") for n in range(5)]
    )
    cron.fill("*/5 * * * *")
    expect(page.locator(".next .schedule")).to_contain_text("more than once an hour")
    expect(page.locator(".next li")).to_have_count(0)


def test_a_report_is_previewed_made_and_becomes_a_dag(visit, here):
    _, email = scene.owner(here)
    page = visit.open("/new")
    page.get_by_role("combobox", name="Workspace").select_option(scene.LABEL)
    page.get_by_label("Name", exact=True).fill("Made in a browser")
    page.get_by_role("combobox", name="Type").select_option("workspace-activity")
    page.get_by_label("csv").check()
    page.get_by_label("Tags").fill("browser, first one")
    page.get_by_label("Period").select_option("custom")
    page.get_by_label("First day").fill("2026-05-01")
    page.get_by_label("Last day").fill("2026-05-07")
    page.get_by_label("Cron").fill("0 9 * * 1")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Send by email").check()
    page.get_by_label("To", exact=True).fill(email)
    before = column(here, "SELECT count(*) FROM scheduled_reports")
    page.get_by_role("button", name="Preview", exact=True).click()
    preview = page.frame_locator(".preview iframe")
    expect(preview.locator("h1")).to_contain_text("Made in a browser", timeout=60_000)
    page.get_by_label("Introduction").fill("Good morning, {workspace}.")
    page.get_by_role("button", name="Preview email").click()
    expect(page.locator("[data-mail-subject]")).to_contain_text("Made in a browser", timeout=60_000)
    expect(preview.locator("body")).to_contain_text("Good morning, ")
    page.get_by_label("Introduction").fill("")
    assert column(here, "SELECT count(*) FROM scheduled_reports") == before

    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="Made in a browser")).to_be_visible()
    (row,) = here.rows("SELECT * FROM scheduled_reports WHERE name = 'Made in a browser'")
    assert row | {
        "export_formats": ["pdf", "csv"], "tags": ["browser", "first one"], "parameters": scene.WEEK, "is_active": True,
        "cron_expression": "0 9 * * 1", "timezone": "Europe/Berlin", "email_recipients": [email], "email_enabled": True,
        "workspace_id": scene.WORKSPACE, "reportType": "workspace-activity",
    } == row  # fmt: skip
    here.api.wait_for_dag(f"scheduled_report_{row['id']}", seconds=60)
    page.reload()
    expect(page.get_by_role("link", name="Open DAG in Airflow")).to_be_visible()


def test_options_and_the_owner_are_edited_with_their_problems_at_their_fields(visit, here):
    scene.add(here, "pages-options", name="With options")
    page = visit.open("/reports/pages-options/edit")
    page.get_by_label("Period").select_option("week-to-date")
    page.get_by_label("Weeks begin on").select_option("sunday")
    page.get_by_text("Working days, start and end, missed runs").click()
    page.get_by_label("Calendar").fill("DE-XX")
    page.get_by_label("On a closed day").select_option("after")
    page.get_by_label("Ends on").fill("2099-12-31")
    page.get_by_label("After an outage").select_option("all")
    page.get_by_label("Send by email").check()
    page.get_by_label("To", exact=True).fill("reader@acme.example")
    condition = {"kind": "figure", "figure": "nothing", "operator": ">", "value": 10}
    page.get_by_label("Send only if (JSON)").fill(json.dumps({"conditions": [condition]}))
    page.get_by_role("button", name="Save").click()
    expect(page.locator('[data-field="options.calendar"] .wrong')).to_contain_text("DE-XX")
    expect(page.locator('[data-field="options.sendIf"] .wrong')).to_contain_text("nothing")

    page.get_by_label("Calendar").fill("DE-BY")
    expect(page.locator(".next li").first).not_to_contain_text("-01-01")  # a holiday: it runs on a day after it
    condition["figure"] = "overdue"
    page.get_by_label("Send only if (JSON)").fill(json.dumps({"conditions": [condition]}))
    expect(page.locator(".next li").first).not_to_contain_text("-01-01")  # a holiday: it runs on a day after it
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="With options")).to_be_visible()
    (row,) = here.rows("SELECT options, missed_runs FROM reporting.report_options WHERE report_id = 'pages-options'")
    assert row == {
        "missed_runs": "all",
        "options": {
            "period": {"type": "week-to-date", "weekStart": "sunday"}, "calendar": "DE-BY", "onClosed": "after",
            "endsOn": "2099-12-31", "sendIf": {"conditions": [condition]},
        },
    }  # fmt: skip
    assert column(here, "SELECT parameters FROM scheduled_reports WHERE id = 'pages-options'") == [scene.WEEK]


def test_the_words_of_the_email_are_options_and_may_name_the_figures_of_the_type(visit, here):
    scene.add(here, "pages-words", name="With words", email_enabled=True, email_recipients=["reader@acme.example"])
    page = visit.open("/reports/pages-words/edit")
    page.get_by_role("combobox", name="Type").select_option("workspace-activity")
    expect(page.locator("#placeholders")).to_contain_text("{messages}")
    page.get_by_label("Subject").fill("{nam}: {messages}")
    page.get_by_label("Introduction").fill("Good morning.\n{lead}")
    page.get_by_role("button", name="Save").click()
    expect(page.locator('[data-field="options.subject"] .wrong')).to_contain_text("has {nam}, which is no placeholder")
    page.get_by_label("Subject").fill("{name}: {messages}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="With words")).to_be_visible()
    (options,) = column(here, "SELECT options FROM reporting.report_options WHERE report_id = 'pages-words'")
    assert options == {"subject": "{name}: {messages}", "introduction": "Good morning.\n{lead}"}

    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_label("Subject")).to_have_value("{name}: {messages}")
    page.get_by_label("Subject").fill("Plain words")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="With words")).to_be_visible()
    (row,) = here.rows("SELECT email_subject FROM scheduled_reports WHERE id = 'pages-words'")
    assert row == {"email_subject": "Plain words"}
    (options,) = column(here, "SELECT options FROM reporting.report_options WHERE report_id = 'pages-words'")
    assert options == {"introduction": "Good morning.\n{lead}"}


#: Input for a field, and a word in its error message.
WRONG = {
    "name": ("", "Enter a name (up to 200 characters)."),
    "description": ("x" * 1001, "1000 characters"),
    "tags": ("x" * 51, "50 characters"),
    "cronExpression": ("61 25 * *", "five fields"),
    "timezone": ("Mars/Olympus", "IANA"),
    "emailDelivery.recipients": ("not an address", "email address"),
    "emailDelivery.ccRecipients": ("@nobody", "email address"),
    "emailDelivery.bccRecipients": ("two words", "email address"),
    "emailDelivery.subject": ("x" * 201, "200"),
}


def test_every_problem_is_said_at_its_field(visit, here):
    page = visit.open("/new")
    page.get_by_label("Send by email").check()
    page.get_by_label("pdf").uncheck()
    page.get_by_label("Period").select_option("custom")
    page.get_by_label("First day").fill("2026-05-07")
    page.get_by_label("Last day").fill("2026-05-01")
    for field, (text, _) in WRONG.items():
        box = page.locator(f'[data-field="{field}"]').locator("input, textarea").first
        box.evaluate("one => one.removeAttribute('maxlength')")
        box.fill(text)
    page.get_by_role("button", name="Create").click()

    for field, (_, word) in WRONG.items():
        place = page.locator(f'[data-field="{field}"]')
        expect(place.locator(".wrong").first).to_contain_text(word)
        expect(place.locator("input, textarea").first).to_have_attribute("aria-invalid", "true")
    expect(page.locator('[data-field="exportFormats"] .wrong')).to_be_visible()
    expect(page.locator('[data-field="parameters"] .wrong').first).to_be_visible()
    expect(page.get_by_role("alert")).to_be_focused()
    assert here.rows("SELECT 1 FROM scheduled_reports WHERE cron_expression = '61 25 * *'") == []


def test_an_edit_that_has_become_stale_overwrites_nothing(visit, here):
    scene.add(here, "pages-stale", name="As it was")
    page = visit.open("/reports/pages-stale/edit")
    here.rows("UPDATE scheduled_reports SET name = 'By somebody else', updated_at = now() WHERE id = 'pages-stale'")
    page.get_by_label("Name", exact=True).fill("By me")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("changed")
    assert column(here, "SELECT name FROM scheduled_reports WHERE id = 'pages-stale'") == ["By somebody else"]

    page.get_by_role("link", name="Reload the report").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("By somebody else")
    page.get_by_label("Name", exact=True).fill("By me")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="By me")).to_be_visible()
    assert column(here, "SELECT name FROM scheduled_reports WHERE id = 'pages-stale'") == ["By me"]


# --- hostile text


def test_the_attacks_do_run_where_nobody_defends_himself(visit):
    page = visit.page()
    page.set_content(f"<p>{scene.ATTACK}</p>")
    page.set_content(scene.HOSTILE_PAGE.decode())
    page.wait_for_load_state("networkidle")

    sprung = {int(number) for number in re.findall(r"CANARY (\d+)", " ".join(visit.wrong))}
    assert sprung >= {1, 2, 3, 5, 6, 9, 10, 11}
    visit.wrong.clear()


#: The places where a page shows text written by others.
HOSTILE = [
    "/?workspace=hostile",
    "/?q=" + quote(scene.ATTACK[:200]) + "&tag=" + quote(scene.ATTACKS[1]) + "&workspace=" + quote(scene.ATTACKS[2]),
    "/?tag=" + quote(scene.ATTACKS[0]),
    "/reports/pages-hostile",
    "/reports/pages-hostile/edit",
    "/reports/pages-rejected",
    "/reports/pages-rejected/edit",
    "/new?from=pages-hostile",
    "/dag/scheduled_report_pages-hostile",
    "/reports/" + quote(scene.ATTACKS[1], safe=""),
    "/?sort=" + quote(scene.ATTACKS[0]),
]


@pytest.mark.parametrize("path", HOSTILE)
def test_nothing_that_somebody_has_written_runs(visit, here, path):
    page = visit.open(path)
    page.wait_for_load_state("networkidle")

    # Text stays text: it is readable, and no element was made from it.
    assert page.locator("img, iframe[srcdoc], svg[onload], [onerror], [onfocus]").count() == 0
    assert page.locator("script:not([src])").count() == 0
    hrefs = page.locator("a[href]").evaluate_all("all => all.map(one => one.href)")
    assert [one for one in hrefs if not one.startswith(here.stack.airflow.url)] == []
    if "hostile" in path or "rejected" in path:
        written = page.locator("body").inner_text() + "".join(
            page.locator("input, textarea").evaluate_all("all => all.map(one => one.value)")
        )
        assert "<script>window.canary=1</script>" in written
        assert "{{ 7 * 7 }}" in written or "pages-rejected" in path or "?workspace" in path


def test_reasons_errors_messages_and_the_audit_trail_are_text(visit, here):
    page = visit.open("/reports/pages-hostile")
    run = page.locator(".run").first

    for place in (
        run.locator(".problem").first,
        run.locator("li", has_text="csv:"),
        run.locator("li", has_text="Unconfirmed"),
        page.locator(".audit del").first,
        page.locator(".audit strong").first,
    ):
        for attack in (scene.ATTACKS[0], scene.ATTACKS[3]):
            expect(place).to_contain_text(attack)
    expect(run.locator("summary")).to_contain_text(scene.ATTACKS[0])
    page.get_by_role("button", name="Resend…").click()
    page.get_by_role("dialog").get_by_label("Recipients").fill(scene.ATTACK)
    page.get_by_role("dialog").get_by_role("button", name="Send").click()
    expect(page.get_by_role("dialog").locator("[data-errors]")).to_contain_text("<script>")


def test_a_script_in_a_file_does_not_run_where_the_file_is_shown(visit, here):
    page = visit.open("/reports/pages-hostile")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Show").click()
    frame = page.get_by_role("dialog").frame_locator("iframe")
    expect(frame.locator("h1")).to_have_text("Numbers")

    assert [url for url in asked if "stolen" in url] == []
    # The browser reports that it blocked all three attempts.
    assert visit.wrong
    assert all("Blocked script execution" in one or "Content Security Policy" in one for one in visit.wrong)
    visit.wrong.clear()
    # Nor is it executed when it is opened directly, in a tab of Airflow's origin.
    page.goto(page.get_by_role("button", name="Show").evaluate("one => location.origin + one.dataset.show"))
    expect(page.locator("h1")).to_have_text("Numbers")
    assert all("Blocked script execution" in one or "Content Security Policy" in one for one in visit.wrong)
    visit.wrong.clear()
