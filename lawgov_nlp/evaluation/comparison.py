"""Compare two taggers on the same coded reports: which paragraphs does only one of them label correctly?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lawgov_nlp.annotation.examples import gold_examples
from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import NONE


@dataclass(frozen=True, kw_only=True)
class Flip:
    """A paragraph to which two taggers give different primary labels.

    Attributes:
        report: The id of the report.
        unit: The number of the line in the report, from 1; blank lines aren't counted.
        headings: The headings above the paragraph, as the second tagger's report has them.
        text: The paragraph.
        coded: The coder's label. `before` and `after` are the labels of the two taggers: dimensions or `none`.
    """

    report: str
    unit: int
    headings: tuple[str, ...]
    text: str
    coded: str
    before: str
    after: str

    @property
    def change(self) -> str:
        """`mended`, `broken`, or `other` if both taggers are wrong in different ways."""
        return {self.after: "mended", self.before: "broken"}.get(self.coded, "other")


def flips(triples: Iterable[tuple[GoldReport, TaggedReport, TaggedReport]]) -> Iterator[Flip]:
    """Yield, in order, the paragraphs that two taggers label differently; each triple is coding, before, after.

    Paragraphs that nobody coded or that one tagger's reader didn't find are left out.
    """
    for gold, before, after in triples:
        mine, other = ({p.start: p for p in report.paragraphs} for report in (before, after))
        place, starts = 0, {}
        for number, unit in enumerate(gold.units, 1):
            starts[place + len(unit.text) - len(unit.text.lstrip())] = number
            place += len(unit.text) + 1
        for example in gold_examples(gold):
            start = example.unit.start
            if not example.labels_coded or start not in mine or start not in other:
                continue
            then, now = (str(side[start].label or NONE) for side in (mine, other))
            if then != now:
                yield Flip(
                    report=gold.id,
                    unit=starts[start],
                    headings=other[start].headings,
                    text=example.unit.text,
                    coded=str(example.primary or NONE),
                    before=then,
                    after=now,
                )
