"""Which parts of a tagger learn: what nobody coded stays exactly as it is in the base."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from lawgov_nlp.annotation.examples import Example

ALL, LABELS, INDICATORS = "all", "labels", "indicators"

FEW_INDICATORS = 50
"""With fewer coded indicators, values, names and topics stay those of the base. So few can't teach anything about them,
and 20 paragraphs with labels alone moved whole indicators by two points on reports that nobody had asked about."""

_LABEL_HEADS = ("primary", "mentions")


def parts_to_learn(data: Sequence[Example]) -> str:
    """Return which parts the coding of these examples can teach: `all`, `labels` or `indicators`."""
    if not any(e.labels_coded for e in data):
        return INDICATORS
    return LABELS if sum(len(e.indicators) for e in data) < FEW_INDICATORS else ALL


def freeze(model: nn.Module, learn: str) -> None:
    """Let only one part of a tagger learn.

    With `labels` these are the heads of the labels, with `indicators` the heads of values, names and topics. The
    encoder serves both, so that it stays as it is, too; what isn't learned is then the same to the bit.
    """
    for name, parameter in model.named_parameters():
        of_labels = name.partition(".")[0] in _LABEL_HEADS
        other = not of_labels and not name.startswith("encoder.")
        parameter.requires_grad_({ALL: True, LABELS: of_labels, INDICATORS: other}[learn])
