"""Translate annotated and tagged reports from the shipped codebook into another label scheme, as far as possible."""

from __future__ import annotations

from dataclasses import replace

from lawgov_nlp.annotation.gold import GoldLine, GoldReport
from lawgov_nlp.report import LineKind
from lawgov_nlp.results.paragraph import TaggedParagraph
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import CODEBOOK, Dimension, Label, Scheme


def relabel_gold(report: GoldReport, scheme: Scheme) -> GoldReport:
    """Translate a report that was coded with the codebook into another scheme.

    If the scheme renames or merges the codebook's dimensions, the labels are translated. An indicator whose topic
    became a function loses its topic. With any other scheme, labels and topics become uncoded, because nobody coded the
    report with that scheme; values and names stay.
    """
    if scheme is CODEBOOK:
        return report
    if not scheme.coarsens:
        return without_labels(report)
    return replace(report, units=tuple(_recoded(unit, scheme) for unit in report.units))


def without_labels(report: GoldReport) -> GoldReport:
    """Return the report as if nobody had coded its labels or the topics of its indicators."""
    return replace(report, units=tuple(map(_without_labels, report.units)))


def can_relabel(scheme: Scheme) -> bool:
    """Return whether `relabel_tagged` can translate all codebook labels: each topic must map to a topic of `scheme`."""
    return scheme.coarsens and all(scheme.heirs[d].is_topic for d in Dimension if d.is_topic)


def relabel_tagged(report: TaggedReport, scheme: Scheme) -> TaggedReport:
    """Translate a report that was tagged with the codebook into a scheme that renames or merges its dimensions.

    The probability of a label is the sum over the dimensions that it merges; the likeliest label becomes the primary
    one.

    Raises:
        ValueError: The scheme doesn't translate the codebook.
    """
    if not can_relabel(scheme):
        raise ValueError(f"the labels {scheme} don't merge those of the codebook with a topic for each topic")
    tagged = tuple(_retagged(p, scheme) for p in report.tagged)
    figures = tuple(replace(i, dimension=scheme.heirs[i.dimension]) for i in report.table_indicators)
    return replace(report, tagged=tagged, scheme=scheme, table_indicators=figures)


def _without_labels(unit: GoldLine) -> GoldLine:
    if unit.kind is not LineKind.BODY:
        return unit
    bare = tuple(replace(i, dimension=None) for i in unit.indicators)
    return replace(unit, primary=None, secondary=(), labels_coded=False, indicators=bare)


def _recoded(unit: GoldLine, scheme: Scheme) -> GoldLine:
    heirs = scheme.heirs
    primary = heirs[unit.primary] if unit.primary else None
    indicators = []
    for indicator in unit.indicators:
        topic = heirs[indicator.dimension] if indicator.dimension else None
        indicators.append(replace(indicator, dimension=topic if topic and topic.is_topic else None))
    return replace(
        unit,
        primary=primary,
        secondary=_others([heirs[d] for d in unit.secondary], primary),
        indicators=tuple(indicators),
    )


def _retagged(paragraph: TaggedParagraph, scheme: Scheme) -> TaggedParagraph:
    parts = list(zip(scheme.labels, scheme.sources, strict=True))
    scores = {label: sum(paragraph.scores.get(d, 0.0) for d in of) for label, of in parts}
    best = max(scheme.labels, key=lambda label: scores[label])
    label = best if scores[best] > paragraph.none_score else None
    others = [scheme.heirs[d] for d in paragraph.labels]
    return replace(
        paragraph,
        label=label,
        labels=(label, *_others(others, label)) if label else (),
        scores=scores,
        secondary_scores={label: max(paragraph.secondary_scores.get(d, 0.0) for d in of) for label, of in parts},
        indicators=tuple(replace(i, dimension=scheme.heirs[i.dimension]) for i in paragraph.indicators),
    )


def _others(labels: list[Label], primary: Label | None) -> tuple[Label, ...]:
    """Return the secondary labels without duplicates: the topics other than the primary label."""
    return tuple(label for label in dict.fromkeys(labels) if label.is_topic and label != primary)
