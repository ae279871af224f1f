"""What to label next, so that the next retraining helps more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.report import LineKind
from lawgov_nlp.scheme import Label, Scheme
from lawgov_nlp.training.freeze import FEW_INDICATORS

ENOUGH_PARAGRAPHS = 100
"""About five reports. As many won back what an unfamiliar kind of report costs, and twice as many no more (the model's
card, "What retraining gives")."""

SCARCE = 5
"""A label with fewer coded paragraphs is scarce."""

LEAST = 20
"""The fewest further paragraphs that are worth another training."""


@dataclass(frozen=True, kw_only=True)
class Advice:
    """How much was coded, and what to code next.

    Attributes:
        reports: The number of reports.
        paragraphs: The number of paragraphs with coded labels.
        indicators: The number of coded indicators.
        more: How many further paragraphs to label; 0 if more of the same kind won't help.
        scarce: The labels that fewer than `SCARCE` paragraphs have, in the order of the scheme.
        indicators_stay: Whether too few indicators were coded to learn from, so that they stay the base's.
    """

    reports: int
    paragraphs: int
    indicators: int
    more: int
    scarce: tuple[Label, ...]
    indicators_stay: bool


def advise(labelled: Sequence[GoldReport], scheme: Scheme) -> Advice:
    """Return what to label after these reports, which are coded with `scheme`."""
    bodies = [u for report in labelled for u in report.units if u.kind is LineKind.BODY]
    coded = [u for u in bodies if u.labels_coded]
    count = Counter(label for u in coded for label in (u.primary, *u.secondary) if label)
    indicators = sum(len(u.indicators) for u in bodies)
    enough = len(coded) >= ENOUGH_PARAGRAPHS
    return Advice(
        reports=len(labelled),
        paragraphs=len(coded),
        indicators=indicators,
        more=0 if enough else max(LEAST, ENOUGH_PARAGRAPHS - len(coded)),
        scarce=tuple(label for label in scheme if count[label] < SCARCE),
        indicators_stay=indicators < FEW_INDICATORS,
    )
