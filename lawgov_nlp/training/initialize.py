"""The starting point of a training: a trained tagger, or a pretrained encoder with fresh heads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING, MODEL_MAPPING

from lawgov_nlp.errors import ModelError
from lawgov_nlp.model.checkpoints import is_tagger, load_tagger, model_scheme
from lawgov_nlp.model.config import TaggerConfig, longest_window
from lawgov_nlp.model.modeling import TaggerModel, without_pooler
from lawgov_nlp.paths import check_path
from lawgov_nlp.scheme import CODEBOOK, Scheme
from lawgov_nlp.training.resize_heads import rehead


def load_for_training(
    folder: Path, revision: str, trained_on: str, dropout: float, scheme: Scheme | None = None
) -> tuple[TaggerModel, PreTrainedTokenizerFast]:
    """Load a tagger to train: a trained one, or a pretrained encoder with fresh heads.

    If a tagger has another scheme than requested, it gets new heads (`lawgov_nlp.training.resize_heads`). `scheme=None`
    keeps the tagger's own scheme, or takes the codebook for an encoder.

    Raises:
        ModelError: The folder holds neither a tagger nor an encoder that transformers knows, its weights aren't
            complete as safetensors, its tokenizer gives no offsets or has more pieces than the encoder, or its windows
            are too short.
    """
    check_path(folder, "folder")
    if not folder.is_dir():
        raise ModelError(f"{folder} is no folder; expected one that holds a tagger or an encoder")
    scheme = scheme or base_scheme(folder)
    if is_tagger(folder):
        model, tokenizer = load_tagger(folder)
        model.config.revision, model.config.data_hash, model.config.dropout = revision, trained_on, dropout
        model.dropout.p = dropout
        model = model.float()
        if model.scheme != scheme:
            model = rehead(model, scheme)
        # The sources may differ even if the labels are equal.
        model.scheme, model.config.dimensions = scheme, scheme.to_config()
        return model, tokenizer
    try:
        settings = AutoConfig.from_pretrained(folder, local_files_only=True)
        architecture: Any = MODEL_MAPPING[type(settings)]
        if type(settings) not in MODEL_FOR_MASKED_LM_MAPPING or settings.is_encoder_decoder:
            raise ModelError(f"{architecture.__name__} isn't an encoder of BERT's kind")
        pretrained, info = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            **without_pooler(architecture),
        )
        found: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # a folder can be wrong in many ways, and the libraries raise errors of their own
        raise ModelError(
            f"{folder}: no encoder to start from: {error}; expected config.json, model.safetensors and tokenizer files "
            "of an encoder that transformers knows"
        ) from error
    tokenizer = found
    if info["missing_keys"]:
        missing = ", ".join(sorted(info["missing_keys"])[:3])
        raise ModelError(f"{folder}: no pretrained {architecture.__name__}, {missing} … are missing")
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ModelError(f"{folder}: {type(tokenizer).__name__} gives no character offsets; a fast tokenizer is needed")
    if len(tokenizer) > settings.vocab_size:
        raise ModelError(
            f"{folder}: the tokenizer has {len(tokenizer)} pieces, the encoder {settings.vocab_size}; "
            "they don't belong together"
        )
    room = TaggerConfig()
    if longest_window(settings) <= 2 * room.overlap + room.heading + 3:
        raise ModelError(f"{folder}: {longest_window(settings)} positions leave no room for headings and paragraph")
    for rate in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
        if hasattr(settings, rate):
            setattr(settings, rate, 0.0)  # see TrainConfig.dropout
    layers = max(1, settings.num_hidden_layers // 3)
    config = TaggerConfig(
        encoder=settings.to_diff_dict() | {"model_type": settings.model_type},
        reader_layers=layers,
        reader_from=settings.num_hidden_layers - layers,
        dimensions=scheme.to_config(),
        window=min(TaggerConfig().window, longest_window(settings)),
        dropout=dropout,
        revision=revision,
        data_hash=trained_on,
    )
    model = TaggerModel(config)
    model.encoder.load_state_dict(pretrained.float().state_dict())
    assert model.reader is not None
    model.reader.layers.take_over(model.encoder, config.reader_from)
    return model, tokenizer


def base_scheme(folder: Path) -> Scheme:
    """Return the labels of the model to start from: a tagger's own, or the codebook's for an encoder.

    Raises:
        ModelError: The folder is a tagger with labels of an unknown form.
    """
    return model_scheme(folder) if is_tagger(folder) else CODEBOOK
