"""Turn files and emails into pictures small enough for a repository."""

from __future__ import annotations

import re
from base64 import b64encode
from email import message_from_bytes
from email.policy import default
from html import escape
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pypdfium2
from PIL import Image, ImageChops

from .browser import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .browser import Browser
    from .scenes import Scene

#: The width of pictures of A4 pages, portrait and landscape, at which they are readable.
UPRIGHT, TURNED = 800, 1200
COLORS = 256
EDGE = 24
#: The share of a printed sheet above its footer.
BODY = 0.885
MAIL_VIEWS = {"mail": View(width=760), "mail-phone": View(width=375, phone=True)}
#: The hidden text of an email that an inbox shows beside the subject.
PREHEADER = re.compile(r'<div style="display: none;[^>]*>(.*?)(?:&#8199;&#847; )*</div>', re.DOTALL)
INBOX = """
<div style="background: #ffffff; border-bottom: 1px solid #d5dbe1; padding: 10px 16px; overflow: hidden;
 font-family: Roboto, 'Noto Sans', sans-serif; font-size: 14px; line-height: 20px; color: #5b6472;">
<div style="float: left; width: 36px; height: 36px; margin: 2px 12px 0 0; border-radius: 18px; background: #dfe5ec;
 color: #3d4550; text-align: center; line-height: 36px;">{initial}</div>
<div style="overflow: hidden;">
<div style="color: #1f2328; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;">{sender}</div>
<div style="color: #1f2328; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;"><b>{subject}</b></div>
<div style="white-space: nowrap; overflow: hidden; text-overflow: ellipsis;">{preheader}</div>
</div>
</div>
"""
HTML_VIEWS = {
    "html": View(width=1000, height=1500),
    "html-dark": View(width=1000, height=1500, dark=True),
    "html-phone": View(width=375, height=1500, phone=True),
}


def of_pdf(path: Path, place: Path, scene: Scene) -> None:
    """Picture the first pages of a PDF."""
    for number, picture in enumerate(_pages(path, scene.pages), start=1):
        save(picture, place / f"pdf-{number}.png")


def of_workbook(printed: Path, place: Path, scene: Scene) -> None:
    """Picture the first sheets of a workbook."""
    for number, picture in enumerate(_pages(printed, scene.sheets), start=1):
        save(_cropped(picture), place / f"excel-{number}.png")


def of_html(browser: Browser, path: Path, place: Path, scene: Scene) -> None:
    """Picture an HTML file in light and dark mode and on a phone."""
    for name, view in HTML_VIEWS.items():
        if name in scene.views:
            save(Image.open(BytesIO(browser.picture(path, view))), place / f"{name}.png")


def of_mail(browser: Browser, path: Path, place: Path, scene: Scene) -> None:
    """Picture an email in a wide window and on a phone."""
    with TemporaryDirectory() as scratch:
        page = Path(scratch) / "mail.html"
        page.write_text(inbox_page(path.read_bytes()))
        for view_name, view in MAIL_VIEWS.items():
            if view_name in scene.views:
                save(Image.open(BytesIO(browser.picture(page, view))), place / f"{view_name}.png")


def inbox_page(raw: bytes) -> str:
    """Return the page of an email below what an inbox lists of it: sender, subject and preheader."""
    message = message_from_bytes(raw, policy=default)
    (sender,) = message["From"].addresses
    page = mail_page(raw)
    found = PREHEADER.search(page)
    assert found is not None
    listed = INBOX.format(
        initial=escape(sender.display_name[:1] or "@"),
        sender=escape(sender.display_name or sender.addr_spec),
        subject=escape(str(message["Subject"])),
        preheader=found[1],
    )
    return page.replace(found[0], found[0] + listed, 1)


def mail_page(raw: bytes) -> str:
    """Return the HTML of an email with its images, as a mail client shows it."""
    message = message_from_bytes(raw, policy=default)
    body = message.get_body(("html",))
    assert body is not None
    html = str(body.get_content())
    for part in message.walk():
        if name := str(part["Content-ID"] or "").strip("<>"):
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            html = html.replace(f"cid:{name}", f"data:{part.get_content_type()};base64,{b64encode(content).decode()}")
    return html


def _pages(path: Path, most: int) -> Iterator[Image.Image]:
    document = pypdfium2.PdfDocument(path)
    for number in range(min(len(document), most)):
        wide, high = document[number].get_size()
        yield document[number].render(scale=(TURNED if wide > high else UPRIGHT) / wide).to_pil().convert("RGB")
    document.close()


def _cropped(picture: Image.Image) -> Image.Image:
    """Cut off margins and footer, which a workbook on a screen does not have."""
    body = picture.crop((0, 0, picture.width, round(picture.height * BODY)))
    content = ImageChops.difference(body, Image.new("RGB", body.size, "white")).getbbox()
    left, top, right, bottom = content or (0, 0, *picture.size)
    return picture.crop((max(left - EDGE, 0), max(top - EDGE, 0), right + EDGE, bottom + EDGE))


def save(picture: Image.Image, path: Path) -> None:
    """Save with few colours: frequent colours stay exact, each of the others becomes the nearest of them."""
    shown = picture.convert("RGB")
    mixed = shown.quantize(COLORS // 2, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).convert("RGB")
    palette = np.array([*_commonest(shown, COLORS // 2), *_commonest(mixed, COLORS // 2)], np.int32)
    # one number per pixel: numpy needs ten times as long to compare rows of three
    pixels = np.asarray(shown).astype(np.int32) @ (1 << 16, 1 << 8, 1)
    found, places = np.unique(pixels, return_inverse=True)
    colors = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1)
    nearest = ((colors[:, None, :] - palette[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
    few = Image.fromarray(nearest.astype(np.uint8)[places].reshape(pixels.shape), "P")
    few.putpalette(palette.astype(np.uint8).tobytes())
    few.save(path, optimize=True)


def _commonest(picture: Image.Image, most: int) -> list[tuple[int, ...]]:
    counted: Any = sorted(picture.getcolors(picture.width * picture.height) or [], reverse=True)
    return [color for _, color in counted[:most]]
