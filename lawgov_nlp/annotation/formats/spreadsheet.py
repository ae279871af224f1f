"""csv and xlsx: one row per paragraph with its dimensions, for people who label in Excel.

    report,start,headings,text,primary,secondary,annotator,checked,model

Only `text` and `primary` are required. Dimensions are English or Chinese words; several secondary ones are joined
with `+`. An empty `primary` means that nobody labelled the paragraph; 无 means that it has no dimension. A column `why`
is written if there are reasons, and isn't read. Chinese column names and those of `lawgov tag -o x.csv` are accepted,
too.

If a model gave the labels, `model` repeats them, and `checked` is empty. A row then counts as labelled by a person if
its labels differ from `model`, or if `checked` says yes. All other rows are read as not labelled.
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
from lawgov_nlp.scheme import Label, Scheme

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

CSV, XLSX = "csv", "xlsx"
COLUMNS = ("report", "start", "headings", "text", "primary", "secondary")
WHY = "why"
CHECKED, MODEL = "checked", "model"
YES = "是"
VALUES = "{n} 个数值（含名称与主题）未写出"
FROM_A_MODEL = "文件由 lawgov tag 写出，{n} 段都按人工标注导入；没有核对过的请先清空 label"
NO_LIST = "{n} 张表没有主维度的下拉选项：标签名合起来超出 Excel 的上限"
UNCHECKED = "{n} 段仍是模型所标，按未标注导入；核对无误的请在“已核对”（checked）一列填“是”"
NO_COLUMN = "{n} 段出自 lawgov suggest 的旧表，没有“已核对”一列：改过与没看过的分不开，都按人工标注导入"
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
    WHY: ("why", "理由"),
    CHECKED: ("checked", "已核对"),
    MODEL: ("model", "模型所标"),
}
_CHECKED = {
    **dict.fromkeys((YES, "已核对", "已", "对", "√", "✓", "v", "x", "y", "yes", "true", "1", "1.0"), True),
    **dict.fromkeys(("", "否", "未", "未核对", "n", "no", "false", "0", "0.0"), False),
}
_LIST_LIMIT = 255  # Excel's limit for a list of choices, without the quotation marks


def write_csv(documents: Sequence[Document], findings: Issues, scheme: Scheme) -> bytes:
    """Write a csv that Excel opens as UTF-8. A text that Excel would take for a formula gets a leading apostrophe."""
    return csv_bytes(_header(documents), _table(documents, findings, CSV, str))


def write_xlsx(documents: Sequence[Document], findings: Issues, scheme: Scheme) -> bytes:
    """Write a workbook in Chinese in which the labels of `scheme` can be chosen from a list.

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
    header = _header(documents)
    sheet.append([_ALIASES[name][1] for name in header])
    for number, row in enumerate(_table(documents, findings, XLSX, _chinese), 2):
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
    for name, words in (("primary", [*map(_chinese, scheme), label_names.NONE_ZH]), (CHECKED, [YES])):
        if name not in header:
            continue
        choices = f'"{",".join(words)}"'
        if len(choices) - 2 > _LIST_LIMIT:
            findings.count(XLSX, NO_LIST, 1)
            continue
        choice = DataValidation(type="list", formula1=choices, allow_blank=True)
        sheet.add_data_validation(choice)
        letter = "ABCDEFGHI"[header.index(name)]
        choice.add(f"{letter}2:{letter}{max(2, sheet.max_row)}")
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
    checked = [CHECKED] if _predicted(documents) else []
    return [*COLUMNS, *checked, *([WHY] if _reasons(documents) else []), *([MODEL] if checked else [])]


def _reasons(documents: Sequence[Document]) -> bool:
    return any(line.why for document in documents for line in document.lines)


def _predicted(documents: Sequence[Document]) -> bool:
    return any(document.model for document in documents)


def _chinese(label: Label) -> str:
    """Return a label's Chinese name, or its English one if the Chinese one would be read as several labels."""
    return label.zh if label_names.split(label.zh) == [label.zh] else label.value


def _table(
    documents: Sequence[Document], findings: Issues, form: str, word: Callable[[Label], str]
) -> Iterator[list[str | int]]:
    reasons, predicted = _reasons(documents), _predicted(documents)
    none = label_names.NONE_ZH if word is _chinese else label_names.NONE
    for document in documents:
        count_lost(document, findings, form)
        for row in rows(document, Origin(file=document.id)):
            line, lead = stripped(row.line)
            findings.count(form, VALUES, len(line.values))
            primary = "" if not line.labels_coded else word(line.primary) if line.primary else none
            secondary = [word(label) for label in line.secondary]
            checked = YES if line.labels_coded and not document.model else ""
            model = "+".join([primary, *secondary]) if document.model else ""
            yield [
                document.id,
                (row.start or 0) + lead,
                " / ".join(line.headings),
                line.text,
                primary,
                "+".join(secondary),
                *([checked] if predicted else []),
                *([line.why] if reasons else []),
                *([model] if predicted else []),
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
    elif WHY in at and CHECKED not in at:
        findings.count(form, NO_COLUMN, sum(bool(cells[at["primary"]].strip()) for _, cells in table[1:]))
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
                    _coder(said, options.words, findings, form),
                    annotators,
                )
            )
    return out


def _coder(
    said: Mapping[str, str], known: label_names.Words, findings: Issues, form: str
) -> Callable[[CodedLine], CodedLine]:
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
        if first and not _by_a_person(said, known, primary, secondary):
            findings.count(form, UNCHECKED)
            return line
        return replace(line, primary=primary, secondary=secondary, labels_coded=bool(first))

    return code


def _by_a_person(
    said: Mapping[str, str], known: label_names.Words, primary: Label | None, secondary: Sequence[Label]
) -> bool:
    """Return whether a person gave or confirmed the labels of a row.

    Raises:
        RowError: The cell `checked` says neither yes nor no.
    """
    if CHECKED not in said:
        return True
    word = said[CHECKED].lower()
    if word not in _CHECKED:
        raise RowError(
            f"checked is {said[CHECKED]!r}, expected {YES} (yes), or nothing if nobody checked the paragraph"
        )
    if _CHECKED[word] or MODEL not in said:
        return _CHECKED[word]
    first, others = known.labels(label_names.split(said[MODEL]))
    return not said[MODEL] or (primary, {*secondary}) != (first, {*others})


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
    for letter, width in zip("ABCDEFGHI", (14, 8, 36, 90, 18, 24, 12, 40, 24), strict=True):
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
