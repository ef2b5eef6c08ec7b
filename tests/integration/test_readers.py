"""The PDF and the HTML page in independent programs: Poppler and Chromium."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import date
from html.parser import HTMLParser
from io import BytesIO

import pytest
from PIL import Image

from include.scheduled_reports.render import as_html, as_pdf
from include.scheduled_reports.settings.branding import Branding
from tests.unit.documents import chart, column, document, figure, table

NAMES = ["Ada Lovelace", "Владимир", "Ελένη", "ليلى", "שרה", "王小明", "김민지", "x" * 60, "<script>alert(1)</script>"]
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]  # fmt: skip


def needs(program, package):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is missing: install {package}")


def report():
    rows = [(name, f"{name} {n}", 1_000 + n) for n in range(8) for name in NAMES]
    heads = [column("name"), column("note"), column("n", "integer", title="Messages")]
    days = chart(
        "line", column("day", "date"), [column("n", "integer")], [(date(2026, 5, day), day) for day in range(4, 11)]
    )
    figures = [figure("Messages", 973, 941), figure("Failed", 5, 2, better="down")]
    return document(
        table(heads, rows), figures=figures, charts=[days], branding=Branding(colour="#7b2ff7", footer="Confidential")
    )


@pytest.fixture(scope="module")
def pdf(tmp_path_factory):
    path = tmp_path_factory.mktemp("pdf") / "report.pdf"
    with path.open("wb") as out:
        as_pdf.render(report(), out, row_limit=None)
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("html") / "report.html"
    with path.open("wb") as out:
        as_html.render(report(), out, row_limit=None)
    return path


def run(*command):
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    return done.stdout.decode(), done.stderr.decode()


@needs("pdfinfo", "poppler-utils")
def test_poppler_reads_metadata_and_tags_without_warnings(pdf):
    told, complaints = run("pdfinfo", pdf)
    facts = dict(line.split(":", 1) for line in told.splitlines())
    tree, _ = run("pdfinfo", "-struct", pdf)

    assert complaints == ""
    assert facts["Title"].strip() == "Weekly channels · 4\N{EN DASH}10 May 2026"
    assert (facts["Author"].strip(), facts["Tagged"].strip(), facts["JavaScript"].strip()) == ("Acme", "yes", "no")
    assert tree.split().count("H1") == 1
    assert tree.split().count("TH") >= 3 * int(facts["Pages"])


@needs("pdfinfo", "poppler-utils")
def test_poppler_reads_a_long_table_row_by_row_without_warnings(tmp_path):
    path = tmp_path / "long.pdf"
    rows = [(f"{NAMES[n % 6]} {n}", n, f"row {n}") for n in range(600)]
    with path.open("wb") as out:
        heads = [column("name"), column("n", "integer"), column("note", title="A note of some length")]
        as_pdf.render(document(table(heads, rows, batch=100)), out, row_limit=None)
    tree, complaints = run("pdfinfo", "-struct-text", path)
    cells = re.findall(r'"(row \d+)"', tree)
    fonts, _ = run("pdffonts", path)

    assert complaints == ""
    assert cells == [f"row {n}" for n in range(600)]
    assert {tuple(line.split()[-5:-2]) for line in fonts.splitlines()[2:]} == {("yes", "yes", "yes")}


@needs("pdftotext", "poppler-utils")
def test_poppler_copies_names_of_every_script_and_breaks_long_ones(pdf):
    text, complaints = run("pdftotext", "-layout", pdf, "-")

    assert complaints == ""
    for name in NAMES:
        assert name in text or "".join(name.split()) in "".join(text.split()) or name == "x" * 60
    assert "x" * 30 in text
    assert text.count("Confidential") == text.count("Page ")


@needs("pdffonts", "poppler-utils")
def test_every_font_is_embedded_with_its_character_map(pdf):
    told, _ = run("pdffonts", pdf)
    flags = [line.split()[-5:-2] for line in told.splitlines()[2:]]

    assert len(flags) >= 4
    assert {tuple(flag) for flag in flags} == {("yes", "yes", "yes")}


def picture(page, folder, width, height, *flags):
    target = folder / "page.png"
    run(
        "chromium", *FLAGS, *flags, f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{height}",
        f"--screenshot={target}", page.as_uri(),
    )  # fmt: skip
    return Image.open(BytesIO(target.read_bytes())).convert("RGB")


@needs("chromium", "chromium")
def test_a_phone_shows_the_page_without_cutting_it_off(page, tmp_path):
    shown = picture(page, tmp_path, 390, 2_400)
    edge = {shown.getpixel((x, y)) for x in range(380, 390) for y in range(20, 2_400)}

    assert edge == {(255, 255, 255)}
    assert shown.getpixel((200, 2)) == (0x7B, 0x2F, 0xF7)


@needs("chromium", "chromium")
def test_dark_mode_shows_light_text_on_a_dark_background(page, tmp_path):
    shown = picture(page, tmp_path, 900, 1_200, "--blink-settings=preferredColorScheme=0")
    light = picture(page, tmp_path, 900, 1_200, "--blink-settings=preferredColorScheme=1")

    assert shown.getpixel((5, 600)) == (0x12, 0x16, 0x1C)
    assert light.getpixel((5, 600)) == (255, 255, 255)
    assert max(min(pixel) for pixel in shown.get_flattened_data()) > 0xD0


@needs("chromium", "chromium")
def test_a_browser_finds_no_script_and_prints_the_page(page, tmp_path):
    shown, _ = run("chromium", *FLAGS, f"--user-data-dir={tmp_path / 'a'}", "--dump-dom", page.as_uri())
    target = tmp_path / "printed.pdf"
    run(
        "chromium", *FLAGS, f"--user-data-dir={tmp_path / 'b'}", f"--print-to-pdf={target}",
        "--no-pdf-header-footer", page.as_uri(),
    )  # fmt: skip
    text, _ = run("pdftotext", target, "-")

    assert tags_of(shown)["script"] == 0
    assert tags_of(shown)["svg"] == 2  # one of them for narrow screens
    assert text.count("Messages") > text.count("\f")  # the table's head is on every page


def tags_of(html):
    found = dict.fromkeys(("script", "svg"), 0)

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):  # noqa: ARG002
            if tag in found:
                found[tag] += 1

    Tags().feed(html)
    return found
