"""What stands round the figures of a table: its name, its unit line, the headings of its columns, notes under it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lawgov_nlp.report import Cell, Table

CAPTION_CHARS = 60
_UNIT = re.compile(
    r"[（(\[【]?\s*(?:计量|数据|金额)?单\s*位\s*(?:[：:]\s*(?P<unit>[^：:（）()\[\]【】]{1,20}?)|(?P<bare>$))\s*[）)\]】]?$"
)
_ORGANISATION = re.compile(r"[局委办厅所队府院镇乡县市区]$|政府|中心|公司|办事处")
_NAMED = re.compile(
    r"(?:表|情况|统计|一览|目录|清单|分工|名单|安排|汇总|数据|指标|台账|明细|工作量)\s*[）)》]?\s*(?:[（(][^（()）]{1,8}[）)])?$"
)
_NUMBERED = re.compile(r"(?:附\s*)?表\s*[\d一二三四五六七八九十]|附[表件]\s*[\d一二三四五六七八九十]*\s*[：:、 ]")
_NOTE = re.compile(r"(?:备?注|说明|[数资]料?据?来源)\s*\d{0,2}\s*[：:．.、]")
_FILER = re.compile(
    r"(?:填[报表]|编[制报]|制表|报送|统计|填写)?(?:单位|部门|机关|日期|时间|人|期)\s*[：:]|截[至止]|20\d\d年[\d月日—\-至]*$"
)
_OPEN_END = re.compile(r"[。；！？;，,、：:]$")
_PERIOD = re.compile(r"(?:19|20)\d\d(?:\s*年度?)?|.*\d\s*[月日季].*|(?:19|20)\d\d[./\-]\d.*")
_FIGURE = re.compile(
    r"(?:约|近|超过?|逾|不足|不少于|[≥≤<>＜＞])?\s*[-－+]?\d[\d,，.．]*\s*(?:[%％‰]|[^\d，。；（(]{0,8})(?:[（(].*[）)])?"
)
_SIGNED = re.compile(r"签\s*发\s*人?\s*[：:]|抄\s*[送报]|日\s*印\s*发")
_PROSE = re.compile("[。；，]")
_PROSE_CHARS = 60


def is_table(table: Table) -> bool:
    """Whether the reader's table is one, and not the layout of a red head, of a sign-off or of whole paragraphs."""
    if _SIGNED.search(table.text):
        return False
    prose = {cell.row for cell in table.cells if len(cell.text) > _PROSE_CHARS and _PROSE.search(cell.text)}
    return 2 * len(prose) < table.rows


def is_figure(text: str) -> bool:
    """Whether a cell seems to hold a quantity and nothing else."""
    return len(text) <= 40 and _FIGURE.fullmatch(text) is not None and _PERIOD.fullmatch(text) is None


def unit_of(text: str) -> tuple[str, str] | None:
    """The unit that a line ends with (`…统计表（单位：件）`), and the line without it; None where it gives none."""
    match = _UNIT.search(text) if len(text) <= 2 * CAPTION_CHARS else None
    if match is None or not match["unit"]:
        return None
    unit = match["unit"].strip()
    if _ORGANISATION.search(unit) or text[: match.start()].endswith(
        ("填报", "编制", "报送", "填表", "责任", "承办", "制表")
    ):
        return None
    return unit, text[: match.start()].rstrip("（( \u3000\t")


def is_caption(text: str, *, above_unit: bool) -> bool:
    """Whether the line above a table is its name; just above a unit line any short line is."""
    if not text or len(text) > CAPTION_CHARS or _OPEN_END.search(text):
        return False
    return above_unit or _NAMED.search(text) is not None or _NUMBERED.match(text) is not None


def is_note(text: str) -> bool:
    """Whether a line under a table explains it."""
    return _NOTE.match(text) is not None


def described(table: Table) -> Table:
    """The table with the caption and the unit that its own first rows hold, and with its rows of headings."""
    rows: dict[int, list[Cell]] = {}
    for cell in table.cells:
        rows.setdefault(cell.row, []).append(cell)
    caption, unit, first = table.caption, table.unit, 0
    while first < min(3, table.rows - 1):
        cells = rows.get(first, [])
        if any(cell.rows > 1 for cell in cells):
            break
        found = next((said for cell in cells if (said := unit_of(cell.text))), None)
        alone = len(cells) == 1 and cells[0].columns * 2 > table.columns and not is_figure(cells[0].text)
        if found and all(unit_of(cell.text) or _FILER.match(cell.text) for cell in cells):
            unit = unit or found[0]
        elif alone and found:
            caption, unit = caption or found[1] or None, unit or found[0]
        elif alone and (cells[0].columns == table.columns or first == 0):
            caption = caption or cells[0].text
        elif cells and all(_FILER.match(cell.text) and ("：" in cell.text or ":" in cell.text) for cell in cells):
            pass
        else:
            break
        first += 1
    if caption and (said := unit_of(caption)):
        caption, unit = said[1] or caption, unit or said[0]
    heads = max(table.header_rows - first, _header_rows(table, rows, first))
    return replace(
        table, caption=caption, unit=unit, first_row=first, header_rows=max(0, min(heads, table.rows - first - 1))
    )


def _header_rows(table: Table, rows: dict[int, list[Cell]], first: int) -> int:
    """How many rows from `first` on are headings: those without figures that merged cells hold together."""
    if any(is_figure(cell.text) for cell in rows.get(first, ())):
        return 0
    after = first + 1
    row = first
    while row < after < table.rows:
        cells = rows.get(row, [])
        tall = max((cell.row + cell.rows for cell in cells), default=after)
        wide = any(1 < cell.columns < table.columns for cell in cells)
        for more in range(after, min(table.rows, max(tall, after + wide))):
            if any(is_figure(cell.text) for cell in rows.get(more, ())):
                break
            after = more + 1
        row += 1
    return after - first


def above(texts: Sequence[str]) -> tuple[int, str | None, str | None]:
    """What the lines above a table say of it.

    Args:
        texts: The lines above it that may belong to it, the nearest first.

    Returns:
        How many of them belong to the table, its caption and its unit.
    """
    unit = None
    taken = 0
    for text in texts[:3]:
        said = unit_of(text)
        if said and (not said[1] or _FILER.match(said[1])) and unit is None:
            unit = said[0]
            taken += 1
            continue
        if said and unit is None and is_caption(said[1], above_unit=True):
            return taken + 1, said[1], said[0]
        if is_caption(text, above_unit=unit is not None):
            return taken + 1, text, unit
        break
    return taken, None, unit
