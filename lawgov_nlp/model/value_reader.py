"""The surroundings of each value, read a second time with the value marked: its name, and the topic of what it counts.

The encoder reads a paragraph once and does not know which of its values will be asked for. A pointer from the value's
state to the tokens (`TaggerModel.name_logits`) therefore knows the value and the tokens only as they are by themselves,
and in a list it takes the neighbour's name. Here the upper layers run once more for each value, over the tokens around
it. They start from the states of a lower layer, to which two things are added: what each token is (the value asked
for, another value, or text) and how far it is from the value. To mark a span for the encoder is the way of Baldini
Soares et al. (2019), "Matching the Blanks". All values of a paragraph share the lower layers, which keeps each cheap.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from transformers import BertConfig, PreTrainedModel
from transformers.models.bert.modeling_bert import BertLayer

from lawgov_nlp.model.windows import Batch

BEFORE, BEHIND = 64, 32
"""Tokens before and after a value that are read, some 100 and 50 characters. Of the 7,062 names in passages modelled on
real reports the farthest begins 52 characters before its value, and 99.5% begin within 24."""

REACH = 64
"""Tokens from a value beyond which its distance no longer counts."""

_TEXT, _VALUE, _OTHER = range(3)


@dataclass(frozen=True, kw_only=True)
class ValueReading:
    """What is read for N values in windows of T tokens.

    Attributes:
        starts: Logit of each token of the value's window to be the first of the name, (N, T); minus infinity where it
            can't be. `ends`: the same for the last.
        topics: Logits over the scheme's topics, (N, topics), when told the first and last token of each name, (N, 2).
    """

    starts: torch.Tensor
    ends: torch.Tensor
    topics: Callable[[torch.Tensor], torch.Tensor]


class ReaderLayers(nn.Module):
    """The layers alone, of BERT's form whatever the encoder's is; what a backend converts.

    Args:
        hidden: Width of the encoder's states.
        heads: Attention heads; `inner`: width of the feed-forward part.
        layers: How many.
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
        """The states after all layers.

        Args:
            states: (N, S, hidden).
            seen: 1 for the tokens that are there and 0 for padding, (N, S), of the states' type.
        """
        if not len(states):
            return states
        mask = (1 - seen[:, None, None, :]) * torch.finfo(states.dtype).min
        for layer in self.layer:
            out = layer(states, attention_mask=mask)
            states = out[0] if isinstance(out, tuple) else out
        return states

    def take_over(self, encoder: PreTrainedModel, first: int) -> bool:
        """Begin with the weights of the encoder's own layers from number `first` on, where these are of the same form.

        Returns:
            Whether they are.
        """
        theirs = getattr(getattr(encoder, "encoder", None), "layer", None)
        if theirs is None or len(theirs) < first + len(self.layer):
            return False
        for own, other in zip(self.layer, theirs[first:], strict=False):
            weights = other.state_dict()
            if {n: t.shape for n, t in weights.items()} != {n: t.shape for n, t in own.state_dict().items()}:
                return False
            own.load_state_dict(copy.deepcopy(weights))
        return True


class ValueReader(nn.Module):
    """Reads each value's surroundings, and gives name and topic.

    Attributes:
        precision: What the layers compute in; the rest is float32.

    Args:
        hidden: As for `ReaderLayers`, and so `heads`, `inner` and `layers`.
        topics: How many topics there are.
        dropout: In front of the heads.
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
        """Read some values.

        Args:
            lower: The states that the layers start from, (W, T, hidden).
            batch: The batch that they belong to.
            values: For each value its window, first and last token, (N, 3).
            beside: All values of these windows, those that are read among them, in the same form.
        """
        tokens, seen = _surroundings(batch, values)
        window, first, last = values.unbind(1)
        own = (tokens >= first[:, None]) & (tokens <= last[:, None]) & seen
        other = _covered(batch, beside)[window[:, None], tokens] & seen & ~own
        role = torch.where(own, _VALUE, torch.where(other, _OTHER, _TEXT))
        away = torch.where(tokens > last[:, None], tokens - last[:, None], (tokens - first[:, None]).clamp(max=0))
        away = away.clamp(-REACH, REACH) + REACH
        away[:, 0] = 2 * REACH + 1  # the token that stands for the whole window is at no distance
        away = away.masked_fill(~seen, 2 * REACH + 2)
        states = lower[window[:, None], tokens] + self.role(role) + self.distance(away)
        with torch.autocast(states.device.type, self.precision, enabled=self.precision is not torch.float32):
            states = self.layers(states, seen.to(states.dtype))
        if isinstance(states, tuple):  # from a backend that gives all outputs of what it converted
            (states,) = states
        states = self.dropout(states.float())
        inside = seen.clone()
        inside[:, 0] = False
        logits = self.span(states).masked_fill(~inside[..., None], float("-inf"))
        everywhere = logits.new_full((*batch.input_ids[window].shape, 2), float("-inf"))
        # padding repeats the first slot, whose logits are minus infinity, too
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
    """The tokens that are read for each value, the window's first in front, and which of these places are no padding.

    Returns:
        Token numbers within the window, (N, S), 0 where there is padding, and whether there is none, (N, S).
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
    """Which tokens of each window belong to a value, (W, T)."""
    windows, length = batch.input_ids.shape
    steps = values.new_zeros(windows, length + 1)
    one = torch.ones_like(values[:, 0])
    steps.index_put_((values[:, 0], values[:, 1]), one, accumulate=True)
    steps.index_put_((values[:, 0], values[:, 2] + 1), -one, accumulate=True)
    return steps.cumsum(1)[:, :length] > 0


def _mean(states: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """The mean of the states at the places that are true, (N, hidden); zero where none is."""
    weight = where.unsqueeze(-1).to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1).clamp(min=1)
