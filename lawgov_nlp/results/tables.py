"""Convert tagged reports to rows and pandas frames.

Frames, CSV, Excel and Parquet all take the names, the order and the types of columns from `columns`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from lawgov_nlp.results.paragraph import Indicator, TaggedParagraph
from lawgov_nlp.results.quantity import Qualifier
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
        number: The number of the paragraph in the report, from 0.
        p: The paragraph.
        i: The indicator; None in a row of the table of paragraphs.
        sentence_ends: The offsets in the paragraph at which a sentence ends, including 0 and the paragraph's length.
    """

    report: TaggedReport
    number: int
    p: TaggedParagraph
    i: Indicator | None = None
    sentence_ends: Sequence[int] = ()


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
        get: A function from a `Spot` to the value of the column.
    """

    name: str
    kind: str
    width: int
    about: str
    get: Callable[[Any], Value] = field(default=lambda _: None, compare=False, repr=False)


REPORT_COLUMNS = (
    Column("source", "text", 24, "报告的来源文件", lambda s: s.report.source),
    Column("title", "text", 36, "报告标题", lambda s: s.report.title),
    Column("issuer", "text", 22, "报告机关", lambda s: s.report.issuer),
    Column("year", "integer", 8, "报告年度", lambda s: s.report.year),
    Column("date", "text", 12, "落款日期（年-月-日）", lambda s: s.report.date),
    Column("doc_number", "text", 18, "文号", lambda s: s.report.doc_number),
)
_MODEL = Column("model", "text", 20, "标注所用模型的名称与版本", lambda s: s.report.model)

# A paragraph without a dimension has the label `none`. If the value were missing, pandas' `groupby` and Excel's filters
# would drop it.
_PARAGRAPHS: tuple[tuple[Column, ...], tuple[Column, ...]] = (
    (
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
            "1 表示 confidence 低于模型的阈值，或有指标识读自不清晰的扫描行，宜由人复核；否则为 0",
            lambda s: int(s.p.needs_review),
        ),
    ),
    (
        Column(
            "ocr",
            "number",
            8,
            "本段由扫描件识读（OCR）而来时，其中最不清晰一行的识读把握，0–1；空表示文件自带文字",
            lambda s: s.p.ocr,
        ),
        Column("indicators", "integer", 11, "本段抽取到的指标数", lambda s: len(s.p.indicators)),
        Column("text", "text", 80, "段落原文", lambda s: s.p.text),
        _MODEL,
    ),
)
"""The columns before the scores, and those after them."""

_INDICATORS = (
    *REPORT_COLUMNS,
    Column("paragraph", "integer", 11, "指标所在段落的序号，同 paragraphs 表", lambda s: s.number),
    Column("paragraph_label", "text", 16, f"所在段落的主维度；{NONE} 表示无维度", lambda s: str(s.p.label or NONE)),
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
    Column("dimension", "text", 14, "指标本身所属的维度，可与所在段落不同", lambda s: str(s.i.dimension)),
    Column("dimension_zh", "text", 20, "dimension 的中文名", lambda s: s.i.dimension.zh),
    Column("score", "number", 9, "模型认定该数值为指标的概率，0–1", lambda s: float(s.i.score)),
    Column(
        "ocr", "number", 8, "由扫描件识读（OCR）而来时，所在行的识读把握，0–1；空表示文件自带文字", lambda s: s.i.ocr
    ),
    Column(
        "needs_review",
        "integer",
        13,
        "1 表示识读自不清晰的扫描行，宜与原件核对；否则为 0",
        lambda s: int(s.i.needs_review),
    ),
    Column("start", "integer", 8, "数值首字在报告全文中的位置，从 0 起", lambda s: s.i.start),
    Column("end", "integer", 8, "数值末字之后的位置", lambda s: s.i.end),
    Column("name_start", "integer", 11, "指标名首字的位置；无指标名时为空", lambda s: s.i.name_start),
    Column("name_end", "integer", 11, "指标名末字之后的位置；无指标名时为空", lambda s: s.i.name_end),
    Column("sentence", "text", 80, "数值所在的句子", lambda s: _sentence(s)),
    _MODEL,
)
_NUMERALS = "零一二三四五六七八九十"


def columns(what: str, scheme: Scheme = CODEBOOK) -> tuple[Column, ...]:
    """Return the columns of a table, in order.

    Args:
        what: "paragraphs" or "indicators".
        scheme: The labels of the reports. Each has a column of scores in the table of paragraphs.

    Raises:
        ValueError: `what` is neither "paragraphs" nor "indicators".
    """
    if what not in TABLES:
        raise ValueError(f"what={what!r}: expected one of {[*TABLES]}")
    if what == "indicators":
        return _INDICATORS
    before, behind = _PARAGRAPHS
    count = _NUMERALS[len(scheme)] if len(scheme) < len(_NUMERALS) else f" {len(scheme)} "
    return (
        *before,
        *(Column(f"score_{d}", "number", 12, f"主维度为“{d.zh}”的概率，0–1", _score_of(d)) for d in scheme),
        Column(
            f"score_{NONE}", "number", 12, f"不属于任何维度的概率，0–1；与前{count}项之和为 1", lambda s: s.p.none_score
        ),
        *behind,
    )


TABLES = ("paragraphs", "indicators")
"""The names of the two tables of a report."""


def rows(report: TaggedReport, what: str) -> Iterator[dict[str, Any]]:
    """Return a dictionary per paragraph or indicator, with the names of `columns(what, report.scheme)` in order.

    The values are `str`, `int`, `float`, an exact `Decimal` (only in the column `number`) or None.

    Raises:
        ValueError: `what` is neither "paragraphs" nor "indicators".
    """
    wanted = columns(what, report.scheme)
    spots = _paragraph_spots(report) if what == "paragraphs" else _indicator_spots(report)
    return ({column.name: column.get(spot) for column in wanted} for spot in spots)


def to_frame(report: TaggedReport, what: str = "paragraphs") -> pd.DataFrame:
    """Return a frame with a row per body paragraph, or with a row per indicator.

    Both tables begin with `source`, `title`, `issuer`, `year`, `date` and `doc_number` of the report and end with the
    `model` that tagged it. Offsets count characters of `report.text` and are half-open.

    "paragraphs":
        paragraph: The index in `report.paragraphs`, from 0.
        start, end: The offsets of the paragraph.
        headings: The headings above it, outermost first, joined with " / ".
        label, label_zh: The primary dimension; `none` and 无 if there is none.
        labels: The primary and secondary dimensions joined with "+"; `none` if there is none.
        confidence: The probability that the primary dimension, or its absence, is right.
        needs_review: 1 if the confidence is below the model's threshold or an indicator was read from a doubtful line
            of a scan, else 0. The mean of the column is the share of paragraphs to check.
        score_leadership … score_plans, score_none: The probability that this is the primary dimension, or that there
            is none. They sum to 1. A model with its own labels has columns for these instead. (`to_dict` has the
            probabilities of the secondary dimensions.)
        ocr: How sure the OCR is of its least sure printed line; missing for text that the file itself holds.
        indicators: The number of its indicators.
        text: The text of the paragraph.

    "indicators":
        paragraph, paragraph_label: The index and the primary dimension of the paragraph.
        value: The value as written.
        start, end: The offsets of the value.
        name: The name of what is counted; missing if none was found.
        name_start, name_end: The offsets of the name.
        number: The value as float64, so that sums and Excel work; missing if it can't be read. A float64 holds every
            number of up to 15 significant digits exactly. `report.indicators` has the exact `Decimal`.
        unit: The unit; empty for a bare number.
        qualifier, qualifier_zh: `exact`, `at_least`, `about` or `at_most`, and its Chinese name.
        dimension, dimension_zh: The topic of what is counted.
        score: The model's probability for the value, times `ocr` in scans.
        ocr: How sure the OCR is of its printed line; missing for text that the file itself holds.
        needs_review: 1 if that line is doubtful, else 0.
        sentence: The sentence that contains the value.

    The types don't depend on the content, not even for an empty report: text is `string`, whole numbers are `Int64` and
    other numbers are `float64`.

    Raises:
        ValueError: `what` is neither "paragraphs" nor "indicators".
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


def _score_of(label: Label) -> Callable[[Spot], float]:
    return lambda s: float(s.p.scores.get(label, 0.0))


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
    """Return the text between the last end of a sentence before the value and the first one after it."""
    p, i, ends = spot.p, spot.i, spot.sentence_ends
    assert i is not None
    first = max((e for e in ends if e <= i.start - p.start), default=0)
    last = min((e for e in ends if e >= i.end - p.start), default=len(p.text))
    return p.text[first:last].strip()


COLUMNS: Mapping[str, tuple[Column, ...]] = {what: columns(what) for what in TABLES}
"""The columns of the two tables under the shipped codebook."""
