"""Scores of a tagger on annotated reports: tagged reports are compared with the coding, by character."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lawgov_nlp.annotation import GoldReport
from lawgov_nlp.calibration import expected_calibration_error
from lawgov_nlp.dataset import Example, gold_examples
from lawgov_nlp.report import DIMENSIONS, TaggedParagraph, TaggedReport

NONE = "none"
LABELS = (*(d.value for d in DIMENSIONS), NONE)


@dataclass(frozen=True, kw_only=True, eq=False)  # arrays have no plain equality
class Scores:
    """Scores between 0 and 1, how many cases they stand on, and the differences in words.

    Attributes:
        figures: Score by name, in the order in which they read best.
        per_dimension: Precision, recall, F1 and support of the primary label, by dimension.
        support: Paragraphs and indicators that were coded.
        probabilities: For each paragraph that was found the probability of each of `LABELS` as primary one, (N, K), and
            `gold`, (N,), the index of the right one: what calibration needs.
        errors: One line a difference.
    """

    figures: dict[str, float]
    per_dimension: dict[str, dict[str, float]]
    support: dict[str, int]
    probabilities: np.ndarray
    gold: np.ndarray
    errors: list[str] = field(default_factory=list)

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the label that was chosen, (N,)."""
        return self.probabilities.max(1)

    @property
    def right(self) -> np.ndarray:
        """Whether the label that was chosen is the coded one, (N,), as 0 and 1."""
        return (self.probabilities.argmax(1) == self.gold).astype(float)

    @property
    def calibration_error(self) -> float:
        """How far confidence and accuracy of the primary label lie apart."""
        return expected_calibration_error(self.confidence, self.right)


def evaluate(pairs: Iterable[tuple[GoldReport, TaggedReport]]) -> Scores:
    """Compare tagged reports with their coding.

    Spans count as right only where both ends agree. `name_f1` asks for an overlap of at least half (of the
    union), `indicator_f1` for value, name and dimension together; readings aren't coded in the corpus, since
    they follow from the span by rule.

    Returns:
        Macro-F1 is over all dimensions and none that occur in the coding or the prediction.
    """
    from seqeval.metrics import f1_score as span_f1
    from seqeval.scheme import IOB2
    from sklearn.metrics import classification_report, f1_score

    n: Counter[str] = Counter()
    want, got, gold_tags, tags, errors, probabilities = [], [], [], [], [], []
    for gold, tagged in pairs:
        found = {p.start: p for p in tagged.paragraphs}
        coded = gold_examples(gold)
        extra = found.keys() - {example.unit.start for example in coded}
        n["values_found"] += sum(len(found[start].indicators) for start in extra)
        n["labels_found"] += sum(len(found[start].labels) for start in extra)
        errors += (f"{gold.id}: no paragraph in the coding: {found[start].text[:40]}" for start in sorted(extra))
        n["units_gold"] += len(coded)
        n["units_found"] += len(found)
        for example in coded:
            paragraph = found.get(example.unit.start)
            if paragraph is None or paragraph.end != example.unit.end:
                errors.append(f"{gold.id}: not read as a paragraph: {example.unit.text[:40]}")
                n["values_gold"] += len(example.indicators)
                n["labels_gold"] += len({d for d in (example.primary, *example.secondary) if d})
                gold_tags.append(_iob2(example.unit.text, [(i.value, i.name) for i in example.indicators]))
                tags.append(["O"] * len(example.unit.text))
                want.append(str(example.primary or NONE))
                got.append("missing")
                continue
            n["units_both"] += 1
            want.append(str(example.primary or NONE))
            got.append(str(paragraph.label or NONE))
            row = [*(float(paragraph.scores.get(d, 0.0)) for d in DIMENSIONS), paragraph.none_score]
            probabilities.append((*row, LABELS.index(want[-1])))
            if want[-1] != got[-1]:
                errors.append(f"{gold.id}: {want[-1]} tagged {got[-1]}: {example.unit.text[:60]}")
            _count_labels(n, example, paragraph)
            errors += (f"{gold.id}: {line}" for line in _count_indicators(n, example, paragraph))
            gold_tags.append(_iob2(example.unit.text, [(i.value, i.name) for i in example.indicators]))
            tags.append(_iob2(example.unit.text, _spans(paragraph)))
    if not want:
        raise ValueError("there is no annotated report to compare with")
    labels = [label for label in LABELS if label in want or label in got]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns of a paragraph set without any span
        strict = span_f1(gold_tags, tags, mode="strict", scheme=IOB2)
    report = classification_report(want, got, labels=labels, output_dict=True, zero_division=0)
    values = n["values_found"], n["values_gold"]
    table = np.array(probabilities).reshape(-1, len(LABELS) + 1)
    figures = {
        "unit_f1": f1(n["units_both"], n["units_found"], n["units_gold"]),
        "primary_accuracy": sum(map(str.__eq__, want, got)) / max(1, len(want)),
        "primary_macro_f1": float(f1_score(want, got, labels=labels, average="macro", zero_division=0)),
        "labels_micro_f1": f1(n["labels_both"], n["labels_found"], n["labels_gold"]),
        "value_span_f1": f1(n["values_both"], *values),
        "name_f1": f1(n["named"], *values),
        "name_exact_f1": f1(n["named_exactly"], *values),
        "dimension_f1": f1(n["dimension"], *values),
        "indicator_f1": f1(n["whole"], *values),
        "spans_strict_f1": float(strict),
    }
    return Scores(
        figures={name: round(value, 4) for name, value in figures.items()},
        per_dimension={label: {k: round(v, 4) for k, v in report[label].items()} for label in labels},
        support={"paragraphs": n["units_gold"], "indicators": n["values_gold"]},
        probabilities=table[:, :-1],
        gold=table[:, -1].astype(int),
        errors=errors,
    )


def _count_labels(n: Counter[str], example: Example, paragraph: TaggedParagraph) -> None:
    gold = {d for d in (example.primary, *example.secondary) if d}
    n["labels_gold"] += len(gold)
    n["labels_found"] += len(paragraph.labels)
    n["labels_both"] += len(gold & set(paragraph.labels))


def _count_indicators(n: Counter[str], example: Example, paragraph: TaggedParagraph) -> list[str]:
    text, at = example.unit.text, paragraph.start
    gold = {i.value: i for i in example.indicators}
    found = {(i.start - at, i.end - at): i for i in paragraph.indicators}
    n["values_gold"] += len(gold)
    n["values_found"] += len(found)
    errors = [f"missed value {text[slice(*span)]}: {near(text, span)}" for span in gold.keys() - found.keys()]
    errors += [f"spurious value {text[slice(*span)]}: {near(text, span)}" for span in found.keys() - gold.keys()]
    for span in gold.keys() & found.keys():
        g, f = gold[span], found[span]
        name = (f.name_start - at, f.name_end - at) if f.name_start is not None and f.name_end is not None else (0, 0)
        named, topic = overlapping(g.name, name), g.dimension is f.dimension
        n["values_both"] += 1
        n["named"] += named
        n["named_exactly"] += g.name == name
        n["dimension"] += topic
        n["whole"] += named and topic
        if g.name != name or not topic:
            errors.append(
                f"{text[slice(*span)]} wants {text[slice(*g.name)]}/{g.dimension}, got {f.name}/{f.dimension}: "
                f"{near(text, span)}"
            )
    return errors


def overlapping(one: tuple[int, int], two: tuple[int, int]) -> bool:
    """Whether two spans share at least half of what they cover together."""
    both = max(0, min(one[1], two[1]) - max(one[0], two[0]))
    return both >= (one[1] - one[0] + two[1] - two[0] - both) / 2


def near(text: str, span: tuple[int, int]) -> str:
    """A span with some of the text around it."""
    return "…" + text[max(0, span[0] - 18) : span[1] + 12] + "…"


def _spans(paragraph: TaggedParagraph) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    at = paragraph.start
    return [
        ((i.start - at, i.end - at), ((i.name_start or at) - at, (i.name_end or at) - at)) for i in paragraph.indicators
    ]


def _iob2(text: str, pairs: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> list[str]:
    """One tag a character; a name that several values share is tagged once."""
    out = ["O"] * len(text)
    for kind, spans in (("NAME", {n for _, n in pairs}), ("VALUE", {v for v, _ in pairs})):
        for start, end in sorted(spans):
            if end > start:
                out[start:end] = [f"B-{kind}"] + [f"I-{kind}"] * (end - start - 1)
    return out


def f1(both: int, found: int, gold: int) -> float:
    """F1 from counts; 1 where there was nothing to find and nothing was found."""
    return 2 * both / (found + gold) if found + gold else 1.0
