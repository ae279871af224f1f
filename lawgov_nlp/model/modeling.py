"""The tagger: one encoder of the BERT family, a paragraph head and an indicator head.

The paragraph head gives the primary dimension (or none) and, independently, which dimensions are among the
paragraph's labels. The indicator head labels tokens as VALUE or NAME; the label NAME only keeps names from being taken
for values, and teaches the encoder. Which name a value has, and the topic of what it counts, is read by the
`ValueReader`, or in models without one told by a pointer from the value's states.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_MAPPING

from lawgov_nlp.model.config import TaggerConfig, encoder_config
from lawgov_nlp.model.value_reader import ValueReader, ValueReading
from lawgov_nlp.model.windows import Batch, States

TAGS = ("O", "B-VALUE", "I-VALUE", "B-NAME", "I-NAME")
REACH = 48
CLAUSES = 8
"""Tokens and clauses from a value beyond which the pointer's bias no longer changes."""

WINDOWS_AT_ONCE = 64
"""Windows in one pass of the encoder; a paragraph of a whole book must not exhaust the memory."""


@dataclass(frozen=True, kw_only=True)
class TaggerOutput:
    """What one pass gives for W windows of P paragraphs with T tokens.

    *Shapes:* `primary` (P, dimensions + 1), none last; `mentions` (P, dimensions), one logit for each dimension
    being among the labels; `tags` (W, T, tags); `states`, the encoder's; `paragraph` (P, 3 * hidden), what the
    paragraph head reads: the states of `<s>`, headings and paragraph, averaged.
    """

    primary: torch.Tensor
    mentions: torch.Tensor
    tags: torch.Tensor
    states: States
    paragraph: torch.Tensor


def build_encoder(config: PretrainedConfig) -> PreTrainedModel:
    """An encoder with fresh weights, of whatever architecture transformers knows.

    Raises:
        ValueError: transformers knows none for this configuration.
    """
    if type(config) not in MODEL_MAPPING:
        raise ValueError(f"transformers has no encoder for model_type {config.model_type!r}")
    architecture: Any = MODEL_MAPPING[type(config)]
    # a pooler would be weights that nothing trains
    return architecture(config, **without_pooler(architecture))


def without_pooler(architecture: type[PreTrainedModel]) -> dict[str, bool]:
    """The argument that leaves the pooler of an architecture out, where it has one."""
    return {"add_pooling_layer": False} if "add_pooling_layer" in inspect.signature(architecture).parameters else {}


class TaggerModel(PreTrainedModel):
    """Encoder and heads; saved and loaded like every Hugging Face model, safetensors only."""

    config_class = TaggerConfig
    base_model_prefix = "encoder"

    def __init__(self, config: TaggerConfig) -> None:
        super().__init__(config)
        self.scheme = config.scheme
        self.encoder = build_encoder(encoder_config(config.encoder))
        # XLM-R has one segment only: there the `</s>` between them tells heading from paragraph
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
            # The pointer begins as "the nearest, in the same clause" and learns from there.
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
        """The encoder's states of a batch."""
        parts = (t.split(WINDOWS_AT_ONCE) for t in (batch.input_ids, batch.attention_mask, batch.token_type_ids))
        layers = zip(*(self.encode_tensors(*some) for some in zip(*parts, strict=True)), strict=True)
        return States(*map(torch.cat, layers))

    def encode_tensors(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """`States` as a tuple, without what isn't there, for the tensors of some windows, as in `Batch`."""
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
        """`<s>`, mean of the headings, mean of the paragraph, over all its windows by length. Shape (P, 3 * hidden).

        The headings count apart because the codebook puts function before topic: under a heading of plans a
        paragraph is a plan, whatever its own words are about.
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
        """Name and topic of some values.

        Args:
            states: The encoder's, of the batch.
            batch: The batch.
            values: For each value its window, first and last token, (N, 3).
            beside: All values of these windows, in the same form; names are told with an eye on them.
        """
        if self.reader is not None:
            assert states.lower is not None  # `encode` gives it where there is a reader
            return self.reader(states.lower, batch, values, beside)
        starts, ends = self.name_logits(states.last, batch, values)
        return ValueReading(
            starts=starts, ends=ends, topics=lambda names: self.topic_logits(states.last, values, names)
        )

    def name_logits(
        self, states: torch.Tensor, batch: Batch, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Where the name of each value begins and ends.

        Args:
            states: The encoder's last layer, (W, T, hidden).
            batch: The batch that they belong to.
            values: For each value its window, first and last token, (N, 3).

        Returns:
            Logits of the name's first and of its last token, (N, T) each; minus infinity outside the paragraph.
        """
        window, first, last = values.unbind(1)
        query = self.query(torch.cat([states[window, first], states[window, last]], dim=1))
        own, place = window.unique(return_inverse=True)  # many windows hold no value
        key = self.key(states[own])[place]
        at = torch.arange(states.shape[1], device=states.device)
        after = at > last[:, None]  # distance counts from the value's nearer end; tokens inside it are at 0
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
        """The topic of what each value counts: logits over the scheme's topics, (N, topics).

        Args:
            states: The encoder's last layer, (W, T, hidden).
            values: Window, first and last token of each value, (N, 3).
            names: First and last token of its name in the same window, (N, 2).
        """
        window, first, last = values.unbind(1)
        start, end = names.unbind(1)
        spans = [states[window, at] for at in (first, last, start, end)]
        return self.topic(torch.cat([*spans, states[window, 0]], dim=1))
