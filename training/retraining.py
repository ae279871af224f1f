"""Measure what `lawgov train` gains and loses with few labelled paragraphs.

    python training/retraining.py --work out/retraining                          # all settings, many hours on one core
    python training/retraining.py --work out/retraining --counts 20 --kinds labels --draws 1

The dev reports of `data/modelled` play the user's: half of them are labelled, the other half is new text that nobody
learns from. 5, 20, 50 or 200 paragraphs of the first half, drawn at random, keep their coding; all others are left as
uncoded. `--kinds` says what was coded: `labels`; `indicators` (labels, too); or `unseen`, the labels that the base
itself gives, accepted without a look. Each setting is drawn `--draws` times. Then the script does what `lawgov train`
does, the base being a candidate; the modelled dev reports are left out of the choice of the pass.

A line of `WORK/runs.jsonl` holds a run: its outcome (`better` or `none`) and, where a model was written, the paired
gains with intervals over reports on the new text (`new`) and on the shipped test reports (`shipped`). With `--always`
the model is measured even if it isn't better. A run with a line isn't repeated. The table at the end has the mean over
the draws; an outcome of `none` counts as no gain and no loss, because the base stays.
"""

import argparse
import json
import logging
import random
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lawgov_nlp.annotation.corpus import MODELLED, load_shipped_splits, load_splits, shipped_corpus
from lawgov_nlp.annotation.examples import gold_examples, parse_gold
from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.errors import NoBetterModelError
from lawgov_nlp.evaluation.scores import evaluate
from lawgov_nlp.model.checkpoints import shipped_model
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.report import LineKind
from lawgov_nlp.training.retrain import default_config, retrain

KINDS, COUNTS = ("labels", "indicators", "unseen"), (5, 20, 50, 200)
FIGURES = ("primary_accuracy", "labels_micro_f1", "name_exact_f1", "indicator_f1")


def labelled(reports: Sequence[GoldReport], count: int, kind: str, draw: int, base: Tagger) -> list[GoldReport]:
    """Return the reports in which some paragraphs are coded; reports without any are left out."""
    spots = [(r.id, k) for r in reports for k, u in enumerate(r.units) if u.kind is LineKind.BODY]
    chosen = set(random.Random(draw).sample(spots, min(count, len(spots))))
    out = []
    for report in reports:
        units = []
        said = {p.text: p for p in base.tag(parse_gold(report)).paragraphs} if kind == "unseen" else {}
        for k, unit in enumerate(report.units):
            if unit.kind is LineKind.BODY:
                if (report.id, k) not in chosen:
                    unit = replace(unit, primary=None, secondary=(), labels_coded=False)
                elif unit.text.strip() in said:
                    found = said[unit.text.strip()]
                    unit = replace(unit, primary=found.label, secondary=found.labels[1:])
                if kind != "indicators" or (report.id, k) not in chosen:
                    unit = replace(unit, indicators=(), indicators_coded=False)
            units.append(unit)
        if any((report.id, k) in chosen for k in range(len(units))):
            out.append(replace(report, units=tuple(units)))
    return out


def run(args: argparse.Namespace, kind: str, count: int, draw: int) -> dict:
    """Train once and return the outcome."""
    start = args.base or shipped_model()
    reports = load_splits(shipped_corpus() / MODELLED)["dev"]
    random.Random(0).shuffle(reports)
    pool, new = reports[::2], reports[1::2]
    corpus = load_shipped_splits()
    used = {r.id for r in reports}
    corpus["dev"] = [r for r in corpus["dev"] if r.id not in used]
    if args.quick:
        corpus = {split: those[: args.quick] for split, those in corpus.items()}
    base = Tagger.from_pretrained(start, "cpu", "torch:float32")
    coded = labelled(pool, count, kind, draw, base)
    out = args.work / f"{kind}-{count}-{draw}"
    config = default_config(args.base)
    config = replace(config, seed=draw, **({"epochs": args.epochs} if args.epochs else {}))
    paragraphs = sum(e.labels_coded for r in coded for e in gold_examples(r))
    told = {"kind": kind, "count": count, "draw": draw, "reports": len(coded), "paragraphs": paragraphs}
    try:
        found = retrain(
            coded, out, base=args.base, config=config, corpus=corpus, beat_base=not args.always, overwrite=True
        )
    except NoBetterModelError:
        return told | {"outcome": "none"}
    after = Tagger.from_pretrained(out, "cpu", "torch:float32")
    sides = [evaluate(zip(new, t.tag_many(map(parse_gold, new)), strict=True)) for t in (base, after)]
    assert found.shipped.before is not None  # the base is a tagger
    gains = {"new": sides[1].gains(sides[0]), "shipped": found.shipped.after.gains(found.shipped.before)}
    shutil.rmtree(out)
    return told | {"outcome": "better", **{side: {n: g[n] for n in FIGURES} for side, g in gains.items()}}


def table(runs: Sequence[dict]) -> str:
    """Return a Markdown table: mean gain on new text / on the shipped test reports, least and most of the draws."""
    out = [
        "| coded | paragraphs | better | " + " | ".join(FIGURES) + " |",
        "| --- | ---: | ---: |" + " ---: |" * len(FIGURES),
    ]
    for kind, count in dict.fromkeys((r["kind"], r["count"]) for r in runs):
        those = [r for r in runs if (r["kind"], r["count"]) == (kind, count)]
        cells = []
        for name in FIGURES:
            new, old = ([r[s][name][0] if s in r else 0.0 for r in those] for s in ("new", "shipped"))
            spread = " / ".join(f"{statistics.mean(g):+.3f} ({min(g):+.3f} to {max(g):+.3f})" for g in (new, old))
            cells.append(spread)
        better = sum(r["outcome"] == "better" for r in those)
        out.append(f"| {kind} | {count} | {better} of {len(those)} | {' | '.join(cells)} |")
    return "\n".join(out)


def main() -> None:
    """Do the missing runs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="another tagger than the shipped one")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--counts", nargs="+", type=int, default=COUNTS)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="default: as `lawgov train`")
    parser.add_argument("--always", action="store_true", help="measure the model even if it isn't better than the base")
    parser.add_argument("--quick", type=int, help="only so many shipped reports of each split, to try the script")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args.work.mkdir(parents=True, exist_ok=True)
    file = args.work / "runs.jsonl"
    runs = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    for kind in args.kinds:
        for count in args.counts:
            for draw in range(args.draws):
                if any((r["kind"], r["count"], r["draw"]) == (kind, count, draw) for r in runs):
                    continue
                runs.append(run(args, kind, count, draw))
                with file.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(runs[-1]) + "\n")
    print(table(runs))


if __name__ == "__main__":
    main()
