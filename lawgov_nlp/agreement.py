"""How far two coders agree: kappa per dimension, F1 on spans, and every difference in words.

Both codings are annotated reports with the same text. Which of the two is called first changes no figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lawgov_nlp.annotation import GoldIndicator, GoldReport, GoldUnit
from lawgov_nlp.errors import LawgovError
from lawgov_nlp.evaluate import NONE, f1, near, overlapping
from lawgov_nlp.report import DIMENSIONS, Dimension, UnitKind


class CodingError(LawgovError, ValueError):
    """Two codings that can't be compared: their texts differ."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of two codings.

    Attributes:
        figures: Cohen's kappa and share of agreement of the primary dimension, micro-F1 of all labels, F1 of VALUE
            spans, and for the values that both coders marked: the share of names that are identical, that overlap
            by half of their union, and of topics that are the same.
        per_dimension: By dimension: `primary_kappa` (is it the primary one), `label_kappa` (is it among the labels),
            and in how many paragraphs each coder has it among the labels (`first`, `second`).
        support: Reports, paragraphs and the first coder's indicators.
        differences: One line a difference, with the report and the number of the unit (non-blank line) in it.
    """

    figures: dict[str, float]
    per_dimension: dict[str, dict[str, float]]
    support: dict[str, int]
    differences: list[str]


def compare(first: Iterable[GoldReport], second: Iterable[GoldReport]) -> Agreement:
    """Compare two codings of the same reports.

    Raises:
        CodingError: A report is missing on one side, or its text or the kind of a line differs.
    """
    from sklearn.metrics import cohen_kappa_score

    mine, other = ({r.id: r for r in reports} for reports in (first, second))
    if mine.keys() != other.keys():
        raise CodingError(f"reports that only one coder has: {sorted(mine.keys() ^ other.keys())[:5]}")
    pairs = [(name, at, a, b) for name in sorted(mine) for at, a, b in _bodies(mine[name], other[name])]
    if not pairs:
        raise CodingError("there is no paragraph to compare")
    n: Counter[str] = Counter()
    differences = []
    for name, at, a, b in pairs:
        differences += (f"{name}, unit {at}: {line}" for line in _compare(n, a, b))
    primary = [[str(u.primary or NONE) for u in coder] for coder in _coders(pairs)]

    def share(part: str) -> float:
        return n[part] / n["values_both"] if n["values_both"] else 1.0

    def kappa(one: Sequence[object], two: Sequence[object]) -> float:
        # Where both coders give one and the same answer throughout, kappa is 0/0; they agree wholly.
        return 1.0 if list(one) == list(two) else float(cohen_kappa_score(one, two))

    per = {}
    for dimension in DIMENSIONS:
        labelled = [[dimension in _labels(u) for u in coder] for coder in _coders(pairs)]
        per[dimension.value] = {
            "primary_kappa": round(kappa(*([p == dimension for p in coder] for coder in primary)), 4),
            "label_kappa": round(kappa(*labelled), 4),
            "first": sum(labelled[0]),
            "second": sum(labelled[1]),
        }
    figures = {
        "primary_agreement": sum(map(str.__eq__, *primary)) / len(pairs),
        "primary_kappa": kappa(*primary),
        "labels_micro_f1": f1(n["labels_both"], n["labels_second"], n["labels_first"]),
        "value_span_f1": f1(n["values_both"], n["values_second"], n["values_first"]),
        "name_identical": share("names_same"),
        "name_overlapping": share("names_near"),
        "topic_agreement": share("topics_same"),
    }
    return Agreement(
        figures={key: round(value, 4) for key, value in figures.items()},
        per_dimension=per,
        support={"reports": len(mine), "paragraphs": len(pairs), "indicators": n["values_first"]},
        differences=differences,
    )


def _bodies(first: GoldReport, second: GoldReport) -> list[tuple[int, GoldUnit, GoldUnit]]:
    """The body units of both codings with their number among the report's units."""
    if len(first.units) != len(second.units):
        raise CodingError(f"{first.id}: {len(first.units)} lines in one coding, {len(second.units)} in the other")
    for number, (a, b) in enumerate(zip(first.units, second.units, strict=True), 1):
        if a.text != b.text or a.kind is not b.kind:
            raise CodingError(f"{first.id}, unit {number}: [{a.kind}] {a.text[:30]!r} is [{b.kind}] {b.text[:30]!r}")
    return [
        (number, a, b)
        for number, (a, b) in enumerate(zip(first.units, second.units, strict=True), 1)
        if a.kind is UnitKind.BODY
    ]


def _coders(pairs: Sequence[tuple[str, int, GoldUnit, GoldUnit]]) -> tuple[list[GoldUnit], list[GoldUnit]]:
    return [a for *_, a, _ in pairs], [b for *_, b in pairs]


def _labels(unit: GoldUnit) -> set[Dimension]:
    return {d for d in (unit.primary, *unit.secondary) if d}


def _compare(n: Counter[str], a: GoldUnit, b: GoldUnit) -> list[str]:
    """Count what two codings of a line share; say where they differ."""
    found = []
    labels = _labels(a), _labels(b)
    n["labels_first"] += len(labels[0])
    n["labels_second"] += len(labels[1])
    n["labels_both"] += len(labels[0] & labels[1])
    if a.primary is not b.primary or labels[0] != labels[1]:
        found.append(f"{_tag(a)} against {_tag(b)}: {a.text.strip()[:60]}")
    mine, other = _by_value(a), _by_value(b)
    n["values_first"] += len(mine)
    n["values_second"] += len(other)
    for span in sorted(mine.keys() ^ other.keys()):
        who = "first" if span in mine else "second"
        found.append(f"only the {who} coder has the value {a.text[slice(*span)]!r}: {near(a.text, span)}")
    for span in sorted(mine.keys() & other.keys()):
        one, two = mine[span], other[span]
        n["values_both"] += 1
        n["names_same"] += one.name == two.name
        n["names_near"] += overlapping(one.name, two.name)
        n["topics_same"] += one.dimension is two.dimension
        if one.name != two.name or one.dimension is not two.dimension:
            said = (f"{a.text[slice(*i.name)]}/{i.dimension}" for i in (one, two))
            found.append(f"{a.text[slice(*span)]} {' against '.join(said)}: {near(a.text, span)}")
    return found


def _tag(unit: GoldUnit) -> str:
    return "+".join([unit.primary, *unit.secondary]) if unit.primary else NONE


def _by_value(unit: GoldUnit) -> Mapping[tuple[int, int], GoldIndicator]:
    return {i.value: i for i in unit.indicators}
