"""Convert tagged reports to rows and pandas frames.

Frames, CSV, Excel and Parquet all take the names, the order and the types of columns from `columns`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from lawgov_nlp.report import Cell, Table
from lawgov_nlp.results.paragraph import Indicator, TaggedParagraph
from lawgov_nlp.results.quantity import Qualifier
from lawgov_nlp.results.roles import ROLE_ZH
from lawgov_nlp.scheme import CODEBOOK, NONE, NONE_ZH, Label, Scheme
from lawgov_nlp.text import HALF_STOP

if TYPE_CHECKING:
    import pandas as pd

    from lawgov_nlp.results.tagged_report import TaggedReport

QUALIFIER_ZH: Mapping[Qualifier, str] = {
    Qualifier.EXACT: "确数",
    Qualifier.AT_LEAST: "以上",
    Qualifier.ABOUT: "约",
    Qualifier.AT_MOST: "以下",
}

_DTYPES = {"text": "string", "integer": "Int64", "number": "float64"}
_SENTENCE_END = re.compile(rf"(?:[。！？!?]+|{HALF_STOP.pattern})[”’」』）)]*")


class Spot(NamedTuple):
    """The source of a table row.

    Attributes:
        report: The report.
        number: The number of the paragraph in the report, from 0; None for an indicator of a table.
        p: The paragraph; None for an indicator of a table.
        i: The indicator; None in a row of the table of paragraphs.
        sentence_ends: The offsets in the paragraph at which a sentence ends, including 0 and the paragraph's length.
        table: The table; None for a row of a paragraph.
        at: The number of the table in the report, from 0.
        cell: The cell, in a row of the table of cells.
    """

    report: TaggedReport
    number: int | None
    p: TaggedParagraph | None
    i: Indicator | None = None
    sentence_ends: Sequence[int] = ()
    table: Table | None = None
    at: int | None = None
    cell: Cell | None = None


Value = str | int | float | Decimal | None
"""The value of a cell. Only columns of the kind `number` hold `Decimal`s, which are exact."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: The name of the column.
        kind: The kind of its values: `text`, `integer` or `number`.
        width: The width in an Excel sheet, in characters.
        about: A description in Chinese for readers of an Excel file.
        zh: The header in a Chinese Excel file, and the label in Stata.
        en: A description in English, for `help`, the documentation and the codebook.
        get: A function from a `Spot` to the value of the column.
    """

    name: str
    kind: str
    width: int
    about: str
    get: Callable[[Any], Value] = field(default=lambda _: None, compare=False, repr=False)
    zh: str = field(default="", compare=False)
    en: str = field(default="", compare=False)

    def named(self, words: Mapping[str, tuple[str, str]]) -> Column:
        """Return the column with its Chinese header and its English description from `words` or `_WORDS`."""
        zh, en = words.get(self.name) or _WORDS.get(self.name) or (self.about, self.about)
        return replace(self, zh=zh, en=en)


# By the name of the column: the Chinese header, and the description in English. `score_…` columns name their label.
_WORDS: Mapping[str, tuple[str, str]] = {
    "source": ("来源文件", "The file that the report was read from; missing for a text."),
    "title": ("报告标题", "The title of the report."),
    "issuer": ("报告机关", "The body that reports."),
    "year": ("年度", "The year that the report covers."),
    "date": ("落款日期", "The date of signing, as 2024-01-15, or 2024-01 if no day is given."),
    "doc_number": ("文号", "The document number."),
    "paragraph": ("段落序号", "The index of the paragraph in `report.paragraphs`, from 0."),
    "start": ("起点", "The offset in the report's text of the first character of the paragraph or value, from 0."),
    "end": ("终点", "The offset after its last character."),
    "headings": ("所属标题", "The headings above the paragraph, outermost first, joined with ' / '."),
    "label": ("主维度代码", "The primary dimension; `none` if there is none."),
    "label_zh": ("主维度", "The Chinese name of the primary dimension; 无 if there is none."),
    "labels": ("全部维度代码", "The primary and secondary dimensions joined with '+'; `none` if there is none."),
    "confidence": ("把握", "The calibrated probability, 0 to 1, that the primary dimension, or its absence, is right."),
    "needs_review": ("待复核", "1 if the confidence is below the model's threshold, else 0; the mean is a share."),
    "indicators": ("指标数", "The number of indicators in the paragraph."),
    "text": ("段落原文", "The text of the paragraph."),
    "model": ("模型", "The name and version of the model that tagged the report."),
    "paragraph_label": ("段落主维度代码", "The primary dimension of the paragraph; `none` if there is none."),
    "value": ("数值原文", "The value as written."),
    "name": ("指标名", "The name of what is counted; missing if none was found."),
    "number": ("数值", "The value as a number with 万 and 亿 multiplied out; missing if it can't be read."),
    "unit": ("单位", "The unit in simplified characters; empty for a bare number."),
    "qualifier": ("限定代码", "`exact`, `at_least`, `about` or `at_most`."),
    "qualifier_zh": ("限定", "The qualifier in Chinese."),
    "role": ("数的性质代码", "What the number says of the year: done, plan, previous, change, part, stock or target."),
    "role_zh": ("数的性质", "The role in Chinese."),
    "part_of": ("整体起点", "For a part, the `start` of its whole; missing if there is none."),
    "dimension": ("指标维度代码", "The topic of what is counted."),
    "dimension_zh": ("指标维度", "The Chinese name of the topic."),
    "score": ("模型概率", "The model's probability, 0 to 1, that the value is an indicator."),
    "name_start": ("指标名起点", "The offset of the first character of the name; missing without a name."),
    "name_end": ("指标名终点", "The offset after the last character of the name; missing without a name."),
    "table": ("表格序号", "The index in `report.tables`, from 0; missing for an indicator of a paragraph."),
    "row": ("表格行", "The row in the table, from 0, headings included."),
    "column": ("表格列", "The column in the table, from 0."),
    "total": ("合计", "1 for a table's sum of other figures."),
    "sentence": ("所在句子", "The sentence that contains the value; of a table, the row."),
}

REPORT_COLUMNS = (
    Column("source", "text", 24, "报告的来源文件", lambda s: s.report.source),
    Column("title", "text", 36, "报告标题", lambda s: s.report.title),
    Column("issuer", "text", 22, "报告机关", lambda s: s.report.issuer),
    Column("year", "integer", 8, "报告年度", lambda s: s.report.year),
    Column("date", "text", 12, "落款日期（年-月-日）", lambda s: s.report.date),
    Column("doc_number", "text", 18, "文号", lambda s: s.report.doc_number),
)
_MODEL = Column("model", "text", 20, "标注所用模型的名称与版本", lambda s: s.report.model)


def _named(*columns: Column, words: Mapping[str, tuple[str, str]] = MappingProxyType({})) -> tuple[Column, ...]:
    return tuple(column.named(words) for column in columns)


# A paragraph without a dimension has the label `none`. If the value were missing, pandas' `groupby` and Excel's filters
# would drop it.
_PARAGRAPHS: tuple[tuple[Column, ...], tuple[Column, ...]] = (
    _named(
        *REPORT_COLUMNS,
        Column("paragraph", "integer", 11, "段落序号，从 0 起，只数正文段落", lambda s: s.number),
        Column("start", "integer", 8, "段落首字在报告全文中的位置，从 0 起", lambda s: s.p.start),
        Column("end", "integer", 8, "段落末字之后的位置；end − start 即字数", lambda s: s.p.end),
        Column("headings", "text", 36, "段落所属的各级标题，由外到内，以“ / ”相连", lambda s: " / ".join(s.p.headings)),
        Column(
            "label", "text", 14, f"主维度；{NONE} 表示不属于任何维度（引言、过渡）", lambda s: str(s.p.label or NONE)
        ),
        Column("label_zh", "text", 20, f"主维度的中文名；{NONE_ZH} 表示不属于任何维度", lambda s: label_zh(s.p.label)),
        Column(
            "labels",
            "text",
            26,
            f"主维度与次要维度，以“+”相连，主维度在前；无维度时为 {NONE}",
            lambda s: "+".join(map(str, s.p.labels)) or NONE,
        ),
        Column("confidence", "number", 12, "主维度正确的概率，0–1，经校准", lambda s: s.p.confidence),
        Column(
            "needs_review",
            "integer",
            13,
            "1 表示 confidence 低于模型的阈值，宜由人复核；否则为 0",
            lambda s: int(s.p.needs_review),
        ),
    ),
    _named(
        Column("indicators", "integer", 11, "本段抽取到的指标数", lambda s: len(s.p.indicators)),
        Column("text", "text", 80, "段落原文", lambda s: s.p.text),
        _MODEL,
    ),
)
"""The columns before the scores, and those after them."""

_INDICATORS = _named(
    *REPORT_COLUMNS,
    Column("paragraph", "integer", 11, "指标所在段落的序号，同 paragraphs 表；表格里的指标为空", lambda s: s.number),
    Column(
        "paragraph_label",
        "text",
        16,
        f"所在段落的主维度；{NONE} 表示无维度；表格里的指标为空",
        lambda s: None if s.p is None else str(s.p.label or NONE),
    ),
    Column("value", "text", 14, "数值原文", lambda s: s.i.text),
    Column("name", "text", 24, "指标名，即所数的事物；模型未找到时为空", lambda s: s.i.name),
    Column("number", "number", 18, "数值，万、亿已乘出；无法读出时为空", lambda s: s.i.number),
    Column("unit", "text", 8, "单位；金额一律为元，百分数为 %", lambda s: s.i.unit),
    Column(
        "qualifier",
        "text",
        10,
        "exact 确数、at_least 以上（余、多、超）、about 约（近）、at_most 以下（不足）",
        lambda s: str(s.i.qualifier),
    ),
    Column("qualifier_zh", "text", 12, "qualifier 的中文", lambda s: QUALIFIER_ZH[s.i.qualifier]),
    Column(
        "role",
        "text",
        10,
        "done 已完成、plan 计划、previous 上年、change 增减、part 其中、stock 存量、target 目标；旧文件没有，为空",
        lambda s: None if s.i.role is None else str(s.i.role),
    ),
    Column("role_zh", "text", 10, "role 的中文", lambda s: None if s.i.role is None else ROLE_ZH[s.i.role]),
    Column("part_of", "integer", 9, "role 为 part 时，其整体的 start；没有整体或未说明时为空", lambda s: s.i.part_of),
    Column("dimension", "text", 14, "指标本身所属的维度，可与所在段落不同", lambda s: str(s.i.dimension)),
    Column("dimension_zh", "text", 20, "dimension 的中文名", lambda s: s.i.dimension.zh),
    Column("score", "number", 9, "模型认定该数值为指标的概率，0–1", lambda s: float(s.i.score)),
    Column("start", "integer", 8, "数值首字在报告全文中的位置，从 0 起", lambda s: s.i.start),
    Column("end", "integer", 8, "数值末字之后的位置", lambda s: s.i.end),
    Column("name_start", "integer", 11, "指标名首字的位置；无指标名时为空", lambda s: s.i.name_start),
    Column("name_end", "integer", 11, "指标名末字之后的位置；无指标名时为空", lambda s: s.i.name_end),
    Column("table", "integer", 8, "指标所在表格的序号，从 0 起；正文里的指标为空", lambda s: s.at),
    Column("row", "integer", 8, "表格中的行，从 0 起，含表头", lambda s: s.i.table and s.i.table.row),
    Column("column", "integer", 8, "表格中的列，从 0 起", lambda s: s.i.table and s.i.table.column),
    Column("total", "integer", 8, "1 表示该数是表格里的合计", lambda s: int(s.i.total)),
    Column("sentence", "text", 80, "数值所在的句子；表格里的指标为所在的行", lambda s: _sentence(s)),
    _MODEL,
)
_CELL_WORDS: Mapping[str, tuple[str, str]] = {
    "caption": ("表格名称", "The caption of the table."),
    "table_unit": ("表格单位", "What the unit line of the table says."),
    "headings": ("所属标题", "The headings above the table, outermost first, joined with ' / '."),
    "row": ("起始行", "The first row that the cell covers, from 0."),
    "column": ("起始列", "The first column that it covers, from 0."),
    "rows": ("占几行", "The number of rows that it covers."),
    "columns": ("占几列", "The number of columns that it covers."),
    "heading": ("表头", "1 in the rows above the body of the table."),
    "text": ("单元格原文", "The text of the cell."),
    "start": ("起点", "The offset in the report's text of the first character of the cell, from 0."),
}
"""As `_WORDS`, for what means another thing in the table of cells."""

_CELLS = _named(
    *REPORT_COLUMNS,
    Column("table", "integer", 8, "表格序号，从 0 起", lambda s: s.at),
    Column("caption", "text", 36, "表格名称", lambda s: s.table.caption),
    Column("table_unit", "text", 12, "单位行所写的单位", lambda s: s.table.unit),
    Column("headings", "text", 36, "表格所属的各级标题，由外到内，以“ / ”相连", lambda s: " / ".join(s.table.headings)),
    Column("row", "integer", 8, "单元格的首行，从 0 起", lambda s: s.cell.row),
    Column("column", "integer", 8, "单元格的首列，从 0 起", lambda s: s.cell.column),
    Column("rows", "integer", 8, "占几行（合并单元格）", lambda s: s.cell.rows),
    Column("columns", "integer", 8, "占几列", lambda s: s.cell.columns),
    Column("heading", "integer", 8, "1 表示属于表名、单位或表头的行", lambda s: int(s.cell.row < _body(s.table))),
    Column("text", "text", 60, "单元格原文", lambda s: s.cell.text),
    Column("start", "integer", 8, "首字在报告全文中的位置，从 0 起", lambda s: s.cell.start),
    Column("end", "integer", 8, "末字之后的位置", lambda s: s.cell.end),
    words=_CELL_WORDS,
)
_NUMERALS = "零一二三四五六七八九十"


def columns(what: str, scheme: Scheme = CODEBOOK) -> tuple[Column, ...]:
    """Return the columns of a table, in order.

    Args:
        what: "paragraphs", "indicators" or "cells".
        scheme: The labels of the reports. Each has a column of scores in the table of paragraphs.

    Raises:
        ValueError: `what` is none of these.
    """
    if what not in SHEETS:
        raise ValueError(f"what={what!r}: expected one of {[*SHEETS]}")
    if what == "cells":
        return _CELLS
    if what == "indicators":
        return _INDICATORS
    before, behind = _PARAGRAPHS
    count = _NUMERALS[len(scheme)] if len(scheme) < len(_NUMERALS) else f" {len(scheme)} "
    scores = [
        Column(
            f"score_{d}", "number", 12, f"主维度为“{d.zh}”的概率，0–1", _score_of(d), zh=f"概率：{d.zh}",
            en=f"The probability, 0 to 1, that the primary dimension is {d}.",
        )
        for d in scheme
    ]  # fmt: skip
    about = f"不属于任何维度的概率，0–1；与前{count}项之和为 1"
    english = "The probability, 0 to 1, that there is no dimension; the scores of a paragraph sum to 1."
    none = Column(f"score_{NONE}", "number", 12, about, lambda s: s.p.none_score, zh="概率：无", en=english)
    return (*before, *scores, none, *behind)


TABLES = ("paragraphs", "indicators")
"""The names of the two tables of a report that every format has."""

SHEETS = (*TABLES, "cells")
"""The names of all tables: the cells of a report's own tables, too, which frames, Excel and jsonl have."""


def rows(report: TaggedReport, what: str) -> Iterator[dict[str, Any]]:
    """Return a dictionary per paragraph, indicator or cell, with the names of `columns(what, report.scheme)` in order.

    The values are `str`, `int`, `float`, an exact `Decimal` (only in the column `number`) or None.

    Raises:
        ValueError: `what` is none of these.
    """
    wanted = columns(what, report.scheme)
    spots = {"paragraphs": _paragraph_spots, "indicators": _indicator_spots, "cells": _cell_spots}[what](report)
    return ({column.name: column.get(spot) for column in wanted} for spot in spots)


def to_frame(report: TaggedReport, what: str = "paragraphs") -> pd.DataFrame:
    """Return a frame with a row per body paragraph, per indicator, or per cell of the report's tables.

    Each table begins with the facts of the report; the first two end with the `model` that tagged it. Offsets count
    characters of `report.text` and are half-open. A float64 holds every number of up to 15 significant digits exactly;
    `report.indicators` has the exact `Decimal`. `to_dict` has the probabilities of the secondary dimensions, too.

    The types don't depend on the content, not even for an empty report: text is `string`, whole numbers are `Int64` and
    other numbers are `float64`.

    Raises:
        ValueError: `what` is none of these.
    """
    import pandas as pd

    table = list(rows(report, what))
    frame = {}
    for column in columns(what, report.scheme):
        values = [row[column.name] for row in table]
        if column.kind == "number":  # Pandas can't store a Decimal as float64.
            values = [None if v is None else float(v) for v in values]
        frame[column.name] = pd.Series(values, dtype=_DTYPES[column.kind])
    return pd.DataFrame(frame)


def _paragraph_spots(report: TaggedReport) -> Iterator[Spot]:
    return (Spot(report, index, p) for index, p in enumerate(report.paragraphs))


def _indicator_spots(report: TaggedReport) -> Iterator[Spot]:
    for index, p in enumerate(report.paragraphs):
        ends = [0, *(m.end() for m in _SENTENCE_END.finditer(p.text)), len(p.text)]
        yield from (Spot(report, index, p, i, ends) for i in p.indicators)
    for i in report.table_indicators:
        assert i.table is not None  # `TaggedReport` checks it.
        yield Spot(report, None, None, i, table=report.tables[i.table.table], at=i.table.table)


def _cell_spots(report: TaggedReport) -> Iterator[Spot]:
    for at, table in enumerate(report.tables):
        yield from (Spot(report, None, None, table=table, at=at, cell=cell) for cell in table.cells)


def _body(table: Table) -> int:
    return table.first_row + table.header_rows


def _score_of(label: Label) -> Callable[[Spot], float]:
    return lambda s: float(s.p.scores.get(label, 0.0)) if s.p else 0.0


def plain_number(number: Decimal) -> str:
    """Format a number for readers: `19,000`, `98.5`, with at most four decimals."""
    with localcontext() as context:
        context.prec = 1000  # With the default of 28 digits, rounding a longer number raises.
        text = f"{round(number, 4):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def label_zh(label: Label | None) -> str:
    """Return the Chinese name of a primary dimension; 无 for None."""
    return label.zh if label else NONE_ZH


def _sentence(spot: Spot) -> str:
    """Return the text between the last end of a sentence before the value and the first one after it, or the row."""
    p, i, ends = spot.p, spot.i, spot.sentence_ends
    assert i is not None
    if p is None:
        text = spot.report.text
        end = text.find("\n", i.end)
        return text[text.rfind("\n", 0, i.start) + 1 : len(text) if end < 0 else end].strip()
    first = max((e for e in ends if e <= i.start - p.start), default=0)
    last = min((e for e in ends if e >= i.end - p.start), default=len(p.text))
    return p.text[first:last].strip()


COLUMNS: Mapping[str, tuple[Column, ...]] = {what: columns(what) for what in TABLES}
"""The columns of the two tables under the shipped codebook."""


def describe(indent: str = "") -> str:
    """Return the columns of all tables under the shipped codebook, a line each: name, type and meaning."""
    parts = []
    for what, those in {**COLUMNS, "cells": columns("cells")}.items():
        parts += [f'{indent}Columns of "{what}":']
        parts += [f"{indent}    {c.name} ({_DTYPES[c.kind]}): {c.en}" for c in those]
        parts += [""]
    return "\n".join(parts).rstrip("\n")


to_frame.__doc__ = f"{to_frame.__doc__}\n{describe('    ')}\n"
