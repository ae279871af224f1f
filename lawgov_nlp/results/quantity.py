"""Read the value of an indicator: `300余户` is at least 300 户, `1.9万人次` is 19000 人次, `九成五` is 95 %.

The package has its own grammar because cn2an 0.5.24 doesn't suit the values of reports: it raises for `1.5万亿`,
returns 12345 for `1.23456万`, and rejects 余, 多 and 几. The tests use cn2an as an independent writer of Chinese
numerals.

The grammar works on a copy of the text, in which each full-width or financial character is replaced by one character.
Offsets are therefore valid in the original text, which is never changed. Traditional characters read like their
simplified twins: 三百餘戶 is at least 300 户.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext

from lawgov_nlp.simplified import to_simplified
from lawgov_nlp.text import StrEnum


class Qualifier(StrEnum):
    """How a number relates to the true quantity: 302 (exact), 300余 (at_least), 近300 (about), 不足300 (at_most)."""

    EXACT = "exact"
    AT_LEAST = "at_least"
    ABOUT = "about"
    AT_MOST = "at_most"


# Products and sums must be exact. The default context rounds to 28 digits, and a caller may have set a coarser one.
_EXACT = Context(prec=1000, Emax=MAX_EMAX, Emin=MIN_EMIN)
_QUOTIENT = Context(prec=28, Emax=MAX_EMAX, Emin=MIN_EMIN)
MOST_DIGITS = 100
"""The most digits before the decimal point, or zeros after it. Longer numerals can't be meant as numbers, and writing
out 1E+999999999 would exhaust the memory."""

_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_COMMON = str.maketrans(
    "０１２３４５６７８９．％／－−～○〇俩兩壹贰貳叁柒捌玖佰仟萬億",
    "0123456789.%/--~零零两两一二二三七八九百千万亿",
)
_VALUES = str.maketrans("零一二两三四五六七八九", "01223456789")
# 肆, 伍, 陆 and 拾 are numerals only in financial writing or at the start of a text, not in 队伍3支 or 陆续300件.
_F = "壹贰貳叁肆伍陆陸柒捌玖"
_FINANCIAL = re.compile(rf"(?:[{_F}](?:[拾佰仟萬億]|(?=[万亿]?[元圆]))|^[肆伍陆陸拾])[{_F}拾佰仟萬億万亿零]*")
_FINANCIAL_DIGITS = str.maketrans("肆伍陆陸拾", "四五六六十")

_GAP = r"[^\S\r\n]*"
_C = "零一二两三四五六七八九"
_M = "[十百千万亿廿卅]"
_ARABIC = r"(?:[0-9]{1,3}(?:[,，][0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?"
_CHINESE = rf"(?:[{_C}]+(?:点[{_C}]+)?)"
# A pair of neighbouring numerals that stands alone: 三、四起 and 3、4起, but not the list 一、二、三.
_ROWS = ("一二三四五六七八九", "一两三", "123456789")
_PAIRS = "|".join(f"{a}、{b}" for row in _ROWS for a, b in itertools.pairwise(row))
_PAIR = rf"(?<![0-9{_C}、])(?:{_PAIRS})(?![0-9、])"
# 数 and 上 may also end a word: 人数十五人, 以上百分之三十.
_VAGUE = rf"(?:(?<![总人次户指基参分])数(?={_M})|几(?={_M})|(?<![以网线会路之晚早])上(?=[百千万亿]))(?!.分之)"
# This matches 20多场, 二十来名 and 十几起, but not 300来访者 or 12多元化.
_MARK = rf"(?:{_GAP}余|(?:(?<=[0-9][0-9])|(?<={_M})){_GAP}(?:多(?!元[化解调]|方)|来(?![访信电自])|几))"
# 5千克 and 200万千瓦 keep their units. After Chinese digits (一万三千米), 千 can only be a multiplier.
_TIMES = rf"(?:(?<=[0-9万亿]){_GAP}(?!千[克瓦伏米])|(?<![0-9万亿]){_GAP})(?!百分点){_M}"
_NUMERAL = (
    rf"(?:{_VAGUE}{_M}|{_PAIR}|{_ARABIC}|{_CHINESE}|(?!百分点){_M})"
    rf"(?:{_MARK}?{_TIMES}|几(?=[十百千])|(?<={_M})(?:零?{_ARABIC}|点?{_CHINESE}))*{_MARK}?"
)
_TO = rf"{_GAP}(?:至|到|[-~—–―─]{{1,2}}|上(?=[千万亿])){_GAP}"
# This matches 三成, but not 二〇二三成立 or 三成员单位.
_TENTH = "成(?![员立果效功本绩人年为品套交都熟长就分规名型])"
_RUN = re.compile(
    # A minus needs a fitting context: in 3件-5件 it means "to", and in 减负30% 负 is part of a word.
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
# Two such Chinese digits side by side mean, for example, "two or three", not 23.
_LOOSE = {f"{n}{n + 1}" for n in range(1, 9)} | {"35"}

# The leftmost match wins, so 不超过 is found before 超过. The exclusions are words: 签约20家, 附近3个村, 存在不足3个.
_FRONT = re.compile(
    r"(?:(?P<at_most>[不未没][得能有]?超过?|不[得能]?[高大多]于|[低少小]于|(?<!存在)不足|(?<![找看得办做])不到|[不未]满|不及|未达到?|未到"
    r"|[至最]多|≤|[<＜]=?)"
    r"|(?P<at_least>不[得能]?[少低小]于|[高多大]于|(?<![赶反高])超过?|逾|突破|[至最]少|起码|不止|不下于?|≥|[>＞]=?)"
    r"|(?P<about>(?<![附最邻就靠临相亲新])近|(?<![签预节契违履合公民条集制邀续特解相失缔规守婚毁])约|大概))"
    rf"{_GAP}(?:了|过|共计?|达到?|有|到|为|占|计|在){{0,2}}{_GAP}$"
)
# A stop must follow 上下, 余 and 多, because they also begin words (三级上下联动, 20次多部门检查).
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


# Units that follow a numeral, compounds before their parts: those of the annotated train split and similar ones.
_COMPOUNDS = (
    "个百分点 百分点 个工作日 个小时 个月 平方公里 平方千米 平方米 立方米 公里 公斤 公顷 千克 小时 分钟 学时 课时"
    " 人次 件次 家次 户次 场次 批次 台次 艘次 车次 班次 处次 条次 个次 剂次 台套 头只 人份 辆次 周岁 周年"
)
_CLASSIFIERS = (
    "件个名次人元份项条起场家处期户宗台册亩块卷张部吨本轮支辆所艘堂节讲批米间座套篇瓶通幅口倍面架位片顶把笔箱集株对头岁周种"
    "例栋幢趟枚列则波只眼档单天分字%％‰"
)
# The same characters at the start of a word: 3部门, 5场所, 20分贝.
_NO_UNIT = (
    "部门|场所|场地|条例|集中|单位|个体|个别|个人|人民|人大|家庭|户籍|起诉|面积|面向|口径|处理|处置|处罚|期间"
    "|分贝|分之|对于|名单"
)
_UNIT = re.compile(rf"[^\S\r\n]*(?:{'|'.join(_COMPOUNDS.split())}|(?!{_NO_UNIT})[{_CLASSIFIERS}])")
_RANGE_TO = re.compile(r"[^\S\r\n]*(?:至|到|[-~—～])[^\S\r\n]*")


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """The content of a value.

    Attributes:
        number: The exact number with 万 and 亿 multiplied out; None if the text holds no numeral, or one with more than
            `MOST_DIGITS` digits.
        unit: The unit as written, without white space and in simplified characters (`人次`, `元`, `%`); an empty
            string for a bare number.
        qualifier: Whether the number is exact, a lower bound, an approximation or an upper bound.
    """

    number: Decimal | None
    unit: str
    qualifier: Qualifier


def read_quantity(text: str, start: int = 0, end: int | None = None) -> Quantity:
    """Read the value `text[start:end]`, with the qualifiers directly before and after it.

    The caller must know that the span is a value and not a year, an ordinal or a fixed name. If the span holds several
    numerals, the first counts. A range becomes its lower bound with the qualifier `at_least` (`3至5万元`: 30000 元). A
    digit after 百, 千 or 万 counts as tenths of it (`一百二`: 120). A share of 100 or 1000 has the unit % or ‰
    (`百分之三十`, `九成五`); other fractions are bare numbers to 28 digits. Marks within the unit are removed from it:
    `2个半小时` is 2.5 个小时, and `两个多月` is at least 2 个月.

    If qualifiers disagree, the one before the number takes precedence, then the one after it, then the one inside:
    `近300余份` is about 300 (it says both "a bit under" and "a bit over"), `不足30余户` is at most 30, and `约20场以上`
    is about 20.

    Args:
        text: The text around the value, or the value alone.
        start: The offset of the value's first character.
        end: The offset after its last character; None for the end of the text.

    Returns:
        The content of the value. Without a numeral (`首次`), the number is None, the unit is the whole value and the
        qualifier is exact.

    Raises:
        TypeError: `text` is not a str.
    """
    if not isinstance(text, str):
        raise TypeError(f"expected the text as a str, got {type(text).__name__}")
    start, end, _ = slice(start, end).indices(len(text))
    text = to_simplified(text)
    value = text[start:end]
    # Include two more characters, because 伍 is a numeral in 伍万元 even if the span ends before 万元.
    run = _RUN.search(_normal(text[start : end + 2])[: len(value)])
    if run is None:
        return Quantity(number=None, unit="".join(value.split()), qualifier=Qualifier.EXACT)
    number: Decimal | None
    with localcontext(_EXACT):
        number, unit, inside = _number(run)
        if run["minus"]:
            number = -number
        # 1.9万 becomes 19000, not 19000.0.
        number = number.to_integral_value() if number == number.to_integral_value() else number.normalize()
    if abs(number.adjusted()) > MOST_DIGITS:
        number = None
    rest = _ASIDE.sub("", "".join(value[run.end() :].split())).replace("％", "%")
    if to := _UNIT_TO.match(_normal(rest)):  # such as 3万元至5万元
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
    """Yield the offsets (start, end) of the maximal numerals of a text, in order and without overlap.

    A run includes multipliers and qualifiers inside it (`1.9万`, `300余`, `二十余万`, `数十`, `上百`), ranges
    (`20-30`), fractions (`三分之二`, `九成五`) and 个半. It excludes the unit and a qualifier before the number (`近百`
    gives `百`). Numerals within words are runs as well (三农). Use runs to adjust the ends of values, not as values.
    """
    for run in _RUN.finditer(_normal(to_simplified(text))):
        yield run.span()


def value_end(text: str, run: tuple[int, int], runs: Sequence[tuple[int, int]] = ()) -> int | None:
    """Find the end of the value that begins with a numeral: after its unit, as the codebook requires.

    Args:
        text: The text around the value.
        run: The numeral, one of `numeral_runs(text)`.
        runs: All numerals of the text, to follow a range in which both bounds have a unit (`3万元至5万元`).

    Returns:
        The offset after the unit, or None if no known unit follows: the number is bare, or only the context shows the
        unit.
    """
    text = to_simplified(text)
    if re.search("成|分之", text[run[0] : run[1]]):
        return run[1]  # A share contains its unit.
    unit = _UNIT.match(text, run[1])
    if not unit:
        return None
    to = _RANGE_TO.match(text, unit.end())
    upper = next((r for r in runs if to and r[0] == to.end()), None)
    if upper and (end := value_end(text, upper)):
        return end
    return unit.end()


def _normal(text: str) -> str:
    """Replace each full-width, variant or financial character by one ASCII or common character; the length stays."""
    return _FINANCIAL.sub(lambda m: m[0].translate(_FINANCIAL_DIGITS), text).translate(_COMMON)


def _number(run: re.Match[str]) -> tuple[Decimal, str, Qualifier]:
    """Return the number without its sign, the part of the unit inside the run, and the qualifier inside the run."""
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
    """Return the lower bound of a range, multiplied by the upper bound's last multiplier (3至5万) where both share it.

    They don't share it in 5000至1万, where 5000 is not smaller than 1, nor in 一万到一万五千, where 千 multiplies only
    the end of the upper bound.
    """
    whole = _evaluate(upper)[0]
    if parts := re.fullmatch(r"(.+?)\s*([百千万亿]+)\s*[余多来几]?", upper):
        head, tail = _evaluate(parts[1])[0], _evaluate(parts[2])[0]
        if lower < head and head * tail == whole:
            return lower * tail
    return min(lower, whole)


def _evaluate(numeral: str) -> tuple[Decimal, Qualifier]:
    """Return the number that a numeral of the grammar `_NUMERAL` means, and the qualifier inside it."""
    inside = Qualifier.EXACT
    if "、" in numeral:  # 三、四十 means the same as 三四十.
        numeral, inside = numeral[0] + numeral[3:], Qualifier.AT_LEAST
    total = section = Decimal(0)  # the sum up to the last 万 or 亿, and the open sum after it
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
            if digit is None and (not last or scale < 10_000):  # as in 百户 and 万元
                digit = Decimal(1)
            if scale < 10_000:
                section += (digit or 0) * scale
            elif digit is None and last >= 10_000:  # as in 万亿
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
