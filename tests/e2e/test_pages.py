"""The list of reports and the page of one report, in a real browser on a running Airflow."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.e2e import page_scene as scene
from tests.e2e.page_scene import FAIL, PATIENCE, RUN, away, column, locked, names, run, subjects
from tests.e2e.visitors import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


# --- the list


@pytest.mark.parametrize(
    ("label", "value", "condition"),
    [
        ("Search", "activity", "name ~* 'activity' OR description ~* 'activity'"),
        ("Search", "100%_", "false"),
        (
            "Workspace",
            "Nordlicht Studio",
            "workspace_id IN (SELECT id FROM workspaces WHERE name = 'Nordlicht Studio')",
        ),
        ("Type", "Channel analytics", "\"reportType\" = 'channel-analytics'"),
        ("Tag", "weekly", "'weekly' = ANY (tags)"),
        ("State", "Disabled", "status = 'DISABLED'"),
        ("State", "Invalid", "status = 'ERROR'"),
    ],
)
def test_a_filter_finds_what_the_table_says(visit, here, label, value, condition):
    page = visit.open()
    if label in ("Search", "Tag"):
        page.get_by_label(label).fill(value)
    else:
        field = page.get_by_role("combobox", name=label)
        field.select_option(value=field.locator("option", has_text=value).first.get_attribute("value"))
    page.get_by_role("button", name="Filter").click()

    expected = column(here, f"SELECT name FROM scheduled_reports WHERE {condition} ORDER BY lower(name), id")
    expect(page.get_by_role("link", name="Clear")).to_be_visible()
    assert [one.split() for one in names(page)] == [one.split() for one in expected]
    if not expected:
        expect(page.get_by_role("heading", name="No matching reports")).to_be_visible()
    page.get_by_role("link", name="Clear").click()
    (total,) = column(here, "SELECT count(*) FROM scheduled_reports")
    assert len(names(page)) == total


@pytest.mark.parametrize(
    ("header", "key"),
    [("Name", "lower(name)"), ("Type", '"reportType"'), ("Next run", "next_run"), ("Last run", "last_run")],
)
def test_a_click_on_a_column_sorts_by_it_and_another_one_turns_it_round(visit, here, header, key):
    page = visit.open("/?tag=weekly&sort=state")
    for order, arrow in (("ASC", "ascending"), ("DESC", "descending")):
        page.get_by_role("columnheader", name=header).get_by_role("link").click()
        expect(page.locator(f"th[aria-sort={arrow}]")).to_contain_text(header)
        statement = (
            f"SELECT name FROM scheduled_reports WHERE 'weekly' = ANY (tags) ORDER BY {key} {order} NULLS LAST, id"
        )
        assert names(page) == column(here, statement)
    assert "tag=weekly" in page.url


def test_what_needs_attention_stands_on_top_with_its_reasons(visit, here):
    here.api.patch("/dags/scheduled_report_demo-report-engagement", {"is_paused": True})
    page = visit.open()
    panel = page.locator(".attention")

    (rejected,) = column(here, "SELECT count(*) FROM reporting.report_options WHERE error_cause = 'rejected'")
    expect(panel).to_contain_text(f"{rejected} cannot be scheduled")
    expect(panel).to_contain_text("docx")
    expect(panel).to_contain_text("active here, but paused in Airflow")
    expect(panel.get_by_role("link", name="Δέσμευση / Engagement")).to_be_visible()
    assert panel.bounding_box()["y"] < page.locator(".reports").bounding_box()["y"]

    panel.get_by_role("link", name="Δέσμευση / Engagement").click()
    expect(page.get_by_text("Paused in Airflow", exact=True)).to_be_visible()
    here.api.patch("/dags/scheduled_report_demo-report-engagement", {"is_paused": False})
    page.reload()
    expect(page.get_by_text("Paused in Airflow")).to_have_count(0)


# --- one report


def test_a_report_shows_its_definition_its_next_ten_runs_and_who_changed_what(visit, here):
    page = visit.open("/reports/demo-report-weekly-activity")

    (row,) = here.rows("SELECT * FROM scheduled_reports WHERE id = 'demo-report-weekly-activity'")
    shown = page.locator("dl").first
    for text in (
        row["description"],
        ", ".join(row["export_formats"]),
        row["cron_expression"],
        *row["email_recipients"],
        *row["tags"],
    ):
        expect(shown).to_contain_text(text)
    today = datetime.now(ZoneInfo("Europe/Berlin"))
    monday = today.date() + timedelta(days=-today.weekday() % 7)
    if today.date() == monday and today.hour >= 9:
        monday += timedelta(days=7)
    mondays = [f"Mon {monday + timedelta(days=7 * week)} 09:00" for week in range(10)]
    upcoming = page.locator(".upcoming li")
    assert [one.locator("span").first.inner_text().removesuffix(" Europe/Berlin") for one in upcoming.all()] == mondays
    # Readers in other zones see their local time beside it; readers in Berlin see the time left until then.
    assert re.fullmatch(r"in \d+ (h|days|min)", upcoming.first.locator("time").inner_text())
    far = visit.open("/reports/demo-report-weekly-activity", zone="Asia/Tokyo")
    in_tokyo = datetime(monday.year, monday.month, monday.day, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    told = f"{in_tokyo.astimezone(ZoneInfo('Asia/Tokyo')):%a %Y-%m-%d %H:%M} Asia/Tokyo"
    expect(far.locator(".upcoming time").first).to_have_text(told)
    expect(page.locator(".audit")).to_contain_text("created")


def test_a_run_by_hand_is_watched_to_its_end(visit, here):
    page = visit.open(f"/reports/{RUN}")
    with locked(here, "tasks"):
        page.get_by_role("button", name="Run now…").click()
        dialog = page.get_by_role("dialog", name="Run now")
        before = page.locator(".run").count()
        dialog.get_by_role("button", name="Run", exact=True).click()
        expect(dialog).to_be_hidden()
        expect(page.locator(".run")).to_have_count(before + 1)
        newest = page.locator(".run").first
        expect(newest.locator("summary .badge").first).to_have_text("Running", timeout=PATIENCE * 1000)
        expect(newest.get_by_role("progressbar", name="Progress")).to_be_visible()
        expect(newest.locator(".stages tr", has_text="query").get_by_text("running")).to_be_visible(
            timeout=PATIENCE * 1000
        )
        # a second request is refused, with the reason
        page.get_by_role("button", name="Run now…").click()
        dialog.get_by_role("button", name="Run", exact=True).click()
        expect(dialog).to_contain_text("in progress")
        dialog.get_by_role("button", name="Cancel").click()
    expect(newest.locator("summary .badge").first).to_have_text("Succeeded", timeout=PATIENCE * 1000)
    expect(newest.get_by_role("progressbar")).to_have_count(0)
    stages = newest.locator(".stages tr")
    assert len(stages.all()) == 3 + 2 * 3
    for one in stages.all():
        expect(one).to_contain_text("success")
        assert re.search(r"\d s", one.inner_text())
    expect(newest).to_contain_text("admin")
    expect(newest.get_by_text("Accepted", exact=True)).to_be_visible()
    # Upkeep reads the events of mails here, once a minute.
    expect(newest).to_contain_text(re.compile(r"1 (accepted|delivered)"))


def test_the_files_of_a_run_are_those_that_s3_holds_shown_in_place_and_for_download(visit, here, mailed):
    page = visit.open(f"/reports/{RUN}?run={quote(mailed, safe='')}")
    newest = page.locator(".run").first
    artifacts = here.rows("SELECT * FROM reporting.artifacts WHERE report_id = %s AND run_id = %s", RUN, mailed)
    assert {one["format"] for one in artifacts} == {"html", "pdf", "csv"}
    for one in artifacts:
        with page.expect_download() as download:
            newest.get_by_role("link", name=one["file_name"]).click()
        assert Path(download.value.path()).read_bytes() == here.stack.aws.read(one["bucket"], one["object_key"]).body
        assert download.value.suggested_filename == one["file_name"]

    shown = page.get_by_role("dialog")
    newest.locator("li", has_text=".html").get_by_role("button", name="Show").click()
    expect(shown.frame_locator("iframe").locator("h1")).to_contain_text("Tasks of a week")
    shown.get_by_role("button", name="Close").click()
    newest.locator("li", has_text=".pdf").get_by_role("button", name="Show").click()
    first = shown.get_by_role("img").first
    expect(first).to_be_visible()
    assert first.evaluate("async one => { await one.decode(); return one.naturalWidth; }") > 500


def test_mail_that_nobody_knows_of_is_named_and_sent_again_by_hand_only(visit, here, mailed):
    here.rows(
        """UPDATE reporting.deliveries SET state = 'unknown', error = 'the connection broke', message_id = NULL
           WHERE report_id = %s AND run_id = %s""",
        RUN, mailed,
    )  # fmt: skip
    page = visit.open()
    page.locator(".attention li", has_text="delivery unconfirmed").get_by_role("link", name="Tasks of a week").click()
    page.goto(f"{page.url}?run={quote(mailed, safe='')}")
    unknown = page.locator(".run").first
    expect(unknown.get_by_text("Unconfirmed", exact=True)).to_be_visible()
    expect(unknown).to_contain_text("It may have arrived. It will not be resent automatically.")
    before = len(here.mails_of(RUN))
    unknown.get_by_role("button", name="Resend…").click()
    page.get_by_role("dialog", name="Resend").get_by_role("button", name="Send").click()
    again = page.locator(".run").first
    expect(again.locator("summary")).to_contain_text("Resend")
    expect(again.locator("summary .badge").first).to_have_text("Succeeded", timeout=PATIENCE * 1000)
    assert len(here.mails_of(RUN)) == before + 1


def test_a_run_that_failed_says_why_in_words_and_is_done_again(visit, here):
    with away(here, "tasks"):
        run(here, FAIL)
        page = visit.open()
        failing = page.locator(".attention li", has_text="failed in the last run")
        failing.get_by_role("link", name="Tasks that will fail").click()
        failed = page.locator(".run").first
        expect(failed.locator("summary .badge").first).to_have_text("Failed")
        expect(failed.locator(".problem").first).to_contain_text("query failed")
        expect(page.locator("h1 + p .badge").first).to_have_text("Failing")
    failed.get_by_role("button", name="Retry failed steps").click()
    expect(page.locator("#status")).to_contain_text("Retrying the failed steps")
    expect(failed.locator("summary .badge").first).to_have_text("Succeeded", timeout=PATIENCE * 1000)
    assert len(here.mails_of(FAIL)) >= 1


def test_a_run_by_hand_takes_formats_period_and_recipients(visit, here):
    _, email = scene.owner(here)
    page = visit.open(f"/reports/{RUN}")
    page.get_by_role("button", name="Run now…").click()
    dialog = page.get_by_role("dialog", name="Run now")
    dialog.get_by_label("html").uncheck()
    dialog.get_by_label("pdf").uncheck()
    dialog.get_by_label("json").check()
    dialog.get_by_label("Period").select_option("last-30-days")
    dialog.get_by_label("Other recipients").fill("nobody@nowhere.example")
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(dialog.locator("[data-errors]")).to_contain_text("nobody@nowhere.example")
    dialog.get_by_label("Other recipients").fill(email)
    dialog.get_by_role("combobox", name="Send by email").select_option("No")
    before = page.locator(".run").count()
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".run")).to_have_count(before + 1)
    newest = page.locator(".run").first
    expect(newest.locator("summary .badge").first).to_have_text("Succeeded", timeout=PATIENCE * 1000)

    (frozen,) = column(
        here, "SELECT frozen FROM reporting.runs WHERE report_id = %s ORDER BY started_at DESC LIMIT 1", RUN
    )
    asked = frozen["request"]
    assert (sorted(asked["formats"]), asked["period"], asked["mail"]) == (["csv", "json"], "last-30-days", False)
    # Airflow, which passed the request on, knows the recipients by an id only.
    kept = "SELECT recipients FROM reporting.requests WHERE id = %s"
    assert column(here, kept, asked["recipients_kept"]) == [[email]]
    assert [one.split(".")[-1] for one in newest.locator("a[download]").all_inner_texts()] == ["csv", "json"]
    expect(newest.get_by_text("Accepted", exact=True)).to_have_count(0)


def test_a_report_is_tried_out_on_oneself_and_counts_for_nothing(visit, here):
    _, email = scene.owner(here)
    counted = "SELECT run_count FROM scheduled_reports WHERE id = %s"
    before = column(here, counted, FAIL)
    page = visit.open(f"/reports/{FAIL}")
    page.get_by_role("button", name="Send test to me…").click()
    dialog = page.get_by_role("dialog", name="Send test")
    dialog.get_by_label("Recipients").fill(email)
    dialog.get_by_role("button", name="Send").click()
    newest = page.locator(".run").first
    expect(newest.locator("summary")).to_contain_text("Test")
    expect(newest.locator("summary .badge").first).to_have_text("Succeeded", timeout=PATIENCE * 1000)

    assert subjects(here, FAIL)[-1].startswith("TEST: ")
    assert column(here, counted, FAIL) == before


def test_a_report_is_paused_resumed_duplicated_and_deleted(visit, here):
    scene.add(here, "pages-act", name="To be acted on", tags=["acted"])
    page = visit.open("/reports/pages-act")
    badge = page.locator("h1 + p .badge").first
    expect(badge).to_have_text("Active")
    page.get_by_role("button", name="Pause").click()
    expect(badge).to_have_text("Paused")
    assert column(here, "SELECT is_active FROM scheduled_reports WHERE id = 'pages-act'") == [False]
    expect(page.get_by_text("No upcoming runs: this report is not scheduled.")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(badge).to_have_text("Active")
    assert column(here, "SELECT is_active FROM scheduled_reports WHERE id = 'pages-act'") == [True]
    audit = page.locator(".audit tr").first
    expect(audit).to_contain_text("airflow:admin")
    expect(audit).to_contain_text("is_active: false → true")

    page.get_by_role("link", name="Duplicate").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Copy of To be acted on")
    expect(page.get_by_label("Enabled")).not_to_be_checked()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="Copy of To be acted on")).to_be_visible()
    expect(page.locator("h1 + p .badge").first).to_have_text("Paused")
    same = """SELECT name, "reportType", cron_expression, parameters, export_formats, tags FROM scheduled_reports
              WHERE 'acted' = ANY (tags) ORDER BY length(name)"""
    original, copy = here.rows(same)
    assert copy == original | {"name": "Copy of To be acted on"}

    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Cancel").click()
    assert len(here.rows(same)) == 2
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    page.wait_for_url(re.compile(f"{ROOT}/$"))
    assert here.rows(same) == [original]


def test_a_reader_who_left_is_mailed_again_for_a_reason_and_the_links_of_a_run_are_revoked(visit, here):
    scene.add(here, "pages-left", name="With readers", tags=["left"])
    scene.add_readers(here, "pages-left")
    page = visit.open("/reports/pages-left")
    page.get_by_role("link", name="One reader has left").click()
    page.get_by_role("button", name="Mail them again…").click()
    dialog = page.get_by_role("dialog", name="Mail them again")
    expect(dialog).to_contain_text("ada@acme.example")
    dialog.get_by_label("Reason").fill("  ")
    dialog.get_by_role("button", name="Mail them again").click()
    expect(dialog.locator("[data-errors]")).to_contain_text("say why they are mailed again")
    dialog.get_by_label("Reason").fill("Asked for it on the phone")
    dialog.get_by_role("button", name="Mail them again").click()
    expect(page.locator(".opt-outs")).to_contain_text("by airflow:admin: Asked for it on the phone")
    expect(page.get_by_role("button", name="Mail them again…")).to_have_count(0)
    assert column(here, "SELECT return_reason FROM reporting.opt_outs WHERE report_id = 'pages-left'") == [
        "Asked for it on the phone"
    ]

    run = page.locator(".run")
    expect(run).to_contain_text("ada@acme.example linked, opened 3 times, last")
    page.get_by_role("button", name="Revoke links…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert column(here, "SELECT revoked_at FROM reporting.readers WHERE report_id = 'pages-left'") == [None]
    page.get_by_role("button", name="Revoke links…").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke links", exact=True).click()
    expect(run).to_contain_text("Links revoked")
    expect(page.get_by_role("button", name="Revoke links…")).to_have_count(0)
    assert None not in column(here, "SELECT revoked_at FROM reporting.readers WHERE report_id = 'pages-left'")


def test_what_became_of_an_email_is_shown_and_an_address_that_bounced_is_mailed_again_for_a_reason(visit, here):
    scene.add(here, "pages-bounced", name="With a bounce", tags=["bounced"])
    scene.add_bounce(here, "pages-bounced")
    page = visit.open("/reports/pages-bounced")
    run = page.locator(".run")
    expect(run.get_by_text("Bounced", exact=True)).to_be_visible()
    expect(run).to_contain_text("there is no such mailbox (smtp; 550 5.1.1 user unknown)")
    page.get_by_role("link", name="One address is not mailed any more").click()
    page.get_by_role("button", name="Mail it again…").click()
    dialog = page.get_by_role("dialog", name="Mail it again")
    expect(dialog).to_contain_text("ada@acme.example")
    dialog.get_by_role("button", name="Mail it again").click()
    dialog.get_by_label("Reason").fill("The mailbox works again")
    dialog.get_by_role("button", name="Mail it again").click()
    expect(page.locator("#suppressions")).to_contain_text("by airflow:admin: The mailbox works again")
    expect(page.get_by_role("button", name="Mail it again…")).to_have_count(0)
    assert column(here, "SELECT lift_reason FROM reporting.suppressions WHERE report_id = 'pages-bounced'") == [
        "The mailbox works again"
    ]


def test_the_brand_of_a_workspace_is_changed_and_what_is_wrong_stands_at_its_field(visit, here, tmp_path):
    page = visit.open()
    page.get_by_role("link", name="Brand").click()
    workspace = page.locator("[data-brand-of]").input_value()
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><rect width="40" height="10"/></svg>')
    page.get_by_label("Name", exact=True).fill("Acme & Söhne")
    page.get_by_label("Logo", exact=True).set_input_files(logo)
    expect(page.locator("img.logo")).to_be_visible()
    page.get_by_label("Reply to").fill("not an address")
    page.get_by_role("button", name="Save").click()
    expect(page.locator('[data-field="replyTo"] .wrong')).to_contain_text("is not one plain email address")
    page.get_by_label("Reply to").fill("help@acme.example")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#status")).to_contain_text("The brand was saved")
    (kept,) = column(here, "SELECT brand FROM reporting.brands WHERE workspace_id = %s AND until IS NULL", workspace)
    assert (kept["name"], kept["reply_to"]) == ("Acme & Söhne", "help@acme.example")
    assert kept["logo"].startswith("data:image/svg+xml;base64,")

    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Acme & Söhne")
    page.locator('[data-logo="logo"]').get_by_role("button", name="Remove").click()
    for label in ("Name", "Reply to"):
        page.get_by_label(label, exact=True).fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#status")).to_contain_text("The brand was saved")
    current = "SELECT brand FROM reporting.brands WHERE workspace_id = %s AND until IS NULL"
    assert column(here, current, workspace) == []
