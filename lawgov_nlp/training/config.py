"""All settings for training a tagger."""

from __future__ import annotations

from dataclasses import dataclass

PRECISIONS = ("auto", "float32", "bfloat16")
LEARN = ("auto", "all", "labels", "indicators")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train a tagger. The settings of the shipped model are in its `training.json`.

    Attributes:
        epochs: The number of passes over the training reports.
        rate: The peak learning rate of the encoder and of the layers that read values; `head_rate` is that of the
            heads, which start from random weights.
        weight_decay: The weight decay of matrices; biases and norms have none.
        warmup: The share of the steps in which the learning rate rises.
        batch_tokens: The number of tokens in a batch, padding included.
        dropout: The dropout rate in the heads. The encoder has no dropout: on a CPU it costs a quarter of the time, and
            with so few passes it changes little.
        heading_dropout: The share of paragraphs that lose their heading path in a pass, so that the model can also read
            reports without headings. Plans that only the heading shows to be plans keep it.
        heading_swap: The share of paragraphs about finished work, without numbers, that are put under the plans heading
            of another report in a pass and get the label for plans. The heading decides even if the text lacks the
            future tense (codebook, section 2, rule 1), and such reports are rarer in the corpus than in reality. With
            other label schemes this happens only if one label stands for plans alone.
        half_width: The share of paragraphs that get half-width punctuation in a pass. `digits` is the share that gets
            other digits of the same length in its values; `misreading` is the share that gets some look-alike
            characters (`training.augment`).
        precision: The precision of the model's forward and backward passes: `float32`, `bfloat16`, or `auto`, which
            takes bfloat16 if the GPU or CPU supports it natively (two cores with AVX-512 BF16 need 0.6 of the time).
            Weights, losses, and the heads that link names and classify topics are always float32.
        replay: The number of replayed paragraphs in a pass per paragraph of the new reports; each pass draws them anew.
        values: The largest number of values of a paragraph that are linked to names in a pass; each pass draws them
            anew. Each value costs a pass through the `ValueReader`'s layers, and ten values of a list teach little more
            than four.
        replay_weight: The weight of a replayed paragraph in the loss; a new paragraph has the weight 1.
        patience: The number of consecutive passes without improvement on dev after which training stops; 0 never stops.
        learn: The parts that learn: `all`; `labels` or `indicators` alone, with the encoder and the other heads as they
            are in the base; or `auto`, which goes by what is coded if the base has the same labels
            (`training.freeze.parts_to_learn`).
        margin: What a figure may lose on the shipped dev reports if a model has to be better than its base, 0 to 1.
        seed: The seed of the order, the variations, the dropout and the initial weights of the heads.

    Raises:
        ValueError: A setting is out of range or unknown.
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
    learn: str = "all"
    margin: float = 0.005
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs must be at least 1, got {self.epochs}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"unknown precision {self.precision!r}; expected one of {', '.join(PRECISIONS)}")
        if self.learn not in LEARN:
            raise ValueError(f"unknown part {self.learn!r} to learn; expected one of {', '.join(LEARN)}")
        if self.values < 1:
            raise ValueError(f"values must be at least 1, got {self.values}")
        if min(self.replay, self.replay_weight, self.patience, self.margin) < 0:
            raise ValueError("replay, replay_weight, patience and margin can't be negative")


RETRAIN = TrainConfig(epochs=5, rate=5e-5, head_rate=2e-4, learn="auto")
"""Settings to continue from a tagger with a few reports. They are gentle because it shouldn't forget what it knows."""
