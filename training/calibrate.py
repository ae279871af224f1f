"""Fit temperature and review threshold of a trained model on dev again: `python training/calibrate.py MODEL`.

This is for a model whose dev reports have been corrected since its training. It changes only `config.json` and prints
the old and the new values.
"""

import argparse
from pathlib import Path

from lawgov_nlp.annotation.corpus import load_splits
from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.evaluation.scores import evaluate
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.training.trainer import calibrate

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Tag dev with a temperature of 1, fit, and save the configuration."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    args = parser.parse_args()
    tagger = Tagger.from_pretrained(args.model, backend="torch:float32")
    config = tagger.model.config
    print(f"before: temperature {config.primary_temperature}, review below {config.review_below}")
    config.primary_temperature = 1.0
    dev = load_splits(args.data)["dev"]
    calibrate(config, evaluate(zip(dev, tagger.tag_many(map(parse_gold, dev)), strict=True)))
    config.save_pretrained(args.model)
    print(f"now: temperature {config.primary_temperature}, review below {config.review_below}")


if __name__ == "__main__":
    main()
