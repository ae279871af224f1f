"""Simulate how much labelling `lawgov suggest` saves: `python training/suggest_curve.py --encoder FOLDER`.

A simulated coder starts with `START` paragraphs of whole reports in random order and labels `ROUND` more per round.
These are chosen from the rest of the train split by `lawgov_nlp.annotation.suggest.choose`, the code behind the
command. After each round a model is trained on the labelled paragraphs and measured on a held-out split. `reports` is
a coder who continues with whole reports.

This is a proxy. The learner is a logistic regression on frozen vectors of the encoder *before* fine-tuning (those of
`frozen` in `training/baseline.py`), because fine-tuning about a thousand times isn't feasible. Distances are computed
between the same vectors. The uncertainty is that of the learner, for the primary dimension alone, while the command
also counts secondary dimensions and indicators and uses the tagger's vectors. The curves therefore show which way of
choosing is better and by about how much, but not the F1 that the tagger would have. Nor do they show what leaving out
copies saves: the reports here are composed, and hardly any paragraph is a copy of another.

The vectors take some minutes to compute and are kept in `--cache`.
"""

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from baseline import frozen_vectors
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from lawgov_nlp.annotation.corpus import SPLITS, data_hash, load_splits
from lawgov_nlp.annotation.examples import Example, examples
from lawgov_nlp.annotation.suggest import BY, Labelled, choose
from lawgov_nlp.evaluation.plots import save_figure

ROOT = Path(__file__).resolve().parents[1]
START, ROUND, ROUNDS = 60, 25, 16
WAYS = (*BY, "reports")
COLOURS = dict(zip(WAYS, ("#b5443c", "#e0962f", "#4c78a8", "#555555", "#aaaaaa"), strict=True))
SHOWN = (60, 110, 160, 210, 260, 360, 460)
"""The numbers of labelled paragraphs in the printed table."""


def cached(cache: Path, folder: Path, data: dict[str, list[Example]], key: str) -> dict[str, np.ndarray]:
    """Return the vectors of each split, from the cache if it holds those of this encoder and data."""
    digest = hashlib.sha256(key.encode() + (folder / "model.safetensors").read_bytes()).hexdigest()
    if cache.exists():
        with np.load(cache) as held:
            if str(held["key"]) == digest:
                return {split: held[split] for split in data}
        raise SystemExit(f"{cache} holds vectors of another encoder or other data; remove it, or name another --cache")
    found = {split: frozen_vectors(folder, some) for split, some in data.items()}
    cache.parent.mkdir(parents=True, exist_ok=True)
    with cache.open("xb") as out:
        np.savez(out, key=digest, **found)
    return found


class Simulation:
    """A pool of paragraphs to label, and held-out paragraphs for measuring."""

    def __init__(
        self,
        pool: Sequence[Sequence[Example]],
        held_out: Sequence[Example],
        pool_vectors: np.ndarray,
        held_out_vectors: np.ndarray,
    ) -> None:
        self.texts = [e.unit.text for report in pool for e in report]
        self.gold = np.array([_label(e) for report in pool for e in report])
        self.report = np.array([k for k, report in enumerate(pool) for _ in report])
        self.want = [_label(e) for e in held_out]
        self.pool, self.held_out = pool_vectors, held_out_vectors

    def curve(self, way: str, seed: int) -> list[float]:
        """Return the macro-F1 at the start and after each round."""
        queue = [
            int(k)
            for report in np.random.default_rng(seed).permutation(self.report.max() + 1)
            for k in np.flatnonzero(self.report == report)
        ]
        labelled = queue[:START]
        model, score = self.learn(labelled)
        scores = [score]
        for number in range(ROUNDS):
            if way == "reports":
                labelled = queue[: len(labelled) + ROUND]
            else:
                labelled = labelled + self.chosen(model, labelled, way, seed * ROUNDS + number)
            model, score = self.learn(labelled)
            scores.append(score)
        return scores

    def learn(self, labelled: Sequence[int]) -> tuple[LogisticRegression, float]:
        """Train a model on the labelled paragraphs; return it with its macro-F1."""
        model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=5000)
        model.fit(self.pool[labelled], self.gold[labelled])
        return model, float(f1_score(self.want, model.predict(self.held_out), average="macro"))

    def chosen(self, model: LogisticRegression, labelled: Sequence[int], way: str, seed: int) -> list[int]:
        """Return the next paragraphs to label."""
        done = set(labelled)
        rest = [k for k in range(len(self.texts)) if k not in done]
        found = choose(
            [self.texts[k] for k in rest],
            self.pool[rest],
            1.0 - model.predict_proba(self.pool[rest]).max(1),
            ROUND,
            by=way,
            labelled=Labelled(texts=[self.texts[k] for k in labelled], vectors=self.pool[labelled]),
            seed=seed,
        )
        return [rest[choice.at] for choice in found]


def needed(mean: np.ndarray, target: float) -> float:
    """Return the number of labels at which a mean curve first reaches the target; infinite if it never does.

    Values between rounds are interpolated linearly.
    """
    counts = START + ROUND * np.arange(len(mean))
    above = np.flatnonzero(mean >= target)
    if not len(above):
        return float("inf")
    k = int(above[0])
    if k == 0:
        return float(counts[0])
    return float(counts[k - 1] + ROUND * (target - mean[k - 1]) / (mean[k] - mean[k - 1]))


def picture(curves: dict[str, np.ndarray], ceiling: float, title: str) -> Figure:
    """Plot the mean macro-F1 by labelled paragraphs, with bands from the 10th to the 90th percentile of the seeds."""
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axis = figure.subplots()
    axis.axhline(ceiling, color="#999999", linewidth=1, linestyle="--")
    counts = START + ROUND * np.arange(ROUNDS + 1)
    axis.text(counts[-1], ceiling, "the whole train split", ha="right", va="bottom", fontsize=9, color="#777777")
    for way, found in curves.items():
        axis.plot(counts, found.mean(0), color=COLOURS[way], label=way)
        axis.fill_between(counts, *np.percentile(found, [10, 90], axis=0), color=COLOURS[way], alpha=0.12, linewidth=0)
    axis.set(xlabel="labelled paragraphs", ylabel="macro-F1 of the primary dimension", xlim=(counts[0], counts[-1]))
    axis.set_title(title, loc="left", fontsize=11)
    axis.legend(frameon=False, loc="lower right")
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def table(curves: dict[str, np.ndarray], ceiling: float) -> str:
    """Return a table of scores by number of labels, paired gains over random, and labels needed to match random."""
    at = [(count - START) // ROUND for count in SHOWN]
    lines = [f"{'macro-F1 (sd)':12}" + "".join(f"{count:>15}" for count in SHOWN)]
    for way, found in curves.items():
        cells = zip(found.mean(0)[at], found.std(0)[at], strict=True)
        lines.append(f"{way:12}" + "".join(f"{mean:8.3f} ({sd:.3f})" for mean, sd in cells))
    lines.append(f"the whole train split {ceiling:.3f}\n\nmean gain over random, all rounds after the start")
    for way, found in curves.items():
        if way != "random":
            gain = (found - curves["random"])[:, 1:].mean(1)
            lines.append(f"{way:12}{gain.mean():+8.4f}   better with {(gain > 0).sum()} of {len(gain)} seeds")
    lines.append("\nlabels needed for what random reaches with" + "".join(f"{SHOWN[k]:>8}" for k in (3, 5, 6)))
    for way, found in curves.items():
        wanted = [curves["random"].mean(0)[at[k]] for k in (3, 5, 6)]
        cells = [needed(found.mean(0), target) for target in wanted]
        lines.append(f"{way:42}" + "".join(f"{cell:8.0f}" if np.isfinite(cell) else f"{'never':>8}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    """Compute or read the vectors, simulate, print the table, and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, required=True, help="folder of the encoder before fine-tuning")
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--split", choices=SPLITS[1:], default="test")
    parser.add_argument("--cache", type=Path, default=ROOT / "out" / "suggest_vectors.npz")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--plot", type=Path, default=ROOT / "data" / "suggest_curve.png")
    args = parser.parse_args()
    splits = load_splits(args.data)
    reports = {split: [examples([report]).examples for report in found] for split, found in splits.items()}
    data = {split: [e for report in found for e in report] for split, found in reports.items()}
    held = cached(args.cache, args.encoder, data, data_hash([r for found in splits.values() for r in found]))
    pool = Simulation(reports["train"], data[args.split], held["train"], held[args.split])
    _, ceiling = pool.learn(range(len(pool.texts)))
    curves = {way: np.array([pool.curve(way, seed) for seed in range(args.seeds)]) for way in WAYS}
    print(f"{args.split}, {len(pool.want)} paragraphs; {len(pool.texts)} to choose from; {args.seeds} seeds\n")
    print(table(curves, ceiling))
    title = f"choosing what to label, simulated: {args.split} split, {args.seeds} seeds"
    save_figure(picture(curves, ceiling, title), args.plot)


def _label(example: Example) -> str:
    return str(example.primary or "none")


if __name__ == "__main__":
    main()
