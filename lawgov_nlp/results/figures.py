"""The quantities of a table: name from the headings of row and column, unit from cell, headings or unit line.

By rule, for a table says with its headings what running text says with syntax. The rules stand in
data/tables/README.md, with forty-eight tables and their gold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from lawgov_nlp.report import Cell, Table
from lawgov_nlp.results.quantity import Qualifier, numeral_runs, read_quantity

CELL_CHARS = 40
"""A cell with more characters is no figure."""

_BEFORE = re.compile(r"\s*(?:约|近|超过?|逾|不足|不少于|不低于|不超过|至少|[≥≤<>＜＞]=?)?\s*")
_BEHIND = re.compile(
    r"\s*(?P<unit>(?:[余多]?[^\d\s，。；：、,;:（()）—/年月日号时点届条]|条)[^\d\s，。；：、,;:（()）—/]{0,7})?"
    r"\s*(?:以上|左右|以内|以下)?\s*(?:[（(][^（()）]*[)）])?\s*"
)
_DIGIT = re.compile(r"[0-9０-９]")
_YEAR = re.compile(r"(?:19|20)\d\d")
_SERIAL = re.compile(r"序号?|编号|排序|No\.?|#", re.IGNORECASE)
_NO_FIGURES = re.compile(r".*(?:时间|日期|时限|年[度份]|电话|文号|邮编|备注|说明)")
_WHEN = re.compile(r".*(?:时间|日期|时限)")
_UNIT_COLUMN = re.compile(r"(?:计量)?单位")
_TOTAL = re.compile(r"(?:全[年市县区镇乡部]|本[年期])?(?:合计|总计|小计|共计|累计|总数)")
_EMPTY = re.compile(r"(?:完成|主要|统计|具体|实际)?(?:数量|数据|数值|数字|数)")
_MEASURE = re.compile(r"[\u4e00-\u9fff]{0,2}(?:件|人|户|场|次|份|宗|起|条|个|家|项)次?数?")
_PERIOD = re.compile(r"(?:19|20)\d\d(?:年度?)?|[本上去今前]年(?:度|同期)?|[本上同]期")
_PART_OF = re.compile(r"其\s*中\s*[：:]?\s*")
_NUMBER = re.compile(
    r"(?:[（(]?[一二三四五六七八九十]{1,3}[）)]|[一二三四五六七八九十]{1,3}、|\d{1,2}\s*[、．]|\d{1,2}\.(?!\d)|[①-⑳])\s*"
)
_COUNTED = (
    "人次|件次|户次|家次|场次|批次|台次|车次|班次|册次|人|件|户|家|场|次|批|份|名|宗|起|条|个|项|期|部|支|辆|册|本|天|处|所|块"
    "|亩|只|例|篇|台"
)
_UNITS = (
    rf"(?:[百千万亿]?(?:元|{_COUNTED}|平方米|平方公里|公里|公顷|吨|千克|公斤|小时|学时|课时)|个百分点|百分点|%|％|‰)"
)
_BRACKET = re.compile(rf"\s*[（(\[]\s*(?:单位\s*[：:])?\s*(?P<unit>{_UNITS})\s*[）)\]]$")
_IMPLIED = re.compile(rf"(?P<compound>人次|件次|户次|家次|场次|批次|台次|车次)数?$|(?P<plain>{_COUNTED})数$")
_MONEY = re.compile("金额|罚没|款|经费|资金|收入|费用?$|赔偿|损失|价值|投入")
_SHARE = re.compile(r"(?:率|占比|比例|比重|增幅|增长|增减|同比|环比)$")
_KINDS = re.compile("种类|类型|类别|方式")
_COUNTS = {  # what the units of a line with several are used for
    "辆": re.compile("车"),
    "人": re.compile("人|编制|在岗|持证"),
    "名": re.compile("人|编制|在岗|持证"),
    "人次": re.compile("人|受众|接待"),
    "户": re.compile("户|企业|商家"),
    "家": re.compile("家|企业|单位"),
    "家次": re.compile("家|企业|单位|检查"),
    "场": re.compile("场|活动|宣传|讲座"),
    "份": re.compile("资料|手册|传单|文书"),
    "个": re.compile("机构|阵地|站|所$"),
}
_LIST = re.compile(r"[、，,/／;；及和\s]+")
_TABLE_NAME = re.compile(
    r"^(?:附?\s*表\s*[\d一二三四五六七八九十]*|附件\s*\d*)\s*[：:、]?\s*|(?:统计|汇总|一览|明细)*表$"
)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A quantity that stands in a cell.

    Attributes:
        text: The quantity as written, without the unit of a heading.
        start: The offset of its first character in the report's text.
        end: The offset after its last character.
        cell: The cell.
        name: What is counted, put together from headings; None where there are none.
        number: The number with 万 and 亿 multiplied out; None if it can't be read.
        unit: The unit; an empty string if neither the cell nor a heading nor the unit line gives one.
        qualifier: Whether the number is exact, a bound or an approximation.
        total: Whether it is the sum of others in the table.
    """

    text: str
    start: int
    end: int
    cell: Cell
    name: str | None
    number: Decimal | None
    unit: str
    qualifier: Qualifier
    total: bool


def figures(table: Table) -> Iterator[Figure]:
    """The quantities of a table by row and column: of cells that hold one and nothing else."""
    return _Reading(table).figures()


def figure_span(text: str) -> tuple[int, int, bool] | None:
    """Where the quantity of a cell begins and ends, and whether it has a unit; None for a cell that is no quantity."""
    if len(text) > CELL_CHARS or not _DIGIT.search(text):
        return None
    runs = list(numeral_runs(text))
    before = _BEFORE.match(text)
    if not runs or before is None or runs[0][0] > before.end() or not _DIGIT.search(text[slice(*runs[0])]):
        return None
    start, end = runs[0]
    behind = _BEHIND.fullmatch(text, end)
    if behind is None:
        return None
    unit = behind["unit"]
    if unit is None:
        return start, end, False
    return start, behind.end("unit"), unit.strip("余多") != ""


class _Reading:
    """A table while its figures are read: which columns hold figures, which name the rows, which give units."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._places = table.places()
        self._body = range(table.first_row + table.header_rows, table.rows)
        self._heads = [self._column_path(column) for column in range(table.columns)]
        self._figures = [column for column in range(table.columns) if self._holds_figures(column)]
        self._unit_column = next((c for c in range(table.columns) if self._gives_units(c)), None)
        self._blocks = list(self._label_blocks())
        self._line = [u for u in _LIST.split(table.unit or "") if u]

    def figures(self) -> Iterator[Figure]:
        parents: dict[int, str] = {}
        for row in self._body:
            labels = self._row_labels(row, parents)
            for column in self._figures:
                cell = self._places.get((row, column))
                if cell is None or (cell.row, cell.column) != (row, column):
                    continue
                span = figure_span(cell.text)
                if span is not None and not (_YEAR.fullmatch(cell.text) and self._is_when(column)):
                    yield self._figure(cell, span, labels[self._block(column)])

    def _figure(self, cell: Cell, span: tuple[int, int, bool], labels: Sequence[str]) -> Figure:
        start, end, own = span
        heads = self._heads[cell.column]
        unit = "" if own else self._unit(cell, labels)
        quantity = read_quantity(cell.text[:end] + unit, start)
        number, said = quantity.number, quantity.unit
        total = any(_TOTAL.fullmatch(_bare(part)) for part in (*labels, *heads))
        return Figure(
            text=cell.text[start:end],
            start=cell.start + start,
            end=cell.start + end,
            cell=cell,
            name=self._name(labels, cell.column) or None,
            number=number,
            unit=said,
            qualifier=quantity.qualifier,
            total=total,
        )

    def _column_path(self, column: int) -> list[str]:
        """The headings of a column, outermost first."""
        path: list[str] = []
        last = None
        for row in range(self._table.first_row, self._body.start):
            cell = self._places.get((row, column))
            if cell is not None and cell is not last:
                path.append(cell.text)
            last = cell
        return path

    def _column(self, column: int) -> list[Cell]:
        cells = (self._places.get((row, column)) for row in self._body)
        return list({id(cell): cell for cell in cells if cell is not None}.values())

    def _is_when(self, column: int) -> bool:
        return any(_NO_FIGURES.fullmatch(_bare(head)) for head in self._heads[column])

    def _is_serial(self, column: int) -> bool:
        if any(_SERIAL.fullmatch(_bare(head)) for head in self._heads[column]):
            return True
        texts = [cell.text for cell in self._column(column)]
        return (
            column == 0 and not self._heads[0] and len(texts) > 1 and texts == [str(n + 1) for n in range(len(texts))]
        )

    def _holds_figures(self, column: int) -> bool:
        if self._is_serial(column) or self._is_when(column):
            return False
        texts = [cell.text for cell in self._column(column) if re.search(r"[^\W_]", cell.text) and cell.text != "无"]
        if texts and all(map(_YEAR.fullmatch, texts)) and column == 0:
            return False
        return 2 * sum(figure_span(text) is not None for text in texts) > len(texts)

    def _gives_units(self, column: int) -> bool:
        heads = self._heads[column]
        if column in self._figures or not any(_UNIT_COLUMN.fullmatch(_bare(head)) for head in heads):
            return False
        texts = [cell.text for cell in self._column(column)]
        return 2 * sum(re.fullmatch(_UNITS, text) is not None for text in texts) > len(texts)

    def _label_blocks(self) -> Iterator[list[int]]:
        """The columns that name rows: those before the first figure; in 项目 数量 项目 数量 those before each."""
        block: list[int] = []
        first: list[int] | None = None
        for column in range(self._table.columns):
            if column in self._figures:
                if block and (first is None or self._heads[block[0]] == self._heads[first[0]]):
                    first = first or block
                    yield self._named(block)
                elif first is None:
                    first = []
                    yield []
                block = []
            elif not self._is_serial(column) and column != self._unit_column:
                block.append(column)
                if first == []:
                    block = []

    def _named(self, block: list[int]) -> list[int]:
        """A block without times, unless there is nothing else."""
        kept = [c for c in block if not any(_WHEN.fullmatch(_bare(head)) for head in self._heads[c])]
        return kept or block

    def _block(self, column: int) -> int:
        """The number of the block that names the rows for a column of figures."""
        return max((k for k, block in enumerate(self._blocks) if block and block[0] < column), default=0)

    def _row_labels(self, row: int, parents: dict[int, str]) -> list[list[str]]:
        """For each block the headings of a row, outermost first; one of 其中 below that of the row before."""
        found: list[list[str]] = []
        for block in self._blocks:
            labels: list[str] = []
            last = None
            for column in block:
                cell = self._places.get((row, column))
                if cell is None or cell is last:
                    continue
                last = cell
                part = _PART_OF.match(cell.text)
                if part is None:
                    parents[column] = cell.text
                elif column in parents:
                    labels.append(_BRACKET.sub("", parents[column]))
                labels.append(cell.text[part.end() :] if part else cell.text)
            found.append(labels)
        return found or [[]]

    def _name(self, labels: Sequence[str], column: int) -> str:
        heads = list(self._heads[column])
        if heads and (mark := _PART_OF.match(heads[-1])):
            heads[-1] = heads[-1][mark.end() :]
            whole = self._whole(column)
            if whole and not _MEASURE.fullmatch(_cleaned(whole)):
                heads.insert(len(heads) - 1, whole)
        parts = [*map(_cleaned, labels)]
        for head in map(_cleaned, heads):
            if not (_EMPTY.fullmatch(head) or (_MEASURE.fullmatch(head) and len(self._figures) == 1 and parts)):
                parts.append(head)
        periods = [f"{p[:4]}年" if _YEAR.match(p) else p for p in parts if _PERIOD.fullmatch(p)]
        name = ""
        for part in parts:
            if not _PERIOD.fullmatch(part) and not _TOTAL.fullmatch(part) and not name.endswith(part):
                name += part
        if not name and not periods:
            caption = _TABLE_NAME.sub("", _BRACKET.sub("", self._table.caption or ""))
            name = caption or next(filter(None, map(_cleaned, reversed(heads))), "")
        return "".join(periods) + name

    def _whole(self, column: int) -> str | None:
        """The heading that a column of 其中 is a part of."""
        heads = (self._heads[k][-1] for k in range(column - 1, -1, -1) if self._heads[k])
        return next((head for head in heads if not _PART_OF.match(head)), None)

    def _unit(self, cell: Cell, labels: Sequence[str]) -> str:
        """The unit of a cell that gives none itself."""
        heads = self._heads[cell.column]
        for text in (*reversed(heads), *reversed(labels)):
            if found := _BRACKET.search(text.strip()):
                return found["unit"]
        leaf = _cleaned(heads[-1]) if heads else ""
        if heads and _PART_OF.match(heads[-1]) and (whole := self._whole(cell.column)):
            heads = [whole, *heads]
        for text in (*reversed(heads), *reversed(labels)):
            if found := _IMPLIED.search(_cleaned(text)):
                return found["compound"] or found["plain"]
        if _SHARE.search(leaf):
            return ""
        if self._unit_column is not None and (given := self._places.get((cell.row, self._unit_column))):
            return given.text
        if self._table.caption and (found := _BRACKET.search(self._table.caption)):
            return found["unit"]
        if len(self._line) > 1 and len(self._line) == len(self._figures):
            return self._line[self._figures.index(cell.column)]
        money = any(_MONEY.search(text) for text in (*heads, *labels))
        if any(_KINDS.search(text) for text in heads[:-1]):  # 罚款 as a kind of penalty, counted in cases
            money = False
        fitting = [unit for unit in self._line if unit.endswith("元") == money]
        counted = (unit for unit in fitting if (of := _COUNTS.get(unit)) and of.search(leaf))
        return next(counted, fitting[0] if fitting else "")


def _bare(text: str) -> str:
    """A heading without white space: 合　计 is 合计."""
    return re.sub(r"\s+", "", text)


def _cleaned(text: str) -> str:
    """A heading without its number and the unit behind it."""
    return _BRACKET.sub("", _NUMBER.sub("", _bare(text), count=1) or text)
