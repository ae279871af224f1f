"""Plots of scores: confusion matrix, calibration, and the effect of abstaining. Inference never imports this module.

Needs matplotlib (`pip install "lawgov-nlp[train]"`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lawgov_nlp.evaluation.calibration import risk_coverage
from lawgov_nlp.evaluation.scores import Scores
from lawgov_nlp.paths import check_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 10


def confusion_plot(scores: Scores) -> Figure:
    """Plot the confusion matrix of the primary label.

    Rows are coded labels, columns are tagged ones. Each cell is shaded by its share of the row.
    """
    missing = scores.confusion[:, -1].any()
    counts = scores.confusion if missing else scores.confusion[:, :-1]
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure = _figure(6.4, 5.2)
    axis = figure.subplots()
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axis.set_xticks(range(counts.shape[1]), [*scores.labels, "not read"][: counts.shape[1]], rotation=40, ha="right")
    axis.set_yticks(range(len(scores.labels)), scores.labels)
    axis.set_xlabel("tagged")
    axis.set_ylabel("coded")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.55 else "black"
            axis.text(column, row, f"{count:.0f}", ha="center", va="center", color=colour, fontsize=9)
    axis.spines[:].set_visible(False)
    return figure


def calibration_plot(scores: Scores, review_below: float | None = None) -> Figure:
    """Plot the calibration of the primary label.

    The left plot shows accuracy by confidence, in bins of equally many paragraphs. The right plot shows the share of
    errors among the accepted paragraphs, the surest first.

    Args:
        scores: Scores with at least one paragraph that was read as one.
        review_below: The confidence below which a paragraph is marked for review; it is shown on the right.

    Raises:
        ValueError: No paragraph was read as one.
    """
    if not len(scores.gold):
        raise ValueError("no paragraph was read as one, so there is no confidence to plot")
    figure = _figure(9.2, 4.0)
    left, right = figure.subplots(1, 2)
    _reliability(left, scores)
    points = risk_coverage(scores.confidence, scores.right)
    right.plot([p.coverage for p in points], [1 - p.accuracy for p in points], color="#4c78a8")
    right.set(xlim=(0, 1.02), ylim=(0, None), xlabel="share of the paragraphs accepted, the surest first")
    right.set_title("wrong primary labels among the accepted", loc="left", fontsize=11)
    if review_below is not None and (accepted := [p for p in points if p.threshold >= review_below]):
        point = accepted[-1]
        right.plot(point.coverage, 1 - point.accuracy, "o", color="#b5443c")
        right.annotate(
            f"needs_review below {review_below:.2f}:\n{point.coverage:.0%} accepted, {1 - point.accuracy:.1%} wrong",
            (point.coverage, 1 - point.accuracy), (-14, 26), textcoords="offset points", ha="right", fontsize=9,
            arrowprops={"arrowstyle": "-", "color": "#b5443c"},
        )  # fmt: skip
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; equal figures give equal bytes."""
    check_path(path, "path")
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _reliability(axis: Axes, scores: Scores) -> None:
    order = np.argsort(scores.confidence, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    said = [scores.confidence[p].mean() for p in parts]
    right = [scores.right[p].mean() for p in parts]
    low = min(*said, *right) - 0.05 if len(parts) > 1 else 0.0
    axis.plot([low, 1], [low, 1], color="#999999", linewidth=1, linestyle="--")
    axis.plot(said, right, "o-", color="#4c78a8")
    axis.set(
        xlim=(low, 1.01), ylim=(low, 1.01), xlabel=f"mean confidence of a tenth (error {scores.calibration_error:.3f})"
    )
    axis.set_title("right primary labels", loc="left", fontsize=11)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")  # pyplot would keep every figure in memory
