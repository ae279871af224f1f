"""Excel workbooks: the sheets that show, one after the other, with merged cells and numbers as they are formatted.

The parts are read straight from the zip, as for docx. openpyxl fills every place of a merged range, and one range of a
damaged or hostile file may cover a whole sheet of 17 thousand million places.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from io import BytesIO
from pathlib import Path

from lxml import etree

from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import ExtractedText, check_length
from lawgov_nlp.readers.docx import MAX_UNPACKED, parse_part, related_parts
from lawgov_nlp.readers.grid import MAX_SPAN, assemble
from lawgov_nlp.readers.sheets import MAX_CELLS, refuse_own, sheet_lines

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_MAX_SHEETS = 200
_MAX_COLUMN = 2000
_PERCENT_FORMATS, _DATE_FORMATS = {9, 10}, {*range(14, 18), 22, *range(27, 37), *range(50, 59)}
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_DAYS = 2_958_465  # the last that Excel knows: 9999-12-31


def read(data: bytes, path: Path) -> ExtractedText:
    """Read an xlsx file.

    Raises:
        ReadError: No workbook, damaged, built to fill the memory, or a table that lawgov wrote.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return _read(archive, path)
    except ReadError:
        raise
    except etree.XMLSyntaxError as error:
        raise ReadError(f"{path}: the XML in the xlsx is damaged ({error}); save it again in Excel") from error
    # zipfile raises all of these on damaged archives, RuntimeError on an entry with a password.
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ReadError(f"{path}: the xlsx is damaged ({error}); download or save it again") from error


def _read(archive: zipfile.ZipFile, path: Path) -> ExtractedText:
    unpacked = sum(info.file_size for info in archive.infolist())
    if unpacked > MAX_UNPACKED:
        raise ReadError(f"{path}: unpacks to {unpacked / 1e6:,.0f} MB, over {MAX_UNPACKED / 1e6:.0f}; a zip bomb?")
    names = set(archive.namelist())
    main = related_parts(archive, "", path).get("officeDocument", [""])[0]
    book = parse_part(archive, main, path) if main in names else None
    if book is None or book.tag != f"{_S}workbook":
        raise ReadError(f"{path}: a zip with {main or 'no Office document'}; expected an .xlsx saved by Excel or WPS")
    related = related_parts(archive, main, path)
    by_id = _targets(archive, main, path)

    def part(kind: str) -> etree._Element | None:
        name = next((n for n in related.get(kind, ()) if n in names), None)
        return None if name is None else parse_part(archive, name, path)

    strings = [_text(item) for item in _children(part("sharedStrings"), "si")]
    formats = _formats(part("styles"))
    start = datetime(1904, 1, 1) if _is_1904(book) else datetime(1899, 12, 30)
    lines: list[str] = []
    warnings: list[str] = []
    cells = size = without = 0
    hidden: list[str] = []
    sheets = list(book.iter(f"{_S}sheet"))
    for entry in sheets[:_MAX_SHEETS]:
        title = entry.get("name", "")
        target = by_id.get(entry.get(f"{_R}id", ""))
        if entry.get("state", "visible") != "visible":
            hidden.append(title)
            continue
        if target is None or target not in names:
            warnings.append(f"the sheet {title} is missing in the file")
            continue
        root = parse_part(archive, target, path)
        sheet, uncounted = _sheet(root, strings, formats, start)
        without += uncounted
        cells += sum(map(len, sheet.values()))
        if cells > MAX_CELLS:
            raise ReadError(f"{path}: over {MAX_CELLS:,} cells; a report's table is small. Keep the report's own sheet")
        if sheet:
            refuse_own(list(sheet[min(sheet)].values()), path)
        for line in sheet_lines(sheet, _merged(root)):
            lines.append(line)
            check_length(size := size + len(line), path)
    if hidden:
        warnings.append(f"hidden sheets were left out: {', '.join(hidden)}")
    if len(sheets) > _MAX_SHEETS:
        warnings.append(f"sheets after the first {_MAX_SHEETS} were left out: {len(sheets) - _MAX_SHEETS}")
    if without:
        warnings.append(f"{without} formulas have no saved result; open the file in Excel and save it again")
    text, tables = assemble(lines)
    return ExtractedText(text=text, warnings=tuple(warnings), tables=tables)


def _targets(archive: zipfile.ZipFile, main: str, path: Path) -> dict[str, str]:
    """Relationship id -> part, in the order of `related_parts`."""
    folder, _, name = main.rpartition("/")
    rels = f"{folder}/_rels/{name}.rels" if folder else f"_rels/{name}.rels"
    if rels not in archive.namelist():
        return {}
    parts = related_parts(archive, main, path, by_id=True)
    return {key: found[0] for key, found in parts.items()}


def _children(root: etree._Element | None, tag: str) -> Iterator[etree._Element]:
    return iter(()) if root is None else root.iterchildren(f"{_S}{tag}")


def _text(item: etree._Element) -> str:
    """The text of a string in runs, without the readings of its characters (rPh)."""
    pieces = [t.text or "" for t in item.iter(f"{_S}t") if t.getparent().tag != f"{_S}rPh"]
    return " ".join("".join(pieces).split())


def _is_1904(book: etree._Element) -> bool:
    properties = book.find(f"{_S}workbookPr")
    return properties is not None and properties.get("date1904") in ("1", "true")


def _formats(styles: etree._Element | None) -> list[str]:
    """For each cell style `percent`, `date` or an empty string."""
    if styles is None:
        return []
    own: dict[int, str] = {}
    for entry in styles.iter(f"{_S}numFmt"):
        own[_int(entry.get("numFmtId"))] = _LITERAL.sub("", entry.get("formatCode") or "")
    found = []
    for style in styles.iterfind(f"{_S}cellXfs/{_S}xf"):
        number = _int(style.get("numFmtId"))
        code = own.get(number, "")
        if number in _PERCENT_FORMATS or "%" in code:
            found.append("percent")
        elif number in _DATE_FORMATS or re.search("[yd年]", code, re.IGNORECASE):
            found.append("date")
        else:
            found.append("")
    return found


def _int(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 9 else -1


def _sheet(
    root: etree._Element, strings: list[str], formats: list[str], start: datetime
) -> tuple[dict[int, dict[int, str]], int]:
    """Row -> column -> text, and how many formulas have no result."""
    sheet: dict[int, dict[int, str]] = {}
    without = 0
    row = -1
    for line in root.iterfind(f"{_S}sheetData/{_S}row"):
        said = _int(line.get("r"))
        row = said - 1 if said > 0 else row + 1
        column = -1
        for cell in line.iterchildren(f"{_S}c"):
            place = _PLACE.fullmatch(cell.get("r", ""))
            column = _column(place[1]) if place else column + 1
            text = _value(cell, strings, formats, start)
            if text and column <= _MAX_COLUMN:
                sheet.setdefault(row, {})[column] = text
            elif not text and cell.find(f"{_S}f") is not None and cell.find(f"{_S}v") is None:
                without += 1
    return {row: dict(sorted(sheet[row].items())) for row in sorted(sheet)}, without


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number - 1


def _value(cell: etree._Element, strings: list[str], formats: list[str], start: datetime) -> str:
    """A cell's text as Excel shows it, near enough: percentages and dates are, other formats are not applied."""
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        inside = cell.find(f"{_S}is")
        return "" if inside is None else _text(inside)
    said = (cell.findtext(f"{_S}v") or "").strip()
    if kind == "s":
        at = _int(said)
        return strings[at] if 0 <= at < len(strings) else ""
    if kind == "b":
        return {"1": "是", "0": "否"}.get(said, said)
    if kind != "n":
        return " ".join(said.split())
    style = _int(cell.get("s"))
    return _number(said, formats[style] if 0 <= style < len(formats) else "", start)


def _number(said: str, form: str, start: datetime) -> str:
    try:
        number = Decimal(said)
    except InvalidOperation:
        return said
    if not number.is_finite() or not -20 < number.adjusted() < 20:
        return said
    if form == "date" and 0 < number < _DAYS:
        try:
            day = start + timedelta(days=int(number))
        except OverflowError:
            return said
        return f"{day.year}年{day.month}月{day.day}日"
    number = Decimal(f"{number:.15g}") * (100 if form == "percent" else 1)  # Excel keeps 15 digits; the file has 17
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + ("%" if form == "percent" else "")


def _merged(root: etree._Element) -> dict[tuple[int, int], tuple[int, int]]:
    """(row, column) of a merged cell -> how many rows and columns it covers."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for entry in root.iterfind(f"{_S}mergeCells/{_S}mergeCell"):
        ends = [_PLACE.fullmatch(end) for end in entry.get("ref", "").split(":")]
        if len(ends) != 2 or ends[0] is None or ends[1] is None:
            continue
        (left, top), (right, bottom) = ((_column(end[1]), int(end[2]) - 1) for end in ends if end is not None)
        if bottom >= top and right >= left:
            found[top, left] = (min(bottom - top + 1, MAX_SPAN), min(right - left + 1, MAX_SPAN))
    return found
