"""Run the second training stage of the shipped model, on passages modelled on real ones and on real passages.

    python training/adapt.py --base out/model/lawgov-composed --texts texts.jsonl.xz --out out/model/lawgov-small

The base has learned from the composed reports. This stage trains on the train split of `data/modelled`, on nine tenths
of the real passages (if `--texts` has their texts), and in each pass on a new draw of the composed reports. The pass,
the threshold of secondary labels and the calibration are chosen on the dev split of `data/modelled`. A base without
a `ValueReader` gets one with `--reader` layers.
"""

import argparse
import json
import logging
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

from real_passages import read_real_passages

from lawgov_nlp.annotation.corpus import MODELLED, load_splits
from lawgov_nlp.model.checkpoints import load_tagger
from lawgov_nlp.training.config import TrainConfig
from lawgov_nlp.training.resize_heads import with_reader
from lawgov_nlp.training.trainer import save_tagger, saved_scores, train

ROOT = Path(__file__).resolve().parents[1]
ADAPT = TrainConfig(epochs=2, rate=1e-4, head_rate=5e-4, heading_dropout=0.12, replay=0.4)
"""The settings of the shipped model's second stage."""

HELD_OUT = 10
"""One out of this many real passages isn't learned."""


def main() -> None:
    """Parse the options, including one for each field of `TrainConfig`, and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--texts", type=Path, help="texts of the real passages; without, none is learned")
    parser.add_argument("--base", type=Path, required=True, help="folder of a tagger")
    parser.add_argument("--reader", type=int, default=3, help="layers of the ValueReader, where the base has none")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--revision", default="rebuilt")
    parser.add_argument("--overwrite", action="store_true")
    parser.add_argument("--resume", action="store_true", help="go on with the interrupted run for --out")
    for field in fields(TrainConfig):
        option = f"--{field.name.replace('_', '-')}"
        parser.add_argument(option, type=type(field.default), default=getattr(ADAPT, field.name))
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    composed, modelled = load_splits(args.data), load_splits(args.data / MODELLED)
    real = []
    if args.texts:
        found = read_real_passages(args.texts)
        real = [report for number, report in enumerate(found.reports) if number % HELD_OUT]
        if found.missing or found.changed:
            logging.warning("%d real passages have no text or another one", len(found.missing) + len(found.changed))
    with TemporaryDirectory() as folder:
        base = args.base
        model, tokenizer = load_tagger(base)
        if model.reader is None:
            base = Path(folder) / "base"
            save_tagger(with_reader(model.float(), args.reader), tokenizer, base, {})
        train(
            [*modelled["train"], *real],
            modelled["dev"],
            base=base,
            out=args.out,
            replay=composed["train"],
            config=TrainConfig(**{f.name: getattr(args, f.name) for f in fields(TrainConfig)}),
            revision=args.revision,
            overwrite=args.overwrite,
            resume=args.resume,
        )
    scores = saved_scores(args.out, modelled["dev"])
    print(json.dumps({"dev": scores.figures, "support": scores.support}, indent=2))


if __name__ == "__main__":
    main()
