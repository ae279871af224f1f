"""Score a model on a split of `data/`: `python training/evaluate.py [--split test] [--model FOLDER] [--errors]`.

It prints each figure with its bootstrap interval; `--pictures FOLDER` draws `confusion.png` and `calibration.png`
there.
"""

import argparse
from pathlib import Path

from lawgov_nlp.annotation.corpus import SPLITS, load_splits
from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.evaluation.plots import calibration_plot, confusion_plot, save_figure
from lawgov_nlp.evaluation.scores import evaluate
from lawgov_nlp.model.tagger import Tagger

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Tag the split, compare it with the coding, and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--model", type=Path, help="another model than the shipped one")
    parser.add_argument("--errors", action="store_true", help="list every difference")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    parser.add_argument("--backend", default="torch:float32", help="as for lawgov tag; the card gives float32's")
    args = parser.parse_args()
    gold = load_splits(args.data)[args.split]
    tagger = Tagger.from_pretrained(args.model, backend=args.backend)
    tagged = tagger.tag_many(map(parse_gold, gold))
    scores = evaluate(zip(gold, tagged, strict=True))
    if args.errors:
        print(*scores.errors, sep="\n")
    print(", ".join(f"{count} {name}" for name, count in scores.support.items()))
    intervals = scores.intervals()
    for name, value in scores.figures.items():
        bounds = "  {:.3f} to {:.3f}".format(*intervals[name]) if name in intervals else ""
        print(f"{name:18} {value:.4f}{bounds}")
    below = tagger.model.config.review_below
    sure = scores.confidence >= below
    print(f"calibration error {scores.calibration_error:.4f}")
    if sure.any():
        share, right = sure.mean(), scores.right[sure].mean()
        print(f"confidence of {below} or more: {share:.3f} of the paragraphs, {right:.4f} right")
    print(f"{'primary dimension':16} precision  recall      F1  support")
    for label, row in scores.per_dimension.items():
        print(f"{label:16} {row['precision']:9.3f} {row['recall']:7.3f} {row['f1-score']:7.3f} {row['support']:8.0f}")
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
        save_figure(confusion_plot(scores), args.pictures / "confusion.png")
        save_figure(calibration_plot(scores, below), args.pictures / "calibration.png")


if __name__ == "__main__":
    main()
