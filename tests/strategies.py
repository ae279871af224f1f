"""What the property tests draw from: texts like reports, made of real parts and then spoilt, and files of every kind.

Random Unicode alone is refused at the door; what reaches the deep branches looks like a report and is wrong somewhere.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lawgov_nlp.annotation.gold import GoldIndicator, GoldLine, GoldReport
from lawgov_nlp.report import LineKind
from lawgov_nlp.scheme import DIMENSIONS, TOPICS
from tests.fuzz import mutators
from tests.fuzz.targets import TARGETS

_SETTINGS: dict[str, Any] = {
    "derandomize": True,  # the same inputs on every machine and day; to look for new ones there is tests/fuzz
    "database": None,
    "deadline": None,  # tests that bound the time do so themselves, with room for a busy machine
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.explicit, Phase.generate, Phase.shrink),
}
DEPTHS = (1, pytest.param(10, marks=pytest.mark.slow))
"""How many times the usual number of examples a test draws."""


def hold(check: Callable[..., None], *drawn: st.SearchStrategy[Any], examples: int) -> None:
    """Call `check` with examples of the strategies; a failing one is shrunk and shown."""
    settings(max_examples=examples, **_SETTINGS)(given(*drawn)(check))()


# ---- texts

words = st.sampled_from(mutators.TEXT_WORDS)
characters = st.characters(exclude_categories=["Cs"])
"""Any character but half surrogate pairs: control characters, combining marks, both directions, beyond the BMP."""

scraps = st.lists(words | characters, max_size=30).map("".join)
"""Words of reports and any characters, in any order."""

_UNITS = ("件", "人次", "户", "名", "场", "%", "％", "万元", "亿元", "个百分点", "平方米", "起", "份", "个工作日", "")
_VERBS = ("调解纠纷", "开展法律咨询", "走访宣传", "审查合同", "培训执法人员", "立案查处", "群众满意率", "组织集体学法")
_FRONT = ("", "", "近", "约", "超过", "不足", "达到", "共", "至少", "不超过", "负")
_BEHIND = ("", "", "以上", "左右", "以内", "余", "（含）以上")
_PLACES = ("青柳镇", "望溪县司法局", "云岭县松坪镇人民政府", "望桐街道办事处", "县农业农村局")
_TOPICS = ("组织领导", "普法宣传", "化解矛盾纠纷", "规范行政执法", "存在的不足", "下一步打算", "健全机制")
_MARKS = (
    "",
    "一、",
    "二、",
    "十一、",
    "（一）",
    "(二)",
    "1.",
    "2、",
    "（3）",
    "①",
    "第一，",
    "第二部分 ",
    "1.2 ",
    "一是",
    "一、一、",
    "附件1：",
)
_ENDS = ("。", "。", "；", "：", "", ".", "！", "……")

counts = st.integers(0, 10**13)
numerals = (
    counts.map(str)
    | counts.map(lambda n: f"{n:,}")
    | st.decimals(0, 10**7, places=2).map(str)
    | st.sampled_from(("三", "十余", "二十来", "三百五十", "两千零一", "数十", "上百", "三四", "三、四", "3-5", "九成五", "百分之三十", "三分之二", "一半", "1.9万", "２０"))
)  # fmt: skip
amounts = st.tuples(*map(st.sampled_from, (_VERBS, _FRONT)), numerals, *map(st.sampled_from, (_UNITS, _BEHIND))).map(
    "".join
)
sentences = st.builds(
    lambda parts, end: "，".join(parts) + end,
    st.lists(amounts | st.sampled_from(_VERBS), min_size=1, max_size=4),
    st.sampled_from(_ENDS),
)
paragraphs = st.builds(
    lambda mark, heading, text: mark + heading + "".join(text),
    st.sampled_from(_MARKS), st.sampled_from(_TOPICS).map(lambda t: f"{t}。") | st.just(""), st.lists(sentences, min_size=1, max_size=4),
)  # fmt: skip
headings = st.builds(
    lambda mark, topic, end: mark + topic + end, *map(st.sampled_from, (_MARKS, _TOPICS, ("", "", "：", "。", "……3")))
)
_titles = st.builds(
    lambda place, year: f"{place}关于{year}年度法治政府建设情况的报告",
    st.sampled_from(_PLACES),
    st.sampled_from(("2023", "二〇二二", "2019—2023", "20")),
)
_dates = st.sampled_from(("2024年1月8日", "二〇二三年十二月三十一日", "（2024年2月30日）", "2024.1.8", "2023年13月"))
_lines = (
    paragraphs | headings | headings | paragraphs | _titles | _dates | st.sampled_from(_PLACES) | scraps
    | st.sampled_from(("县政府：", "目  录", "- 3 -", "[bookmark: _GoBack]", "调解案件\t104件\t98%", "打印本页", "某政〔2024〕8号", "特此报告", "附件：1.表", ".", "　"))
)  # fmt: skip
_ordered = st.builds(
    lambda title, head, body, sign, date: [title, *head, *body, sign, date],
    _titles, st.lists(st.sampled_from(("县委、县政府：", "发布时间：2024-01-12", "目录")), max_size=2), st.lists(paragraphs | headings, min_size=3, max_size=12), st.sampled_from(_PLACES), _dates,
)  # fmt: skip
_breaks = st.sampled_from(("\n", "\n", "\r\n", "\n\n", "\n　　", "\u2028", "\x0b"))
_whole = st.builds(lambda lines, end: end.join(lines), _ordered | st.lists(_lines, min_size=2, max_size=15), _breaks)


def _spoilt(text: str, seed: int, times: int) -> str:
    rng = random.Random(seed)
    for _ in range(times):
        text = mutators.edited(text, rng, mutators.TEXT_WORDS)
    return text[:5000]


reports = st.builds(_spoilt, _whole, st.integers(0, 2**32), st.sampled_from((0, 0, 1, 3)))
"""Texts like reports, half of them spoilt by words put in, cut out, repeated and lines in another order."""

texts = reports | reports | scraps | st.text(characters, max_size=200)


# ---- files


@cache
def _seeds(target: str) -> tuple[bytes, ...]:
    return tuple(TARGETS[target].seeds())


def spoilt_file(target: str, number: int) -> bytes:
    """A seed of a fuzz target, mutated some times; each number gives another one, and always the same."""
    rng = random.Random(number)
    data = rng.choice(_seeds(target))
    for _ in range(rng.randrange(6)):
        data = TARGETS[target].mutate(data, rng, lambda part: mutators.flipped(part, rng))
    return data


# ---- annotations

_SIGNS = ("<", ">", "{", "}", "|", "\\", "{?}", "<a:", "{a:", "|plans}", "{<}", "[none] ", "《贯彻<纲要>》")
"""What the markup uses for itself, alone and in the forms of its marks."""

_plain = (
    st.lists(words.filter(lambda w: "\n" not in w) | characters | st.sampled_from(_SIGNS), max_size=12)
    .map("".join)
    .map(lambda t: t.replace("\n", ""))
)


@st.composite
def _body(draw: st.DrawFn) -> GoldLine:
    text, spans = draw(_plain), []
    for _ in range(draw(st.integers(0, 4))):
        name, value = draw(_plain.filter(bool)), draw(numerals) + draw(st.sampled_from(_UNITS))
        at = len(text)
        text += f"{name}，{value}" + draw(_plain)
        spans.append(
            GoldIndicator(
                name=(at, at + len(name)),
                value=(at + len(name) + 1, at + len(name) + 1 + len(value)),
                dimension=draw(st.sampled_from(TOPICS)),
            )
        )
    if len(spans) > 1 and draw(st.booleans()):  # a name that serves several values
        spans = [GoldIndicator(name=spans[0].name, value=s.value, dimension=s.dimension) for s in spans]
    labels = draw(st.lists(st.sampled_from(DIMENSIONS), max_size=3, unique=True))
    coded = bool(labels) or draw(st.booleans())
    return GoldLine(
        kind=LineKind.BODY, text=text, primary=labels[0] if labels else None, secondary=tuple(labels[1:]),
        indicators=tuple(spans), labels_coded=coded, indicators_coded=bool(spans) or draw(st.booleans()),
    )  # fmt: skip


_others = st.builds(GoldLine, kind=st.sampled_from([k for k in LineKind if k is not LineKind.BODY]), text=_plain)
_meta = st.dictionaries(
    st.sampled_from(("level", "year", "region", "voice", "注")),
    st.sampled_from(("", "2023", "township", "a: b", "---", "x")),
)
gold_reports = st.builds(
    lambda before, body, after, meta: GoldReport(id="t", meta=meta, units=(*before, body, *after)),
    st.lists(_others | _body(), max_size=3), _body(), st.lists(_others | _body(), max_size=3), _meta,
)  # fmt: skip


# ---- what JSON can hold

# without subnormal floats: a training that ran before may have told the processor to take them for nought
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_subnormal=False) | scraps | st.sampled_from(("leadership", "body", "exact", "1E+999999999", "NaN", "-1.5", "lawgov-report/1")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("text", "start", "end", "kind", "x")), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
plain_decimals = st.decimals(-(10**20), 10**20, places=3).map(lambda d: d if d else Decimal(0))
