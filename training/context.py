"""Measure the value of context for a linear model on words: `python training/context.py`.

This is a cheap test of what the tagger could get besides the paragraph: the headings above it (which it gets already),
the position of the paragraph in the report, the ordinal of its section from the front and from the end, and the first
words of the neighbouring paragraphs. The model is a logistic regression on TF-IDF of jieba's words, as for `words` in
`training/baseline.py`. It is trained on the train split.
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jieba
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline

from lawgov_nlp.annotation.corpus import load_splits
from lawgov_nlp.annotation.examples import Example, examples
from lawgov_nlp.annotation.gold import GoldReport

ROOT = Path(__file__).resolve().parents[1]
NEIGHBOUR = 60
"""The number of characters of a neighbour that are used."""

CONTEXTS = (
    (),
    ("headings",),
    ("position",),
    ("neighbours",),
    ("headings", "position"),
    ("headings", "section"),
    ("headings", "neighbours"),
    ("headings", "position", "section", "neighbours"),
)


@dataclass(frozen=True)
class Placed:
    """A paragraph, given as the paragraphs of its report and its index `at` among them."""

    report: Sequence[Example]
    at: int

    @property
    def example(self) -> Example:
        """The paragraph itself."""
        return self.report[self.at]


def placed(reports: Sequence[GoldReport]) -> list[Placed]:
    """Return every paragraph with its position."""
    whole = [examples([report]).examples for report in reports]
    return [Placed(report, at) for report in whole for at in range(len(report))]


def words(paragraph: Placed, context: Sequence[str]) -> Iterator[str]:
    """Yield the words of a paragraph and, marked separately, those of its context."""
    unit, report, at = paragraph.example.unit, paragraph.report, paragraph.at
    yield from jieba.cut(unit.text)
    if "headings" in context:
        yield from (f"#{w}" for h in unit.headings for w in jieba.cut(h))
    if "position" in context:
        yield f"@eighth {8 * at // len(report)}"
        yield from ["@first"] * (at == 0)
    if "section" in context:
        sections = list(dict.fromkeys(e.unit.headings[0] for e in report if e.unit.headings))
        ordinal = sections.index(unit.headings[0]) + 1 if unit.headings else 0
        yield f"@section {min(ordinal, 6)}"
        yield f"@from the end {len(sections) - ordinal}"
    if "neighbours" in context:
        for mark, other in (("<", at - 1), (">", at + 1)):
            if 0 <= other < len(report):
                yield from (mark + w for w in jieba.cut(report[other].unit.text[:NEIGHBOUR]))


def main() -> None:
    """Train with each context and print the scores on dev and test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    args = parser.parse_args()
    jieba.setLogLevel(logging.WARNING)
    data = {split: placed(reports) for split, reports in load_splits(args.data).items()}
    gold = {split: [str(p.example.primary or "none") for p in found] for split, found in data.items()}
    print(f"{'context':46} dev accuracy macro-F1   test accuracy macro-F1")
    for context in CONTEXTS:
        model = make_pipeline(
            TfidfVectorizer(analyzer=lambda p, context=context: words(p, context), sublinear_tf=True, min_df=2),
            LogisticRegression(C=10.0, class_weight="balanced", max_iter=2000),
        ).fit(data["train"], gold["train"])
        row = f"{', '.join(context) or 'the paragraph alone':46}"
        for split in ("dev", "test"):
            got = model.predict(data[split])
            row += f"{accuracy_score(gold[split], got):14.4f} {f1_score(gold[split], got, average='macro'):9.4f}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
