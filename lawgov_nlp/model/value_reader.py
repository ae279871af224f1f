"""Read the context of each value a second time, with the value marked, to find its name and its topic.

The encoder reads a paragraph once and does not know which of its values is in question. A pointer from the value's
state to the tokens (`TaggerModel.name_logits`) therefore sees states that don't depend on the value in question, and
in a list it often takes the name of a neighbouring value. This module runs the upper layers once more for each value,
over the tokens around it. The layers start from the states of a lower layer, to which two embeddings are added: the
role of each token (the value in question, another value, or text) and its distance from the value. Marking a span for
the encoder follows Baldini Soares et al. (2019), "Matching the Blanks". All values of a paragraph share the lower
layers, so that the cost per value is low.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from transformers import BertConfig, PreTrainedModel
from transformers.models.bert.modeling_bert import BertLayer

from lawgov_nlp.model.outputs import BEFORE, BEHIND, MASKED, REACH, ROLES
from lawgov_nlp.model.windows import Batch

_TEXT, _VALUE, _OTHER = range(len(ROLES))


@dataclass(frozen=True, kw_only=True)
class ValueReading:
    """The logits for N values in windows of T tokens.

    Attributes:
        starts: The logit of each token of the value's window to be the first of the name, (N, T); minus infinity for
            tokens that can't be.
        ends: The same for the last token of the name, (N, T).
        topics: A function from the first and last token of each name, (N, 2), to logits over the scheme's topics,
            (N, topics).
    """

    starts: torch.Tensor
    ends: torch.Tensor
    topics: Callable[[torch.Tensor], torch.Tensor]


class ReaderLayers(nn.Module):
    """The layers of the `ValueReader`, which a backend may convert. They are BERT layers for every encoder.

    Args:
        hidden: The width of the encoder's states.
        heads: The number of attention heads.
        inner: The width of the feed-forward part.
        layers: The number of layers.
    """

    def __init__(self, hidden: int, heads: int, inner: int, layers: int) -> None:
        super().__init__()
        config = BertConfig(
            hidden_size=hidden,
            num_attention_heads=heads,
            intermediate_size=inner,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        config._attn_implementation = "sdpa"
        self.layer = nn.ModuleList(BertLayer(config) for _ in range(layers))

    def forward(self, states: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Return the states after all layers, (N, S, hidden).

        Args:
            states: The states before the first layer, (N, S, hidden).
            seen: 1 for tokens and 0 for padding, (N, S), of the same type as the states.
        """
        if not len(states):
            return states
        mask = (1 - seen[:, None, None, :]) * MASKED
        for layer in self.layer:
            out = layer(states, attention_mask=mask)
            states = out[0] if isinstance(out, tuple) else out
        return states

    def take_over(self, encoder: PreTrainedModel, first: int) -> bool:
        """Copy the weights of the encoder's layers from number `first` on, if all of them have the same shapes.

        Returns:
            Whether the weights were copied: those of all layers or of none.
        """
        theirs = getattr(getattr(encoder, "encoder", None), "layer", None)
        if theirs is None or len(theirs) < first + len(self.layer):
            return False
        pairs = [*zip(self.layer, theirs[first:], strict=False)]
        if any(_shapes(own) != _shapes(other) for own, other in pairs):
            return False
        for own, other in pairs:
            own.load_state_dict(copy.deepcopy(other.state_dict()))
        return True


def _shapes(layer: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in layer.state_dict().items()}


class ValueReader(nn.Module):
    """Reads the context of each value and predicts its name and topic.

    Attributes:
        precision: The type in which the layers compute; the rest is float32.

    Args:
        hidden: As for `ReaderLayers`.
        heads: As for `ReaderLayers`.
        inner: As for `ReaderLayers`.
        layers: As for `ReaderLayers`.
        topics: The number of topics.
        dropout: The dropout probability before the heads.
    """

    def __init__(self, hidden: int, heads: int, inner: int, layers: int, topics: int, dropout: float) -> None:
        super().__init__()
        self.precision = torch.float32
        self.layers = ReaderLayers(hidden, heads, inner, layers)
        self.role = nn.Embedding(3, hidden)
        self.distance = nn.Embedding(2 * REACH + 3, hidden)
        self.dropout = nn.Dropout(dropout)
        self.span = nn.Linear(hidden, 2)
        self.topic = nn.Sequential(nn.Linear(4 * hidden, hidden), nn.GELU(), nn.Linear(hidden, topics))

    def forward(self, lower: torch.Tensor, batch: Batch, values: torch.Tensor, beside: torch.Tensor) -> ValueReading:
        """Find the names and topics of some values.

        Args:
            lower: The states that the layers start from, (W, T, hidden).
            batch: The batch of these states.
            values: For each value its window, first and last token, (N, 3).
            beside: All values of these windows, including `values`, in the same form.

        Returns:
            The logits of names and topics.
        """
        tokens, seen = _surroundings(batch, values)
        window, first, last = values.unbind(1)
        own = (tokens >= first[:, None]) & (tokens <= last[:, None]) & seen
        other = _covered(batch, beside)[window[:, None], tokens] & seen & ~own
        role = torch.where(own, _VALUE, torch.where(other, _OTHER, _TEXT))
        away = torch.where(tokens > last[:, None], tokens - last[:, None], (tokens - first[:, None]).clamp(max=0))
        away = away.clamp(-REACH, REACH) + REACH
        away[:, 0] = 2 * REACH + 1  # The first slot stands for the whole window and has no distance.
        away = away.masked_fill(~seen, 2 * REACH + 2)
        states = lower[window[:, None], tokens] + self.role(role) + self.distance(away)
        with torch.autocast(states.device.type, self.precision, enabled=self.precision is not torch.float32):
            states = self.layers(states, seen.to(states.dtype))
        if isinstance(states, tuple):  # A backend returns all outputs of a converted part.
            (states,) = states
        states = self.dropout(states.float())
        inside = seen.clone()
        inside[:, 0] = False
        logits = self.span(states).masked_fill(~inside[..., None], float("-inf"))
        everywhere = logits.new_full((*batch.input_ids[window].shape, 2), float("-inf"))
        # Padding points to the first slot, whose logits are minus infinity as well.
        everywhere = everywhere.scatter(1, tokens[..., None].expand_as(logits), logits)

        def topics(names: torch.Tensor) -> torch.Tensor:
            named = (tokens >= names[:, :1]) & (tokens <= names[:, 1:]) & inside
            parts = [
                states[:, 0],
                _mean(states, own),
                _mean(states, named),
                _mean(states, named & (tokens == names[:, 1:])),
            ]
            return self.topic(torch.cat(parts, dim=1))

        return ValueReading(starts=everywhere[..., 0], ends=everywhere[..., 1], topics=topics)


def _surroundings(batch: Batch, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Select the tokens that are read for each value. The window's first token always comes first.

    Returns:
        The token numbers within the window, (N, S), with 0 for padding; and a mask that is true except for padding,
        (N, S).
    """
    window, first, last = values.unbind(1)
    begin = batch.body_mask.int().argmax(1)
    end = begin + batch.body_mask.sum(1)
    start = torch.maximum(begin[window], first - BEFORE)
    stop = torch.minimum(end[window], last + 1 + BEHIND)
    length = int((stop - start).max()) if len(values) else 0
    place = torch.arange(length, device=values.device)
    tokens = start[:, None] + place
    seen = tokens < stop[:, None]
    front = torch.zeros_like(tokens[:, :1]) if length else tokens.new_zeros(len(values), 1)
    tokens = torch.cat([front, tokens.masked_fill(~seen, 0)], dim=1)
    return tokens, torch.cat([torch.ones_like(front, dtype=torch.bool), seen], dim=1)


def _covered(batch: Batch, values: torch.Tensor) -> torch.Tensor:
    """Return a mask of the tokens in each window that belong to a value, (W, T)."""
    windows, length = batch.input_ids.shape
    steps = values.new_zeros(windows, length + 1)
    one = torch.ones_like(values[:, 0])
    steps.index_put_((values[:, 0], values[:, 1]), one, accumulate=True)
    steps.index_put_((values[:, 0], values[:, 2] + 1), -one, accumulate=True)
    return steps.cumsum(1)[:, :length] > 0


def _mean(states: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Return the mean of the states where the mask is true, (N, hidden), or zero if it is true nowhere."""
    weight = where.unsqueeze(-1).to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1).clamp(min=1)
