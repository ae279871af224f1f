"""Trust in probabilities: temperature, expected calibration error, and thresholds for human review.

Throughout, `probabilities` is (N, K) with rows that sum to 1, and `gold` is (N,), the index of the right class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FLOOR = 1e-7
"""The lower bound for probabilities, so that their logarithm is finite."""

_TEMPERATURES = np.geomspace(0.25, 8, 121)


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """A confidence threshold, the share of cases at or above it, and the accuracy among those cases."""

    threshold: float
    coverage: float
    accuracy: float


def scale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities that result if their logits are divided by `temperature`, (N, K)."""
    logits = np.log(np.maximum(probabilities, FLOOR)) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, gold: np.ndarray) -> float:
    """Return the temperature that maximises the likelihood of the right classes (Guo et al. 2017, arXiv 1706.04599).

    The search uses a grid between 1/4 and 8: with some hundred cases the optimum is flat, and a grid can't diverge.

    Raises:
        ValueError: There are no cases.
    """
    if not len(gold):
        raise ValueError("no cases to fit a temperature on")
    losses = [negative_log_likelihood(scale(probabilities, t), gold) for t in _TEMPERATURES]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 3)


def negative_log_likelihood(probabilities: np.ndarray, gold: np.ndarray) -> float:
    """Return the mean of -log p of the right class."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(gold)), gold], FLOOR)).mean())


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Return the mean distance between confidence and accuracy over bins with equally many cases.

    The bins hold equally many cases instead of being equally wide, because most confidences are above 0.9 and wide bins
    below that would hold only a case or two. Shapes of `confidence` and `right`: (N,).

    Raises:
        ValueError: There are no cases.
    """
    order = np.argsort(confidence, kind="stable")
    if not len(confidence):
        raise ValueError("no cases to measure calibration on")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(p) * abs(confidence[p].mean() - right[p].mean()) for p in parts) / len(order))


def risk_coverage(confidence: np.ndarray, right: np.ndarray) -> list[OperatingPoint]:
    """Return the points of the risk-coverage curve, from the surest case alone to all cases.

    Cases with equal confidence are accepted or rejected together. Shapes: (N,).
    """
    order = np.argsort(-confidence, kind="stable")
    confidence, correct = confidence[order], right[order].cumsum()
    last = np.append(confidence[:-1] > confidence[1:], True)
    return [
        OperatingPoint(
            threshold=float(confidence[k]), coverage=(k + 1) / len(order), accuracy=float(correct[k]) / (k + 1)
        )
        for k in np.flatnonzero(last)
    ]


def threshold_for(confidence: np.ndarray, right: np.ndarray, accuracy: float, coverage: float = 1.0) -> OperatingPoint:
    """Return the point with the highest coverage at which at least `accuracy` of the accepted cases are right.

    The coverage of the point is at most `coverage`, because a model without errors on these cases doesn't show where
    its doubts begin. If no point meets both conditions, return the point that accepts only the surest cases.

    Raises:
        ValueError: There are no cases.
    """
    if not len(confidence):
        raise ValueError("no cases to choose a threshold on")
    points = risk_coverage(confidence, right)
    return next((p for p in reversed(points) if p.accuracy >= accuracy and p.coverage <= coverage), points[0])
