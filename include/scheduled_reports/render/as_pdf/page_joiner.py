"""Insert the pages that were set row by row, with their tags, into the file that WeasyPrint writes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import pydyf
from weasyprint.pdf import _use_references

if TYPE_CHECKING:
    from .page_frame import Frame, Slot
    from .row_setter import Sheet


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheets:
    """Pages to insert before page *before* of WeasyPrint's."""

    before: int
    frame: Frame
    sheets: list[Sheet]


class _Raw(pydyf.Object):  # type: ignore[misc]
    """A PDF object as bytes: there are too many of them for a dictionary each."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data

    @property
    def data(self) -> bytes:
        return self._data


class Joiner:
    """Inserts pages into one PDF file."""

    def __init__(self, pdf: pydyf.PDF, resources: pydyf.Dictionary, images: dict[str, Any]) -> None:
        self._pdf = pdf
        self._pages = list(pdf.page_references)
        root = self._at(pdf.catalog["StructTreeRoot"])
        self._parents = self._at(root["ParentTree"])["Nums"]
        self._document = self._at(root["K"][0])
        main = self._at(self._at(self._pages[0])["Resources"])
        resources["Font"] = main["Font"]
        resources["ColorSpace"] = main["ColorSpace"]
        _use_references(pdf, resources, images, {})
        pdf.add_object(resources)
        self._resources = resources.reference

    def add(self, added: Sheets, first_number: int, total: int) -> None:
        """Insert pages; the first of them is page *first_number* of the file."""
        pdf, frame = self._pdf, added.frame
        for stream in (*(slot.stream for slot in frame.slots), frame.margins):
            pdf.add_object(stream)
        section = pydyf.Dictionary({"Type": "/StructElem", "S": "/Sect", "P": self._document.reference})
        section["K"] = pydyf.Array()
        pdf.add_object(section)
        kids = pydyf.Array()
        for number, sheet in enumerate(added.sheets, start=first_number):
            corner = frame.number(f"Page {number} of {total}")
            for stream in (*sheet.contents, corner):
                pdf.add_object(stream)
            filled = zip(frame.slots, sheet.contents, strict=True)  # in reading order
            streams = [*(one for slot, content in filled for one in (slot.stream, content)), frame.margins, corner]
            contents = pydyf.Array([stream.reference for stream in streams])
            key = self._parents[-2] + 1
            page = pydyf.Dictionary({
                "Type": "/Page", "Parent": pdf.pages.reference, "Contents": contents, "Resources": self._resources,
                "MediaBox": pydyf.Array([0, 0, frame.width, frame.height]), "Tabs": "/S", "StructParents": key,
            })  # fmt: skip
            pdf.add_object(page)
            kids.extend([page.number, 0, "R"])
            self._parents.extend([key, self._tags(sheet, frame, page, section)])
        self._insert(added.before, kids, section)

    def _tags(self, sheet: Sheet, frame: Frame, page: Any, section: Any) -> pydyf.Array:
        """Make the tags of a page; return the element of each marked-content id."""
        owners: dict[int, bytes] = {}
        marks = count(frame.marks)
        for slot, counts in zip(frame.slots, sheet.marks, strict=True):
            rows = ([tuple(islice(marks, number)) for number in row] for row in counts)
            section["K"].append(self._table(slot, rows, page.reference, section.reference, owners))
        return pydyf.Array([owners.get(mark, b"null") for mark in range(max(owners, default=-1) + 1)])

    def _table(self, slot: Slot, rows: Any, page: bytes, section: bytes, owners: dict[int, bytes]) -> bytes:
        table = self._element("Table", section, page)
        head, body = (self._element(kind, table.reference, page) for kind in ("THead", "TBody"))
        table["K"].extend([head.reference, body.reference])
        head["K"].append(self._row(b"TH", slot.heads, head.reference, page, owners))
        body["K"].extend(self._row(b"TD", cells, body.reference, page, owners) for cells in rows)
        return bytes(table.reference)

    def _element(self, kind: str, parent: bytes, page: bytes) -> pydyf.Dictionary:
        element = pydyf.Dictionary({
            "Type": "/StructElem", "S": f"/{kind}", "P": parent, "Pg": page, "K": pydyf.Array(),
        })  # fmt: skip
        self._pdf.add_object(element)
        return element

    def _row(self, kind: bytes, cells: Any, parent: bytes, page: bytes, owners: dict[int, bytes]) -> bytes:
        first = len(self._pdf.objects)
        row = b"%d 0 R" % first
        names = [b"%d 0 R" % number for number in range(first + 1, first + 1 + len(cells))]
        start = b"<</Type/StructElem/P %s/Pg %s" % (parent, page)
        self._pdf.add_object(_Raw(b"%s/S/TR/K[%s]>>" % (start, b" ".join(names))))
        start = b"<</Type/StructElem/P %s/Pg %s/S/%s" % (row, page, kind)
        start += b"/A<</O/Table/Scope/Column>>" if kind == b"TH" else b""
        for name, marks in zip(names, cells, strict=True):
            self._pdf.add_object(_Raw(b"%s/K[%s]>>" % (start, b" ".join(b"%d" % mark for mark in marks))))
            owners.update(dict.fromkeys(marks, name))
        return row

    def _insert(self, before: int, kids: pydyf.Array, section: pydyf.Dictionary) -> None:
        """Insert pages and tags before those of WeasyPrint's page *before*."""
        following = self._pages[before]
        place = self._pdf.pages["Kids"].index(int(following.split()[0]))
        self._pdf.pages["Kids"][place:place] = kids
        self._pdf.pages["Count"] += len(kids) // 3
        elements = self._document["K"]
        after = [n for n, name in enumerate(elements) if self._at(name).get("Pg") == following]
        elements.insert(after[0] if after else len(elements), section.reference)

    def _at(self, reference: bytes) -> Any:
        return self._pdf.objects[int(reference.split()[0])]
