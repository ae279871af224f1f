"""Adapt a tagger to another scheme: its new heads take over weights from the tagger that it starts from."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn

from lawgov_nlp.model.modeling import TaggerModel
from lawgov_nlp.scheme import Label, Scheme

_KEPT = ("encoder", "primary", "mentions", "tags")
"""The parts that a tagger keeps when it gets another way of reading names."""


def rehead(model: TaggerModel, scheme: Scheme) -> TaggerModel:
    """Return the tagger with heads for other labels.

    The row of a label starts as a copy of the row of the same label, or as the mean of the rows of the labels that it
    merges (`Scheme.sources`). Without such labels the row is freshly initialised. The row of `none` and everything else
    are kept.

    Args:
        model: The tagger to start from, float32; it isn't changed.
        scheme: The new labels.
    """
    config: Any = copy.deepcopy(model.config)
    config.dimensions = scheme.to_config()
    new = TaggerModel(config)
    nn.Module.to(new, model.device)
    own = new.state_dict()
    new.load_state_dict(
        {name: tensor if tensor.shape == own[name].shape else own[name] for name, tensor in model.state_dict().items()}
    )
    rows = source_rows(scheme, model.scheme)
    _take_over(new.primary, model.primary, [*rows, [len(model.scheme)]])
    _take_over(new.mentions, model.mentions, rows)
    heads = (tagger.topic if tagger.reader is None else tagger.reader.topic for tagger in (new, model))
    last, before = (cast(nn.Linear, head[-1]) for head in heads)
    _take_over(last, before, source_rows(scheme, model.scheme, topics=True))
    return new


def with_reader(model: TaggerModel, layers: int) -> TaggerModel:
    """Return the tagger with a fresh `ValueReader` instead of its pointer or reader; the encoder and other heads stay.

    The reader's layers start as copies of the encoder's uppermost ones.

    Args:
        model: The tagger to start from; it isn't changed.
        layers: The number of layers of the reader, fewer than the encoder has.

    Raises:
        ValueError: `layers` is less than 1, or the encoder has no more layers than that.
    """
    depth = model.encoder.config.num_hidden_layers
    if not 0 < layers < depth:
        raise ValueError(f"{layers} layers to read values with: expected fewer than the encoder's {depth}, at least 1")
    config: Any = copy.deepcopy(model.config)
    config.reader_layers, config.reader_from = layers, depth - layers
    new = TaggerModel(config)
    nn.Module.to(new, model.device)
    kept = {name: tensor for name, tensor in model.state_dict().items() if name.partition(".")[0] in _KEPT}
    new.load_state_dict(kept, strict=False)
    assert new.reader is not None
    new.reader.layers.take_over(new.encoder, config.reader_from)
    return new


def source_rows(new: Scheme, old: Scheme, *, topics: bool = False) -> list[list[int]]:
    """For each new label, return the indices of the old labels it derives from (may be empty).

    Args:
        new: The new labels.
        old: The old labels.
        topics: Whether to consider topics only; the indices then refer to the topics of both schemes.
    """
    found = []
    for label, of in zip(new.labels, new.sources, strict=True):
        if topics and not label.is_topic:
            continue
        known: Sequence[Label] = old.topics if topics else old.labels
        names = [label] if label in known else [d for d in of if d in known]
        found.append([known.index(name) for name in names])
    return found


def _take_over(new: nn.Linear, old: nn.Linear, rows: list[list[int]]) -> None:
    """Set each row to the mean of its source rows in `old`, or to fresh weights if it has no sources."""
    fresh = nn.Linear(new.in_features, new.out_features).to(new.weight)
    nn.init.normal_(fresh.weight, std=0.02)
    nn.init.zeros_(fresh.bias)
    with torch.no_grad():
        for row, places in enumerate(rows):
            for mine, theirs, start in ((new.weight, old.weight, fresh.weight), (new.bias, old.bias, fresh.bias)):
                mine[row] = theirs[places].mean(0) if places else start[row]
