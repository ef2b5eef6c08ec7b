"""The operator's logo: read, measured, and an SVG cleaned of all that could run or fetch something."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET

#: It stands in every page and every mail.
MOST_BYTES: Final = 200_000
_MOST_PIXELS: Final = 4_000
_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_DATA: Final = re.compile(r"data:(image/(?:png|jpeg|svg\+xml))(?:;[\w=-]+?)*?(;base64)?,(.*)", re.DOTALL)
#: What a drawing needs; what is not here is refused by its name: script, foreignObject, image, a, animate, …
_DRAWN: Final = frozenset(
    {
        "svg", "g", "defs", "symbol", "use", "title", "desc", "path", "rect", "circle", "ellipse", "line",
        "polyline", "polygon", "text", "tspan", "style", "clipPath", "mask", "pattern", "linearGradient",
        "radialGradient", "stop", "marker", "filter", "feGaussianBlur", "feOffset", "feBlend",
        "feColorMatrix", "feFlood", "feComposite", "feMerge", "feMergeNode", "switch",
    }
)  # fmt: skip


def is_data(text: str) -> bool:
    """Whether a setting holds the logo itself, and does not name a file."""
    return text.startswith("data:")


def read_logo(text: str) -> str:
    """The logo that a data: URI holds or a path leads to, as a data: URI; ValueError says what is wrong with it."""
    if not text:
        return ""
    return _checked(_of_data(text) if is_data(text) else _of_file(Path(text)))


def _of_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"a data: URI, or a file that can be read ({error.strerror})") from error


def _of_data(text: str) -> bytes:
    found = _DATA.fullmatch(text)
    if found is None:
        raise ValueError("data:image/png, image/jpeg or image/svg+xml")
    try:
        return b64decode(found[3], validate=True) if found[2] else unquote_to_bytes(found[3])
    except ValueError as error:
        raise ValueError("its base64 is broken") from error


def _checked(content: bytes) -> str:
    """What the bytes say counts, not the name of the file or the type in the URI."""
    if len(content) > MOST_BYTES:
        raise ValueError(f"at most {MOST_BYTES:,d} bytes")
    if content.startswith((b"\x89PNG", b"\xff\xd8\xff")):
        return _uri(_pixels(content), content)
    return _uri("svg+xml", _cleaned(content))


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(content).decode()}"


def _pixels(content: bytes) -> str:
    """`png` or `jpeg`, once it was decoded."""
    from io import BytesIO  # noqa: PLC0415 - settings are read everywhere, a picture rarely

    from PIL import Image  # noqa: PLC0415

    try:
        with Image.open(BytesIO(content), formats=("PNG", "JPEG")) as picture:
            if max(picture.size) > _MOST_PIXELS:
                raise ValueError(f"at most {_MOST_PIXELS} pixels wide and high")
            picture.load()
            return "png" if picture.format == "PNG" else "jpeg"
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("a PNG or JPEG that can be decoded") from error


def _cleaned(content: bytes) -> bytes:
    """An SVG written anew from what was understood of it: no DOCTYPE, no comment, nothing of other vocabularies."""
    try:
        text = content.decode("utf-8-sig")
        if "<!ENTITY" in text:
            raise ValueError("an SVG without entities")
        root = ET.fromstring(text)  # noqa: S314 - without entities there is nothing to blow up
    except (UnicodeDecodeError, ET.ParseError) as error:
        raise ValueError("a PNG, a JPEG, or an SVG in UTF-8") from error
    box = re.fullmatch(r"\s*[-\d.]+[\s,]+[-\d.]+[\s,]+([\d.]+)[\s,]+([\d.]+)\s*", root.get("viewBox", ""))
    if root.tag != f"{_SVG}svg" or box is None:
        raise ValueError("an SVG with a viewBox, so that it can be made smaller")
    root.attrib |= {"width": box[1], "height": box[2]}  # the size it has by itself: not everybody reads the viewBox
    for element in list(root.iter()):
        _strip(element)
    for element in root.iter():
        _check(element)
        element.tag = element.tag.removeprefix(_SVG)
    root.set("xmlns", _SVG[1:-1])
    return ET.tostring(root)


def _strip(element: ET.Element) -> None:
    """Take away what drawing programs leave for themselves: elements and attributes of other vocabularies."""
    for name in [name for name in element.attrib if name.startswith("{")]:
        value = element.attrib.pop(name)
        if name == f"{_XLINK}href":
            element.attrib.setdefault("href", value)
    for child in list(element):
        if not child.tag.startswith(_SVG) or child.tag == f"{_SVG}metadata":
            element.remove(child)


def _check(element: ET.Element) -> None:
    """Refuse what runs or fetches."""
    name = element.tag.removeprefix(_SVG)
    if name not in _DRAWN:
        raise ValueError(f"an SVG without <{name}>")
    for key, value in element.attrib.items():
        if key.lower().startswith("on"):
            raise ValueError(f"an SVG without {key}, which runs script")
        if key == "href" and not value.strip().startswith("#"):
            raise ValueError("an SVG that refers only to itself")
    for text in (*element.attrib.values(), (element.text or "") if name == "style" else ""):
        _check_style(text)


def _check_style(text: str) -> None:
    """A style, or an attribute that is one, may point into the drawing itself; an escape could hide where it points."""
    outside = re.search(r"url\(\s*[\"']?\s*(?!#)[^\s\"']|@import|image-set|src\(|\\", text, re.IGNORECASE)
    if outside:
        raise ValueError("an SVG that refers only to itself")
