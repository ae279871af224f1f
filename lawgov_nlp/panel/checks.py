"""Find what may be wrong in a panel: numbers that contradict each other, last year's report or other places.

The checks only compare what the reports say, not with what they should say. A finding is a hint to look at a place. It
comes with the sentences and possible explanations.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lawgov_nlp.panel.cells import Cell, Value
from lawgov_nlp.panel.indicators import Indicators, plain_unit
from lawgov_nlp.results.quantity import Qualifier
from lawgov_nlp.results.roles import Role

if TYPE_CHECKING:
    from lawgov_nlp.panel.build import ReportEntry

RATES = (
    ("mediation_success_rate", ("disputes_resolved",), ("disputes_mediated", "disputes_screened")),
    (
        "resolution_rate",
        ("disputes_resolved", "petitions_resolved"),
        ("disputes_screened", "disputes_mediated", "petitions"),
    ),
    ("head_appearance_rate", ("head_appearances",), ("litigation_cases",)),
    ("litigation_loss_rate", ("litigation_lost",), ("litigation_cases",)),
    ("exam_pass_rate", ("exam_passed",), ("exam_takers",)),
    ("hazard_fix_rate", ("hazards_fixed",), ("hazards_found",)),
)
"""A rate with its possible numerators and its possible denominators."""
WITHIN = (
    ("disputes_resolved", "disputes_mediated"),
    ("litigation_lost", "litigation_cases"),
    ("exam_passed", "exam_takers"),
    ("hazards_fixed", "hazards_found"),
    ("mediators_full_time", "mediators"),
)
"""Pairs of counts of which the first can't be larger than the second."""
RATE_TOLERANCE = (
    1.0  # in percentage points: allows for rounding to whole per cent, and for a case that was closed later
)
GROWTH_TOLERANCE = 1.5  # in percentage points
COPIED_SENTENCES, COPIED_SHARE = (
    4,
    0.5,
)  # the least number and the least share of the sentences with numbers that two reports have in common
SERIES_FACTOR, SERIES_STEADY = (
    6.0,
    2.5,
)  # a value this many times the place's others, which differ from each other by at most this factor
PEERS, PEER_SCORES, PEER_FACTOR = (
    10,
    5.0,
    20.0,
)  # least number of places of a level and year, robust standard score, factor
SMALL = 30  # smaller counts vary too much for a comparison
_COMMON = 20  # a sentence in more reports than this is a set phrase

_EXPLAIN = {
    "part_whole": "部分可能互有重叠，或“其中”所指的整体不是前面这个数；也可能写错",
    "rate": "率可能另有分母（如只算已审结的），或四舍五入；也可能写错",
    "within": "可能含上年结转，或口径不同；也可能写错",
    "growth": "上年报告的口径或期间（如 1–11 月）可能不同；也可能其中一处写错",
    "previous": "上年报告的口径可能不同，或数字后来订正过；也可能写错",
    "copied": "可能整段沿用，数字没有更新；也可能两处共同做的工作",
    "impossible": "百分数超过 100，多半写错或读错",
    "series": "可能一次性的活动、口径改变或区划调整；也可能单位或位数写错",
    "peers": "可能确实突出，或报的是上级、多年的合计；也可能单位或位数写错",
    "unit": "同一指标各年单位不同，不能直接相比",
}


def run_checks(entries: Sequence[ReportEntry], codes: Indicators) -> list[dict[str, Any]]:
    """Return all findings, the worst first. Their order doesn't depend on the order of the reports.

    Args:
        entries: The reports in the panel, with their cells.
        codes: The indicators.
    """
    found: list[dict[str, Any]] = []
    by_place: dict[str, dict[int, ReportEntry]] = defaultdict(dict)
    for entry in entries:
        by_place[entry.place.id][entry.year or 0] = entry
    for entry in entries:
        last = by_place[entry.place.id].get((entry.year or 0) - 1)
        found += _parts(entry)
        found += _rates(entry, codes)
        found += _impossible(entry)
        if last is not None:
            found += _growth(entry, last, codes)
    found += _copied(entries)
    for place in by_place.values():
        found += _series(place, codes)
    found += _peers(entries, codes)
    return sorted(
        found, key=lambda r: (-r["severity"], r["check"], r["place_id"], r["year"] or 0, r["code"] or "", r["finding"])
    )


def _row(
    check: str,
    severity: int,
    entry: ReportEntry,
    finding: str,
    value: Value | None = None,
    code: str = "",
    other: tuple[ReportEntry, Value | None] | None = None,
) -> dict[str, Any]:
    return {
        "severity": severity,
        "check": check,
        "place_id": entry.place.id,
        "place": entry.place.name or entry.place.id,
        "year": entry.year,
        "code": code or (value.code if value and value.code else ""),
        "finding": finding,
        "explanation": _EXPLAIN[check],
        "source": entry.source,
        "sentence": value.sentence if value else "",
        "other_source": other[0].source if other else "",
        "other_sentence": other[1].sentence if other and other[1] else "",
    }


def _show(value: Value) -> str:
    return f"{value.name or ''}{value.text}"


def _parts(entry: ReportEntry) -> Iterator[dict[str, Any]]:
    """Find parts that are larger than their whole, alone or in sum. 其中 must follow the whole directly."""
    wholes: dict[int, list[Value]] = defaultdict(list)
    for value in entry.values:
        if value.role is Role.PART and value.whole is not None and value.number is not None:
            wholes[value.whole].append(value)
    for index, parts in sorted(wholes.items()):
        whole = entry.values[index]
        if (
            whole.number is None
            or whole.qualifier in (Qualifier.AT_LEAST, Qualifier.ABOUT)
            or whole.sentence != parts[0].sentence
        ):
            continue
        at = whole.sentence.find(whole.text)
        if _JOINED.search(whole.sentence[:at]):
            continue
        after = whole.sentence[at + len(whole.text) :]
        listed = after[: after.find("其中") + 60] if 0 <= after.find("其中") <= 2 else ""
        parts = _in_one_list(parts, listed)
        if not parts:
            continue
        total = sum((p.number or Decimal(0) for p in parts), Decimal(0))
        if (parts[0].number or 0) > whole.number:
            yield _row(
                "part_whole", 3, entry, f"“{_show(parts[0])}”多于其整体“{_show(whole)}”", parts[0], whole.code or ""
            )
        elif total > whole.number and plain_unit(whole.unit) != "名":  # a person may be of several kinds
            shown = "、".join(map(_show, parts))
            yield _row(
                "part_whole",
                2,
                entry,
                f"各部分（{shown}）合计 {total:f}，多于整体“{_show(whole)}”",
                parts[0],
                whole.code or "",
            )


_JOINED = re.compile(r"\d[^，,。；;、\d]{0,4}[、和][^，,。；;、\d]{0,12}$")
"""复议57宗、应诉14宗，其中维持41宗: which of the two it is a part of isn't told."""


def _in_one_list(parts: Sequence[Value], listed: str) -> list[Value]:
    """Return the first part and those that 、 or a comma joins to it directly: 其中婚姻60件、邻里70件.

    A comma after 、 ends the list (其中一审57宗、二审37宗，败诉5宗).
    """
    found: list[Value] = []
    joined = ""
    for part in parts:
        if found:
            gap = part.sentence[part.sentence.find(found[-1].text) :][len(found[-1].text) :]
            gap = gap[: gap.find(part.text)]
            if not re.fullmatch(r"[、，,][^、，,；;0-9]{0,10}", gap) or (joined == "、" and gap[0] != "、"):
                break
            joined = gap[0]
        elif part.text not in listed[:30]:
            break
        found.append(part)
    return found


def _rates(entry: ReportEntry, codes: Indicators) -> Iterator[dict[str, Any]]:
    cells = entry.cells
    for rate, tops, bottoms in RATES:
        for stated in entry.values:
            if stated.code != rate or stated.number is None or stated.role is not Role.DONE or stated.unit != "%":
                continue
            near = [
                v
                for v in entry.values
                if v.paragraph == stated.paragraph and v.role in (Role.DONE, Role.PART) and v.number
            ]
            over = [v for v in near if v.code in tops and v.start < stated.start]
            under = [v for v in near if v.code in bottoms and v.start < stated.start and v.number]
            # Only a number in the same sentence is surely meant.
            over = [v for v in over if v.sentence == stated.sentence][-2:]
            under = [v for v in under if v.sentence == stated.sentence]
            if not over or not under:
                continue
            # 化解2254件，民转刑案件2起，积案化解14件，化解率93.3%: the rate is of what is told right before it
            counts = [v for v in near if v.sentence == stated.sentence and v.start < stated.start and v.unit != "%"]
            if all(v not in counts[-2:] for v in over) or any((v.name or "").startswith("当场") for v in over):
                continue
            computed = [(100 * a.number / b.number, a, b) for a in over for b in under if a.number and b.number]
            tolerance = Decimal(RATE_TOLERANCE if stated.qualifier == Qualifier.EXACT else 5 * RATE_TOLERANCE)
            closest = min(computed, key=lambda c: abs(c[0] - stated.number), default=None)  # type: ignore[operator]
            if closest and abs(closest[0] - stated.number) > tolerance and closest[0] <= 100:
                value, a, b = closest
                gap = abs(value - stated.number)
                yield _row(
                    "rate",
                    3 if gap > 10 else 2,
                    entry,
                    f"写的是“{_show(stated)}”，而 {_show(a)} ÷ {_show(b)} = {float(value):.1f}%",
                    stated,
                )
    for small, large in WITHIN:
        less, more = cells.get(small), cells.get(large)
        if less is None or more is None or less.conflict or more.conflict:
            continue
        if less.value.sentence != more.value.sentence:
            continue
        if "重大" in f"{more.value.name}" or less.value.match < 100 or more.value.match < 100:
            continue
        if (less.value.number or 0) > (more.value.number or 0) and more.value.qualifier == Qualifier.EXACT:
            yield _row(
                "within",
                3,
                entry,
                f"{codes.codes[small].zh}“{_show(less.value)}”多于{codes.codes[large].zh}“{_show(more.value)}”",
                less.value,
            )


def _impossible(entry: ReportEntry) -> Iterator[dict[str, Any]]:
    for cell in entry.cells.values():
        if cell.value.unit == "%" and (cell.value.number or 0) > 100 and cell.value.role is Role.DONE:
            yield _row("impossible", 3, entry, f"“{_show(cell.value)}”超过 100%", cell.value)


_FALL = re.compile("降|减|少|缩|跌|低|回落|压")


def _growth(entry: ReportEntry, last: ReportEntry, codes: Indicators) -> Iterator[dict[str, Any]]:
    """Compare stated changes and stated numbers of last year with last year's report."""
    for value in entry.values:
        if value.code is None or value.number is None:
            continue
        if value.role is Role.PREVIOUS and value.code in last.cells:
            before = last.cells[value.code]
            if (
                not before.conflict
                and plain_unit(before.value.unit) == plain_unit(value.unit)
                and _differs(before.value, value)
            ):
                yield _row(
                    "previous",
                    2,
                    entry,
                    f"说上年是“{_show(value)}”，上年的报告写的是“{_show(before.value)}”",
                    value,
                    other=(last, before.value),
                )
    for index, value in enumerate(entry.values):
        if value.role is not Role.CHANGE or value.number is None or value.unit not in ("%",):
            continue
        base = _what_changed(entry.values, index)
        if base is None or base.code is None or base.code not in last.cells or base.number is None:
            continue
        earlier = last.cells[base.code].value
        if last.cells[base.code].conflict or not earlier.number or plain_unit(earlier.unit) != plain_unit(base.unit):
            continue
        if base.qualifier != Qualifier.EXACT or earlier.qualifier != Qualifier.EXACT:
            continue
        stated = -value.number if _FALL.search(value.why) else value.number
        actual = 100 * (base.number - earlier.number) / earlier.number
        if abs(stated - actual) > Decimal(GROWTH_TOLERANCE):
            opposite = stated * actual < 0
            yield _row(
                "growth",
                3 if opposite or abs(stated - actual) > 20 else 2,
                entry,
                f"说{value.why}{value.text}，而上年报告是“{_show(earlier)}”，今年“{_show(base)}”，"
                f"应为 {float(actual):+.1f}%",
                base,
                other=(last, earlier),
            )


def _what_changed(values: Sequence[Value], index: int) -> Value | None:
    """Find the number that a stated change belongs to: the one directly before it in its sentence, of the same name."""
    change = values[index]
    for value in reversed(values[:index]):
        if value.sentence != change.sentence:
            return None
        if value.role in (Role.DONE, Role.STOCK) and value.unit != "%":
            same = value.name == change.name or (value.code is not None and value.code == change.code)
            return value if same and change.start - value.end < 30 else None
    return None


def _differs(one: Value, other: Value) -> bool:
    if one.number is None or other.number is None:
        return False
    exact = one.qualifier == Qualifier.EXACT and other.qualifier == Qualifier.EXACT
    tolerance = Decimal(0) if exact else abs(one.number) / 10
    return abs(one.number - other.number) > tolerance


def _copied(entries: Sequence[ReportEntry]) -> Iterator[dict[str, Any]]:
    """Find reports that share sentences including their numbers."""
    sentences: dict[str, set[int]] = defaultdict(set)
    own: list[set[str]] = []
    for index, entry in enumerate(entries):
        mine = {s for v in entry.values if len(s := re.sub(r"\s", "", v.sentence)) >= 15}
        own.append(mine)
        for sentence in mine:
            sentences[sentence].add(index)
    shared: dict[tuple[int, int], list[str]] = defaultdict(list)
    for sentence, where in sentences.items():
        if 1 < len(where) <= _COMMON:
            places = sorted(where)
            for k, a in enumerate(places):
                for b in places[k + 1 :]:
                    shared[a, b].append(sentence)
    for (a, b), those in sorted(shared.items()):
        fewest = min(len(own[a]), len(own[b]))
        if len(those) >= COPIED_SENTENCES and len(those) >= COPIED_SHARE * fewest:
            first, second = entries[a], entries[b]
            if (first.year or 0) > (second.year or 0):
                first, second = second, first
            value = next(v for v in second.values if re.sub(r"\s", "", v.sentence) in those)
            other = next(v for v in first.values if re.sub(r"\s", "", v.sentence) in those)
            same = (
                "同一地方上一份"
                if first.place.id == second.place.id
                else f"{first.place.name or first.place.id} {first.year} 年"
            )
            yield _row(
                "copied",
                3 if len(those) >= 0.8 * fewest else 2,
                second,
                f"{len(those)} 个含数字的句子与{same}报告一字不差（共 {len(own[entries.index(second)])} 句）",
                value,
                other=(first, other),
            )


def _series(years: dict[int, ReportEntry], codes: Indicators) -> Iterator[dict[str, Any]]:
    """Find values that don't fit the other years of the place, and units that change."""
    series: dict[str, dict[int, Cell]] = defaultdict(dict)
    for year, entry in years.items():
        for code, cell in entry.cells.items():
            series[code][year] = cell
    for code, cells in sorted(series.items()):
        units = {plain_unit(c.value.unit) for c in cells.values()}
        if len(units) > 1:
            counted = [plain_unit(c.value.unit) for c in cells.values()]
            usual = max(sorted(units), key=counted.count)
            for year, cell in sorted(cells.items()):
                if plain_unit(cell.value.unit) != usual and counted.count(usual) > 1:
                    yield _row(
                        "unit",
                        1,
                        years[year],
                        f"{codes.codes[code].zh}此年以“{cell.value.unit}”计，他年以“{usual}”计",
                        cell.value,
                    )
        for unit in units:
            those = {y: c for y, c in cells.items() if plain_unit(c.value.unit) == unit and (c.value.number or 0) > 0}
            if len(those) < 3 or unit in ("%", "百分点", "分"):
                continue
            for year, cell in sorted(those.items()):
                rest = [float(c.value.number or 0) for y, c in those.items() if y != year]
                middle, number = statistics.median(rest), float(cell.value.number or 0)
                if max(middle, number) < SMALL or max(rest) > SERIES_STEADY * min(rest):
                    continue
                ratio = number / middle
                if ratio > SERIES_FACTOR or ratio < 1 / SERIES_FACTOR:
                    others = "、".join(
                        f"{y} 年 {float(c.value.number or 0):,g}" for y, c in sorted(those.items()) if y != year
                    )
                    near = years[min((y for y in those if y != year), key=lambda y: (abs(y - year), y))]
                    power = _power_of_ten(ratio)
                    yield _row(
                        "series",
                        3 if power else 2,
                        years[year],
                        f"“{_show(cell.value)}”是他年的 {ratio:.3g} 倍（{others}）{power}",
                        cell.value,
                        other=(near, near.cells[code].value),
                    )


def _power_of_ten(ratio: float) -> str:
    """Explain a ratio near a power of ten."""
    power = round(math.log10(ratio))
    if power and abs(math.log10(ratio) - power) < 0.25:
        return f"，约 10 的 {power} 次方，像是单位或位数有误"
    return ""


def _peers(entries: Sequence[ReportEntry], codes: Indicators) -> Iterator[dict[str, Any]]:
    """Find values far from those of other places of the level and year: logarithms, median absolute deviation."""
    groups: dict[tuple[str, str, int, str], list[tuple[ReportEntry, Cell]]] = defaultdict(list)
    for entry in (e for e in entries if e.place.level):
        for code, cell in entry.cells.items():
            if (cell.value.number or 0) > 0 and cell.value.unit not in ("%", "百分点", "分"):
                groups[
                    code, f"{entry.place.level}:{entry.place.body}", entry.year or 0, plain_unit(cell.value.unit)
                ].append((entry, cell))
    for (code, _, _, _), those in sorted(groups.items(), key=lambda g: g[0]):
        if len(those) < PEERS:
            continue
        logs = [math.log10(float(cell.value.number or 1)) for _, cell in those]
        middle = statistics.median(logs)
        spread = 1.4826 * statistics.median(abs(x - middle) for x in logs)
        if spread == 0:
            continue
        for (entry, cell), log in zip(those, logs, strict=True):
            far = abs(log - middle)
            if far > PEER_SCORES * spread and far > math.log10(PEER_FACTOR) and float(cell.value.number or 0) > SMALL:
                yield _row(
                    "peers",
                    2,
                    entry,
                    f"“{_show(cell.value)}”远离同层级 {len(those)} 处的中位数 {10**middle:,.3g}"
                    f"（{codes.codes[code].zh}）",
                    cell.value,
                )
