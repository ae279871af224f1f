"""How a tagger is trained, in one place."""

from __future__ import annotations

from dataclasses import dataclass

PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train; what the shipped model was trained with is in its `training.json`.

    Attributes:
        epochs: Passes over the training reports.
        rate: Peak learning rate of the encoder and of the layers that read values; `head_rate` that of the heads, which
            start from nothing.
        batch_tokens: Tokens in a batch, padding included.
        dropout: In the heads. The encoder has none: on a CPU it costs a quarter of the time, and with so few passes
            it changes little.
        heading_dropout: Share of paragraphs that lose their heading path in a pass, so that reports without
            headings are read too.
        heading_swap: Share of paragraphs about work done, without numbers, that are put under the section heading of
            another report's plans in a pass, and are plans there: the heading decides even where the text forgets
            the future tense (codebook, section 2, rule 1), and reports that write so are rarer than they are in life.
            With other labels only where one stands for plans alone.
        half_width: Share of paragraphs that are read with half-width punctuation in a pass; `digits`: that get other
            figures of the same length in their values; `misreading`: some look-alike characters (`training.augment`).
        precision: Of the model's passes in training: `float32`, `bfloat16`, or `auto`, which takes bfloat16 where the
            GPU or CPU computes in it (two cores with AVX-512 BF16 need 0.6 of the time). Weights, losses, and the heads
            that tie names and tell topics are float32 always.
        replay: Paragraphs of the replayed reports in a pass for each one of the new reports, drawn anew each time.
        values: The most values of a paragraph that are tied to names in a pass, drawn anew each time. Each is a pass
            through the `ValueReader`'s layers, and a list of ten teaches little more than four of them.
        replay_weight: What a replayed paragraph counts in the loss; a new one counts 1.
        patience: Passes in a row that may be no better on dev before training stops; 0 never stops.
        seed: Of order, variation, dropout and the heads' first weights.
    """

    epochs: int = 10
    rate: float = 1e-4
    head_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.1
    batch_tokens: int = 2560
    dropout: float = 0.2
    heading_dropout: float = 0.05
    heading_swap: float = 0.05
    half_width: float = 0.1
    digits: float = 0.5
    misreading: float = 0.1
    precision: str = "auto"
    replay: float = 1.0
    replay_weight: float = 1.0
    values: int = 4
    patience: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs must be at least 1, got {self.epochs}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"unknown precision {self.precision!r}; expected one of {', '.join(PRECISIONS)}")
        if self.values < 1:
            raise ValueError(f"values must be at least 1, got {self.values}")
        if min(self.replay, self.replay_weight, self.patience) < 0:
            raise ValueError("replay, replay_weight and patience can't be negative")


RETRAIN = TrainConfig(epochs=5, rate=5e-5, head_rate=2e-4)
"""For going on from a tagger with a few reports: it has most of it already, and shall not forget it."""
