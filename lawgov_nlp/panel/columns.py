"""The columns of the panel's tables: their names, their kinds, and descriptions in Chinese and English.

Frames, files and codebooks use this list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


class PanelColumn(NamedTuple):
    """A column of a table.

    Attributes:
        name: Its name, with at most 32 characters, which is the limit of Stata.
        kind: `text`, `integer` or `number`.
        zh: The description in Chinese; `en` is the one in English.
    """

    name: str
    kind: str
    zh: str
    en: str


PLACE = (
    PanelColumn(
        "place_id",
        "text",
        "地方的标识，各年不变：现行代码；代码表没有的为上级代码/名称",
        "Place identifier, stable over years",
    ),
    PanelColumn("place_code", "text", "现行行政区划代码，12 位", "Official code of today, 12 digits"),
    PanelColumn("place", "text", "地方全称", "Full name of the place"),
    PanelColumn("level", "text", "层级", "Level of the place"),
    PanelColumn("province", "text", "省级", "Province"),
    PanelColumn("prefecture", "text", "地级", "Prefecture"),
    PanelColumn("county", "text", "县级", "County"),
    PanelColumn("township", "text", "乡级", "Township"),
    PanelColumn("body", "text", "报告机关：government、party 或部门", "Reporting body"),
    PanelColumn("place_status", "text", "地方怎样确定的", "How the place was resolved"),
)
YEAR = (
    PanelColumn("year", "integer", "报告年度", "Year reported on"),
    PanelColumn("code_then", "text", "当年的行政区划代码（县级及以上有沿革）", "Official code in that year"),
    PanelColumn("name_then", "text", "当年的名称", "Name in that year"),
)
WIDE_SOURCE = PanelColumn("source", "text", "采用的报告", "Report used")
_VALUE = (
    PanelColumn("code", "text", "指标代码", "Indicator code"),
    PanelColumn("indicator", "text", "指标中文名", "Indicator (Chinese)"),
    PanelColumn("dimension", "text", "指标所属维度", "Dimension"),
    PanelColumn("number", "number", "数值", "Number"),
    PanelColumn("low", "number", "下限；没有说的为空", "Lower bound"),
    PanelColumn("high", "number", "上限；没有说的为空", "Upper bound"),
    PanelColumn("unit", "text", "单位，如原文", "Unit as written"),
    PanelColumn("qualifier", "text", "exact 确数、at_least 以上、about 约、at_most 以下", "Qualifier"),
    PanelColumn("role", "text", "数的作用：done 已完成、stock 存量、part 其中", "Role of the number"),
)
_SOURCE = (
    PanelColumn("name", "text", "指标名原文", "Name as written"),
    PanelColumn("value", "text", "数值原文", "Value as written"),
    PanelColumn("sentence", "text", "所在的句子", "Sentence"),
    PanelColumn("source", "text", "来源文件", "Source file"),
    PanelColumn("value_start", "integer", "数值首字在报告全文中的位置，从 0 起", "Offset of the value"),
    PanelColumn("value_end", "integer", "数值末字之后的位置", "Offset behind the value"),
)
LONG = (
    *PLACE,
    *YEAR,
    *_VALUE,
    *_SOURCE,
    PanelColumn("candidates", "integer", "可作此格之值的数有几个", "Numbers that could stand in the cell"),
    PanelColumn("conflict", "integer", "1 表示这些数不一致，全部列在 conflicts 表", "1: the candidates differ"),
    PanelColumn("confidence", "number", "0–1：数值的概率乘以归入该指标的把握", "Confidence, 0 to 1"),
    PanelColumn("needs_review", "integer", "1 表示宜由人复核", "1: look at it"),
)
CONFLICTS = (
    *PLACE[:4],
    *YEAR[:1],
    *_VALUE,
    *_SOURCE,
    PanelColumn("chosen", "integer", "1 表示格中取的是这个数", "1: the one in the cell"),
)
COVERAGE = (
    *PLACE,
    *YEAR,
    PanelColumn(
        "status", "text", "reported 有报告、missing 前后年有而本年没有、outside 在该地首末年之外", "Report status"
    ),
    PanelColumn("source", "text", "采用的报告", "Report used"),
    PanelColumn("others", "text", "同地同年的其他报告，未采用", "Other reports of the same place and year"),
    PanelColumn("values", "integer", "报告里的数值个数", "Numbers in the report"),
    PanelColumn("cells", "integer", "填上的格数", "Cells filled"),
    PanelColumn(
        "silent", "text", "该地他年报过、本年报告未提的指标；没提不等于零", "Codes that this report is silent about"
    ),
    PanelColumn("successor", "text", "并入了哪里：其代码，12 位", "Code of the place that it was merged into"),
    PanelColumn("note", "text", "说明", "Note"),
)
CHECKS = (
    PanelColumn("severity", "integer", "3 多半有错，2 应看，1 可看", "Severity, 3 is worst"),
    PanelColumn("check", "text", "查的是什么", "Kind of check"),
    *PLACE[:1],
    *PLACE[2:3],
    *YEAR[:1],
    PanelColumn("code", "text", "指标代码", "Indicator code"),
    PanelColumn("finding", "text", "发现了什么", "What was found"),
    PanelColumn("explanation", "text", "可能的原因", "What could explain it"),
    PanelColumn("source", "text", "来源文件", "Source file"),
    PanelColumn("sentence", "text", "所在的句子", "Sentence"),
    PanelColumn("other_source", "text", "对照的来源文件", "Source that it is compared with"),
    PanelColumn("other_sentence", "text", "对照的句子", "Sentence that it is compared with"),
)
UNMATCHED = (
    PanelColumn("name", "text", "没有归入指标的名称", "Name without a code"),
    PanelColumn("unit", "text", "单位", "Unit"),
    PanelColumn("dimension", "text", "维度", "Dimension"),
    PanelColumn("values", "integer", "出现次数", "Occurrences"),
    PanelColumn("near", "text", "最接近的指标代码", "Nearest code"),
    PanelColumn("score", "number", "接近的程度，0–100", "Likeness, 0 to 100"),
    PanelColumn("sentence", "text", "一个例句", "An example"),
)
VALUES = (
    PanelColumn("source", "text", "来源文件", "Source file"),
    *PLACE[:1],
    *YEAR[:1],
    PanelColumn("value_start", "integer", "数值首字的位置", "Offset of the value"),
    PanelColumn("value_end", "integer", "数值末字之后的位置", "Offset behind the value"),
    PanelColumn("name", "text", "指标名原文", "Name as written"),
    PanelColumn("number", "number", "数值", "Number"),
    PanelColumn("unit", "text", "单位", "Unit"),
    PanelColumn("role", "text", "数的作用", "Role of the number"),
    PanelColumn("part_of", "integer", "所属整体的位置（value_start）", "Offset of the whole that it is a part of"),
    PanelColumn("code", "text", "指标代码", "Indicator code"),
    PanelColumn(
        "status",
        "text",
        "cell 入格、same 与格中相同、conflict 与格中不同、role 非本年完成、part 其中之数、unmatched 未归入、unread 未读出、"
        "no_year 无年度、other_report 同年另一份报告",
        "What became of it",
    ),
)
CODEBOOK = (
    PanelColumn("table", "text", "表", "Table"),
    PanelColumn("column", "text", "列", "Column"),
    PanelColumn("kind", "text", "类型", "Kind"),
    PanelColumn("zh", "text", "中文说明", "Meaning in Chinese"),
    PanelColumn("en", "text", "英文说明", "Meaning in English"),
    PanelColumn("units", "text", "单位", "Units"),
    PanelColumn("includes", "text", "包括", "Includes"),
    PanelColumn("excludes", "text", "不包括", "Excludes"),
)
TABLES: Mapping[str, Sequence[PanelColumn]] = {
    "long": LONG,
    "coverage": COVERAGE,
    "conflicts": CONFLICTS,
    "checks": CHECKS,
    "unmatched": UNMATCHED,
    "values": VALUES,
    "codebook": CODEBOOK,
}
_DTYPES = {"text": "string", "integer": "Int64", "number": "float64"}


def frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[PanelColumn]) -> pd.DataFrame:
    """Make a frame from rows. Its types don't depend on the content."""
    import pandas as pd

    made = {}
    for column in columns:
        values = [row.get(column.name) for row in rows]
        if column.kind == "number":
            values = [None if v is None else float(v) for v in values]
        made[column.name] = pd.Series(values, dtype=_DTYPES[column.kind])
    return pd.DataFrame(made)
