"""csv and xlsx: one row per paragraph with its dimensions, for people who label in Excel.

    report,start,headings,text,primary,secondary,annotator

Only `text` and `primary` are required. Dimensions are English or Chinese words; several secondary ones are joined
with `+`. An empty `primary` means that nobody labelled the paragraph; 无 means that it has no dimension. A column `why`
is written if there are reasons, and isn't read. Chinese column names and those of `lawgov tag -o x.csv` are accepted,
too.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lawgov_nlp.annotation.formats import context_fields, label_names
from lawgov_nlp.annotation.formats.coding import make_row
from lawgov_nlp.annotation.formats.document import CodedLine, Document, Origin, Row, rows, stripped
from lawgov_nlp.annotation.formats.issues import Issues, RowError
from lawgov_nlp.annotation.formats.lost import count_lost
from lawgov_nlp.annotation.formats.options import Options
from lawgov_nlp.errors import InterchangeError
from lawgov_nlp.results.writers.csv import csv_bytes, unescape_cell
from lawgov_nlp.results.writers.xlsx import CELL_LIMIT
from lawgov_nlp.scheme import Scheme

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

CSV, XLSX = "csv", "xlsx"
COLUMNS = ("report", "start", "headings", "text", "primary", "secondary")
WHY = "why"
VALUES = "{n} 个数值（含名称与主题）未写出"
FROM_A_MODEL = "文件由 lawgov tag 写出，{n} 段都按人工标注导入；没有核对过的请先清空 label"
NO_LIST = "{n} 张表没有主维度的下拉选项：标签名合起来超出 Excel 的上限"
UNCODED = "{n} 段没有填主维度，按维度未标注导入"

_ALIASES = {
    "report": ("report", "报告"),
    "source": ("source",),
    "confidence": ("confidence",),
    "start": ("start", "起点"),
    "headings": ("headings", "标题"),
    "text": ("text", "正文", "段落", "文本"),
    "primary": ("primary", "主维度", "label", "维度"),
    "secondary": ("secondary", "次要维度", "次维度"),
    "labels": ("labels",),
    "annotator": ("annotator", "coder", "标注者", "标注人"),
}
_LIST_LIMIT = 255  # Excel's limit for a list of choices, without the quotation marks


def write_csv(documents: Sequence[Document], findings: Issues, scheme: Scheme) -> bytes:
    """Write a csv that Excel opens as UTF-8. A text that Excel would take for a formula gets a leading apostrophe."""
    return csv_bytes(_header(documents), _table(documents, findings, CSV))


def write_xlsx(documents: Sequence[Document], findings: Issues, scheme: Scheme) -> bytes:
    """Write a workbook in which the labels of `scheme` can be chosen from a list.

    Raises:
        InterchangeError: A paragraph doesn't fit into a cell.
    """
    from openpyxl import Workbook
    from openpyxl.styles import Alignment
    from openpyxl.utils.exceptions import IllegalCharacterError
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    sheet = book.active
    sheet.title = "paragraphs"
    sheet.append(_header(documents))
    for number, row in enumerate(_table(documents, findings, XLSX), 2):
        for column, cell in enumerate(row, 1):
            if isinstance(cell, str) and len(cell.encode("utf-16-le")) > 2 * CELL_LIMIT:
                raise InterchangeError(
                    f"{row[0]}: a paragraph of {len(cell)} characters fits no cell; use csv or jsonl"
                )
            try:
                target = sheet.cell(number, column, cell)
            except IllegalCharacterError:
                raise InterchangeError(
                    f"{row[0]}: {cell[:30]!r} has a character that Excel can't hold; use csv"  # type: ignore[index]
                ) from None
            if isinstance(cell, str):
                target.data_type = "s"  # never a formula
            target.alignment = Alignment(wrap_text=True, vertical="top")
    _lay_out(sheet)
    choices = f'"{",".join([*scheme, label_names.NONE])}"'
    if len(choices) - 2 <= _LIST_LIMIT:
        choice = DataValidation(type="list", formula1=choices, allow_blank=True)
        sheet.add_data_validation(choice)
        choice.add(f"E2:E{max(2, sheet.max_row)}")
    else:
        findings.count(XLSX, NO_LIST, 1)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read_csv(path: Path, findings: Issues, options: Options) -> list[Row]:
    """Read the paragraphs of a csv in UTF-8 or GB18030, separated by commas, semicolons or tabs.

    Raises:
        InterchangeError: The file isn't a csv, or a column is missing.
    """
    text = read_text(path)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found = []
    try:
        for cells in table:
            found.append((table.line_num, [*map(unescape_cell, cells)]))
    except csv.Error as error:
        raise InterchangeError(f"{path}:{table.line_num}: {error}; save it from Excel as 'CSV UTF-8'") from None
    return _rows(path, found, findings, options, CSV)


def read_xlsx(path: Path, findings: Issues, options: Options) -> list[Row]:
    """Read the paragraphs of the first sheet of a workbook.

    Raises:
        InterchangeError: The file isn't a workbook, or a column is missing.
    """
    from zipfile import BadZipFile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, ValueError) as error:
        raise InterchangeError(f"{path}: not an Excel workbook ({error}); save it as xlsx") from None
    try:
        sheet = book.worksheets[0]
        found = [
            (number, ["" if cell is None else str(cell) for cell in cells])
            for number, cells in enumerate(sheet.iter_rows(values_only=True), 1)
        ]
    finally:
        book.close()
    return _rows(path, found, findings, options, XLSX)


def columns(path: Path, first_line: str) -> set[str]:
    """Return which of the package's columns the first line of a table contains."""
    delimiter = max(",;\t", key=first_line.count)
    return set(_columns([cell.strip('" \r') for cell in first_line.split(delimiter)]))


def _header(documents: Sequence[Document]) -> list[str]:
    return [*COLUMNS, WHY] if _reasons(documents) else [*COLUMNS]


def _reasons(documents: Sequence[Document]) -> bool:
    return any(line.why for document in documents for line in document.lines)


def _table(documents: Sequence[Document], findings: Issues, form: str) -> Iterator[list[str | int]]:
    reasons = _reasons(documents)
    for document in documents:
        count_lost(document, findings, form)
        for row in rows(document, Origin(file=document.id)):
            line, lead = stripped(row.line)
            findings.count(form, VALUES, len(line.values))
            primary = "" if not line.labels_coded else line.primary.value if line.primary else label_names.NONE
            yield [
                document.id,
                (row.start or 0) + lead,
                " / ".join(line.headings),
                line.text,
                primary,
                "+".join(line.secondary),
                *([line.why] if reasons else []),
            ]


def _rows(path: Path, table: list[tuple[int, list[str]]], findings: Issues, options: Options, form: str) -> list[Row]:
    table = [(number, cells) for number, cells in table if any(cell.strip() for cell in cells)]
    if not table:
        raise InterchangeError(f"{path}: the table is empty")
    at = _columns(table[0][1])
    missing = [f"{name!r} ({_ALIASES[name][1]})" for name in ("text", "primary") if name not in at]
    if missing:
        raise InterchangeError(
            f"{path}:{table[0][0]}: no column {' and '.join(missing)}; the columns are {table[0][1]}"
        )
    if "confidence" in at:
        findings.count(form, FROM_A_MODEL, len(table) - 1)
    out = []
    for number, cells in table[1:]:
        said = {name: cells[k].strip() for name, k in at.items() if k < len(cells)}
        origin = Origin(file=str(path), row=number, record=said)
        with findings.row(origin):
            text = context_fields.checked_text(said.get("text"))
            report = said.get("report") or Path(said.get("source", "").replace("\\", "/")).stem or path.stem
            place: dict[str, Any] = {"report": report, "start": _start(said.get("start", ""))}
            annotators = (said["annotator"],) if said.get("annotator") else ()
            if not said.get("primary"):
                findings.count(form, UNCODED)
            out.append(
                make_row(
                    findings,
                    origin,
                    text,
                    context_fields.headings(said),
                    place,
                    _coder(said, options.words),
                    annotators,
                )
            )
    return out


def _coder(said: Mapping[str, str], known: label_names.Words) -> Callable[[CodedLine], CodedLine]:
    def code(line: CodedLine) -> CodedLine:
        first = label_names.split(said.get("primary", ""))
        second = label_names.split(said.get("secondary", ""))
        # `lawgov tag` writes all labels into the column `labels`, the primary one first. An annotator corrects the
        # column `label`, so the corrected label may also be among the others.
        if "secondary" not in said and said.get("labels"):
            second = [word for word in label_names.split(said["labels"])[1:] if word not in first]
        if len(first) > 1 and not second:
            first, second = first[:1], first[1:]
        if len(first) > 1:
            raise RowError(
                f"primary has several labels, {said['primary']!r}; keep one and put the others into secondary"
            )
        if second and not first:
            raise RowError(f"secondary {said['secondary']!r} without a primary dimension; fill it in, or 'none'")
        for word in second:
            known.topic(word)
        primary, secondary = known.labels([*first, *second])
        return replace(line, primary=primary, secondary=secondary, labels_coded=bool(first))

    return code


def _columns(names: Sequence[str]) -> dict[str, int]:
    cleaned = [name.strip().lower() for name in names]
    return {
        ours: cleaned.index(alias)
        for ours, aliases in _ALIASES.items()
        for alias in [next((a for a in aliases if a in cleaned), None)]
        if alias is not None
    }


def _start(word: str) -> int | None:
    if not word:
        return None
    if not word.removesuffix(".0").isdigit():
        raise RowError(f"start is {word!r}, expected a whole number, or nothing at all")
    return int(word.removesuffix(".0"))


def _lay_out(sheet: Worksheet) -> None:
    for letter, width in zip("ABCDEFG", (14, 8, 36, 90, 16, 24, 40), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8 or GB18030, with or without a byte order mark; line ends stay unchanged.

    Raises:
        InterchangeError: The file is in neither encoding.
    """
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InterchangeError(f"{path}: this is UTF-16 (Excel's 'Unicode text'); save it as 'CSV UTF-8'")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InterchangeError(f"{path}: neither UTF-8 nor GB18030; save it as 'CSV UTF-8'")
