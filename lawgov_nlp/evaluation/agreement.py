"""Agreement of two coders: kappa and alpha per dimension, F1 of spans, and a list of all differences.

Both codings are annotated reports with the same text. The order of the two coders changes no figure. A paragraph
whose dimensions one of the coders didn't code counts in no figure about labels; the same applies to indicators.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lawgov_nlp.annotation.gold import GoldIndicator, GoldLine, GoldReport
from lawgov_nlp.errors import LawgovError
from lawgov_nlp.evaluation.scores import near, overlapping
from lawgov_nlp.report import LineKind
from lawgov_nlp.scheme import CODEBOOK, NONE, Label, Scheme


class CodingError(LawgovError, ValueError):
    """The two codings can't be compared, because their reports or texts differ or nothing was coded by both."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A difference between two coders.

    Attributes:
        report: The id of the report.
        unit: The number of the line among the non-blank lines of the report, from 1.
        what: `labels`, `value` (only one coder marked it; the other side is empty), or `name/topic`.
        value: The value concerned; empty for labels.
        first: The answer of the first coder; `second` is that of the other one.
        text: The surrounding text.
    """

    report: str
    unit: int
    what: str
    value: str = ""
    first: str
    second: str
    text: str

    def __str__(self) -> str:
        where = f"{self.report}, unit {self.unit}: "
        if self.what == "value":
            who = "first" if self.first else "second"
            return f"{where}only the {who} coder has the value {self.first or self.second!r}: {self.text}"
        value = f"{self.value} " if self.value else ""
        return f"{where}{value}{self.first} against {self.second}: {self.text}"


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The agreement of two codings.

    Attributes:
        figures: Cohen's kappa, Krippendorff's alpha and the share of agreement for the primary dimension; micro-F1 of
            all labels; F1 of VALUE spans. For the values that both coders marked: the share of identical names, the
            share of names that overlap by half of their union, and the share of equal topics. A layer that wasn't coded
            by both has no figures.
        per_dimension: By dimension: `primary_kappa` and `primary_alpha` (whether it is the primary dimension),
            `label_kappa` and `label_alpha` (whether it is among the labels), and the number of paragraphs in which each
            coder gives it as a label (`first`, `second`).
        support: The numbers of reports, of paragraphs, of paragraphs whose labels both coders coded, of those whose
            indicators both coded, and of the first coder's indicators.
        rows: All differences.
        scheme: The labels that both coders used.
    """

    figures: dict[str, float]
    per_dimension: dict[str, dict[str, float]]
    support: dict[str, int]
    rows: list[Difference]
    scheme: Scheme = CODEBOOK

    @property
    def differences(self) -> list[str]:
        """One line per difference, with the report and the number of the line among its non-blank lines."""
        return [str(row) for row in self.rows]


def compare(first: Iterable[GoldReport], second: Iterable[GoldReport], scheme: Scheme = CODEBOOK) -> Agreement:
    """Compare two codings of the same reports; both use the labels of `scheme`.

    Raises:
        CodingError: A report is missing on one side, the text or the kind of a line differs, or no paragraph was coded
            by both coders.
    """
    mine, other = ({r.id: r for r in reports} for reports in (first, second))
    if mine.keys() != other.keys():
        raise CodingError(f"reports that only one coder has: {sorted(mine.keys() ^ other.keys())[:5]}")
    pairs = [(name, at, a, b) for name in sorted(mine) for at, a, b in _bodies(mine[name], other[name])]
    if not pairs:
        raise CodingError("there is no paragraph to compare")
    labelled = [pair for pair in pairs if all(u.labels_coded for u in pair[2:])]
    searched = [pair for pair in pairs if all(u.indicators_coded for u in pair[2:])]
    if not labelled and not searched:
        raise CodingError("no paragraph has labels, or indicators, of both coders")
    n: Counter[str] = Counter()
    found = [*_label_rows(n, labelled), *_indicator_rows(n, searched)]
    figures = _figures(n, _primaries(labelled) if labelled else None, bool(searched))
    return Agreement(
        figures={key: round(value, 4) for key, value in figures.items()},
        per_dimension=_per_dimension(labelled, scheme) if labelled else {},
        support={
            "reports": len(mine),
            "paragraphs": len(pairs),
            "labelled": len(labelled),
            "searched": len(searched),
            "indicators": n["values_first"],
        },
        rows=sorted(found, key=lambda row: (row.report, row.unit)),
        scheme=scheme,
    )


def krippendorff_alpha(units: Iterable[Sequence[Hashable | None]]) -> float:
    """Compute Krippendorff's alpha for nominal data: 1 - observed / expected disagreement; 1 if nothing varies.

    Source: K. Krippendorff, Content Analysis (2004), ch. 11. The tests contain his worked examples ("Computing
    Krippendorff's alpha-reliability", 2011). Unlike kappa, alpha allows any number of coders and missing answers, and
    it pools the distributions of both coders.

    Args:
        units: For each unit the answers of the coders; None for a coder who didn't code it.
    """
    total: Counter[Hashable] = Counter()
    observed = 0.0
    for unit in units:
        counts = Counter(value for value in unit if value is not None)
        size = counts.total()
        if size < 2:
            continue  # a single answer can't be paired
        total += counts
        observed += (size * size - sum(c * c for c in counts.values())) / (size - 1)
    n = total.total()
    expected = n * n - sum(c * c for c in total.values())
    return 1.0 - (n - 1) * observed / expected if expected else 1.0


def paragraphs_only(report: GoldReport) -> GoldReport:
    """Return the report with paragraphs only and without the white space around them, as every format keeps it."""
    units = []
    for unit in report.units:
        if unit.kind is LineKind.BODY:
            text = unit.text.strip()
            lead = unit.text.find(text)
            moved = (
                replace(i, value=(i.value[0] - lead, i.value[1] - lead), name=(i.name[0] - lead, i.name[1] - lead))
                for i in unit.indicators
            )
            units.append(replace(unit, text=text, indicators=tuple(moved)))
    return replace(report, units=tuple(units))


_Pair = tuple[str, int, GoldLine, GoldLine]
"""Report, number of the line, and both codings."""


def _figures(n: Counter[str], primary: tuple[list[str], list[str]] | None, searched: bool) -> dict[str, float]:
    def share(part: str) -> float:
        return n[part] / n["values_both"] if n["values_both"] else 1.0

    out = {}
    if primary:
        out = {
            "primary_agreement": sum(map(str.__eq__, *primary)) / len(primary[0]),
            "primary_kappa": _kappa(*primary),
            "primary_alpha": krippendorff_alpha(zip(*primary, strict=True)),
            "labels_micro_f1": _f1(n["labels_both"], n["labels_second"], n["labels_first"]),
        }
    if searched:
        out |= {
            "value_span_f1": _f1(n["values_both"], n["values_second"], n["values_first"]),
            "name_identical": share("names_same"),
            "name_overlapping": share("names_near"),
            "topic_agreement": share("topics_same"),
        }
    return out


def _per_dimension(pairs: Sequence[_Pair], scheme: Scheme) -> dict[str, dict[str, float]]:
    primary = _primaries(pairs)
    out = {}
    for dimension in scheme:
        first = [[p == dimension for p in coder] for coder in primary]
        among = [[dimension in _labels(u) for u in coder] for coder in _coders(pairs)]
        out[dimension.value] = {
            "primary_kappa": round(_kappa(*first), 4),
            "primary_alpha": round(krippendorff_alpha(zip(*first, strict=True)), 4),
            "label_kappa": round(_kappa(*among), 4),
            "label_alpha": round(krippendorff_alpha(zip(*among, strict=True)), 4),
            "first": sum(among[0]),
            "second": sum(among[1]),
        }
    return out


def _kappa(one: Sequence[object], two: Sequence[object]) -> float:
    from sklearn.metrics import cohen_kappa_score

    # If both coders give one and the same answer throughout, kappa is 0/0, although they agree completely.
    return 1.0 if list(one) == list(two) else float(cohen_kappa_score(one, two))


def _primaries(pairs: Sequence[_Pair]) -> tuple[list[str], list[str]]:
    first, second = ([str(u.primary or NONE) for u in coder] for coder in _coders(pairs))
    return first, second


def _bodies(first: GoldReport, second: GoldReport) -> list[tuple[int, GoldLine, GoldLine]]:
    """Return the body lines of both codings with their numbers among the report's lines."""
    if len(first.units) != len(second.units):
        raise CodingError(f"{first.id}: {len(first.units)} lines in one coding, {len(second.units)} in the other")
    for number, (a, b) in enumerate(zip(first.units, second.units, strict=True), 1):
        if a.text != b.text or a.kind is not b.kind:
            raise CodingError(f"{first.id}, unit {number}: [{a.kind}] {a.text[:30]!r} is [{b.kind}] {b.text[:30]!r}")
    return [
        (number, a, b)
        for number, (a, b) in enumerate(zip(first.units, second.units, strict=True), 1)
        if a.kind is LineKind.BODY
    ]


def _coders(pairs: Sequence[tuple[str, int, GoldLine, GoldLine]]) -> tuple[list[GoldLine], list[GoldLine]]:
    return [a for *_, a, _ in pairs], [b for *_, b in pairs]


def _labels(unit: GoldLine) -> set[Label]:
    return {d for d in (unit.primary, *unit.secondary) if d}


def _label_rows(n: Counter[str], pairs: Sequence[_Pair]) -> Iterator[Difference]:
    """Count labels and yield the differences."""
    for report, at, a, b in pairs:
        labels = _labels(a), _labels(b)
        n["labels_first"] += len(labels[0])
        n["labels_second"] += len(labels[1])
        n["labels_both"] += len(labels[0] & labels[1])
        if a.primary != b.primary or labels[0] != labels[1]:
            text = a.text.strip()[:60]
            yield Difference(report=report, unit=at, what="labels", first=_tag(a), second=_tag(b), text=text)


def _indicator_rows(n: Counter[str], pairs: Sequence[_Pair]) -> Iterator[Difference]:
    """Count values, names and topics, and yield the differences."""
    for report, at, a, b in pairs:
        mine, other = _by_value(a), _by_value(b)
        n["values_first"] += len(mine)
        n["values_second"] += len(other)
        for span in sorted(mine.keys() ^ other.keys()):
            value = a.text[slice(*span)]
            said = (value if span in side else "" for side in (mine, other))
            yield _difference(report, at, "value", value, said, near(a.text, span))
        for span in sorted(mine.keys() & other.keys()):
            one, two = mine[span], other[span]
            n["values_both"] += 1
            n["names_same"] += one.name == two.name
            n["names_near"] += overlapping(one.name, two.name)
            n["topics_same"] += one.dimension == two.dimension
            if one.name != two.name or one.dimension != two.dimension:
                value = a.text[slice(*span)]
                said = (f"{a.text[slice(*i.name)]}/{i.dimension}" for i in (one, two))
                yield _difference(report, at, "name/topic", value, said, near(a.text, span))


def _difference(report: str, unit: int, what: str, value: str, said: Iterable[str], text: str) -> Difference:
    first, second = said
    return Difference(report=report, unit=unit, what=what, value=value, first=first, second=second, text=text)


def _tag(unit: GoldLine) -> str:
    return "+".join([unit.primary, *unit.secondary]) if unit.primary else NONE


def _by_value(unit: GoldLine) -> Mapping[tuple[int, int], GoldIndicator]:
    return {i.value: i for i in unit.indicators}


def _f1(both: int, found: int, gold: int) -> float:
    """Compute F1 from counts; 1 if there was nothing to find and nothing was found."""
    return 2 * both / (found + gold) if found + gold else 1.0
