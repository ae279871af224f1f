"""Scores as one self-contained HTML page with embedded plots."""

from __future__ import annotations

import base64
import io
import math

from jinja2 import Environment, PackageLoader, StrictUndefined

from lawgov_nlp.evaluation.figures import FIGURES, label_name, shown_intervals, support_line
from lawgov_nlp.evaluation.plots import calibration_plot, confusion_plot
from lawgov_nlp.evaluation.scores import Scores


def score_page(scores: Scores, revision: str, review_below: float) -> str:
    """Render the page: figures with intervals, scores per label, confusion matrix, calibration, and all differences.

    Raises:
        ImportError: matplotlib is missing.
    """
    environment = Environment(
        loader=PackageLoader("lawgov_nlp.results"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pictures = []
    intervals = shown_intervals(scores)
    if scores.confusion.sum():
        pictures.append(("混淆矩阵", confusion_plot(scores)))
    if len(scores.gold):
        pictures.append(("置信度", calibration_plot(scores, review_below)))
    return environment.get_template("scores.html.j2").render(
        revision=revision,
        support=support_line(scores),
        figures=[
            (FIGURES[name], value, intervals.get(name))
            for name, value in scores.figures.items()
            if not math.isnan(value)
        ],
        labels=[(label_name(label, scores.scheme), row) for label, row in scores.per_dimension.items()],
        pictures=[(title, _png(figure)) for title, figure in pictures],
        errors=scores.errors,
    )


def _png(figure) -> str:  # noqa: ANN001 - a matplotlib Figure; matplotlib is optional
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=140, metadata={"Software": None})
    return base64.b64encode(buffer.getvalue()).decode()
