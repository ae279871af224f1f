"""Reads the value of an indicator: `300余户` is at least 300 户, `1.9万人次` is 19000 人次, `九成五` is 95 %.

The grammar is our own. cn2an 0.5.24 fits values of reports badly: `1.5万亿` raises, `1.23456万` gives 12345, and
余, 多 and 几 are refused. It serves the tests as an independent writer of Chinese numerals.

All work is on a copy of the text in which full-width and financial characters are replaced one for one, so that
offsets hold in the text itself, which is never changed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext

from lawgov_nlp.text import StrEnum


class Qualifier(StrEnum):
    """How a number is meant: 302 (exact), 300余 (at_least), 近300 (about), 不足300 (at_most)."""

    EXACT = "exact"
    AT_LEAST = "at_least"
    ABOUT = "about"
    AT_MOST = "at_most"


# The default context rounds to 28 digits, and a caller may have set a coarser one; products and sums must be exact.
_EXACT = Context(prec=1000, Emax=MAX_EMAX, Emin=MIN_EMIN)
_QUOTIENT = Context(prec=28, Emax=MAX_EMAX, Emin=MIN_EMIN)
MOST_DIGITS = 100
"""Digits in front of the point, or noughts behind it, from which on a numeral is none that anybody meant. Written out,
1E+999999999 would fill the memory of whoever formats it."""

_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_COMMON = str.maketrans(
    "０１２３４５６７８９．％／－−～○〇俩兩壹贰貳叁柒捌玖佰仟萬億",
    "0123456789.%/--~零零两两一二二三七八九百千万亿",
)
_VALUES = str.maketrans("零一二两三四五六七八九", "01223456789")
# 肆, 伍, 陆 and 拾 are numerals only in financial writing or where a text begins, else words: 队伍3支, 陆续300件.
_F = "壹贰貳叁肆伍陆陸柒捌玖"
_FINANCIAL = re.compile(rf"(?:[{_F}](?:[拾佰仟萬億]|(?=[万亿]?[元圆]))|^[肆伍陆陸拾])[{_F}拾佰仟萬億万亿零]*")
_FINANCIAL_DIGITS = str.maketrans("肆伍陆陸拾", "四五六六十")

_GAP = r"[^\S\r\n]*"
_C = "零一二两三四五六七八九"
_M = "[十百千万亿廿卅]"
_ARABIC = r"(?:[0-9]{1,3}(?:[,，][0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?"
_CHINESE = rf"(?:[{_C}]+(?:点[{_C}]+)?)"
# 三、四起 and 3、4起, but not the list 一、二、三: a pair of neighbours that stands alone.
_ROWS = ("一二三四五六七八九", "一两三", "123456789")
_PAIRS = "|".join(f"{a}、{b}" for row in _ROWS for a, b in itertools.pairwise(row))
_PAIR = rf"(?<![0-9{_C}、])(?:{_PAIRS})(?![0-9、])"
# 数 and 上 are also the end of words: 人数十五人, 以上百分之三十.
_VAGUE = rf"(?:(?<![总人次户指基参分])数(?={_M})|几(?={_M})|(?<![以网线会路之晚早])上(?=[百千万亿]))(?!.分之)"
# 20多场, 二十来名, 十几起; not 300来访者 and not 12多元化.
_MARK = rf"(?:{_GAP}余|(?:(?<=[0-9][0-9])|(?<={_M})){_GAP}(?:多(?!元[化解调]|方)|来(?![访信电自])|几))"
# 5千克 and 200万千瓦 keep their units; after Chinese digits (一万三千米) 千 can only be the multiplier.
_TIMES = rf"(?:(?<=[0-9万亿]){_GAP}(?!千[克瓦伏米])|(?<![0-9万亿]){_GAP})(?!百分点){_M}"
_NUMERAL = (
    rf"(?:{_VAGUE}{_M}|{_PAIR}|{_ARABIC}|{_CHINESE}|(?!百分点){_M})"
    rf"(?:{_MARK}?{_TIMES}|几(?=[十百千])|(?<={_M})(?:零?{_ARABIC}|点?{_CHINESE}))*{_MARK}?"
)
_TO = rf"{_GAP}(?:至|到|[-~—–―─]{{1,2}}|上(?=[千万亿])){_GAP}"
# 三成, but not 二〇二三成立 and not 三成员单位.
_TENTH = "成(?![员立果效功本绩人年为品套交都熟长就分规名型])"
_RUN = re.compile(
    # A minus only where a word calls for one: in 3件-5件 it means "to", and in 减负30% 负 is part of a word.
    r"(?P<minus>(?<![减担肩抱胜自欺辜重背])负|(?<![^\s长降率为是(（:：])-)?(?:"
    r"(?P<half>一半|半数|半)"
    rf"|(?P<tenths>10|[0-9](?:\.[0-9]+)?|十|[{_C}]{{1,2}}){_TENTH}(?P<hundredths>[1-9{_C}])?多?"
    rf"|(?P<whole>{_NUMERAL}){_GAP}分之{_GAP}(?P<share>{_NUMERAL})(?P<share_to>{_TO}(?:{_NUMERAL}分之)?{_NUMERAL})?"
    rf"|(?P<over>{_ARABIC})/(?P<under>[1-9][0-9]*)"
    rf"|(?P<number>{_NUMERAL})(?:(?P<and_half>[个年倍天]半(?![天年数夜]))|{_TO}(?P<upper>{_NUMERAL}))?"
    r")"
)
_TOKEN = re.compile(
    rf"(?P<arabic>零?{_ARABIC})|(?P<chinese>[{_C}]*点[{_C}]+|[{_C}]+)|(?P<scale>[十百千万亿])"
    rf"|(?P<some>^[数几]|几(?=[十百千]))|(?P<mark>[余多来几上])"
)
# Two digits side by side mean "two or three", not 23.
_LOOSE = {f"{n}{n + 1}" for n in range(1, 9)} | {"35"}

# Leftmost wins, so 不超过 is found before 超过. The exclusions are words: 签约20家, 附近3个村, 存在不足3个.
_FRONT = re.compile(
    r"(?:(?P<at_most>[不未没][得能有]?超过?|不[得能]?[高大多]于|[低少小]于|(?<!存在)不足|(?<![找看得办做])不到|[不未]满|不及|未达到?|未到"
    r"|[至最]多|≤|[<＜]=?)"
    r"|(?P<at_least>不[得能]?[少低小]于|[高多大]于|(?<![赶反高])超过?|逾|突破|[至最]少|起码|不止|不下于?|≥|[>＞]=?)"
    r"|(?P<about>(?<![附最邻就靠临相亲新])近|(?<![签预节契违履合公民条集制邀续特解相失缔规守婚毁])约|大概))"
    rf"{_GAP}(?:了|过|共计?|达到?|有|到|为|占|计|在){{0,2}}{_GAP}$"
)
# 上下, 余 and 多 also begin words (三级上下联动, 20次多部门检查), so a stop must follow them.
_STOP = r"(?=[\s，。；、：,.;:）)的]|$)"
_BEHIND = (
    rf"(?:及|[(（]含[)）])?(?:(?P<at_least>以上|之上|有余|(?:余|多){_STOP})|(?P<at_most>以下|以内|之内)"
    rf"|(?P<about>左右|上下{_STOP}))"
)
_BEHIND_SPAN = re.compile(_GAP + _BEHIND)
_IN_UNIT = re.compile(rf"{_BEHIND}|(?:^|(?<=^[个年天月倍]))(?:(?P<more>[余多])|(?P<some>来))")
_UNIT_TO = re.compile(rf"([^0-9{_C}]*?){_TO}(?:{_NUMERAL})")
_ASIDE = re.compile(r"[(（](?!含)[^)）]*[)）]?|之[多众]$")
_MEANING = {q.value: q for q in Qualifier} | {"more": Qualifier.AT_LEAST, "some": Qualifier.ABOUT}
_EDGES = "的，。；、：,.;:“”\"'）)"


# Units as they stand behind a numeral, compounds before their parts. Those of the annotated train split, and kin.
_COMPOUNDS = (
    "个百分点 百分点 个工作日 个小时 个月 平方公里 平方千米 平方米 立方米 公里 公斤 公顷 千克 小时 分钟 学时 课时"
    " 人次 件次 家次 户次 场次 批次 台次 艘次 车次 班次 处次 条次 个次 剂次 台套 头只 人份 辆次 周岁 周年"
)
_CLASSIFIERS = (
    "件个名次人元份项条起场家处期户宗台册亩块卷张部吨本轮支辆所艘堂节讲批米间座套篇瓶通幅口倍面架位片顶把笔箱集株对头岁周种"
    "例栋幢趟枚列则波只眼档单天分字%％‰"
)
# The same characters where they begin a word: 3部门, 5场所, 20分贝.
_NO_UNIT = (
    "部门|场所|场地|条例|集中|单位|个体|个别|个人|人民|人大|家庭|户籍|起诉|面积|面向|口径|处理|处置|处罚|期间"
    "|分贝|分之|对于|名单"
)
_UNIT = re.compile(rf"[^\S\r\n]*(?:{'|'.join(_COMPOUNDS.split())}|(?!{_NO_UNIT})[{_CLASSIFIERS}])")
_RANGE_TO = re.compile(r"[^\S\r\n]*(?:至|到|[-~—～])[^\S\r\n]*")


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """What a value says.

    Attributes:
        number: The exact number, 万 and 亿 multiplied out; None where the text holds no numeral, or one of over
            `MOST_DIGITS` digits.
        unit: The unit as written, without white space (`人次`, `元`, `%`); an empty string for a bare number.
        qualifier: How the number is meant.
    """

    number: Decimal | None
    unit: str
    qualifier: Qualifier


def read_quantity(text: str, start: int = 0, end: int | None = None) -> Quantity:
    """Read the value `text[start:end]`; what stands directly around it qualifies it.

    Whether the text is a value at all (not a year, an ordinal, a fixed name) is for the caller to know. If it
    holds several numerals, the first counts. A range is its lower bound, at least (`3至5万元`: 30000 元). A digit
    behind 百, 千 or 万 is a tenth of it (`一百二`: 120). A share of 100 or 1000 has the unit % or ‰ (`百分之三十`,
    `九成五`); other fractions are bare numbers to 28 digits. Marks within the unit leave it: `2个半小时` is 2.5 个小时,
    `两个多月` at least 2 个月.

    Where qualifiers disagree, the one in front governs, then the one behind, then the one inside: `近300余份` is
    about 300 (a bit under and a bit over at once), `不足30余户` at most 30, `约20场以上` about 20.

    Args:
        text: The text around the value, or the value alone.
        start: Offset of the value's first character.
        end: Offset behind its last character; None for the end of the text.

    Returns:
        The reading. Without a numeral (`首次`) its number is None, its unit the value, its qualifier exact.

    Raises:
        TypeError: `text` is not a str.
    """
    if not isinstance(text, str):
        raise TypeError(f"expected the text as a str, got {type(text).__name__}")
    start, end, _ = slice(start, end).indices(len(text))
    value = text[start:end]
    # With two characters more, because 伍 is a numeral in 伍万元 even where the span ends before 万元.
    run = _RUN.search(_normal(text[start : end + 2])[: len(value)])
    if run is None:
        return Quantity(number=None, unit="".join(value.split()), qualifier=Qualifier.EXACT)
    number: Decimal | None
    with localcontext(_EXACT):
        number, unit, inside = _number(run)
        if run["minus"]:
            number = -number
        # 1.9万 is 19000, not 19000.0
        number = number.to_integral_value() if number == number.to_integral_value() else number.normalize()
    if abs(number.adjusted()) > MOST_DIGITS:
        number = None
    rest = _ASIDE.sub("", "".join(value[run.end() :].split())).replace("％", "%")
    if to := _UNIT_TO.match(_normal(rest)):  # 3万元至5万元
        rest, inside = rest[: to.end(1)], Qualifier.AT_LEAST
    behind = None
    if mark := _IN_UNIT.search(rest):
        behind = _qualifier(mark)
        rest = rest[: mark.start()] + rest[mark.end() :]
    front = _qualifier(_FRONT.search(text[max(0, start - 12) : start] + value[: run.start()]))
    behind = behind or _qualifier(_BEHIND_SPAN.match(text, end))
    rest = rest.strip(_EDGES)
    if unit not in ("%", "‰"):
        unit = "百分点" if rest == "个百分点" else unit + rest
    return Quantity(number=number, unit=unit, qualifier=front or behind or inside)


def numeral_runs(text: str) -> Iterator[tuple[int, int]]:
    """The maximal numerals of a text, as offsets in order; no two overlap.

    A run takes in its multipliers and the qualifiers inside (`1.9万`, `300余`, `二十余万`, `数十`, `上百`), ranges
    (`20-30`), fractions (`三分之二`, `九成五`) and 个半; not a unit, and not a qualifier in front (`近百` gives
    `百`). Numerals in words are runs too (三农): snap spans to runs, don't take runs for values.
    """
    for run in _RUN.finditer(_normal(text)):
        yield run.span()


def value_end(text: str, run: tuple[int, int], runs: Sequence[tuple[int, int]] = ()) -> int | None:
    """Where the value that begins with a numeral ends: behind its unit, as the codebook has it.

    Args:
        text: The text around it.
        run: The numeral, one of `numeral_runs(text)`.
        runs: All of them, to follow a range whose bounds both have a unit (`3万元至5万元`).

    Returns:
        The offset, or None where no known unit follows: a bare number, or a unit that only the context tells.
    """
    if re.search("成|分之", text[run[0] : run[1]]):
        return run[1]  # a share has its unit in itself
    unit = _UNIT.match(text, run[1])
    if not unit:
        return None
    to = _RANGE_TO.match(text, unit.end())
    upper = next((r for r in runs if to and r[0] == to.end()), None)
    if upper and (end := value_end(text, upper)):
        return end
    return unit.end()


def _normal(text: str) -> str:
    """The text with one ASCII or common character for each full-width, variant or financial one; same length."""
    return _FINANCIAL.sub(lambda m: m[0].translate(_FINANCIAL_DIGITS), text).translate(_COMMON)


def _number(run: re.Match[str]) -> tuple[Decimal, str, Qualifier]:
    """The number without its sign, the part of the unit that the run itself holds, and the qualifier inside."""
    if run["half"]:
        return Decimal("0.5"), "", Qualifier.EXACT
    if run["tenths"]:
        number, inside = _evaluate(run["tenths"])
        number = number * 10 + (_evaluate(run["hundredths"])[0] if run["hundredths"] else 0)
        return number, "%", Qualifier.AT_LEAST if run[0].endswith("多") else inside
    if run["whole"]:
        whole, share = _evaluate(run["whole"])[0], _evaluate(run["share"])
        inside = Qualifier.AT_LEAST if run["share_to"] else share[1]
        if whole in (100, 1000):
            return share[0], "%" if whole == 100 else "‰", inside
        return _QUOTIENT.divide(share[0], whole or Decimal(1)), "", inside
    if run["over"]:
        return _QUOTIENT.divide(_evaluate(run["over"])[0], Decimal(run["under"])), "", Qualifier.EXACT
    number, inside = _evaluate(run["number"])
    if run["and_half"]:
        return number + Decimal("0.5"), run["and_half"][0], inside
    if run["upper"]:
        return _lower(number, run["upper"]), "", Qualifier.AT_LEAST
    return number, "", inside


def _lower(lower: Decimal, upper: str) -> Decimal:
    """The lower bound of a range; it shares the upper's last multiplier (3至5万) where that makes sense.

    It doesn't in 5000至1万, where it is no smaller than the upper's 1, nor in 一万到一万五千, where 千 multiplies only
    the end of the upper.
    """
    whole = _evaluate(upper)[0]
    if parts := re.fullmatch(r"(.+?)\s*([百千万亿]+)\s*[余多来几]?", upper):
        head, tail = _evaluate(parts[1])[0], _evaluate(parts[2])[0]
        if lower < head and head * tail == whole:
            return lower * tail
    return min(lower, whole)


def _evaluate(numeral: str) -> tuple[Decimal, Qualifier]:
    """The number that one numeral of the grammar `_NUMERAL` means, and the qualifier inside it."""
    inside = Qualifier.EXACT
    if "、" in numeral:  # 三、四十 reads like 三四十
        numeral, inside = numeral[0] + numeral[3:], Qualifier.AT_LEAST
    total = section = Decimal(0)  # what 万 and 亿 have closed, and what is open below them
    digits, digit, scale, big = "", None, 0, 0
    for token in _TOKEN.finditer(numeral.replace("廿", "二十").replace("卅", "三十")):
        if token["arabic"]:
            digits = re.sub("[,，]", "", token[0]).replace("零", "0")
            digit = Decimal(digits)
        elif token["chinese"]:
            digits = token[0].translate(_VALUES).replace("点", ".")
            if loose := digits in _LOOSE:
                inside = Qualifier.AT_LEAST
            digit = Decimal(digits[0] if loose else digits)
        elif token["some"]:
            digit, inside = Decimal(1), Qualifier.AT_LEAST
        elif token["mark"]:
            inside = Qualifier.ABOUT if token[0] == "来" else Qualifier.AT_LEAST
        else:
            last, scale = scale, _SCALES[token[0]]
            if digit is None and (not last or scale < 10_000):  # 百户, 万元
                digit = Decimal(1)
            if scale < 10_000:
                section += (digit or 0) * scale
            elif digit is None and last >= 10_000:  # 万亿
                total *= scale
            else:
                section += digit or 0
                total = (total + section) * scale if scale > big else total + section * scale
                section, big = Decimal(0), scale
            digit = None
    if digit is not None and scale >= 100 and len(digits) == 1:
        digit = digit * scale / 10
    return total + section + (digit or 0), inside


def _qualifier(mark: re.Match[str] | None) -> Qualifier | None:
    return _MEANING[mark.lastgroup or ""] if mark else None
