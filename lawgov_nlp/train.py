"""Fine-tune the tagger on annotated reports. Never imported by inference."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import platform
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
import transformers
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import MODEL_MAPPING

from lawgov_nlp.annotation import GoldReport
from lawgov_nlp.augment import vary
from lawgov_nlp.calibration import fit_temperature, scale, threshold_for
from lawgov_nlp.dataset import Example, data_hash, examples, read_gold
from lawgov_nlp.decode import relabel
from lawgov_nlp.encode import Batch, EncodedParagraph, Encoder, Window
from lawgov_nlp.errors import ModelError
from lawgov_nlp.evaluate import Scores, evaluate
from lawgov_nlp.model import NONE, TAGS, TaggerConfig, TaggerModel, TaggerOutput, longest_window, without_pooler
from lawgov_nlp.report import DIMENSIONS, TOPICS, Dimension
from lawgov_nlp.tagger import Tagger

logger = logging.getLogger(__name__)

_O, _B_VALUE, _I_VALUE, _B_NAME, _I_NAME = range(len(TAGS))
_IGNORE = -100

REVIEW_ACCURACY = 0.99
"""Share of the primary labels on dev that shall be right among those that need no review. Higher than one would ask of
real reports, since composed reports are easier."""

REVIEW_SHARE = 0.05
"""Share of the dev paragraphs that need review at least, however good the labels are."""

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Thresholds of secondary labels that are tried on dev."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train; what the shipped model was trained with is in its `training.json`.

    Attributes:
        epochs: Passes over the training reports.
        rate: Peak learning rate of the encoder; `head_rate` that of the heads, which start from nothing.
        batch_tokens: Tokens in a batch, padding included.
        dropout: In the heads. The encoder has none: on a CPU it costs a quarter of the time, and with so few passes
            it changes little.
        heading_dropout: Share of paragraphs that lose their heading path in a pass, so that reports without
            headings are read too.
        heading_swap: Share of paragraphs about work done, without numbers, that are put under the section heading of
            another report's plans in a pass, and are plans there: the heading decides even where the text forgets
            the future tense (codebook, section 2, rule 1), and reports that write so are rarer than they are in life.
        half_width: Share of paragraphs that are read with half-width punctuation in a pass; `digits`: that get other
            figures of the same length in their values; `misreading`: some look-alike characters (`lawgov_nlp.augment`).
        precision: Of the model's passes in training: `float32`, `bfloat16`, or `auto`, which takes bfloat16 where the
            GPU or CPU computes in it (two cores with AVX-512 BF16 need 0.6 of the time). Weights, losses, and the heads
            that tie names and tell topics are float32 always.
        seed: Of order, dropout and the heads' first weights.
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
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class _Targets:
    """What a batch should give. Shapes: primary (P,), mentions (P, D), tags (W, T), links (N, 6).

    A link is window, value's first and last token, name's first and last token, topic. What nobody coded is `_IGNORE`
    in primary and tags, and NaN in mentions.
    """

    primary: torch.Tensor
    mentions: torch.Tensor
    tags: torch.Tensor
    links: torch.Tensor

    def to(self, device: str) -> _Targets:
        return _Targets(**{name: tensor.to(device) for name, tensor in vars(self).items()})


def train(
    reports: Sequence[GoldReport],
    dev: Sequence[GoldReport],
    *,
    encoder: Path,
    out: Path,
    config: TrainConfig | None = None,
    revision: str = "",
    device: str = "cpu",
) -> Scores:
    """Train a tagger and save it where the dev reports are tagged best.

    Args:
        reports: Annotated reports to learn from.
        dev: Annotated reports that choose the epoch and the threshold of secondary labels.
        encoder: Folder of the pretrained encoder (`training/build_encoder.py`).
        out: Folder for the model; each better epoch overwrites the last.
        config: How to train.
        revision: Name and version to be written into the model.
        device: Where to train: `cpu`, `cuda` or `cuda:N`.

    Returns:
        The scores of the saved model on `dev`, as it is loaded again.

    Raises:
        ModelError: The encoder's folder doesn't hold all of a `BertModel`'s weights.
    """
    config = config or TrainConfig()
    if config.epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {config.epochs}")
    began = time.monotonic()
    half = in_bfloat16(config.precision, device)
    random.seed(config.seed)
    torch.manual_seed(config.seed)
    model, tokenizer = _start(encoder, revision, data_hash(reports), config.dropout)
    model.to(device)
    coder = Encoder(tokenizer, window=model.config.window, overlap=model.config.overlap, heading=model.config.heading)
    data = examples(reports)
    if data.misread:
        logger.warning("%d annotated paragraphs are not read as paragraphs and are left out", data.misread)
    clipped = _clipped(coder, data.examples)
    if clipped:
        logger.warning("%d annotated spans don't end on token bounds: %s", sum(clipped.values()), dict(clipped))
    steps = config.epochs * sum(1 for _ in _batches(data.examples, coder, config, random.Random(0)))
    optimizer, schedule = _optimizer(model, config, steps)
    rng = random.Random(config.seed)
    best = -1.0
    for epoch in range(1, config.epochs + 1):
        model.train()
        losses: Counter[str] = Counter()
        count = 0
        for batch, targets in _batches(data.examples, coder, config, rng):
            batch, targets = batch.to(device), targets.to(device)
            with torch.autocast(model.device.type, torch.bfloat16, enabled=half):
                output = model(batch)
            parts = _losses(model, TaggerOutput(**{k: v.float() for k, v in vars(output).items()}), batch, targets)
            if not parts:  # nothing of this batch was coded
                continue
            torch.stack(list(parts.values())).sum().backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.update({name: value.item() for name, value in parts.items()})
            count += 1
        logger.info("epoch %d: %s", epoch, {name: round(value / count, 4) for name, value in losses.items()})
        if epoch < (config.epochs + 1) // 2:
            continue  # the learning rate is still high; scoring costs as long as a quarter of an epoch
        scores, threshold = _score(model, tokenizer, dev)
        quality = (
            scores.figures["primary_macro_f1"] + scores.figures["labels_micro_f1"] + scores.figures["indicator_f1"]
        )
        logger.info("epoch %d on dev: %s", epoch, scores.figures)
        if quality > best:
            best = quality
            model.config.secondary_threshold = threshold
            calibrate(model.config, scores)
            record = _record(encoder, half, device, time.monotonic() - began)
            save(model, tokenizer, out, {"train": asdict(config), **record, "epoch": epoch, "dev": scores.figures})
    saved = Tagger(out, device)
    return evaluate(zip(dev, saved.tag_many(map(read_gold, dev)), strict=True))


def calibrate(config: TaggerConfig, scores: Scores) -> None:
    """Set temperature and review threshold by the scores on dev, which were made with a temperature of 1."""
    config.primary_temperature = fit_temperature(scores.probabilities, scores.gold)
    confidence = scale(scores.probabilities, config.primary_temperature).max(1)
    point = threshold_for(confidence, scores.right, REVIEW_ACCURACY, 1 - REVIEW_SHARE)
    config.review_below = math.floor(point.threshold * 1e4) / 1e4


def save(model: TaggerModel, tokenizer: PreTrainedTokenizerFast, out: Path, record: dict) -> None:
    """Save weights in half precision, which halves the size, with tokenizer and a record of the run."""
    half = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in model.state_dict().items()
    }
    model.save_pretrained(out, state_dict=half)
    tokenizer.save_pretrained(out)
    (out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _record(encoder: Path, half: bool, device: str, seconds: float) -> dict[str, object]:
    """What else a run depended on, and what it took until now."""
    peak = {}
    if torch.device(device).type == "cuda":
        peak["peak_gpu_memory_mb"] = round(torch.cuda.max_memory_allocated(device) / 2**20)
    if sys.platform == "linux":  # elsewhere the unit of ru_maxrss differs, and Windows has none
        import resource

        peak["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)
    weights = encoder / "model.safetensors"
    return {
        "encoder_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "bfloat16": half,
        "device": torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else platform.machine(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "transformers": transformers.__version__,
        "minutes": round(seconds / 60, 1),
        **peak,
    }


def _start(folder: Path, revision: str, trained_on: str, dropout: float) -> tuple[TaggerModel, PreTrainedTokenizerFast]:
    """A tagger on the pretrained encoder, its heads fresh.

    Raises:
        ModelError: The folder holds no encoder that transformers knows, or not all of its weights as safetensors, or
            its tokenizer gives no offsets.
    """
    try:
        settings = AutoConfig.from_pretrained(folder, local_files_only=True)
        architecture = MODEL_MAPPING[type(settings)]
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
    for rate in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
        if hasattr(settings, rate):
            setattr(settings, rate, 0.0)  # see TrainConfig.dropout
    config = TaggerConfig(
        encoder=settings.to_diff_dict() | {"model_type": settings.model_type},
        window=min(TaggerConfig().window, longest_window(settings)),
        dropout=dropout,
        revision=revision,
        data_hash=trained_on,
    )
    model = TaggerModel(config)
    model.encoder.load_state_dict(pretrained.float().state_dict())
    return model, tokenizer


def in_bfloat16(precision: str, device: str) -> bool:
    """Whether passes on a device are to run in bfloat16, `precision` being `auto`, `float32` or `bfloat16`."""
    if precision not in ("auto", "float32", "bfloat16"):
        raise ValueError(f"unknown precision {precision!r}; expected auto, float32 or bfloat16")
    if precision != "auto":
        return precision == "bfloat16"
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # older GPUs only emulate it
    cpu = getattr(torch.cpu, "get_capabilities", dict)()  # older versions of torch don't tell: float32, then
    return bool(cpu.get("avx512_bf16") or cpu.get("amx_bf16"))


def _optimizer(
    model: TaggerModel, config: TrainConfig, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW with a linear warm-up and a linear way down; no decay on biases and norms."""
    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        groups.setdefault((name.startswith("encoder."), parameter.ndim > 1), []).append(parameter)
    optimizer = torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": config.rate if encoder else config.head_rate,
                "weight_decay": config.weight_decay if matrix else 0.0,
            }
            for (encoder, matrix), parameters in groups.items()
        ]
    )
    warmup = max(1, int(config.warmup * steps))
    return optimizer, torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warmup, max(0.0, (steps - step) / max(1, steps - warmup)))
    )


def _batches(
    data: Sequence[Example], coder: Encoder, config: TrainConfig, rng: random.Random
) -> Iterator[tuple[Batch, _Targets]]:
    """One pass: shuffled, paragraphs of like length together, headings dropped at random."""
    sections = [e.unit.headings[0] for e in data if e.primary is Dimension.PLANS and e.unit.headings]
    data = [
        vary(
            _varied(e, config, sections, rng),
            rng,
            half=config.half_width,
            digits=config.digits,
            misreading=config.misreading,
        )
        for e in data
    ]
    encoded = coder.encode([e.unit for e in data])
    # Noise in the sort key mixes lengths a little: batches of strictly equal lengths are the same every time.
    order = sorted(range(len(data)), key=lambda k: len(encoded[k].offsets) * rng.uniform(0.8, 1.25))
    groups: list[list[int]] = [[]]
    longest = 0
    for k in order:
        size = sum(len(w.input_ids) for w in encoded[k].windows)
        longest = max(longest, size)
        if groups[-1] and longest * (len(groups[-1]) + 1) > config.batch_tokens:
            groups.append([])
            longest = size
        groups[-1].append(k)
    rng.shuffle(groups)
    for group in groups:
        windows = [w for k in group for w in encoded[k].windows]
        batch = coder.collate(windows)
        yield batch, _targets([data[k] for k in group], [encoded[k] for k in group], batch)


def _varied(example: Example, config: TrainConfig, sections: Sequence[str], rng: random.Random) -> Example:
    """The example as it is, or without its headings, or under a section of plans."""
    dice = rng.random()
    if dice < config.heading_dropout:
        return replace(example, unit=replace(example.unit, headings=()))
    about_work = example.primary in TOPICS and not re.search(r"\d|今年|全年|一年来", example.unit.text)
    if dice < config.heading_dropout + config.heading_swap and about_work and example.unit.headings and sections:
        headings = (rng.choice(sections), *example.unit.headings[1:])
        labels = dict.fromkeys((example.primary, *example.secondary))
        return replace(
            example,
            unit=replace(example.unit, headings=headings),
            primary=Dimension.PLANS,
            secondary=tuple(d for d in labels if d),
        )
    return example


def _targets(data: Sequence[Example], encoded: Sequence[EncodedParagraph], batch: Batch) -> _Targets:
    tags = torch.where(batch.body_mask, 0, _IGNORE)
    links = []
    primary = [_primary(e) for e in data]
    mentions = torch.zeros(len(data), len(DIMENSIONS))
    row = 0
    for number, (example, code) in enumerate(zip(data, encoded, strict=True)):
        for dimension in (example.primary, *example.secondary):
            if dimension:
                mentions[number, DIMENSIONS.index(dimension)] = 1
        if not example.labels_coded:
            mentions[number] = torch.nan
        spans = [(_tokens(code, i.value), _tokens(code, i.name), TOPICS.index(i.dimension)) for i in example.indicators]
        for window in code.windows:
            if not example.indicators_coded:
                tags[row] = _IGNORE
            for value, name, topic in spans:
                value_here, name_here = _within(window, value), _within(window, name)
                for place, begin, inside in ((name_here, _B_NAME, _I_NAME), (value_here, _B_VALUE, _I_VALUE)):
                    if isinstance(place, tuple):
                        tags[row, place[0]] = begin
                        tags[row, place[0] + 1 : place[1] + 1] = inside
                    else:  # cut by the window's edge: the next window learns it
                        tags[row, place] = _IGNORE
                if isinstance(value_here, tuple) and isinstance(name_here, tuple):
                    links.append((row, *value_here, *name_here, topic))
            row += 1
    return _Targets(
        primary=torch.tensor(primary),
        mentions=mentions,
        tags=tags,
        links=torch.tensor(links, dtype=torch.long).view(-1, 6),
    )


def token_targets(example: Example, code: EncodedParagraph, batch: Batch) -> torch.Tensor:
    """The coded label of each token of one paragraph's windows, an index into `TAGS`, -100 outside it. Shape (W, T)."""
    return _targets([example], [code], batch).tags


def _primary(example: Example) -> int:
    if not example.labels_coded:
        return _IGNORE
    return DIMENSIONS.index(example.primary) if example.primary else NONE


def _tokens(code: EncodedParagraph, span: tuple[int, int]) -> tuple[int, int]:
    """First and last token that touch a span of characters."""
    touching = [t for t, (start, end) in enumerate(code.offsets) if start < span[1] and span[0] < end]
    return touching[0], touching[-1]


def _within(window: Window, span: tuple[int, int]) -> tuple[int, int] | slice:
    """A span of the paragraph's tokens as tokens of a window; where it isn't all inside, the part that is."""
    shift = window.body - window.first
    first, last, end = span[0] + shift, span[1] + shift, len(window.input_ids) - 1
    if window.body <= first and last < end:
        return first, last
    return slice(max(window.body, first), max(window.body, min(last + 1, end)))


def _losses(model: TaggerModel, output: TaggerOutput, batch: Batch, targets: _Targets) -> dict[str, torch.Tensor]:
    """The parts of the loss, each a mean over what was coded, added with equal weight; a part without any is absent."""
    parts = {}
    labelled = targets.primary != _IGNORE
    if labelled.any():
        parts["primary"] = F.cross_entropy(output.primary, targets.primary, ignore_index=_IGNORE)
        parts["mentions"] = F.binary_cross_entropy_with_logits(output.mentions[labelled], targets.mentions[labelled])
    if (targets.tags != _IGNORE).any():
        parts["tags"] = F.cross_entropy(output.tags.flatten(0, 1), targets.tags.flatten(), ignore_index=_IGNORE)
    if len(targets.links):
        values, names, topics = targets.links[:, :3], targets.links[:, 3:5], targets.links[:, 5]
        starts, ends = model.point(output.states, batch, values)
        parts["names"] = F.cross_entropy(starts, names[:, 0]) + F.cross_entropy(ends, names[:, 1])
        parts["topics"] = F.cross_entropy(model.classify(output.states, values, names), topics)
    return parts


def _clipped(coder: Encoder, data: Sequence[Example]) -> Counter[str]:
    """Spans whose bounds aren't token bounds, which the model can therefore never give exactly, by kind."""
    clipped: Counter[str] = Counter()
    for example, code in zip(data, coder.encode([e.unit for e in data]), strict=True):
        for kind, span in ((k, s) for i in example.indicators for k, s in (("value", i.value), ("name", i.name))):
            first, last = _tokens(code, span)
            clipped[kind] += (code.offsets[first][0], code.offsets[last][1]) != span
    return +clipped


def _score(model: TaggerModel, tokenizer: PreTrainedTokenizerFast, dev: Sequence[GoldReport]) -> tuple[Scores, float]:
    """Scores on dev, and the threshold of secondary labels that is best there."""
    model.config.primary_temperature = 1.0  # it is fitted anew on what this gives
    tagged = list(Tagger.of(model, tokenizer).tag_many(map(read_gold, dev)))
    best: tuple[Scores, float] | None = None
    for threshold in THRESHOLDS:
        scores = evaluate(zip(dev, (relabel(report, threshold) for report in tagged), strict=True))
        if best is None or scores.figures["labels_micro_f1"] > best[0].figures["labels_micro_f1"]:
            best = (scores, threshold)
    assert best is not None  # THRESHOLDS isn't empty
    return best
