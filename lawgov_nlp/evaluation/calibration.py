"""How far probabilities can be trusted: temperature, expected calibration error, and what to leave to a human.

Throughout, `probabilities` is (N, K), rows summing to 1, `gold` is (N,), the index of the right class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FLOOR = 1e-7
"""Probabilities are kept above this, so that their logarithm is finite."""

_TEMPERATURES = np.geomspace(0.25, 8, 121)


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """A threshold of confidence, the share of cases at or above it, and the accuracy among those."""

    threshold: float
    coverage: float
    accuracy: float


def scale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """The probabilities as they were with their logits divided by `temperature`. Shape (N, K)."""
    logits = np.log(np.maximum(probabilities, FLOOR)) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, gold: np.ndarray) -> float:
    """The temperature under which the right classes are likeliest (Guo et al. 2017, arXiv 1706.04599).

    Searched on a grid between 1/4 and 8: with some hundred cases the optimum is flat, and a grid can't diverge.
    """
    if not len(gold):
        raise ValueError("no cases to fit a temperature on")
    losses = [negative_log_likelihood(scale(probabilities, t), gold) for t in _TEMPERATURES]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 3)


def negative_log_likelihood(probabilities: np.ndarray, gold: np.ndarray) -> float:
    """The mean of -log p of the right class."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(gold)), gold], FLOOR)).mean())


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """The mean distance between confidence and accuracy over bins that hold equally many cases.

    Equally many rather than equally wide: most confidences lie above 0.9, and wide bins below would hold a case or two.
    Shapes of `confidence` and `right`: (N,).
    """
    order = np.argsort(confidence, kind="stable")
    if not len(confidence):
        raise ValueError("no cases to measure calibration on")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(p) * abs(confidence[p].mean() - right[p].mean()) for p in parts) / len(order))


def risk_coverage(confidence: np.ndarray, right: np.ndarray) -> list[OperatingPoint]:
    """The points of the risk-coverage curve, from the surest case alone to all of them.

    Cases of equal confidence come or stay together. Shapes: (N,).
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
    """The point that accepts most while at least `accuracy` of what it accepts is right.

    It accepts at most `coverage` of the cases: a model that errs nowhere on them doesn't tell where its doubts begin.
    Where no point does, the surest cases alone.

    Raises:
        ValueError: There are no cases.
    """
    if not len(confidence):
        raise ValueError("no cases to choose a threshold on")
    points = risk_coverage(confidence, right)
    return next((p for p in reversed(points) if p.accuracy >= accuracy and p.coverage <= coverage), points[0])
