"""Scores of a tagger on annotated reports: tagged reports are compared with the coding, by character."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lawgov_nlp.annotation.examples import Example, gold_examples
from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.errors import SchemeError
from lawgov_nlp.evaluation.calibration import expected_calibration_error
from lawgov_nlp.results.paragraph import TaggedParagraph
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import DIMENSIONS, NONE, Scheme

LABELS = (*(d.value for d in DIMENSIONS), NONE)
"""The labels of the shipped codebook, in the form in which `Scores.labels` gives them for any scheme."""

_COUNTS = (
    "units_both", "units_found", "units_gold", "labels_both", "labels_found", "labels_gold",
    "values_both", "values_found", "values_gold", "named", "named_exactly", "dimension", "whole",
    "labelled", "searched", "coded", "topics_found", "topics_gold",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)  # arrays have no plain equality
class Scores:
    """Scores between 0 and 1, the numbers of cases behind them, and the differences in words.

    Attributes:
        figures: Scores by name, in reading order; a score is NaN if nobody coded what it measures, or if there was
            nothing to find and nothing was found.
        per_dimension: Precision, recall, F1 and support of the primary label, by dimension.
        support: The number of reports, of the paragraphs in which labels or indicators were coded, and of the coded
            indicators.
        confusion: Counts of paragraphs by their coded label (rows) and tagged label (columns), (K, K + 1); the rows and
            columns follow `labels`. The last column counts paragraphs that weren't read as paragraphs.
        probabilities: The probability of each of `labels` as the primary one, (N, K), for each paragraph that was
            found. `gold`, (N,), has the index of the right label. Calibration needs both.
        errors: One line per difference.
        scheme: The labels of the reports.
    """

    figures: dict[str, float]
    per_dimension: dict[str, dict[str, float]]
    support: dict[str, int]
    confusion: np.ndarray
    probabilities: np.ndarray
    gold: np.ndarray
    errors: list[str]
    scheme: Scheme
    _tallies: Sequence[_Tally] = field(repr=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels, followed by `none`; they are the K of the arrays."""
        return _names(self.scheme)

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the chosen label, (N,)."""
        return self.probabilities.max(1)

    @property
    def right(self) -> np.ndarray:
        """Whether the chosen label is the coded one, (N,), as 0 and 1."""
        return (self.probabilities.argmax(1) == self.gold).astype(float)

    @property
    def calibration_error(self) -> float:
        """The expected calibration error of the primary label."""
        return expected_calibration_error(self.confidence, self.right)

    def intervals(self, level: float = 0.95, draws: int = 2000, seed: int = 0) -> dict[str, tuple[float, float]]:
        """Return percentile bootstrap intervals of the figures.

        Whole reports are drawn, because errors within one report are correlated. `spans_strict_f1` has no interval.
        With two or three reports the intervals are too narrow, as with every bootstrap.
        """
        return _percentiles(_resampled(self._tallies, _drawn(len(self._tallies), draws, seed)), level)

    def gains(
        self, before: Scores, level: float = 0.95, draws: int = 2000, seed: int = 0
    ) -> dict[str, tuple[float, float, float]]:
        """Return by how much each figure exceeds another tagger's on the same reports: the difference and its interval.

        The comparison is paired: both taggers are measured on the same draws of reports, so what is hard for both
        cancels out.

        Raises:
            ValueError: The other scores belong to other reports.
        """
        if [t.report for t in self._tallies] != [t.report for t in before._tallies]:
            raise ValueError("the two scores are of different reports, or of the same in another order")
        weights = _drawn(len(self._tallies), draws, seed)
        after, then = (_resampled(scores._tallies, weights) for scores in (self, before))
        bounds = _percentiles({name: after[name] - then[name] for name in after}, level)
        return {n: (round(self.figures[n] - before.figures[n], 4), *bounds[n]) for n in bounds}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tally:
    """The counts of one report."""

    report: str
    confusion: np.ndarray
    counts: Counter[str] = field(default_factory=Counter)
    gold_tags: list[list[str]] = field(default_factory=list)
    tags: list[list[str]] = field(default_factory=list)
    probabilities: list[tuple[float, ...]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def evaluate(pairs: Iterable[tuple[GoldReport, TaggedReport]]) -> Scores:
    """Compare tagged reports with their coding.

    A span is right only if both ends agree. `name_f1` requires an overlap of at least half (of the union);
    `indicator_f1` requires value, name and dimension to be right together. The numbers read from values aren't coded in
    the corpus, because a rule derives them from the span. Layers that a report wasn't coded for aren't counted.

    Returns:
        The scores. Macro-F1 is the mean over the labels, including `none`, that occur in the coding or the prediction.

    Raises:
        ValueError: There is no coded paragraph.
        SchemeError: The reports were tagged with different labels, or coded with labels that the model doesn't have.
    """
    from seqeval.metrics import f1_score as span_f1
    from seqeval.scheme import IOB2

    tallies: list[_Tally] = []
    scheme: Scheme | None = None
    for gold, tagged in pairs:
        scheme = scheme or tagged.scheme
        if tagged.scheme != scheme:
            raise SchemeError(f"{gold.id} was tagged with the labels {tagged.scheme}, others with {scheme}")
        tallies.append(_tally(gold, tagged, scheme))
    if scheme is None or not any(t.counts["units_gold"] for t in tallies):
        raise ValueError("there is no annotated report to compare with")
    confusion = np.sum([t.confusion for t in tallies], axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns about paragraphs without any span
        tags = [[line for t in tallies for line in lines(t)] for lines in (lambda t: t.gold_tags, lambda t: t.tags)]
        spans = any("B-" in tag for side in tags for line in side for tag in line)
        strict = span_f1(*tags, mode="strict", scheme=IOB2) if spans else np.nan
    figures = {name: float(v[0]) for name, v in _resampled(tallies, np.ones((1, len(tallies)))).items()}
    figures["spans_strict_f1"] = float(strict)
    table = np.array([row for t in tallies for row in t.probabilities]).reshape(-1, len(scheme) + 2)
    return Scores(
        figures={name: round(value, 4) for name, value in figures.items()},
        per_dimension=_per_dimension(confusion, _names(scheme)),
        support={
            "reports": len(tallies),
            "paragraphs": int(sum(t.counts["coded"] for t in tallies)),
            "indicators": int(sum(t.counts["values_gold"] for t in tallies)),
        },
        confusion=confusion,
        probabilities=table[:, :-1],
        gold=table[:, -1].astype(int),
        errors=[error for t in tallies for error in t.errors],
        scheme=scheme,
        _tallies=tallies,
    )


def _names(scheme: Scheme) -> tuple[str, ...]:
    return (*(label.value for label in scheme), NONE)


def _tally(gold: GoldReport, tagged: TaggedReport, scheme: Scheme) -> _Tally:
    """Count the agreements in one report."""
    tally = _Tally(report=gold.id, confusion=np.zeros((len(scheme) + 1, len(scheme) + 2)))
    n, errors = tally.counts, tally.errors
    found = {p.start: p for p in tagged.paragraphs}
    coded = gold_examples(gold)
    _check_known(gold.id, coded, scheme)
    extra = found.keys() - {example.unit.start for example in coded}
    n["labelled"] = sum(e.labels_coded for e in coded)
    n["searched"] = sum(e.indicators_coded for e in coded)
    n["coded"] = sum(e.labels_coded or e.indicators_coded for e in coded)
    spurious = sum(len(found[start].indicators) for start in extra) if n["searched"] else 0
    n["values_found"] += spurious
    n["topics_found"] += spurious
    n["labels_found"] += sum(len(found[start].labels) for start in extra) if n["labelled"] else 0
    errors += (f"{gold.id}: no paragraph in the coding: {found[start].text[:40]}" for start in sorted(extra))
    n["units_gold"] += len(coded)
    n["units_found"] += len(found)
    for example in coded:
        paragraph = found.get(example.unit.start)
        if paragraph is not None and paragraph.end != example.unit.end:
            paragraph = None
        if paragraph is None:
            errors.append(f"{gold.id}: not read as a paragraph: {example.unit.text[:40]}")
        n["units_both"] += paragraph is not None
        if example.labels_coded:
            _count_labels(tally, example, paragraph, scheme)
        if example.indicators_coded:
            errors += (f"{gold.id}: {line}" for line in _count_indicators(n, example, paragraph))
            tally.gold_tags.append(_iob2(example.unit.text, [(i.value, i.name) for i in example.indicators]))
            tally.tags.append(_iob2(example.unit.text, _spans(paragraph) if paragraph else []))
    return tally


def _drawn(reports: int, draws: int, seed: int) -> np.ndarray:
    """Draw reports with replacement; return how often each report is in each draw, (draws, reports)."""
    return np.random.default_rng(seed).multinomial(reports, np.full(reports, 1 / reports), size=draws).astype(float)


def _resampled(tallies: Sequence[_Tally], weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the figures of each draw of reports, (draws,), by name; `weights` is (draws, reports)."""
    n = {name: weights @ np.array([t.counts[name] for t in tallies], dtype=float) for name in _COUNTS}
    confusion = np.einsum("dr,rij->dij", weights, np.array([t.confusion for t in tallies]))
    values, topics = (sum((n[f"{what}_found"], n[f"{what}_gold"])) for what in ("values", "topics"))
    _, _, f1s, occurs = _by_class(confusion)
    figures = {
        "unit_f1": _ratio(2 * n["units_both"], n["units_found"] + n["units_gold"]),
        "primary_accuracy": _ratio(confusion.trace(axis1=1, axis2=2), confusion.sum((1, 2))),
        "primary_macro_f1": _ratio((f1s * occurs).sum(1), occurs.sum(1)),
        "labels_micro_f1": _ratio(2 * n["labels_both"], n["labels_found"] + n["labels_gold"], empty=np.nan),
        "value_span_f1": _ratio(2 * n["values_both"], values, empty=np.nan),
        "name_f1": _ratio(2 * n["named"], values, empty=np.nan),
        "name_exact_f1": _ratio(2 * n["named_exactly"], values, empty=np.nan),
        "dimension_f1": _ratio(2 * n["dimension"], topics, empty=np.nan),
        "indicator_f1": _ratio(2 * n["whole"], topics, empty=np.nan),
    }
    # If values are coded but none of their topics, topics can't be scored.
    topical = (n["searched"] > 0) & ((n["topics_gold"] > 0) | (n["values_gold"] == 0))
    coded = {
        "unit_f1": n["units_gold"] > 0,
        **dict.fromkeys(("primary_accuracy", "primary_macro_f1", "labels_micro_f1"), n["labelled"] > 0),
        **dict.fromkeys(("dimension_f1", "indicator_f1"), topical),
    }
    return {name: np.where(coded.get(name, n["searched"] > 0), value, np.nan) for name, value in figures.items()}


def _by_class(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and F1 by label, and whether it occurs at all; (…, K) each, from (…, K, K + 1)."""
    right = np.diagonal(confusion[..., :-1], axis1=-2, axis2=-1)
    tagged, coded = confusion[..., :-1].sum(-2), confusion.sum(-1)
    return (
        _ratio(right, tagged, empty=0.0),
        _ratio(right, coded, empty=0.0),
        _ratio(2 * right, tagged + coded, empty=0.0),
        tagged + coded > 0,
    )


def _per_dimension(confusion: np.ndarray, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    precision, recall, f1s, occurs = _by_class(confusion)
    return {
        label: {
            "precision": round(float(precision[k]), 4),
            "recall": round(float(recall[k]), 4),
            "f1-score": round(float(f1s[k]), 4),
            "support": float(confusion[k].sum()),
        }
        for k, label in enumerate(labels)
        if occurs[k]
    }


def _ratio(part: np.ndarray, whole: np.ndarray, empty: float = 1.0) -> np.ndarray:
    """Return `part / whole`; `empty` if there was nothing to find and nothing was found."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), empty)


def _bounds(quantiles: np.ndarray) -> tuple[float, float]:
    low, high = quantiles
    return round(float(low), 4), round(float(high), 4)


def _percentiles(drawn: Mapping[str, np.ndarray], level: float) -> dict[str, tuple[float, float]]:
    tails = (1 - level) / 2, (1 + level) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy warns if nothing was coded
        return {name: _bounds(np.nanquantile(v, tails)) for name, v in drawn.items()}


def _check_known(report: str, coded: Sequence[Example], scheme: Scheme) -> None:
    for example in coded:
        for label in (example.primary, *example.secondary, *(i.dimension for i in example.indicators)):
            if label is not None and label not in scheme:
                raise SchemeError(f"{report} is coded with {label!s}, but the model labels with {scheme}")


def _count_labels(tally: _Tally, example: Example, paragraph: TaggedParagraph | None, scheme: Scheme) -> None:
    gold, n = {d for d in (example.primary, *example.secondary) if d}, tally.counts
    labels = _names(scheme)
    want = labels.index(example.primary or NONE)
    n["labels_gold"] += len(gold)
    if paragraph is None:
        tally.confusion[want, -1] += 1
        return
    got = labels.index(paragraph.label or NONE)
    tally.confusion[want, got] += 1
    row = [*(float(paragraph.scores.get(d, 0.0)) for d in scheme), paragraph.none_score]
    tally.probabilities.append((*row, want))
    n["labels_found"] += len(paragraph.labels)
    n["labels_both"] += len(gold & set(paragraph.labels))
    if want != got or gold != set(paragraph.labels):
        first, then = (
            "+".join([labels[k], *sorted(d for d in those if d != labels[k])])
            for k, those in ((want, gold), (got, paragraph.labels))
        )
        tally.errors.append(f"{tally.report}: {first} tagged {then}: {example.unit.text[:60]}")


def _count_indicators(n: Counter[str], example: Example, paragraph: TaggedParagraph | None) -> list[str]:
    gold = {i.value: i for i in example.indicators}
    topical = {span for span, i in gold.items() if i.dimension is not None}
    n["topics_gold"] += len(topical)
    if paragraph is None:
        n["values_gold"] += len(gold)
        return []
    text, at = example.unit.text, paragraph.start
    found = {(i.start - at, i.end - at): i for i in paragraph.indicators}
    n["values_gold"] += len(gold)
    n["values_found"] += len(found)
    n["topics_found"] += len(found.keys() - (gold.keys() - topical))
    errors = [f"missed value {text[slice(*span)]}: {near(text, span)}" for span in gold.keys() - found.keys()]
    errors += [f"spurious value {text[slice(*span)]}: {near(text, span)}" for span in found.keys() - gold.keys()]
    for span in gold.keys() & found.keys():
        g, f = gold[span], found[span]
        name = (f.name_start - at, f.name_end - at) if f.name_start is not None and f.name_end is not None else (0, 0)
        named, topic = overlapping(g.name, name), g.dimension == f.dimension
        n["values_both"] += 1
        n["named"] += named
        n["named_exactly"] += g.name == name
        n["dimension"] += topic
        n["whole"] += named and topic
        if g.name != name or not (topic or g.dimension is None):
            errors.append(
                f"{text[slice(*span)]} wants {text[slice(*g.name)]}/{g.dimension or '?'}, got {f.name}/{f.dimension}: "
                f"{near(text, span)}"
            )
    return errors


def overlapping(one: tuple[int, int], two: tuple[int, int]) -> bool:
    """Return whether the intersection of two spans is at least half of their union."""
    both = max(0, min(one[1], two[1]) - max(one[0], two[0]))
    return both >= (one[1] - one[0] + two[1] - two[0] - both) / 2


def near(text: str, span: tuple[int, int]) -> str:
    """Return a span with some of the surrounding text."""
    return "…" + text[max(0, span[0] - 18) : span[1] + 12] + "…"


def _spans(paragraph: TaggedParagraph) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    at = paragraph.start
    return [
        ((i.start - at, i.end - at), ((i.name_start or at) - at, (i.name_end or at) - at)) for i in paragraph.indicators
    ]


def _iob2(text: str, pairs: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> list[str]:
    """Return one tag per character; a name that several values share is tagged once."""
    out = ["O"] * len(text)
    for kind, spans in (("NAME", {n for _, n in pairs}), ("VALUE", {v for v, _ in pairs})):
        for start, end in sorted(spans):
            if end > start:
                out[start:end] = [f"B-{kind}"] + [f"I-{kind}"] * (end - start - 1)
    return out
