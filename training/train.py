"""Train the shipped model: `python training/train.py --base ENCODER --out out/lawgov-small`.

It learns from the train split of `data/`, chooses the epoch on dev, and prints the scores on dev. Only
`training/evaluate.py` reads the test split.
"""

import argparse
import json
import logging
from dataclasses import fields
from pathlib import Path

from lawgov_nlp.annotation.corpus import load_splits
from lawgov_nlp.training.trainer import TrainConfig, saved_scores, train

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Parse the options, including one for each field of `TrainConfig`, and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--base", type=Path, required=True, help="folder of an encoder, or of a tagger to go on with")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--revision", default="lawgov-small 0.1")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--overwrite", action="store_true")
    parser.add_argument("--resume", action="store_true", help="go on with the interrupted run for --out")
    for field in fields(TrainConfig):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    splits = load_splits(args.data)
    train(
        splits["train"],
        splits["dev"],
        base=args.base,
        out=args.out,
        config=TrainConfig(**{f.name: getattr(args, f.name) for f in fields(TrainConfig)}),
        revision=args.revision,
        device=args.device,
        overwrite=args.overwrite,
        resume=args.resume,
    )
    scores = saved_scores(args.out, splits["dev"], args.device)
    print(json.dumps({"dev": scores.figures, "support": scores.support}, indent=2))


if __name__ == "__main__":
    main()
