"""Fine-tune a tagger on annotated reports with the Hugging Face `Trainer`. Inference never imports this module."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import math
import platform
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedTokenizerFast, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback, TrainerControl, TrainerState

from lawgov_nlp.annotation.corpus import data_hash
from lawgov_nlp.annotation.examples import Example, examples, parse_gold
from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.annotation.learned import KEY, RECORD, learned_hashes, paragraph_hash
from lawgov_nlp.atomic import replace_folder
from lawgov_nlp.errors import NoBetterModelError, OutputError, TrainingError
from lawgov_nlp.evaluation.calibration import fit_temperature, scale, threshold_for
from lawgov_nlp.evaluation.scores import Scores, evaluate
from lawgov_nlp.model.checkpoints import SHIPPED, is_tagger, shipped_folders
from lawgov_nlp.model.config import TaggerConfig
from lawgov_nlp.model.decoding import relabel
from lawgov_nlp.model.devices import native_precision
from lawgov_nlp.model.modeling import TaggerModel
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.model.windows import WindowTokenizer
from lawgov_nlp.paths import check_path
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import CODEBOOK, Scheme
from lawgov_nlp.training.batches import BatchDataset, clipped
from lawgov_nlp.training.config import TrainConfig
from lawgov_nlp.training.freeze import INDICATORS, freeze, parts_to_learn
from lawgov_nlp.training.initialize import base_scheme, load_for_training
from lawgov_nlp.training.loss import TaggerWithLoss
from lawgov_nlp.training.tensorboard import LOGS, TrainingLog

__all__ = ["TrainConfig", "calibrate", "check_output", "in_bfloat16", "save_tagger", "saved_scores", "train"]

logger = logging.getLogger(__name__)

REVIEW_ACCURACY = 0.99
"""The share of primary labels on dev that must be right among the paragraphs that need no review.

It is higher than one would ask of real reports, because composed reports are easier.
"""

REVIEW_SHARE = 0.05
"""The smallest share of the dev paragraphs that needs review, however good the labels are."""

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""The thresholds of secondary labels that are tried on dev."""

CHECKPOINTS = 4
"""The number of checkpoints in a pass; an interruption loses at most the work since the last one."""


def train(
    reports: Sequence[GoldReport],
    dev: Sequence[GoldReport],
    *,
    base: Path,
    out: Path,
    own: Sequence[GoldReport] = (),
    replay: Sequence[GoldReport] = (),
    beat_base: bool = False,
    scheme: Scheme | None = None,
    config: TrainConfig | None = None,
    revision: str = "",
    device: str = "cpu",
    overwrite: bool = False,
    resume: bool = False,
) -> None:
    """Train a tagger and save it as it was after the pass that tags the dev reports best.

    `out` doesn't exist before the model is complete. Until then all files are in a folder beside it, from which an
    interrupted run can be resumed. The result is the same as without the interruption.

    Args:
        reports: Annotated reports to learn from.
        dev: Annotated reports to choose the pass and the threshold of secondary labels, and to calibrate.
        base: The folder of the model to start from: a tagger or a pretrained encoder.
        out: The folder for the model.
        own: New annotated reports that are held out; they count as dev reports, too.
        replay: Annotated reports that the base was trained on and shouldn't forget (`TrainConfig.replay`).
        beat_base: Whether the base, a tagger with the same labels, is a candidate itself. A pass then counts only if it
            is better than the base on `own` (if there are any) and no figure loses more than `config.margin` on `dev`.
        scheme: The labels of all these reports, which the model will have; None takes those of the base, or those of
            the codebook if the base is an encoder.
        config: How to train.
        revision: The name and version to write into the model.
        device: Where to train: `cpu` or `cuda`, which is the first visible GPU.
        overwrite: Whether a model at `out` may be replaced and an unfinished run for it deleted.
        resume: Whether to continue an interrupted run of the same reports, base and configuration.

    Raises:
        ModelError: The base can't be loaded.
        OutputError: `out` or an unfinished run for it exists already.
        NoBetterModelError: No pass was better than the base; `out` is as it was.
        TrainingError: The reports contain nothing to learn, the loss isn't finite, the disk is full, the device is
            a GPU other than the first, or the run to be resumed is a different one.
    """
    check_path(base, "base")
    check_path(out, "out")
    config = config or TrainConfig()
    # Adam's running averages for rare tokens become denormal numbers, which would double the time of a step.
    torch.set_flush_denormal(True)
    torch.manual_seed(config.seed)
    folder = out.with_name(f".{out.name}.training")
    check_output(out, base, overwrite=overwrite, resume=resume)
    if torch.device(device).index:
        raise TrainingError(f"device {device}: the Trainer takes the first GPU; set CUDA_VISIBLE_DEVICES and say cuda")
    scheme = scheme or base_scheme(base)
    learned, replayed = _examples(reports), _examples(replay)
    if not learned:
        raise TrainingError("there is no paragraph to learn from in the reports")
    dev = [*own, *dev]
    if not any(e.labels_coded for e in _examples(dev)):
        raise TrainingError("there is no dev paragraph with a coded dimension to choose the best pass on")
    tagger, tokenizer = load_for_training(base, revision, data_hash(reports), config.dropout, scheme)
    learn = config.learn
    if learn == "auto":
        learn = parts_to_learn(learned) if is_tagger(base) and base_scheme(base) == scheme else "all"
    freeze(tagger, learn)
    if learn != "all":
        logger.info("only %s learn; all else stays as it is in the base", learn)
    if folder.exists() and not resume:
        shutil.rmtree(folder)  # with `overwrite`, or if there is no checkpoint to lose
    folder.mkdir(parents=True, exist_ok=True)
    half = in_bfloat16(config.precision, device)
    roles = {"reports": reports, "replay": replay, "dev": dev}
    run: dict[str, object] = {"labels": scheme.to_list()} if scheme is not CODEBOOK else {}
    run |= {"config": asdict(config), "base": _hash(base), "bfloat16": half, "device": torch.device(device).type}
    _identify(folder, run | {role: _ordered_hash(those) for role, those in roles.items()})
    _warn_of_unseen(scheme, [*learned, *replayed])
    settings = tagger.config
    coder = WindowTokenizer(tokenizer, window=settings.window, overlap=settings.overlap, heading=settings.heading)
    loose = clipped(coder, learned)
    if loose:
        logger.warning("%d annotated spans don't end on token bounds: %s", sum(loose.values()), dict(loose))
    batches = BatchDataset(learned, replayed, coder, config, scheme)
    learner = TaggerWithLoss(tagger.to(device))  # type: ignore[arg-type]
    hashes = learned_hashes(base) | {paragraph_hash(e.unit.text) for e in (*learned, *replayed)}
    provenance = {**_provenance(base, half, device), KEY: sorted(hashes)}
    rival = len(own) if beat_base else None
    progress = _Progress(learner, tokenizer, dev, batches.ends, config, folder, provenance, learn, rival)
    trainer = Trainer(
        model=learner,
        args=_arguments(folder, batches.ends, config, half, device),
        train_dataset=batches,
        data_collator=lambda items: items[0],
        callbacks=[progress],
        optimizers=_optimizer(learner, config, len(batches)),  # type: ignore[arg-type]
    )
    trainer.remove_callback(PrinterCallback)
    checkpoint = _last_checkpoint(folder) if resume else None
    try:
        if not progress.stopped:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except Exception as error:
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
            raise TrainingError(f"{folder}: the disk is full; make room and go on with resume") from error
        raise
    finally:
        progress.log.close()
    if not (folder / _BEST).is_dir():
        shutil.rmtree(folder)
        raise NoBetterModelError(
            f"no pass was better than {base.name} on the {len(own)} held-out new reports without losing more than "
            f"{config.margin:g} on the shipped ones; nothing was written to {out}. Label more, or go on with the model "
            "that you have"
        )
    if out.exists():
        out.rename(folder / "replaced")  # only with `overwrite`
    (folder / _BEST).rename(out)
    if (folder / LOGS).is_dir():
        (folder / LOGS).rename(out / LOGS)
        logger.info("curves: tensorboard --logdir %s", out / LOGS)
    shutil.rmtree(folder)


def saved_scores(folder: Path, dev: Sequence[GoldReport], device: str = "cpu") -> Scores:
    """Load a trained tagger as a user would, and return its scores on annotated reports.

    It runs in float32, the precision in which `train` chooses the best pass.
    """
    saved = Tagger.from_pretrained(folder, device, "torch:float32")
    return evaluate(zip(dev, saved.tag_many(map(parse_gold, dev)), strict=True))


_BEST, _RUN, _QUALITY = "best", "run.json", "quality.json"


def check_output(out: Path, base: Path, *, overwrite: bool, resume: bool) -> None:
    """Raise if training would overwrite existing files without permission, or anything that isn't a tagger.

    Raises:
        OutputError: `out` can't be written without a loss.
        TrainingError: There is nothing to resume.
    """
    check_path(out, "out")
    target = out.resolve()
    if not target.parent.is_dir():
        raise OutputError(f"{out}: the folder {out.parent} doesn't exist; create it first")
    if not out.name:
        raise OutputError(f"{out} is no name for a new folder; choose another one")
    if str(out) in SHIPPED:
        raise OutputError(f"{out} is the name of a shipped model; choose another one")
    for shipped in (folder.resolve() for folder in shipped_folders()):
        if shipped in (target, *target.parents) or target in shipped.parents:
            raise OutputError(f"{out} holds a shipped model, which stays as it is; choose another folder")
    if target == base.resolve():
        raise OutputError(f"{out} is the model to start from; choose another folder")
    if out.exists() and not overwrite:
        raise OutputError(f"{out} is there already; choose another folder, or overwrite")
    if out.exists() and not is_tagger(out):
        raise OutputError(f"{out} is no model of ours and isn't overwritten; choose another folder")
    folder = out.with_name(f".{out.name}.training")
    checkpoint = _last_checkpoint(folder)
    if resume and checkpoint is None:
        raise TrainingError(f"there is no interrupted run for {out} to resume ({folder} holds no checkpoint)")
    if checkpoint is not None and not (overwrite or resume):
        raise OutputError(f"{folder} holds an unfinished run for {out}; resume it, or overwrite to begin anew")


def _last_checkpoint(folder: Path) -> Path | None:
    """Return the newest complete checkpoint; its `trainer_state.json` is written last."""
    found = [f for f in folder.glob("checkpoint-*") if (f / "trainer_state.json").is_file()]
    return max(found, key=lambda f: int(f.name.removeprefix("checkpoint-")), default=None)


def _identify(folder: Path, run: dict[str, object]) -> None:
    """Record the identity of the run, or check that it is the same run.

    Raises:
        TrainingError: The folder belongs to a run with other reports or settings.
    """
    file = folder / _RUN
    if not file.exists():
        file.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
        return
    before = json.loads(file.read_text(encoding="utf-8"))
    changed = [key for key in before | run if before.get(key) != run.get(key)]
    if changed:
        raise TrainingError(
            f"{folder} was begun with another {' and another '.join(changed)}; resume it with the same, or begin anew"
        )


def _examples(reports: Sequence[GoldReport]) -> list[Example]:
    data = examples(reports)
    if data.misread:
        logger.warning("%d annotated paragraphs are not read as paragraphs and are left out", data.misread)
    return [e for e in data.examples if e.labels_coded or e.indicators_coded]


def _warn_of_unseen(scheme: Scheme, data: Sequence[Example]) -> None:
    """Warn about labels of a user's scheme that no paragraph teaches."""
    seen = {label for e in data if e.labels_coded for label in (e.primary, *e.secondary)}
    unseen = [label for label in scheme if label not in seen]
    if unseen and scheme is not CODEBOOK:
        logger.warning("no paragraph to learn from has %s: the model won't know what they are", ", ".join(unseen))


def _arguments(folder: Path, ends: Sequence[int], config: TrainConfig, half: bool, device: str) -> TrainingArguments:
    args = TrainingArguments(
        output_dir=str(folder),
        max_steps=ends[-1],
        per_device_train_batch_size=1,  # an item is a whole batch
        train_sampling_strategy="sequential",  # `BatchDataset` has shuffled
        max_grad_norm=1.0,
        bf16=half,
        use_cpu=torch.device(device).type == "cpu",
        seed=config.seed,
        save_steps=max(1, ends[0] // CHECKPOINTS),
        save_total_limit=2,  # one complete checkpoint remains while the other is written
        logging_steps=max(1, ends[0] // CHECKPOINTS),
        logging_nan_inf_filter=False,
        report_to="none",
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
    )
    # Otherwise each of several GPUs would get a part of a batch, which can't be divided.
    args._n_gpu = min(1, args.n_gpu)
    return args


class _Progress(TrainerCallback):
    """Logs the progress of the training, scores dev after each pass of the second half, and saves the best model."""

    def __init__(
        self,
        learner: TaggerWithLoss,
        tokenizer: PreTrainedTokenizerFast,
        dev: Sequence[GoldReport],
        ends: Sequence[int],
        config: TrainConfig,
        folder: Path,
        provenance: dict[str, object],
        learn: str = "all",
        rival: int | None = None,
    ) -> None:
        self.learner, self.tokenizer, self.dev, self.ends = learner, tokenizer, dev, ends
        self.config, self.folder, self.provenance = config, folder, provenance
        # The labels of a model that learns indicators alone stay those of the base, and so does their threshold.
        self.thresholds = (learner.tagger.config.secondary_threshold,) if learn == INDICATORS else THRESHOLDS
        self.calibrates = learn != INDICATORS
        self.temperature = learner.tagger.config.primary_temperature
        self.rival = rival  # how many of the first dev reports are new ones, if the base is a candidate
        self.log = TrainingLog(folder / LOGS)

    @property
    def stopped(self) -> bool:
        """Whether the run had stopped early before it was interrupted."""
        return bool(self._best().get("stopped"))

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Start the clock, and open the curves after the step of the checkpoint."""
        self.began, self.first = time.monotonic(), state.global_step
        self.log.open(after=state.global_step)
        if self.rival is not None and not (self.folder / _QUALITY).exists():
            scored = _score(self.learner.tagger, self.tokenizer, self.dev, self.thresholds)
            self.learner.tagger.train()
            base = self._sides(scored)
            logger.info("the base on dev: %s", scored.scores.figures)
            (self.folder / _QUALITY).write_text(json.dumps(self._best() | {"base": base}), encoding="utf-8")

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Log the mean loss since the last time and the minutes left."""
        if not self.learner.count:
            return
        done = state.global_step - self.first
        left = (time.monotonic() - self.began) / done * (state.max_steps - state.global_step) / 60
        parts = {name: round(total / self.learner.count, 4) for name, total in self.learner.sums.items()}
        loss = sum(parts.values())
        self.log.add("loss", {**parts, "sum": loss}, state.global_step)
        done_of = (state.global_step, state.max_steps)
        logger.info("step %d of %d, about %.1f min left: loss %.4f %s", *done_of, left, loss, parts)
        self.learner.sums.clear()
        self.learner.count = 0

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """At the end of a pass: score dev, save the best model, and stop if there is no more improvement."""
        if state.global_step not in self.ends:
            return control
        epoch = self.ends.index(state.global_step) + 1
        if epoch < (self.config.epochs + 1) // 2:
            return control  # the learning rate is still high, and scoring takes as long as a quarter of a pass
        model = self.learner.tagger
        scored = _score(model, self.tokenizer, self.dev, self.thresholds)
        scores, threshold = scored.scores, scored.threshold
        model.train()
        quality = sum(_judged(scores).values())
        logger.info("pass %d on dev: %s", epoch, scores.figures)
        self.log.add("dev", scores.figures, state.global_step)
        best = self._best()
        better = quality > best["quality"] or not (self.folder / _BEST).is_dir()
        if better and self._beats_base(scored, epoch):
            model.config.secondary_threshold = threshold
            model.config.primary_temperature = self.temperature
            if self.calibrates:
                calibrate(model.config, scores)  # type: ignore[arg-type]
            took = {"minutes": round((time.monotonic() - self.began) / 60, 1), **_peak_memory(model.device)}
            record = {"train": asdict(self.config), **took, "epoch": epoch, "dev": scores.figures, **self.provenance}
            replace_folder(self.folder / _BEST, lambda folder: save_tagger(model, self.tokenizer, folder, record))
            best |= {"quality": quality, "epoch": epoch}
            (self.folder / _QUALITY).write_text(json.dumps(best), encoding="utf-8")
        if self.config.patience and epoch - best["epoch"] >= self.config.patience:
            logger.info("no better on dev for %d passes: training stops", self.config.patience)
            (self.folder / _QUALITY).write_text(json.dumps(best | {"stopped": True}), encoding="utf-8")
            control.should_training_stop = True
        return control

    def _sides(self, scored: _Scored) -> dict[str, dict[str, float]]:
        """Return the judged figures on the new reports and on the shipped ones; empty if there are none."""
        pairs = list(zip(self.dev, scored.tagged, strict=True))
        new, shipped = pairs[: self.rival], pairs[self.rival :]
        return {name: _judged(evaluate(side)) if side else {} for name, side in (("new", new), ("shipped", shipped))}

    def _beats_base(self, scored: _Scored, epoch: int) -> bool:
        """Return whether a pass gains on the new reports and loses no more than the margin on the shipped ones."""
        if self.rival is None:
            return True
        base, now = self._best()["base"], self._sides(scored)
        gained = not now["new"] or sum(now["new"].values()) > sum(base["new"].values())
        lost = [n for n, value in now["shipped"].items() if value < base["shipped"].get(n, 0.0) - self.config.margin]
        if not gained or lost:
            logger.info(
                "pass %d is no better than the base: new reports %s (base %s), shipped %s (base %s)",
                epoch, now["new"], base["new"], now["shipped"], base["shipped"],
            )  # fmt: skip
        return gained and not lost

    def _best(self) -> dict[str, Any]:
        file = self.folder / _QUALITY
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"quality": -1.0, "epoch": 0}


def calibrate(config: TaggerConfig, scores: Scores) -> None:
    """Set the temperature and the review threshold from the scores on dev, computed with a temperature of 1."""
    config.primary_temperature = fit_temperature(scores.probabilities, scores.gold)
    confidence = scale(scores.probabilities, config.primary_temperature).max(1)
    point = threshold_for(confidence, scores.right, REVIEW_ACCURACY, 1 - REVIEW_SHARE)
    config.review_below = math.floor(point.threshold * 1e4) / 1e4


def save_tagger(model: TaggerModel, tokenizer: PreTrainedTokenizerFast, out: Path, record: dict) -> None:
    """Save the weights in half precision, which halves the size, with the tokenizer and a record of the run."""
    half = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in model.state_dict().items()
    }
    model.save_pretrained(out, state_dict=half)
    tokenizer.save_pretrained(out)
    (out / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _hash(base: Path) -> str:
    """Return the SHA-256 over the weights of a model, in one file or in shards."""
    digest = hashlib.sha256()
    for weights in sorted(base.glob("*.safetensors")):
        digest.update(weights.read_bytes())
    return digest.hexdigest()


def _ordered_hash(reports: Sequence[GoldReport]) -> str:
    """Return the SHA-256 over reports in their order, on which the batches depend."""
    return hashlib.sha256(" ".join(data_hash([report]) for report in reports).encode()).hexdigest()


def _provenance(base: Path, half: bool, device: str) -> dict[str, object]:
    """Return what else a run depends on."""
    return {
        "base_sha256": _hash(base),
        "bfloat16": half,
        "device": torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else platform.machine(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "transformers": transformers.__version__,
    }


def _peak_memory(device: torch.device) -> dict[str, int]:
    """Return the peak memory so far, in MiB."""
    peak = {}
    if device.type == "cuda":
        peak["peak_gpu_memory_mib"] = round(torch.cuda.max_memory_allocated(device) / 2**20)
    if sys.platform == "linux":  # elsewhere the unit of ru_maxrss differs, and Windows lacks it
        import resource

        peak["peak_memory_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)
    return peak


def in_bfloat16(precision: str, device: str) -> bool:
    """Return whether passes on a device run in bfloat16; `precision` is `auto`, `float32` or `bfloat16`."""
    chosen = native_precision(torch.device(device)) if precision == "auto" else precision
    return chosen == "bfloat16"


def _optimizer(
    model: torch.nn.Module, config: TrainConfig, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Return AdamW and a schedule with a linear warm-up and a linear decay of the learning rate.

    Biases and norms have no weight decay.
    """
    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        pretrained = name.startswith(("tagger.encoder.", "tagger.reader.layers."))
        groups.setdefault((pretrained, parameter.ndim > 1), []).append(parameter)
    optimizer = torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": config.rate if pretrained else config.head_rate,
                "weight_decay": config.weight_decay if matrix else 0.0,
            }
            for (pretrained, matrix), parameters in groups.items()
        ]
    )
    warmup = max(1, int(config.warmup * steps))
    return optimizer, torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warmup, max(0.0, (steps - step) / max(1, steps - warmup)))
    )


@dataclass(frozen=True, kw_only=True)
class _Scored:
    """Scores on dev, the threshold of secondary labels that is best there, and the reports tagged with it."""

    scores: Scores
    threshold: float
    tagged: list[TaggedReport]


def _judged(scores: Scores) -> dict[str, float]:
    """Return the figures by which passes are compared; those that nobody coded are left out."""
    names = ("primary_macro_f1", "labels_micro_f1", "indicator_f1")
    return {name: scores.figures[name] for name in names if not math.isnan(scores.figures[name])}


def _score(
    model: TaggerModel,
    tokenizer: PreTrainedTokenizerFast,
    dev: Sequence[GoldReport],
    thresholds: Sequence[float] = THRESHOLDS,
) -> _Scored:
    """Score a model on dev with each of the thresholds of secondary labels."""
    model.config.primary_temperature = 1.0  # it is fitted anew on these scores
    tagged = list(Tagger(model, tokenizer).tag_many(map(parse_gold, dev)))
    best: _Scored | None = None
    for threshold in thresholds:
        relabelled = [relabel(report, threshold) for report in tagged]
        scores = evaluate(zip(dev, relabelled, strict=True))
        if best is None or scores.figures["labels_micro_f1"] > best.scores.figures["labels_micro_f1"]:
            best = _Scored(scores=scores, threshold=threshold, tagged=relabelled)
    assert best is not None  # THRESHOLDS isn't empty
    return best
