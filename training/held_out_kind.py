"""Measure what retraining gains on reports of an unseen kind, and what it costs on the others.

    python training/held_out_kind.py --encoder ENCODER --work out/kind

All reports of one level (`--level bureau`) are left out, and a model is trained on the rest of the train split. Then
the script simulates a user of that kind: 1, 3, 5 or 10 reports of the level are labelled and learned as in
`lawgov train`, with the others of the train split replayed. The model is scored before and after on reports of the
level that were never learned, and on the test split without the level. Each number of reports is drawn `--draws` times
from ten; draws of all ten differ only in the two reports that choose the pass.

`--grid` tries other settings with five labelled reports of the first draw. It scores them on a part of the level's
reports that the table above doesn't use, so that the choice of settings doesn't bias that table.

Each trained model is deleted after it is scored. The scores are lines of `WORK/LEVEL/scores.jsonl`, and a run with
a line there isn't repeated, so another encoder or number of passes needs another WORK.
"""

import argparse
import json
import logging
import random
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lawgov_nlp.annotation.corpus import load_splits, shipped_corpus
from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.evaluation.scores import evaluate
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.training.config import RETRAIN, TrainConfig
from lawgov_nlp.training.retrain import hold_out
from lawgov_nlp.training.trainer import train

FIGURES = ("primary_accuracy", "primary_macro_f1", "labels_micro_f1", "value_span_f1", "name_f1", "indicator_f1")
COUNTS = (1, 3, 5, 10)
GRID = (
    {"replay": 0.0},
    {"replay": 0.3},
    {"replay": 3.0},
    {"replay_weight": 0.3},
    {"rate": 2e-5},
    {"rate": 1e-4},
    {"epochs": 10},
)
"""The settings that are tried instead of those of `RETRAIN`."""

CHOOSING = 12
"""The number of reports of the level on which settings are compared; the rest is for the table."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """The reports of the experiment.

    `pool`, `choosing` and `scored` are reports of the left-out level; labelled reports are drawn from `pool`.
    """

    train: list[GoldReport]
    dev: list[GoldReport]
    test: list[GoldReport]
    pool: list[GoldReport]
    choosing: list[GoldReport]
    scored: list[GoldReport]


def divide(level: str) -> Material:
    """Return the corpus without a level, and the reports of the level in three parts."""
    splits = load_splits(shipped_corpus())
    rest = {name: [r for r in reports if r.meta["level"] != level] for name, reports in splits.items()}
    own = [r for reports in splits.values() for r in reports if r.meta["level"] == level]
    random.Random(0).shuffle(own)
    most = max(COUNTS)
    if len(own) < most + CHOOSING + most:
        raise SystemExit(f"{len(own)} reports of level {level!r}; expected at least {2 * most + CHOOSING}")
    return Material(**rest, pool=own[:most], choosing=own[most : most + CHOOSING], scored=own[most + CHOOSING :])


class Experiment:
    """Runs whose scores are kept in a file.

    Args:
        material: The reports.
        base: The folder of the model that hasn't seen the level.
        work: The folder of the scores.
    """

    def __init__(self, material: Material, base: Path, work: Path) -> None:
        self.material, self.base, self.work = material, base, work
        self.file = work / "scores.jsonl"
        self.done = [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []

    def run(self, count: int, draw: int, changes: dict[str, float], scored: str) -> dict[str, dict[str, float]]:
        """Return scores on the level (`own`) and the test split (`old`) after learning `count` labelled reports.

        With a count of 0 these are the scores of the base.
        """
        key = {"count": count, "draw": draw, "changes": changes, "scored": scored}
        for run in self.done:
            if run["key"] == key:
                return run["scores"]
        model = self._retrained(count, draw, changes) if count else self.base
        tagger = Tagger.from_pretrained(model, "cpu", "torch:float32")
        scores = {
            name: _figures(tagger, reports)
            for name, reports in (("own", getattr(self.material, scored)), ("old", self.material.test))
        }
        if count:
            shutil.rmtree(model)
        self.done.append({"key": key, "scores": scores})
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(self.done[-1]) + "\n")
        print(key, scores["own"], scores["old"], flush=True)
        return scores

    def _retrained(self, count: int, draw: int, changes: dict[str, float]) -> Path:
        labelled = random.Random(draw).sample(self.material.pool, count)
        learned, held_out = hold_out(labelled, RETRAIN.seed)
        out = self.work / f"{count}-{draw}-{'-'.join(f'{k}={v}' for k, v in changes.items()) or 'default'}"
        train(
            learned,
            [*held_out, *self.material.dev],
            base=self.base,
            out=out,
            replay=self.material.train,
            config=replace(RETRAIN, **changes),
            overwrite=True,
        )
        return out


def _figures(tagger: Tagger, reports: Sequence[GoldReport]) -> dict[str, float]:
    figures = evaluate(zip(reports, tagger.tag_many(map(parse_gold, reports)), strict=True)).figures
    return {name: figures[name] for name in FIGURES}


def table(rows: Sequence[tuple[str, Sequence[dict[str, dict[str, float]]]]]) -> str:
    """Return a Markdown table of the figures.

    Each cell has the mean on the level, a slash, and the mean on the test split without the level.
    """
    out = ["| | " + " | ".join(FIGURES) + " |", "| --- |" + " ---: |" * len(FIGURES)]
    for name, runs in rows:
        cells = []
        for figure in FIGURES:
            own, old = ([run[where][figure] for run in runs] for where in ("own", "old"))
            spread = f" ({min(own):.3f}–{max(own):.3f})" if len(runs) > 1 else ""
            cells.append(f"{statistics.mean(own):.3f}{spread} / {statistics.mean(old):.3f}")
        out.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(out)


def main() -> None:
    """Train the missing models and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, required=True, help="that hasn't seen the reports")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--level", default="bureau")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6, help="of the model without the level")
    parser.add_argument("--grid", action="store_true")
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    material = divide(args.level)
    work = args.work / args.level
    work.mkdir(parents=True, exist_ok=True)
    base = work / "base"
    if not base.exists():
        config = TrainConfig(epochs=args.epochs)
        train(material.train, material.dev, base=args.encoder, out=base, config=config, revision=f"no {args.level}")
    experiment = Experiment(material, base, work)
    if args.grid:
        rows = [("before", [experiment.run(0, 0, {}, "choosing")])]
        for changes in ({}, *GRID):
            name = ", ".join(f"{k} {v:g}" for k, v in changes.items()) or "as it is"
            rows.append((name, [experiment.run(5, 0, changes, "choosing")]))
    else:
        rows = [("before", [experiment.run(0, 0, {}, "scored")])]
        for count in COUNTS:
            rows.append((f"{count} report(s)", [experiment.run(count, d, {}, "scored") for d in range(args.draws)]))
    print(table(rows))


if __name__ == "__main__":
    main()
