"""The setting BRAND_LOGO: read and check the logo; an SVG that could run script or load something is refused."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from PIL import Image

#: The logo is in every page and every mail.
MOST_BYTES: Final = 200_000
_MOST_PIXELS: Final = 4_000
#: The EXIF tag that says how a camera was held.
_ORIENTATION: Final = 0x0112
_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_DATA: Final = re.compile(r"data:(image/(?:png|jpeg|svg\+xml))(?:;[\w=-]+?)*?(;base64)?,(.*)", re.DOTALL)
#: The elements an SVG may have; all others are refused: script, foreignObject, image, a, animate, …
_DRAWN: Final = frozenset(
    {
        "svg", "g", "defs", "symbol", "use", "title", "desc", "path", "rect", "circle", "ellipse", "line",
        "polyline", "polygon", "text", "tspan", "style", "clipPath", "mask", "pattern", "linearGradient",
        "radialGradient", "stop", "marker", "filter", "feGaussianBlur", "feOffset", "feBlend",
        "feColorMatrix", "feFlood", "feComposite", "feMerge", "feMergeNode", "switch",
    }
)  # fmt: skip


def is_data(text: str) -> bool:
    """Whether the setting is the logo itself rather than the path of a file."""
    return text.startswith("data:")


def read_logo(text: str) -> str:
    """The logo from a data: URI or a file, as a data: URI; ValueError says what is wrong with it and what to do."""
    if not text:
        return ""
    return _checked(content_of(text) if is_data(text) else _of_file(Path(text)))


def _of_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}); use a readable file or a data: URI") from error


def content_of(text: str) -> bytes:
    """The bytes of a data: URI; ValueError if it is none of an image."""
    found = _DATA.fullmatch(text)
    if found is None:
        raise ValueError("is not an image; use a data: URI of image/png, image/jpeg or image/svg+xml")
    try:
        return b64decode(found[3], validate=True) if found[2] else unquote_to_bytes(found[3])
    except ValueError as error:
        raise ValueError("has broken base64; encode the image again") from error


def _checked(content: bytes) -> str:
    """Decide by the bytes, not by the file's name or the type in the URI."""
    if len(content) > MOST_BYTES:
        raise ValueError(f"is too large; use at most {MOST_BYTES:,d} bytes")
    if content.startswith((b"\x89PNG", b"\xff\xd8\xff")):
        return _uri(*_pixels(content))
    return _uri("svg+xml", _cleaned(content))


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(content).decode()}"


def _pixels(content: bytes) -> tuple[str, bytes]:
    """Decode the image; return `png` or `jpeg` and its content, written anew if programs would show it differently."""
    from io import BytesIO  # noqa: PLC0415 - settings are read everywhere, a logo rarely

    from PIL import Image  # noqa: PLC0415

    try:
        with Image.open(BytesIO(content), formats=("PNG", "JPEG")) as picture:
            if max(picture.size) > _MOST_PIXELS:
                raise ValueError(f"is too large; use at most {_MOST_PIXELS} pixels in width and height")
            picture.load()
            kind = "png" if picture.format == "PNG" else "jpeg"
            shown = plain(picture)
            if shown is picture and getattr(picture, "n_frames", 1) == 1:
                return kind, content
            out = BytesIO()
            shown.save(out, kind.upper(), quality=90, optimize=True)
            return kind, out.getvalue()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("cannot be decoded; use a valid PNG or JPEG") from error


def plain(picture: Image.Image) -> Image.Image:
    """The picture as every program shows it: upright, in 8 bits per channel and red, green and blue; often itself.

    A camera's turn is applied (EXIF), which some programs do and others do not; 16 bits of grey are scaled, which
    Pillow would clip to white.
    """
    from PIL import ImageOps  # noqa: PLC0415 - settings are read everywhere, a logo rarely

    if picture.mode.startswith(("I", "F")):
        picture = _in_8_bits(picture)
    if picture.mode == "CMYK":
        picture = picture.convert("RGB")
    if picture.getexif().get(_ORIENTATION, 1) != 1:
        picture = ImageOps.exif_transpose(picture)
    return picture


def _in_8_bits(picture: Image.Image) -> Image.Image:
    """Scale 16 bits of grey; the grey that a PNG declares transparent becomes so."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    pixels, clear = np.asarray(picture), picture.info.get("transparency")
    grey = Image.fromarray((np.clip(pixels, 0, 65_535).astype(np.uint16) >> 8).astype(np.uint8))
    if clear is None:
        return grey
    return Image.merge("LA", (grey, Image.fromarray(np.where(pixels == clear, 0, 255).astype(np.uint8))))


def _cleaned(content: bytes) -> bytes:
    """The SVG serialized from its parsed tree: without DOCTYPE, comments and other namespaces."""
    try:
        text = content.decode("utf-8-sig")
        if "<!ENTITY" in text:
            raise ValueError("defines entities; use an SVG without them")
        root = ET.fromstring(text)  # noqa: S314 - without entities nothing can be expanded
    except (UnicodeDecodeError, ET.ParseError) as error:
        raise ValueError("is not an image; use a PNG, a JPEG, or an SVG in UTF-8") from error
    box = re.fullmatch(r"\s*[-\d.]+[\s,]+[-\d.]+[\s,]+([\d.]+)[\s,]+([\d.]+)\s*", root.get("viewBox", ""))
    if root.tag != f"{_SVG}svg" or box is None:
        raise ValueError("is not an SVG with a viewBox, without which it cannot be scaled; add one")
    root.attrib |= {"width": box[1], "height": box[2]}  # the natural size: some viewers ignore the viewBox
    for element in list(root.iter()):
        _strip(element)
    for element in root.iter():
        _check(element)
        element.tag = element.tag.removeprefix(_SVG)
    root.set("xmlns", _SVG[1:-1])
    return ET.tostring(root)


def _strip(element: ET.Element) -> None:
    """Remove elements and attributes of other namespaces, which drawing programs add for themselves."""
    for name in [name for name in element.attrib if name.startswith("{")]:
        value = element.attrib.pop(name)
        if name == f"{_XLINK}href":
            element.attrib.setdefault("href", value)
    for child in list(element):
        if not child.tag.startswith(_SVG) or child.tag == f"{_SVG}metadata":
            element.remove(child)


def _check(element: ET.Element) -> None:
    """Refuse what runs script or loads something."""
    name = element.tag.removeprefix(_SVG)
    if name not in _DRAWN:
        raise ValueError(f"contains <{name}>; use an SVG without it")
    for key, value in element.attrib.items():
        if key.lower().startswith("on"):
            raise ValueError(f"contains {key}, which runs script; use an SVG without it")
        if key == "href" and not value.strip().startswith("#"):
            raise ValueError("refers to something outside; use an SVG that refers only to itself")
    for text in (*element.attrib.values(), (element.text or "") if name == "style" else ""):
        _check_style(text)


def _check_style(text: str) -> None:
    """Refuse a style that refers to something outside the SVG; an escape could hide such a reference."""
    outside = re.search(r"url\(\s*[\"']?\s*(?!#)[^\s\"']|@import|image-set|src\(|\\", text, re.IGNORECASE)
    if outside:
        raise ValueError("refers to something outside; use an SVG that refers only to itself")
