"""What a number says of the year: work done, a plan, last year's, a change, a part of another number, a scale, a target.

Rules, read from the sentence around the number; each returns the words that it rests on. They see a text, a span and
the other numbers of the paragraph, nothing else, so that the same input has the same answer everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from lawgov_nlp.results.quantity import read_quantity
from lawgov_nlp.text import StrEnum


class Role(StrEnum):
    """What a number says of the year reported on.

    `done`: what was done, found or reached. `plan`: what is to be done. `target`: a level that is to be reached.
    `previous`: last year's number, or the level before. `change`: a rise or fall, by an amount or a rate. `part`: a part
    of another number (其中 …). `stock`: how much there is, not what was done (辖7个村, 现有执法人员12名).
    """

    DONE = "done"
    PLAN = "plan"
    PREVIOUS = "previous"
    CHANGE = "change"
    PART = "part"
    STOCK = "stock"
    TARGET = "target"


ROLE_ZH = {
    Role.DONE: "已完成",
    Role.PLAN: "计划",
    Role.PREVIOUS: "上年",
    Role.CHANGE: "增减",
    Role.PART: "其中",
    Role.STOCK: "存量",
    Role.TARGET: "目标",
}


class Span(NamedTuple):
    """A number in its paragraph: offsets of value and name there; -1 where it has no name."""

    start: int
    end: int
    name_start: int = -1
    name_end: int = -1


class RoleReading(NamedTuple):
    """A role.

    Attributes:
        role: What the number says.
        whole: Which number of the paragraph it is a part of, by its index; None where it is none, or that isn't told.
        why: The words that it rests on; empty for `done`.
    """

    role: Role
    whole: int | None = None
    why: str = ""


_STOP = re.compile(r"[。；;！？!?\n]")
_CLAUSE = re.compile(r"[，,。；;！？!?\n（(]")
_PLANS = re.compile(r"下一?步|下年度|来年|明年|工作(?:计划|打算|思路|安排)|努力方向|目标任务$|打算|展望")
_DONE_YET = re.compile(r"(?:今年|目前|现)已|现有|已(?:完成|建成|办结)|截至")
_LEVEL = re.compile(
    r"(?:[达升降增减提压控保稳][^，。；]{0,10}?[到至在达为]|达到|保持在?|控制在|不[低少高]于|目标|率(?:力争)?达?|覆盖[率面]达?|力争[^，。；]{0,14}达到?|力争把[^，。；]{0,16}到"
    r"|(?:再)?(?:下?降|提[升高]|压[缩减降]|上升|增长|减少|缩短|提速))[^，。；0-9]{0,6}$"
)
_SHARE = re.compile(r"[%％‰]|百分点|成$|分之")
_AIM = re.compile(
    r"(?:目标(?:任务)?(?:数|值|是|为)?|任务(?:数|指标)|指标(?:任务|值|为)?|力争[^，。；]{0,12}|确保[^，。；]{0,12}达到)[^，。；]{0,6}$"
)
_MOVED = re.compile(
    r"(?:增长|增加|上升|提高|提升|升高|下降|降低|减少|减低|回落|缩减|压减|压缩|缩短|精简|压降|降|升|增幅|降幅|增|减|涨|跌|多|少|净增|净减|提速|取消比例|精简比例|压缩率|压缩比例|高|低)"
    r"(?:了|约|近|超过?|逾|达|幅度|比例|率|将?近|不少于|至少|幅|为|也)*(?:分别)?(?:了|达|为|约|近|超)*[：:]?$"
)
_ABSOLUTE = re.compile(
    r"(?:增|多|少|高|低|降|减|升)(?:了|约|近)?$|(?:增加|减少|提高|下降|上升|降低|提升|净增|净减)(?:了|约|近)*$"
)
_AGAINST = re.compile(
    r"同比|环比|(?:[较比与]|相较|对比)(?:上年|去年|前年|上一?年|同期|20\d\d年|年初|以[往前]|法定|往年|改革前|前一年|原来)"
)
_TO = re.compile(r"(?:[到至为]|达到?|仅?有|仅)$")
_RATE_OF_CHANGE = re.compile(r"(?:取消|精简|压[缩减]|下降|上升|增长|减少)(?:比例|幅度|率)(?:分别)?(?:达到?|为)$")
_SERIES = re.compile(r"^(?:[、和及与,，]|以及)*$")
_FROM = re.compile(
    r"(?:由|从)(?:原来|原先|过去|上年|去年|法定|改革前|现在|年初|之前|整改前|\d{4}年|以往|最初|原有|平均|承诺|的|近|约)*$"
)
_FROM_LATER = re.compile(r"(?:由|从)[^，。；、]{0,12}$")
_THEN = re.compile(
    r"^[^，。；]{0,10}?(?:提[高升]?|增[加长]?|减少?|压[缩减降]?|降低?|缩[短减]?|上升|下降|升|精简|扩大|整合|变|调整|优化)[^，。；]{0,4}?(?:[到至为]|成)"
)
_MOVES = re.compile(r"^[^。；]{0,16}?(?:提高|增加|减少|压缩|降|缩短|精简|上升|升)")
_LAST_YEAR = re.compile(
    r"(?:去年|上年|上一年|上年度|去年同期|上年同期|前年)(?:度|末|底|全年|同期)?(?:共|为|仅|只有|的|有|是|全年)*[^，。；（(]{0,8}$"
)
_CARRIED = re.compile(r"(?:上年|去年|上年度)(?:度)?(?:结转|遗留|转结|结存|存量)[^，。；]{0,6}$")
_AMONG = re.compile(r"其中|当中|内含|含(?=[^量糊盖义有])")
_HAS = re.compile(
    r"(?:现有|现共有|共有|[下管]?辖|拥有|设有|建有|在册|在编|在岗|户籍|常住|总人口|人口|(?:辖区|国土|总|镇域|幅员)面积|划分为?|共划分|(?<![发实体呈表出兑])现(?!场|金)|(?<![没拥具设建配共现含所])有(?=\d)|配有|总数|总量|自有|共计有|实有)[^，。；、其]{0,14}$"
)
_HAS_LIST = re.compile(r"(?:现有|共有|[下管]?辖|拥有|设有|建有|现共有|共划分)")
_SCALE_NAME = re.compile(
    r"^(?:[行政自然城市]*村|社区|居委|执法主体|下属单位|政府部门|科室|(?:跨省)?可办理?事项|村级代办事项|县（市、区）.*|(?:各)?(?:县直|市直|区直|镇直|省直|乡直)?(?:部门|单位)|乡镇.*|镇街.*|街道|镇|乡|村.{0,3}社区[）)]?|村社|村居|村委会|居委会|居民区|嘎查|条线部门|村民小组"
    r"|户籍人口|常住人口|(?:总)?人口|(?:辖区|国土|总|镇域|幅员)面积|股室.*|站所.*|网格|县市区|县（?区）?|区县)$"
)
_STAFF = re.compile(
    r"(?:执法人员|执法队员|调解员|网格员|调委会|调解委员会|调解组织|公职律师|法律明白人|示范户|编制|民警|辅警|工作人员|法制员|审核人员|司法所|持证人员|从业人员|公务员|干部职工|护林员|执法力量|执法队|操作人员|队员|专职人员)$"
)
_ACTED = re.compile(
    r"新增|新建|新聘|聘请|选聘|配备|培育|培养|培训|参加|参训|组织|增配|增至|选派|轮训|招录|出动|考取|取得|通过|招聘|举办|开展|增加|购置|新购|落实|核定|建成|组建|增配|选任|调整|命名|评为|走访|检查|覆盖|抽查|发放|清理|划入|辞退|抽调|辞|进驻|担任|兑现|考核"
)
_CHOSEN = re.compile(r"排名|选取|评为|约谈|进驻|担任|选派")
_IN_CARE = re.compile(r"(?:社区(?:服刑|矫正|戒毒康复)(?:人员|对象)|刑满释放人员|安置帮教(?:对象|人员))$")
_CARE_ACTS = re.compile(r"对|接收|新增|解除|累计|走访|帮助|衔接|培训|核查|列管")
_SCARCE = re.compile(r"(?:仅有?|只有|不足|仅为|写了|缺口|人均[^，。；]{0,8}|平均年龄)$")
_COUNTED = frozenset("件条份项个处起宗例篇")
_ACTS = "出庭|办理|开展|举办|组织|审查|审核|调解|接待|共|全年|发放|出具|召开|发布|公开|受理|培训|制定|清理|帮助|提供|走访|成功|化解率|查处|立案|罚|没收|移送|拆除"
_WHOLE_ACT = re.compile(r"每天有|统筹|全(?:镇|县|市|区|乡|省|街道|局|旗|系统|州|域)|镇村|县乡|两级|三级|辖区|目前|现")


def paragraph_roles(
    text: str,
    spans: Sequence[Span],
    headings: Sequence[str] = (),
    label: str | None = None,
    year: int | None = None,
    units: Sequence[str] | None = None,
) -> list[RoleReading]:
    """The role of each number of a paragraph.

    Args:
        text: The paragraph.
        spans: Its numbers, in order of their place.
        headings: The headings above it, its own run-in heading included.
        label: Its primary dimension.
        year: The year reported on: a number of the year before is `previous`.
        units: The units of the numbers, where they have been read already.
    """
    if units is None:
        units = [read_quantity(text, span.start, span.end).unit for span in spans]
    readings: list[RoleReading] = []
    for index in range(len(spans)):
        readings.append(_role(text, spans, index, units, readings, headings, label, year))
    return readings


def _role(
    text: str,
    spans: Sequence[Span],
    index: int,
    units: Sequence[str],
    before: Sequence[RoleReading],
    headings: Sequence[str],
    label: str | None,
    year: int | None,
) -> RoleReading:
    span, unit = spans[index], units[index]
    sentence = _left(text, span.start, _STOP)
    clause = _left(text, span.start, _CLAUSE)
    behind = text[span.end : span.end + 30]
    if label == "plans" or (label is None and any(_PLANS.search(h) for h in headings)):
        if _DONE_YET.search(clause) and not re.search("力争|将|计划", clause):
            return RoleReading(Role.STOCK, None, "现有")
        if _FROM_LATER.search(sentence) and _THEN.match(behind):
            return RoleReading(Role.STOCK, None, "由")
        if _SHARE.search(unit) or (_LEVEL.search(clause) and not re.search("不少于|覆盖|至少", clause)):
            return RoleReading(Role.TARGET, None, "计划")
        return RoleReading(Role.PLAN, None, "计划")
    then = _THEN.match(behind)
    if (_FROM_LATER.search(clause) and then) or (_FROM.search(clause) and _MOVES.match(behind)):
        return RoleReading(Role.PREVIOUS, None, "由")
    moved = _change(text, spans, index, units, clause, sentence, before)
    if moved:
        return RoleReading(Role.CHANGE, None, moved)
    if _LAST_YEAR.search(clause) and not _AGAINST.search(clause) and not _CARRIED.search(clause):
        return RoleReading(Role.PREVIOUS, None, "上年")
    if re.search(r"[比较](?:去年|上年|同期|上年同期|去年同期)的?[^，。；]{0,6}$", clause) and not _ABSOLUTE.search(
        clause
    ):
        return RoleReading(Role.PREVIOUS, None, "较上年的")
    if year is not None and re.search(
        rf"(?<![比较自从]){year - 1}年(?:度|全年|共|为|的)*[^，。；至—\-]{{0,12}}$", clause
    ):
        return RoleReading(Role.PREVIOUS, None, f"{year - 1}年")
    if _AIM.search(clause) and not re.search("完成|下达|分解|明确|列出|细化|梳理|责任书", clause):
        return RoleReading(Role.TARGET, None, "目标")
    part = _part(text, spans, index, units, before)
    if part is not None:
        return part
    staff = span.name_start >= 0 and _STAFF.search(text[span.name_start : span.name_end])
    if label == "shortcomings" and (staff or _SCARCE.search(clause)) and not _SHARE.search(unit):
        return RoleReading(Role.STOCK, None, "现有")
    if not re.match("[^，。；]{0,12}(?:参加|参训|考|获评|被?评为|受伤|获)", behind) and _stock(
        text, spans, index, unit, clause, sentence, before
    ):
        return RoleReading(Role.STOCK, None, "现有")
    return RoleReading(Role.DONE)


def _left(text: str, at: int, stop: re.Pattern[str]) -> str:
    """What stands in front of an offset, back to the last stop."""
    start = 0
    for match in stop.finditer(text, 0, at):
        start = match.end()
    return text[start:at]


def _change(
    text: str,
    spans: Sequence[Span],
    index: int,
    units: Sequence[str],
    clause: str,
    sentence: str,
    before: Sequence[RoleReading],
) -> str:
    """The word that makes a number a change; empty where it is none."""
    unit = units[index]
    # 分别下降21.4%、17.9%: the second goes with the first
    if index and before[index - 1].role is Role.CHANGE:
        gap = text[spans[index - 1].end : spans[index].start]
        if _SERIES.match(gap) and gap and unit == units[index - 1]:
            return before[index - 1].why
    if _SHARE.search(unit) and (rate := _RATE_OF_CHANGE.search(clause)):
        return rate[0]
    match = _MOVED.search(clause)
    if not match or _TO.search(clause):
        return ""
    word = match[0]
    if _SHARE.search(unit):
        return word if not re.search(r"(?:提速率|覆盖率|合格率)$", word) else ""
    # amounts need something that they are measured against, for 减少证明6项 and 新增3名 are work done
    if _AGAINST.search(clause) or _AGAINST.search(sentence[-40:]):
        return word
    return ""


def _part(
    text: str, spans: Sequence[Span], index: int, units: Sequence[str], before: Sequence[RoleReading]
) -> RoleReading | None:
    """The number as a part, with its whole; None where it is none."""
    span = spans[index]
    sentence_start = span.start - len(_left(text, span.start, _STOP))
    at = next(
        (m.start() for m in reversed([*_AMONG.finditer(text, sentence_start, span.start)])),
        None,
    )
    opened = text.rfind("（", sentence_start, span.start)
    if at is None and opened >= 0 and "）" not in text[opened : span.start]:
        inside = [k for k in range(index) if spans[k].end <= opened and units[k] == units[index]]
        if inside and spans[inside[-1]].end == opened:
            return RoleReading(Role.PART, inside[-1], "（")
        return None
    if _SHARE.search(units[index]):
        return None
    if at is None:
        return _part_without_mark(text, spans, index, units, sentence_start)
    wholes = [k for k in range(index) if spans[k].end <= at and _same(units[k], units[index])]
    wholes = [k for k in wholes if before[k].role in (Role.DONE, Role.STOCK, Role.PART)]
    if not wholes:  # 公开信息388条，其中公文71件: the next number before 其中, where both are counts of things
        last = next((k for k in range(index - 1, -1, -1) if spans[k].end <= at), None)
        first = re.fullmatch(r"[^，,。；;\d]*", text[at : span.start])
        if first and last is not None and spans[last].end >= sentence_start and {units[last], units[index]} <= _COUNTED:
            return RoleReading(Role.PART, last, "其中")
        return None
    # the number right before 其中 is the whole; one of an earlier sentence is none, unless it is the only one
    near = [k for k in wholes if spans[k].end >= sentence_start] or [
        k for k in wholes if not _between(text, spans[k].end, at)
    ]
    if not near:
        return None
    whole = near[-1]
    same_clause = text[at : span.start]
    if re.search(r"[，,](?:对|向|为|给|共|另)[^，,]{0,4}$", same_clause):
        return None
    if re.search(r"[。；;]", same_clause):
        return None
    if re.search(r"\d", same_clause):  # not the first after 其中: a new act or more than the whole ends the list
        number, total = read_quantity(text, *spans[index][:2]).number, read_quantity(text, *spans[whole][:2]).number
        if number is not None and total is not None and number >= total:
            return None
        if re.search(rf"[，,](?:{_ACTS})[^，,]*$", same_clause):
            return None
    return RoleReading(Role.PART, whole, "其中")


def _part_without_mark(
    text: str, spans: Sequence[Span], index: int, units: Sequence[str], sentence_start: int
) -> RoleReading | None:
    """A part that no 其中 marks: 17个科室中有6个, 除1项终止外, 从申请事项看，处罚38件; None where it is none."""
    span = spans[index]
    if re.search(r"从[^，。；]{2,10}看，", text[sentence_start : span.start]):
        return RoleReading(Role.PART, None, "从…看")
    whole = next((k for k in range(index - 1, -1, -1) if spans[k].end >= sentence_start), None)
    if whole is None or not _same(units[whole], units[index]):
        return None
    gap = text[spans[whole].end : span.start]
    if re.fullmatch(r"[^，,。；;]{0,12}中有?[^，,。；;的]{0,4}", gap):
        return RoleReading(Role.PART, whole, "中有")
    if re.fullmatch(r"[，,]除", gap) and re.match(r"[^，。；]{0,16}外", text[span.end :]):
        return RoleReading(Role.PART, whole, "除…外")
    return None


def _between(text: str, start: int, end: int) -> bool:
    return len(_STOP.findall(text[start:end])) > 1


_KINDS = {"起": "件", "宗": "件", "例": "件", "人": "名", "位": "名", "本": "份", "册": "份", "卷": "份", "部": "件"}


def _same(one: str, other: str) -> bool:
    return _KINDS.get(one, one) == _KINDS.get(other, other)


def _stock(
    text: str,
    spans: Sequence[Span],
    index: int,
    unit: str,
    clause: str,
    sentence: str,
    before: Sequence[RoleReading],
) -> bool:
    span = spans[index]
    name = text[span.name_start : span.name_end] if span.name_start >= 0 else ""
    if _SHARE.search(unit):
        return False
    if (_SCALE_NAME.fullmatch(name) or (name == "面积" and unit == "平方公里")) and not _CHOSEN.search(sentence):
        return True
    if _IN_CARE.search(name) and not _CARE_ACTS.search(clause):
        return True
    # 318个人民调解委员会常态化开展排查: bodies and staff as those who act, with nothing in front that was done to them
    if _STAFF.search(name) and span.name_start >= span.end and len(clause) <= 4 and not _ACTED.search(clause):
        return True
    if _STAFF.search(name) and re.search("有[^，。；其]{0,12}$", clause) and not _ACTED.search(clause):
        return True
    if _HAS.search(clause) and not re.search(r"完成|受理|办结", clause):
        return True
    if (
        index
        and before[index - 1].role is Role.STOCK
        and before[index - 1].why == "现有"
        and _STAFF.search(name)
        and not _ACTED.search(clause)
        and not _STOP.search(text[spans[index - 1].end : span.start])
    ):
        return True  # 共有调解委员会18个、调解员76名
    last = [m.end() for m in _HAS_LIST.finditer(sentence)]
    if last and _STAFF.search(name) and "，" not in sentence[last[-1] :]:
        return True
    return bool(_STAFF.search(name) and not _ACTED.search(clause) and _WHOLE_ACT.search(clause))
