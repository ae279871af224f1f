"""What a tagger keeps with its weights: the configuration, and what follows from the encoder's own."""

from __future__ import annotations

from typing import Any

from transformers import AutoConfig, PretrainedConfig

from lawgov_nlp.model import MODEL_TYPE
from lawgov_nlp.scheme import DIMENSIONS, Scheme


class TaggerConfig(PretrainedConfig):
    """What the weights need to be used rightly.

    Args:
        encoder: The encoder's own configuration as a dictionary, with its `model_type` (without one, `bert`).
        dimensions: The labels in the order of the logits: the names of the codebook's seven, or `Scheme.to_list`.
        window: Tokens in a window; `overlap` and `heading` as in `WindowTokenizer`.
        reader_layers: Layers of the `ValueReader`; 0 for names by the pointer, as models up to 0.2 have them.
        reader_from: The encoder's layer whose states the `ValueReader` starts from; 0 are the embeddings.
        secondary_threshold: Probability from which a dimension counts as secondary; chosen on the dev split.
        primary_temperature: What the primary logits are divided by to make the scores honest; fitted on dev.
        review_below: Confidence of the primary label under which a human should look; chosen on dev.
        revision: Name of the trained model, with its version.
        data_hash: SHA-256 over the annotated reports that it was trained on.
    """

    model_type = MODEL_TYPE

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        dimensions: list[str] | list[dict[str, Any]] | None = None,
        window: int = 512,
        overlap: int = 64,
        heading: int = 64,
        pointer_size: int = 128,
        reader_layers: int = 0,
        reader_from: int = 0,
        dropout: float = 0.1,
        secondary_threshold: float = 0.5,
        primary_temperature: float = 1.0,
        review_below: float = 0.0,
        revision: str = "",
        data_hash: str = "",
        **kwargs: Any,  # noqa: ANN401 - transformers passes its own fields through
    ) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder or {}
        self.dimensions = dimensions or [d.value for d in DIMENSIONS]
        self.window, self.overlap, self.heading = window, overlap, heading
        self.pointer_size, self.dropout = pointer_size, dropout
        self.reader_layers, self.reader_from = reader_layers, reader_from
        self.secondary_threshold = secondary_threshold
        self.primary_temperature, self.review_below = primary_temperature, review_below
        self.revision, self.data_hash = revision, data_hash

    @property
    def scheme(self) -> Scheme:
        """What the model labels with.

        Raises:
            SchemeError: `dimensions` is of no form that is known.
        """
        return Scheme.from_config(self.dimensions)


def encoder_config(settings: dict[str, Any]) -> PretrainedConfig:
    """The configuration of an encoder from its dictionary."""
    settings = dict(settings)
    return AutoConfig.for_model(settings.pop("model_type", "bert"), **settings)


def longest_window(config: PretrainedConfig) -> int:
    """Tokens that an encoder can take at once: RoBERTa's kin count positions from behind the padding token's id."""
    roberta = config.model_type in ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "data2vec-text")
    return config.max_position_embeddings - (config.pad_token_id + 1 if roberta else 0)
