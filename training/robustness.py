"""Measure the cost of careless typing and scanning: `python training/robustness.py [--split test] [--model FOLDER …]`.

Each variation of `lawgov_nlp.training.augment` is applied to whole reports of a split, which are then read and tagged
like any other. `--model` may name several folders, which are compared in one run.
"""

import argparse
from pathlib import Path

from lawgov_nlp.annotation.corpus import SPLITS, load_splits
from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.evaluation.scores import evaluate
from lawgov_nlp.model.checkpoints import shipped_model
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.training.augment import (
    half_width_report,
    headless_report,
    misread_report,
    other_digits_report,
    other_places_report,
    other_units_report,
    run_in_report,
    unnumbered_report,
)

ROOT = Path(__file__).resolve().parents[1]
VARIATIONS = {
    "as written": lambda report: report,
    "half-width punctuation": half_width_report,
    "other figures": other_digits_report,
    "other units": other_units_report,
    "other places": other_places_report,
    "look-alike characters": misread_report,
    "headings joined to the text": run_in_report,
    "headings without numbers": unnumbered_report,
    "without headings": headless_report,
}
FIGURES = ("unit_f1", "primary_accuracy", "labels_micro_f1", "value_span_f1", "name_f1", "indicator_f1")


def main() -> None:
    """Tag each variation with each model and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--model", type=Path, nargs="*", help="other models than the shipped one")
    parser.add_argument("--backend", default="torch:float32", help="as for lawgov tag; the card gives float32's")
    args = parser.parse_args()
    reports = load_splits(args.data)[args.split]
    for folder in args.model or [shipped_model()]:
        tagger = Tagger.from_pretrained(folder, backend=args.backend)
        print(f"{folder.name:28}" + "".join(f"{name:>18}" for name in FIGURES))
        for name, change in VARIATIONS.items():
            gold = [change(report) for report in reports]
            scores = evaluate(zip(gold, tagger.tag_many(map(parse_gold, gold)), strict=True))
            print(f"{name:28}" + "".join(f"{scores.figures[f]:18.4f}" for f in FIGURES), flush=True)


if __name__ == "__main__":
    main()
