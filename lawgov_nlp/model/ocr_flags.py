"""What text that was read by OCR costs its paragraphs and indicators in certainty."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lawgov_nlp.report import OcrLine
from lawgov_nlp.results.paragraph import Indicator, TaggedParagraph

DOUBTFUL = 0.95
"""The confidence of a printed line below which its indicators are marked for review.

On the pages of `benchmarks/ocr.py` 2 of 8 lines below it hold an error, and 1.4% of all lines (`docs/scans.md`).
"""


def flagged(tagged: Iterable[TaggedParagraph], lines: Sequence[OcrLine]) -> tuple[TaggedParagraph, ...]:
    """The paragraphs of a report with what its lines of OCR, in their order, say of them.

    An indicator's score is multiplied by the confidence of the worst line that its value or name stands in.
    """
    if not lines:
        return tuple(tagged)
    ends = [line.end for line in lines]

    def worst(start: int, end: int) -> float | None:
        found = []
        for line in lines[bisect_left(ends, start + 1) :]:
            if line.start >= end:
                break
            found.append(line.confidence)
        return min(found, default=None)

    def indicator(i: Indicator) -> Indicator:
        sure = [worst(i.start, i.end)]
        if i.name_start is not None and i.name_end is not None:
            sure.append(worst(i.name_start, i.name_end))
        known = [confidence for confidence in sure if confidence is not None]
        if not known:
            return i
        least = min(known)
        return replace(i, ocr=least, score=i.score * least, needs_review=i.needs_review or least < DOUBTFUL)

    made = []
    for p in tagged:
        confidence = worst(p.start, p.end)
        if confidence is not None:
            indicators = tuple(map(indicator, p.indicators))
            doubtful = p.needs_review or any(i.needs_review for i in indicators)
            p = replace(p, ocr=confidence, indicators=indicators, needs_review=doubtful)
        made.append(p)
    return tuple(made)
