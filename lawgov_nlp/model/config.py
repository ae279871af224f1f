"""The configuration that is stored with a tagger's weights, and helpers for the encoder's own configuration."""

from __future__ import annotations

from typing import Any

from transformers import AutoConfig, PretrainedConfig

from lawgov_nlp.model import MODEL_TYPE
from lawgov_nlp.scheme import DIMENSIONS, Scheme


class TaggerConfig(PretrainedConfig):
    """The settings that the weights need.

    Args:
        encoder: The encoder's own configuration as a dictionary with its `model_type` (`bert` if missing).
        dimensions: The labels in the order of the logits: the names of the codebook's seven dimensions, or the list
            that `Scheme.to_list` returns.
        window: The number of tokens in a window.
        overlap: The number of tokens that neighbouring windows share, as in `WindowTokenizer`.
        heading: The number of tokens that the heading path may take, as in `WindowTokenizer`.
        pointer_size: The width of the pointer's queries and keys in a model without a `ValueReader`.
        reader_layers: The number of layers of the `ValueReader`. With 0 the pointer finds the names, as in models up
            to version 0.2.
        reader_from: The encoder layer whose states the `ValueReader` starts from; 0 is the embeddings.
        dropout: The dropout probability before the heads.
        secondary_threshold: The probability from which a dimension counts as secondary, chosen on the dev split.
        primary_temperature: The divisor of the primary logits that calibrates the scores, fitted on the dev split.
        review_below: The confidence of the primary label below which a human should check it, chosen on the dev split.
        revision: The name of the trained model with its version.
        data_hash: The SHA-256 of the annotated reports that the model was trained on.
        **kwargs: The fields of `PretrainedConfig`.
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
        """The labels of the model.

        Raises:
            SchemeError: `dimensions` is in an unknown form.
        """
        return Scheme.from_config(self.dimensions)


def encoder_config(settings: dict[str, Any]) -> PretrainedConfig:
    """Build the configuration of an encoder from its dictionary."""
    settings = dict(settings)
    return AutoConfig.for_model(settings.pop("model_type", "bert"), **settings)


def longest_window(config: PretrainedConfig) -> int:
    """Return the number of tokens that an encoder can take at once.

    Models of the RoBERTa family start to count positions after the id of the padding token, so they take fewer tokens
    than they have positions.
    """
    roberta = config.model_type in ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "data2vec-text")
    return config.max_position_embeddings - (config.pad_token_id + 1 if roberta else 0)
