"""The tagger with its loss: what the Hugging Face `Trainer` trains."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING, MODEL_MAPPING

from lawgov_nlp.batches import IGNORE, Targets
from lawgov_nlp.encode import Batch
from lawgov_nlp.errors import ModelError, TrainingError
from lawgov_nlp.model import TaggerConfig, TaggerModel, TaggerOutput, longest_window, without_pooler
from lawgov_nlp.rehead import rehead
from lawgov_nlp.scheme import CODEBOOK, Scheme, model_scheme
from lawgov_nlp.tagger import load


class Learner(nn.Module):
    """A tagger that answers a batch and its targets with a loss.

    Attributes:
        tagger: The model that is trained.
        sums: Of each part of the loss since they were last cleared; `count`, of how many batches.
    """

    def __init__(self, tagger: TaggerModel) -> None:
        super().__init__()
        self.tagger = tagger
        self.sums: Counter[str] = Counter()
        self.count = 0

    def forward(self, batch: dict[str, torch.Tensor], targets: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The loss of a batch; both arguments as `Batches` gives them.

        Raises:
            TrainingError: The loss is no number.
        """
        whole, want = Batch(**batch), Targets(**targets)
        output = self.tagger(whole)
        # what ties names and tells topics computes in float32 always, as do the losses
        with torch.autocast(output.tags.device.type, enabled=False):
            parts = losses(self.tagger, _in_float32(output), whole, want)
        if not parts:  # nothing of this batch was coded
            return {"loss": output.tags.sum() * 0.0}
        total = torch.stack(list(parts.values())).sum()
        if not torch.isfinite(total):
            raise TrainingError(
                f"the loss is {total.item()}: {', '.join(k for k, v in parts.items() if not torch.isfinite(v))}; "
                "try a lower rate, or precision float32"
            )
        self.sums.update({name: value.item() for name, value in parts.items()})
        self.count += 1
        return {"loss": total}


def losses(model: TaggerModel, output: TaggerOutput, batch: Batch, targets: Targets) -> dict[str, torch.Tensor]:
    """The parts of the loss, added with equal weight; a part of which nothing was coded is absent.

    Each is a mean over what was coded, in which every paragraph counts with its weight.
    """
    parts = {}
    paragraph, window = targets.weight, targets.weight[batch.paragraph]
    labelled = targets.primary != IGNORE
    if labelled.any():
        primary = F.cross_entropy(output.primary[labelled], targets.primary[labelled], reduction="none")
        mentions = F.binary_cross_entropy_with_logits(
            output.mentions[labelled], targets.mentions[labelled], reduction="none"
        )
        parts["primary"] = (primary * paragraph[labelled]).mean()
        parts["mentions"] = (mentions * paragraph[labelled, None]).mean()
    tagged = targets.tags != IGNORE
    if tagged.any():
        tags = F.cross_entropy(output.tags[tagged], targets.tags[tagged], reduction="none")
        parts["tags"] = (tags * window[:, None].expand_as(tagged)[tagged]).mean()
    if len(targets.read):
        links = targets.links[targets.read]
        values, names, topics = links[:, :3], links[:, 3:5], links[:, 5]
        weight = window[values[:, 0]]
        reading = model.read_values(output.states, batch, values, targets.links[:, :3])
        found = torch.stack(
            [
                F.cross_entropy(logits, torch.where(_within_reach(logits, at), at, IGNORE), reduction="none")
                for logits, at in zip((reading.starts, reading.ends), names.unbind(1), strict=True)
            ]
        ).sum(0)
        parts["names"] = (found * weight).mean()
        if (topics != IGNORE).any():
            told = F.cross_entropy(reading.topics(names), topics, reduction="none")  # 0 where nobody coded it
            parts["topics"] = (told * weight).sum() / (topics != IGNORE).sum()
    return parts


def _in_float32(output: TaggerOutput) -> TaggerOutput:
    return TaggerOutput(**{name: part.float() for name, part in vars(output).items()})


def _within_reach(logits: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Whether the token that should be found can be, (N,): a `ValueReader` doesn't read the whole window."""
    return logits.gather(1, at[:, None])[:, 0].isfinite()


def start(
    folder: Path, revision: str, trained_on: str, dropout: float, scheme: Scheme | None = None
) -> tuple[TaggerModel, PreTrainedTokenizerFast]:
    """A tagger to train: one that was trained before, or a pretrained encoder with fresh heads.

    A tagger of another scheme than the one asked for gets heads for that one (`lawgov_nlp.rehead`); None asks for the
    tagger's own, and for the codebook's where there is an encoder.

    Raises:
        ModelError: The folder holds neither a tagger nor an encoder that transformers knows, or not all of its weights
            as safetensors, or its tokenizer gives no offsets.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder} is no folder; expected one that holds a tagger or an encoder")
    scheme = scheme or base_scheme(folder)
    if is_tagger(folder):
        model, tokenizer = load(folder)
        model.config.revision, model.config.data_hash, model.config.dropout = revision, trained_on, dropout
        model.dropout.p = dropout
        model = model.float()
        if model.scheme != scheme:
            model = rehead(model, scheme)
        model.scheme, model.config.dimensions = scheme, scheme.to_config()  # the sources may be others
        return model, tokenizer
    try:
        settings = AutoConfig.from_pretrained(folder, local_files_only=True)
        architecture = MODEL_MAPPING[type(settings)]
        if type(settings) not in MODEL_FOR_MASKED_LM_MAPPING or settings.is_encoder_decoder:
            raise ModelError(f"{architecture.__name__} isn't an encoder of BERT's kind")
        pretrained, info = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            **without_pooler(architecture),
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # a folder can be wrong in many ways, in libraries with errors of their own
        raise ModelError(
            f"{folder}: no encoder to start from: {error}; expected config.json, model.safetensors and tokenizer files "
            "of an encoder that transformers knows"
        ) from error
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
    """The labels of the model to start from: a tagger has its own, an encoder none but the codebook's.

    Raises:
        ModelError: It is a tagger with labels of an unknown form.
    """
    return model_scheme(folder) if is_tagger(folder) else CODEBOOK


def is_tagger(folder: Path) -> bool:
    """Whether a folder holds a tagger of ours, going by its configuration."""
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(settings, dict) and settings.get("model_type") == TaggerConfig.model_type
