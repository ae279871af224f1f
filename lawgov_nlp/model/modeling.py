"""The tagger: one encoder of the BERT family, a paragraph head and an indicator head.

The paragraph head predicts the primary dimension (or none) and, independently, which dimensions are among the
paragraph's labels. The indicator head labels tokens as VALUE or NAME. The label NAME only keeps names from being taken
for values and helps to train the encoder. The `ValueReader` finds the name of each value and the topic of what the
value counts. In models without a `ValueReader`, a pointer from the value's states does this.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_MAPPING

from lawgov_nlp.model import TAGS
from lawgov_nlp.model.config import TaggerConfig, encoder_config
from lawgov_nlp.model.outputs import POINTER_CLAUSES as CLAUSES
from lawgov_nlp.model.outputs import POINTER_REACH as REACH
from lawgov_nlp.model.value_reader import ValueReader, ValueReading
from lawgov_nlp.model.windows import Batch, States

WINDOWS_AT_ONCE = 64
"""The most windows in one pass of the encoder, so that a paragraph as long as a book doesn't exhaust the memory."""


@dataclass(frozen=True, kw_only=True)
class TaggerOutput:
    """The output of one pass over W windows with T tokens each, from P paragraphs.

    Attributes:
        primary: Logits of the primary dimension, (P, dimensions + 1); the last one stands for no dimension.
        mentions: For each dimension, the logit that it is among the labels, (P, dimensions).
        tags: Logits of the token labels, (W, T, tags).
        states: The encoder's states.
        paragraph: The input of the paragraph head, (P, 3 * hidden): the state of `<s>` and the means over the headings
            and over the paragraph.
    """

    primary: torch.Tensor
    mentions: torch.Tensor
    tags: torch.Tensor
    states: States
    paragraph: torch.Tensor


def build_encoder(config: PretrainedConfig) -> PreTrainedModel:
    """Build an encoder with new weights, of any architecture in transformers.

    Raises:
        ValueError: transformers has no encoder for this configuration.
    """
    if type(config) not in MODEL_MAPPING:
        raise ValueError(f"transformers has no encoder for model_type {config.model_type!r}")
    architecture: Any = MODEL_MAPPING[type(config)]
    # A pooler would add weights that are never trained.
    return architecture(config, **without_pooler(architecture))


def without_pooler(architecture: type[PreTrainedModel]) -> dict[str, bool]:
    """Return the argument that leaves out the pooler of an architecture, or no argument if it has no pooler."""
    return {"add_pooling_layer": False} if "add_pooling_layer" in inspect.signature(architecture).parameters else {}


class TaggerModel(PreTrainedModel):
    """Encoder and heads. It is saved and loaded like any Hugging Face model, in safetensors only."""

    config_class = TaggerConfig
    base_model_prefix = "encoder"

    def __init__(self, config: TaggerConfig) -> None:
        super().__init__(config)
        self.scheme = config.scheme
        self.encoder = build_encoder(encoder_config(config.encoder))
        # XLM-R has only one segment; there the `</s>` between heading and paragraph separates them.
        self.segments = getattr(self.encoder.config, "type_vocab_size", 0) > 1
        hidden, size = self.encoder.config.hidden_size, config.pointer_size
        self.dropout = nn.Dropout(config.dropout)
        self.primary = nn.Linear(3 * hidden, len(self.scheme) + 1)
        self.mentions = nn.Linear(3 * hidden, len(self.scheme))
        self.tags = nn.Linear(hidden, len(TAGS))
        topics = len(self.scheme.topics)
        self.reader: ValueReader | None = None
        if config.reader_layers:
            own = self.encoder.config
            inner = getattr(own, "intermediate_size", 4 * hidden)
            heads, layers = own.num_attention_heads, config.reader_layers
            self.reader = ValueReader(hidden, heads, inner, layers, topics, config.dropout)
        else:
            self.query = nn.Linear(2 * hidden, 2 * size)
            self.key = nn.Linear(hidden, 2 * size)
            self.distance = nn.Embedding(2 * REACH + 1, 2)
            self.clauses = nn.Embedding(2 * CLAUSES + 1, 2)
            self.topic = nn.Sequential(nn.Linear(5 * hidden, hidden), nn.GELU(), nn.Linear(hidden, topics))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if self.reader is None and module in (self.distance, self.clauses):
            # At first the pointer prefers the nearest tokens in the same clause; training starts from there.
            far = module.num_embeddings // 2
            step = 0.05 if module is self.distance else 1.0
            nn.init.zeros_(module.weight)
            module.weight.data -= step * (torch.arange(module.num_embeddings) - far).abs()[:, None].to(module.weight)
        elif isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)

    def forward(self, batch: Batch) -> TaggerOutput:
        """Encode a batch and apply the heads to it."""
        return self.heads(self.encode(batch), batch)

    def encode(self, batch: Batch) -> States:
        """Return the encoder's states for a batch."""
        parts = (t.split(WINDOWS_AT_ONCE) for t in (batch.input_ids, batch.attention_mask, batch.token_type_ids))
        layers = zip(*(self.encode_tensors(*some) for some in zip(*parts, strict=True)), strict=True)
        return States(*map(torch.cat, layers))

    def encode_tensors(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """Return the fields of `States` that aren't None, as a tuple, for the tensors of some windows as in `Batch`."""
        segments = {"token_type_ids": token_type_ids} if self.segments else {}
        lower = self.reader is not None
        output = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=lower, **segments
        )
        if not lower:
            return (output.last_hidden_state,)
        return output.last_hidden_state, output.hidden_states[self.config.reader_from]

    def heads(self, states: States, batch: Batch) -> TaggerOutput:
        """Apply the paragraph head and the token labels to the states of a batch."""
        last = self.dropout(states.last)
        paragraph = self._pool(last, batch)
        return TaggerOutput(
            primary=self.primary(paragraph),
            mentions=self.mentions(paragraph),
            tags=self.tags(last),
            states=States(last, states.lower),
            paragraph=paragraph,
        )

    def _pool(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return the vector that the paragraph head reads for each paragraph, (P, 3 * hidden).

        It joins the state of `<s>`, the mean over the headings and the mean over the paragraph, averaged over the
        paragraph's windows and weighted by their length. The headings have a part of their own because the codebook
        puts function before topic: under a heading of plans a paragraph is a plan, whatever its subject is.
        """
        body = batch.body_mask.unsqueeze(-1).to(states.dtype)
        path = ((batch.attention_mask == 1) & (batch.token_type_ids == 0)).unsqueeze(-1).to(states.dtype)
        count = body.sum(1)
        headings = (states * path).sum(1) / path.sum(1)
        sums = torch.cat([states[:, 0] * count, headings * count, (states * body).sum(1)], dim=1)
        paragraphs = int(batch.paragraph.max()) + 1
        total = sums.new_zeros(paragraphs, sums.shape[1]).index_add(0, batch.paragraph, sums)
        counts = count.new_zeros(paragraphs, 1).index_add(0, batch.paragraph, count)
        return total / counts.clamp(min=1)

    def read_values(self, states: States, batch: Batch, values: torch.Tensor, beside: torch.Tensor) -> ValueReading:
        """Find the name and the topic of some values.

        Args:
            states: The encoder's states for the batch.
            batch: The batch.
            values: For each value its window, first and last token, (N, 3).
            beside: All values of these windows, in the same form; the `ValueReader` uses them to find the names.

        Returns:
            The logits of names and topics.
        """
        if self.reader is not None:
            assert states.lower is not None  # `encode` returns it in models with a reader.
            return self.reader(states.lower, batch, values, beside)
        starts, ends = self.name_logits(states.last, batch, values)
        return ValueReading(
            starts=starts, ends=ends, topics=lambda names: self.topic_logits(states.last, values, names)
        )

    def name_logits(
        self, states: torch.Tensor, batch: Batch, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits for the first and the last token of each value's name.

        Args:
            states: The states after the encoder's last layer, (W, T, hidden).
            batch: The batch of these states.
            values: For each value its window, first and last token, (N, 3).

        Returns:
            The logits of the first and of the last token, (N, T) each. They are minus infinity outside the paragraph.
        """
        window, first, last = values.unbind(1)
        query = self.query(torch.cat([states[window, first], states[window, last]], dim=1))
        own, place = window.unique(return_inverse=True)  # Many windows hold no value.
        key = self.key(states[own])[place]
        at = torch.arange(states.shape[1], device=states.device)
        after = at > last[:, None]  # Distance is from the value's nearer end, 0 inside it.
        distance = torch.where(after, at - last[:, None], (at - first[:, None]).clamp(max=0)).clamp(-REACH, REACH)
        clause = batch.clause[window]
        clauses = (clause - clause.gather(1, first[:, None])).clamp(-CLAUSES, CLAUSES)
        bias = self.distance(distance + REACH) + self.clauses(clauses + CLAUSES)
        logits = torch.stack(
            [
                torch.einsum("nd,ntd->nt", q, k) / q.shape[1] ** 0.5 + b
                for q, k, b in zip(query.chunk(2, 1), key.chunk(2, 2), bias.unbind(2), strict=True)
            ]
        ).masked_fill(~batch.body_mask[window], float("-inf"))
        return logits[0], logits[1]

    def topic_logits(self, states: torch.Tensor, values: torch.Tensor, names: torch.Tensor) -> torch.Tensor:
        """Return logits over the scheme's topics for what each value counts, (N, topics).

        Args:
            states: The states after the encoder's last layer, (W, T, hidden).
            values: The window, first and last token of each value, (N, 3).
            names: The first and last token of each value's name in the same window, (N, 2).
        """
        window, first, last = values.unbind(1)
        start, end = names.unbind(1)
        spans = [states[window, at] for at in (first, last, start, end)]
        return self.topic(torch.cat([*spans, states[window, 0]], dim=1))
