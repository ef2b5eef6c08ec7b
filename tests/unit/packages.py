"""Check an Office package by the rules of ISO/IEC 29500-2, as Excel does before it reads the content.

Excel offers to repair a file that breaks one of these rules.
"""

from __future__ import annotations

import posixpath
import zipfile
from xml.etree import ElementTree

TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
RELATION = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
X14 = "{http://schemas.microsoft.com/office/spreadsheetml/2009/9/main}"
#: The parts of a worksheet that may be there, in the order in which they must be.
ORDER = (
    "sheetPr", "dimension", "sheetViews", "sheetFormatPr", "cols", "sheetData", "sheetProtection", "autoFilter",
    "mergeCells", "conditionalFormatting", "dataValidations", "hyperlinks", "printOptions", "pageMargins", "pageSetup",
    "headerFooter", "rowBreaks", "colBreaks", "ignoredErrors", "drawing", "legacyDrawing", "tableParts", "extLst",
)  # fmt: skip
OFFICE = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


def problems(file) -> list[str]:
    """Return the problems of a package; empty if it is valid."""
    with zipfile.ZipFile(file) as package:
        names = package.namelist()
        found = [f"{name}: twice" for name in set(names) if names.count(name) > 1]
        if package.testzip() is not None:
            found.append("a part is broken")
        parts = {name: package.read(name) for name in names}
    trees = {}
    for name, content in parts.items():
        if name.endswith((".xml", ".rels", ".vml")):
            try:
                trees[name] = ElementTree.fromstring(content)  # noqa: S314 - written by our own code
            except ElementTree.ParseError as error:
                found.append(f"{name}: {error}")
    sheets = {name: tree for name, tree in trees.items() if tree.tag == f"{SHEET}worksheet"}
    return found + list(_types(parts, trees)) + list(_relations(parts, trees)) + list(_worksheets(sheets))


def _worksheets(sheets):
    """Check that the parts of each worksheet are in the order of ECMA-376 18.3.1.99, and that bars know their rules."""
    every_id = []
    for name, tree in sheets.items():
        places = [ORDER.index(child.tag.removeprefix(SHEET)) for child in tree]
        single = [place for place in places if ORDER[place] != "conditionalFormatting"]
        if places != sorted(places) or len(set(single)) < len(single):
            yield f"{name}: its parts are not in order"
        ids = [one.text for one in tree.iter(f"{X14}id")]
        bars = [one.get("id") for one in tree.iter(f"{X14}cfRule")]
        if ids != bars:
            yield f"{name}: bars and rules do not fit: {ids}, {bars}"
        every_id += bars
        uris = [one.get("uri") for one in tree.findall(f"{SHEET}extLst/{SHEET}ext")]
        if len(set(uris)) < len(uris):
            yield f"{name}: an extension twice"
    if len(set(every_id)) < len(every_id):
        yield "two bars with one id"


def _types(parts, trees):
    """Check that every part has a content type, and that every declared part exists."""
    declared = trees["[Content_Types].xml"]
    defaults = {one.get("Extension").lower() for one in declared.iter(f"{TYPES}Default")}
    overrides = [one.get("PartName").lstrip("/") for one in declared.iter(f"{TYPES}Override")]
    for name in parts:
        if name != "[Content_Types].xml" and name not in overrides and name.rpartition(".")[2].lower() not in defaults:
            yield f"{name}: without a content type"
    for name in overrides:
        if name not in parts:
            yield f"{name}: a content type without a part"
    if len(set(overrides)) < len(overrides):
        yield "two content types for one part"


def _relations(parts, trees):
    """Check that every relationship has a target, every used id a relationship, and that every part is reachable."""
    reached = {"[Content_Types].xml", *(name for name in parts if name.endswith(".rels"))}
    for name in [name for name in trees if name.endswith(".rels")]:
        owner = _owner(name)
        relations = list(trees[name].iter(RELATION))
        ids = [one.get("Id") for one in relations]
        if len(set(ids)) < len(ids):
            yield f"{name}: an id twice"
        if owner and owner not in parts:
            yield f"{name}: relationships of nothing"
        targets = {_target(owner, one) for one in relations}
        yield from (f"{name}: {target} is not there" for target in targets - set(parts))
        reached |= targets
        if owner in trees:
            yield from _unknown_ids(owner, trees[owner], set(ids))
    yield from (f"{name}: nothing leads to it" for name in set(parts) - reached)


def _owner(rels):
    """Return the part that a relationships part belongs to; empty for the package itself."""
    folder, source = posixpath.split(rels)
    return posixpath.join(posixpath.dirname(folder), source.removesuffix(".rels"))


def _target(owner, relation):
    if relation.get("TargetMode") == "External":
        return f"outside: {relation.get('Target')}"
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(owner), relation.get("Target"))).lstrip("/")


def _unknown_ids(name, tree, ids):
    for element in tree.iter():
        for key, value in element.attrib.items():
            if key.startswith(OFFICE) and value not in ids:
                yield f"{name}: {element.tag} uses {value}, which is no relationship"
