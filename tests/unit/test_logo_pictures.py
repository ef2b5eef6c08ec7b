"""A logo is the same picture wherever it is shown: in HTML as the browser reads it, elsewhere as a PNG of ours."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode, b64encode
from io import BytesIO

import pytest
from PIL import Image

from include.scheduled_reports.render.logo_image import logo_picture
from include.scheduled_reports.settings.logo import read_logo

#: Four quarters, from the top left in reading order.
QUARTERS = [(200, 0, 0), (0, 160, 0), (0, 0, 220), (240, 240, 0)]
SIZE = (80, 40)
#: For each EXIF orientation, what brings the picture that is meant into the order that is stored (TIFF 6.0).
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def meant():
    picture = Image.new("RGB", SIZE)
    for number, colour in enumerate(QUARTERS):
        picture.paste(colour, (number % 2 * 40, number // 2 * 20, number % 2 * 40 + 40, number // 2 * 20 + 20))
    return picture


def saved(picture, kind, **options):
    out = BytesIO()
    picture.save(out, kind, **options)
    return f"data:image/{kind.lower()};base64,{b64encode(out.getvalue()).decode()}"


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = meant() if STORED[orientation] is None else meant().transpose(STORED[orientation])
    return saved(stored, "JPEG", exif=exif, quality=95)


def chunk(kind, content):
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))


def grey_16(values, size, clear=None):
    """Write a PNG of 16 bits of grey by hand, as the specification says."""
    width, height = size
    rows = b"".join(
        b"\0" + b"".join(struct.pack(">H", value) for value in values[row * width : (row + 1) * width])
        for row in range(height)
    )
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2L5B", width, height, 16, 0, 0, 0, 0))
    content += chunk(b"tRNS", struct.pack(">H", clear)) if clear is not None else b""
    content += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return f"data:image/png;base64,{b64encode(content).decode()}"


def corners(picture):
    """The colours in the middle of the four quarters."""
    wide, high = picture.size
    shown = picture.convert("RGB")
    return [shown.getpixel((wide * x // 4, high * y // 4)) for y in (1, 3) for x in (1, 3)]


def near(found, wanted):
    return all(
        abs(a - b) <= 12 for one, other in zip(found, wanted, strict=True) for a, b in zip(one, other, strict=True)
    )


def both(logo):
    """The picture that a browser shows, and the one that PDF, Excel and email show."""
    checked = read_logo(logo)
    with Image.open(BytesIO(b64decode(checked.partition(",")[2]))) as read:
        assert read.getexif().get(0x0112, 1) == 1
        browser = read.copy()
    return browser, Image.open(BytesIO(logo_picture(checked, 20).png))


@pytest.mark.parametrize("orientation", STORED)
def test_a_photograph_is_upright(orientation):
    for picture in both(turned(orientation)):
        assert picture.width == 2 * picture.height
        assert near(corners(picture), QUARTERS)


def test_a_picture_is_upright_even_if_it_was_never_checked():
    picture = Image.open(BytesIO(logo_picture(turned(6), 20).png))

    assert near(corners(picture), QUARTERS)


def test_16_bits_of_grey_keep_their_shades():
    values = [
        shade for row in range(8) for shade in ([0x0000] * 4 + [0x8080] * 4 if row < 4 else [0x4000] * 4 + [0xFFFF] * 4)
    ]
    shades = [(shade,) * 3 for shade in (0x00, 0x80, 0x40, 0xFF)]
    for picture in both(grey_16(values, (8, 8))):
        assert near(corners(picture), shades)


def test_a_grey_that_is_declared_transparent_is():
    values = [0x1234] * 32 + [0x9999] * 32
    _, picture = both(grey_16(values, (8, 8), clear=0x1234))

    alpha = picture.convert("RGBA").getchannel("A")
    assert (alpha.getpixel((1, 0)), alpha.getpixel((1, picture.height - 1))) == (0, 255)


@pytest.mark.parametrize("kind", ["CMYK", "palette", "grey", "animated"])
def test_other_pictures_look_the_same_everywhere(kind):
    picture, wanted = meant(), QUARTERS
    if kind == "CMYK":
        logo = saved(picture.convert("CMYK"), "JPEG", quality=95)
    elif kind == "palette":
        logo = saved(picture.quantize(4), "PNG", transparency=0)
    elif kind == "grey":
        logo, wanted = saved(picture.convert("L"), "PNG"), corners(picture.convert("L"))
    else:
        logo = saved(picture, "PNG", save_all=True, append_images=[Image.new("RGB", SIZE)], duration=100)
    browser, ours = both(logo)

    assert near(corners(browser), wanted)
    assert getattr(browser, "n_frames", 1) == 1
    if kind != "palette":  # one of its colours is transparent
        assert near(corners(ours), wanted)
    assert browser.mode in {"RGB", "P", "L", "RGBA"}


def test_a_plain_picture_is_not_written_anew():
    logo = saved(meant(), "PNG")

    assert read_logo(logo) == logo
