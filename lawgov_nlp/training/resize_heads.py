"""A tagger for another scheme: what its heads take over from the tagger that it starts from."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn

from lawgov_nlp.model.modeling import TaggerModel
from lawgov_nlp.scheme import Label, Scheme

_KEPT = ("encoder", "primary", "mentions", "tags")
"""What a tagger keeps when it reads names in another way."""


def rehead(model: TaggerModel, scheme: Scheme) -> TaggerModel:
    """The tagger with heads for other labels.

    A label begins with the row of the label that it was, or with the mean of those that it takes in (`Scheme.sources`);
    without any such its row is fresh. "None" keeps its row, and so does all else.

    Args:
        model: The tagger to start from, float32; it stays as it is.
        scheme: The labels to have.
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
    """The tagger with a fresh `ValueReader` in place of its pointer or its reader; encoder and other heads are kept.

    The reader's layers begin as the encoder's uppermost ones.

    Args:
        model: The tagger to start from; it stays as it is.
        layers: Layers of the reader, fewer than the encoder's.

    Raises:
        ValueError: The encoder has no more layers than that.
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
    """For each label of a scheme its origins in an older one, as places there; none for a label without any.

    Args:
        new: The labels to be had.
        old: The labels that there are.
        topics: Places are among the topics of both, which are all that counts.
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
    """Each row the mean of those of `old`; fresh where there are none, whatever stood there."""
    fresh = nn.Linear(new.in_features, new.out_features).to(new.weight)
    nn.init.normal_(fresh.weight, std=0.02)
    nn.init.zeros_(fresh.bias)
    with torch.no_grad():
        for row, places in enumerate(rows):
            for mine, theirs, start in ((new.weight, old.weight, fresh.weight), (new.bias, old.bias, fresh.bias)):
                mine[row] = theirs[places].mean(0) if places else start[row]
