"""Word files: paragraphs, tables and text boxes in the order of the body, with the automatic numbers rebuilt.

The parts are read straight from the zip. python-docx loads every related part to open a file, and one dangling
relationship (`Target="NULL"`, python-docx#678, #797, #1351, left by add-ins) makes that a KeyError; and it has
neither the numbers (#92) nor tracked changes, so little of it would be left to use.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from pathlib import Path

from lxml import etree

from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import ExtractedText, check_length
from lawgov_nlp.readers.grid import MAX_SPAN, RawCell, RawTable, assemble
from lawgov_nlp.readers.lines import visible
from lawgov_nlp.readers.looks import Looks, is_on, value
from lawgov_nlp.readers.numbering import Numbering, W

MAX_UNPACKED = 200_000_000
MAX_RATIO = 200
_SMALL = 10_000_000
_DEEPEST = 50
"""Open fields that are kept: nobody nests so many, so the outer ones of more have lost their ends."""
_CODE = 200
"""Characters kept of a field's code; its first word says what it is."""
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_WORD_ART = "{urn:schemas-microsoft-com:vml}textpath"
_ENTRY = 25
"""Characters of a line of a table of contents; a longer one that ends in a full stop is none."""
_ENCLOSED = re.compile(r"\s*(?i:eq)\s*\\o\s*(?:\\a[clr]\s*)?\(\s*[○〇◯□△◇]\s*[,，;；]\s*([^()（）]{1,4}?)\s*\)")
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳㉑㉒㉓㉔㉕㉖㉗㉘㉙㉚㉛㉜㉝㉞㉟㊱㊲㊳㊴㊵㊶㊷㊸㊹㊺㊻㊼㊽㊾㊿"
_BREAKS = re.compile("[ ]*[\r\n]+[ ]*")
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
# Deleted or moved-away text, properties, ruby annotations, list pictures.
_SKIP = {W + name for name in ("del", "moveFrom", "pPr", "rPr", "tblPr", "trPr", "tcPr", "sdtPr", "rt", "numPicBullet")}


def read(data: bytes, path: Path) -> ExtractedText:
    """Read a docx file.

    Raises:
        ReadError: No Word document, damaged, or built to fill the memory.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return _read(archive, path)
    except ReadError:
        raise
    except RecursionError as error:
        raise ReadError(f"{path}: nested too deep for a report; save it again in Word") from error
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise ReadError(f"{path}: needs more memory than there is; save it again in Word") from error
        raise ReadError(f"{path}: the XML in the docx is damaged ({error}); save it again in Word") from error
    # zipfile raises all of these on damaged archives, RuntimeError on an entry with a password.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ReadError(f"{path}: the docx is damaged ({error}); download or save it again") from error


def _read(archive: zipfile.ZipFile, path: Path) -> ExtractedText:
    names = set(archive.namelist())
    unpacked = sum(info.file_size for info in archive.infolist())
    if unpacked > MAX_UNPACKED:
        raise ReadError(f"{path}: unpacks to {unpacked / 1e6:,.0f} MB, over {MAX_UNPACKED / 1e6:.0f}; a zip bomb?")
    main = related_parts(archive, "", path).get("officeDocument", [""])[0]
    document = parse_part(archive, main, path) if main in names else None
    if document is None or document.tag != f"{W}document":
        what = document.tag if document is not None else main or "no Office document"
        raise ReadError(f"{path}: a zip with {what}; expected a .docx saved by Word or WPS (not Strict Open XML)")
    related = related_parts(archive, main, path)

    def part(kind: str) -> etree._Element | None:
        name = next((n for n in related.get(kind, ()) if n in names), None)
        return None if name is None else parse_part(archive, name, path)

    styles = part("styles")
    numbering = Numbering(part("numbering"), styles)
    body = document.find(f"{W}body")
    if body is None:
        raise ReadError(f"{path}: the Word document has no body; save it again in Word")
    walk = _Walk(numbering, Looks(styles), _endless(body))
    lines, size = [], 0
    for line in chain(walk.blocks(body), walk.rest()):
        lines.append(line)
        check_length(size := size + len(line), path)  # at once: a long list number stands in front of each paragraph
    warnings = list(walk.warnings)
    for kind in ("footnotes", "endnotes"):
        root = part(kind)
        notes = 0 if root is None else sum(_is_note(note) for note in root)
        if notes:
            warnings.append(f"{notes} {kind} were left out")
    if numbering.unknown:
        warnings.append(f"number formats printed as 1, 2, 3: {', '.join(sorted(numbering.unknown))}")
    if numbering.damaged:
        warnings.append(f"{numbering.damaged} paragraph(s) have lost their numbers: their list is damaged")
    text, tables = assemble(lines)
    if not text.strip() and walk.embedded:
        raise ReadError(
            f"{path}: the report is an embedded file (altChunk), which is not read; open it in Word and save it again"
        )
    return ExtractedText(text=text, warnings=tuple(warnings), headings=walk.headings, tables=tables)


def _endless(body: etree._Element) -> set[etree._Element]:
    """The beginnings of fields whose ends are missing."""
    open_: list[etree._Element] = []
    for mark in body.iter(f"{W}fldChar"):
        kind = mark.get(f"{W}fldCharType")
        if kind == "begin":
            open_.append(mark)
        elif kind == "end" and open_:
            open_.pop()
    return set(open_)


def related_parts(archive: zipfile.ZipFile, part: str, path: Path, *, by_id: bool = False) -> dict[str, list[str]]:
    """Kind of relationship (or its id) -> part names: the main part is word/document.xml only by custom."""
    folder, name = posixpath.split(part)
    rels = posixpath.join(folder, "_rels", f"{name}.rels")
    found: dict[str, list[str]] = {}
    if rels in archive.namelist():
        for rel in parse_part(archive, rels, path):
            target = rel.get("Target", "")
            if rel.get("TargetMode") != "External":
                kind = rel.get("Id", "") if by_id else rel.get("Type", "").rpartition("/")[2]
                found.setdefault(kind, []).append(posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/"))
    return found


def parse_part(archive: zipfile.ZipFile, name: str, path: Path) -> etree._Element:
    """Parse a part of an Office file.

    Raises:
        ReadError: It declares a DOCTYPE, is packed in a way that no Office program uses, or is a zip bomb.
        etree.XMLSyntaxError: It is no XML.
    """
    info = archive.getinfo(name)
    if info.file_size > _SMALL and info.file_size > MAX_RATIO * info.compress_size:
        raise ReadError(f"{path}: {name} unpacks to {info.file_size / 1e6:,.0f} MB from next to nothing; a zip bomb?")
    # ECMA-376 part 2 knows no others, and each of them would fail in errors of its own
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ReadError(f"{path}: {name} is packed by method {info.compress_type}, not deflate; save it again")
    data = archive.read(info)
    # A DOCTYPE has no place in OOXML and is how entity bombs come; without one no entity can be declared.
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True)
    if b"<!DOCTYPE" in data:
        raise ReadError(f"{path}: {name} declares a DOCTYPE, which no Office file does; don't trust this file")
    root = etree.fromstring(data, parser)
    if root.getroottree().docinfo.internalDTD is not None:  # one in UTF-16, where the bytes above don't match
        raise ReadError(f"{path}: {name} declares a DOCTYPE, which no Office file does; don't trust this file")
    return root


def _is_note(note: etree._Element) -> bool:
    return note.get(f"{W}type") in (None, "normal") and any((t.text or "").strip() for t in note.iter(f"{W}t"))


class _Walk:
    """Walks the body once, in order; fields may begin in one paragraph and end in another, so it has a state."""

    def __init__(self, numbering: Numbering, looks: Looks, endless: set[etree._Element]) -> None:
        self._numbering = numbering
        self._looks = looks
        self._endless = endless
        self._fields: list[_Field] = []
        self._style_hides = False
        self.embedded = False
        self.headings: dict[str, int] = {}
        self._carry: list[str] = []
        self._warnings: dict[str, None] = {}

    @property
    def warnings(self) -> list[str]:
        return list(self._warnings)

    def rest(self) -> Iterator[str]:
        """What waits for a next paragraph that never came."""
        text = "".join(self._carry)
        if text.strip():
            yield text

    def blocks(self, parent: etree._Element) -> Iterator[str]:
        """The lines of all paragraphs and tables below `parent`."""
        for child in parent:
            if child.tag == f"{W}p":
                yield from self._paragraph(child)
            elif child.tag == f"{W}tbl":
                table = RawTable()
                for row in self._find(child, f"{W}tr"):
                    yield from table.row([*self._cells(row)])
            elif child.tag == f"{W}altChunk":
                self.embedded = True
                self._warnings["an embedded file (altChunk) was left out; save the docx again in Word"] = None
            elif child.tag not in _SKIP and child.tag != f"{_MC}Fallback":
                yield from self.blocks(child)  # sdt, sdtContent, customXml, ins, moveTo, AlternateContent …

    def _find(self, parent: etree._Element, tag: str) -> Iterator[etree._Element]:
        """The rows of a table or cells of a row, also those that stand in content controls; not deleted rows."""
        for child in parent:
            if child.tag == tag:
                if child.find(f"{W}trPr/{W}del") is None:
                    yield child
            elif child.tag not in _SKIP:
                yield from self._find(child, tag)

    def _cells(self, row: etree._Element) -> Iterator[RawCell]:
        """The cells; one merged with the cell above is empty there, one merged with the cell before is left out."""
        header = is_on(row.find(f"{W}trPr/{W}tblHeader"))
        for cell in self._find(row, f"{W}tc"):
            columns = _span(value(cell, "tcPr/" + W + "gridSpan"))
            if _merged(cell, "hMerge"):
                yield RawCell(columns=columns, header=header, shown=False)
            elif _merged(cell, "vMerge"):
                yield RawCell(columns=columns, rows=0, header=header)
            else:
                yield RawCell(lines=[*self.blocks(cell)], columns=columns, header=header)

    def _paragraph(self, paragraph: etree._Element) -> Iterator[str]:
        boxes: list[etree._Element] = []
        if self._contents() and not _is_entry(paragraph, strict=not self._contents_end_missing()):
            self._fields.clear()  # the table of contents has lost its end: it must not swallow the report
        style = value(paragraph, f"pPr/{W}pStyle")
        self._style_hides = self._looks.hides(style)
        carried = len(self._carry)
        self._carry.extend(self._inline(paragraph, boxes))
        # A code that goes on is a field whose end was deleted or lost: it must not swallow the rest of the report.
        self._fields = [field for field in self._fields if not field.in_code]
        mark = paragraph.find(f"{W}pPr/{W}rPr")
        drop_cap = paragraph.find(f"{W}pPr/{W}framePr")
        waits = drop_cap is not None and drop_cap.get(f"{W}dropCap") in ("drop", "margin")
        # A deleted end: accepting the change joins the paragraph to the next one, so its text waits.
        waits = waits or (mark is not None and any(mark.find(W + gone) is not None for gone in ("del", "moveFrom")))
        silent = mark is not None and is_on(mark.find(f"{W}vanish")) and not "".join(self._carry[carried:]).strip()
        if not waits and not silent:  # a hidden paragraph has no number and counts for none
            text, self._carry = "".join(self._carry), []
            marker = self._numbering.marker(paragraph)  # an empty one counts, too, as it does in Word
            if text.strip():
                lines = (marker + text.lstrip() if marker else text).split("\n")
                level = self._looks.level(paragraph, style)
                if level and len(lines) == 1:
                    self.headings[visible(lines[0]).strip()] = level
                yield from lines
        for box in boxes:
            yield from self.blocks(box)

    def _inline(self, parent: etree._Element, boxes: list[etree._Element]) -> Iterator[str]:
        for child in parent:
            tag = child.tag
            if tag == f"{W}txbxContent":
                boxes.append(child)
            elif tag == f"{W}r" and self._is_hidden(child):
                for mark in child.iter(f"{W}fldChar", f"{W}instrText"):  # hidden or not, a field ends
                    yield from self._code(mark)
            elif tag in (f"{W}t", f"{_MATH}t"):
                if self._shown():
                    yield _BREAKS.sub(" ", child.text or "")  # a raw line end prints as a space
            elif tag in (f"{W}tab", f"{W}ptab"):
                yield "\t"
            elif tag in (f"{W}br", f"{W}cr"):
                yield "\n"
            elif tag == f"{W}noBreakHyphen":
                yield "-"
            elif tag in (f"{W}fldChar", f"{W}instrText"):
                yield from self._code(child)
            elif tag == f"{_MC}AlternateContent":
                # The same text box twice, for new programs and old ones: read one.
                one = child.find(f"{_MC}Choice")
                yield from self._inline(child if one is None else one, boxes)
            elif tag == _WORD_ART:
                if text := child.get("string", "").strip():
                    boxes.append(_boxed(text))
            elif tag not in _SKIP:
                yield from self._inline(child, boxes)

    def _code(self, mark: etree._Element) -> Iterator[str]:
        """Keep the stack of open fields; what an EQ field prints stands in its code."""
        if mark.tag == f"{W}instrText":
            if self._fields:
                self._fields[-1].code = (self._fields[-1].code + (mark.text or ""))[:_CODE]
            return
        kind = mark.get(f"{W}fldCharType")
        if kind == "begin":
            self._fields.append(_Field(endless=mark in self._endless))
            del self._fields[:-_DEEPEST]
        elif kind == "separate" and self._fields:
            self._fields[-1].in_code = False
        elif kind == "end" and self._fields:
            field = self._fields.pop()
            enclosed = _ENCLOSED.match(field.code)
            if enclosed and field.in_code and self._shown():
                yield _circled(enclosed[1])

    def _is_hidden(self, run: etree._Element) -> bool:
        """Whether a run neither shows nor prints: its own w:vanish, or that of its style."""
        properties = run.find(f"{W}rPr")
        if properties is not None:
            if (own := properties.find(f"{W}vanish")) is not None:
                return is_on(own)
            if (style := value(properties, "rStyle")) is not None and self._looks.hides(style):
                return True
        return self._style_hides

    def _contents(self) -> bool:
        return any(field.code.split()[:1] == ["TOC"] for field in self._fields)

    def _contents_end_missing(self) -> bool:
        return any(field.endless for field in self._fields)

    def _shown(self) -> bool:
        """Whether text here is a field's result or no field's, and not of a table of contents."""
        if self._contents():
            # Its lines are the headings again, with page numbers: read as headings they would double every section.
            self._warnings["the table of contents was left out"] = None
            return False
        return not any(field.in_code for field in self._fields)


@dataclass(kw_only=True)
class _Field:
    """An open field: its code, whether that still goes on, and whether the file lacks its end."""

    code: str = ""
    in_code: bool = True
    endless: bool


def _is_entry(paragraph: etree._Element, *, strict: bool) -> bool:
    """Whether a paragraph may be a line of a table of contents: with a link, a page number, or in such a style.

    Args:
        paragraph: The `w:p`.
        strict: Refuse only what can be none: a sentence.
    """
    text = "".join(t.text or "" for t in paragraph.iter(f"{W}t"))
    if strict:
        return len(text) <= _ENTRY or text.rstrip()[-1:] not in "。；"
    if not text.strip():
        return True
    style = value(paragraph, f"pPr/{W}pStyle") or ""
    codes = "".join(code.text or "" for code in paragraph.iter(f"{W}instrText"))
    tabbed = paragraph.find(f".//{W}r/{W}tab") is not None or re.search(r"[\t.．…·]", text) is not None
    return (
        style.upper().startswith("TOC")
        or "_Toc" in codes
        or any((link.get(f"{W}anchor") or "").startswith("_Toc") for link in paragraph.iter(f"{W}hyperlink"))
        or (tabbed and text.rstrip()[-1:].isdigit())
    )


def _boxed(text: str) -> etree._Element:
    """Text that a shape has in an attribute, as the text box that it looks like."""
    box = etree.Element(f"{W}txbxContent")
    etree.SubElement(etree.SubElement(etree.SubElement(box, f"{W}p"), f"{W}r"), f"{W}t").text = text
    return box


def _circled(text: str) -> str:
    """⑪ for 11; what has no circled form as it is."""
    return _CIRCLED[int(text) - 1] if text.isdecimal() and 1 <= int(text) <= len(_CIRCLED) else text


def _span(columns: str | None) -> int:
    """How many columns a cell covers; 1 where the file says nothing that can be believed."""
    said = int(columns) if columns is not None and columns.isascii() and len(columns) < 6 and columns.isdecimal() else 1
    return said if 1 <= said <= MAX_SPAN else 1


def _merged(cell: etree._Element, kind: str) -> bool:
    found = cell.find(f"{W}tcPr/{W}{kind}")
    return found is not None and found.get(f"{W}val", "continue") == "continue"
