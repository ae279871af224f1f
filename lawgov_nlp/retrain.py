"""A better model from a user's own labelled reports: what is held out, what is replayed, what it costs elsewhere."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lawgov_nlp.annotation import GoldReport
from lawgov_nlp.dataset import examples, load_splits, read_gold, shipped_corpus
from lawgov_nlp.errors import TrainingError
from lawgov_nlp.evaluate import Scores, evaluate
from lawgov_nlp.learner import is_tagger
from lawgov_nlp.report import TaggedReport
from lawgov_nlp.tagger import Tagger, shipped_model
from lawgov_nlp.train import train
from lawgov_nlp.train_config import RETRAIN, TrainConfig

ENOUGH = 5
"""Labelled reports from which a fifth is held out; of fewer every one is needed to learn from."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A model before and after on the same reports; before is None where training began from an encoder."""

    before: Scores | None
    after: Scores


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """What came of a retraining.

    Attributes:
        learned: The reports that were learned; `held_out`, those that weren't and on which `own` was measured.
        own: On the held-out reports; None where there were too few to hold any out.
        shipped: On the test split of the shipped corpus: what was lost or gained elsewhere.
    """

    learned: list[str]
    held_out: list[str]
    own: Measured | None
    shipped: Measured


def retrain(
    labelled: Sequence[GoldReport],
    out: Path,
    *,
    dev: Sequence[GoldReport] = (),
    base: Path | None = None,
    config: TrainConfig | None = None,
    device: str = "cpu",
    overwrite: bool = False,
    resume: bool = False,
) -> Retrained:
    """Go on training a model with newly labelled reports, and measure it against what it was.

    The shipped model is trained on the new reports together with a draw of those that it learned from, so that it
    doesn't forget them; an encoder, whose heads are fresh, on the new and all of the shipped ones. The pass is chosen
    on the held-out reports together with the dev split of the shipped corpus.

    Args:
        labelled: Annotated reports; paragraphs may be coded for labels alone or for indicators alone.
        out: Folder for the model.
        dev: Annotated reports to hold out; none: a fifth of `labelled`, whole reports, if there are at least five.
        base: Folder of the model to start from, a tagger or an encoder; None is the shipped one. What another tagger
            learned from isn't known, so nothing is replayed for it.
        config: How to train; None is `default_config(base)`.
        device: Where to train: `cpu` or `cuda`.
        overwrite: As in `lawgov_nlp.train.train`.
        resume: The same.

    Raises:
        TrainingError: Two codings of one paragraph contradict each other, there is but one label, or as `train`.
        ModelError, OutputError: As `train`.
    """
    config = config or default_config(base)
    start = base or shipped_model()
    both = {r.id for r in labelled} & {r.id for r in dev}
    if both:
        raise TrainingError(f"to be learned and to be held out at once: {', '.join(sorted(both)[:5])}")
    check([*labelled, *dev], alone=base is not None and is_tagger(base))
    corpus = load_splits(shipped_corpus())
    learned, held_out = ([*labelled], [*dev]) if dev else hold_out(labelled, config.seed)
    more, replay = _beside(base, corpus["train"])
    before = _tagger(start, device)
    train(
        [*learned, *more],
        [*held_out, *corpus["dev"]],
        base=start,
        out=out,
        replay=replay,
        config=config,
        revision=f"{out.name} (from {before.model.config.revision if before else start.name})",
        device=device,
        overwrite=overwrite,
        resume=resume,
    )
    after = Tagger(out, device)
    return Retrained(
        learned=[r.id for r in learned],
        held_out=[r.id for r in held_out],
        own=_measure(before, after, held_out) if held_out else None,
        shipped=_measure(before, after, corpus["test"]),
    )


def cross_validate(
    labelled: Sequence[GoldReport],
    folds: int,
    *,
    base: Path | None = None,
    config: TrainConfig | None = None,
    device: str = "cpu",
) -> Measured:
    """How well retraining works on reports like these, where they are too few to hold some out: each is, in turn.

    A model is trained for each fold and thrown away. The pass is chosen on the shipped dev split alone.

    Raises:
        TrainingError: There are fewer reports than folds, or as `retrain`.
    """
    if not 2 <= folds <= len(labelled):
        raise TrainingError(
            f"{folds} folds of {len(labelled)} labelled report(s); expected 2 to as many as there are reports"
        )
    config = config or default_config(base)
    check(labelled, alone=base is not None and is_tagger(base))
    corpus = load_splits(shipped_corpus())
    start = base or shipped_model()
    more, replay = _beside(base, corpus["train"])
    shuffled = random.Random(config.seed).sample([*labelled], len(labelled))
    pairs: list[tuple[GoldReport, TaggedReport]] = []
    for fold in range(folds):
        held_out = shuffled[fold::folds]
        learned = [r for r in shuffled if r not in held_out]
        with TemporaryDirectory() as folder:
            out = Path(folder) / "model"
            reports = [*learned, *more]
            train(reports, corpus["dev"], base=start, out=out, replay=replay, config=config, device=device)
            pairs += zip(held_out, Tagger(out, device).tag_many(map(read_gold, held_out)), strict=True)
    gold = [report for report, _ in pairs]
    before = _tagger(start, device)
    return Measured(before=_scores(before, gold) if before else None, after=evaluate(pairs))


def default_config(base: Path | None) -> TrainConfig:
    """How to train from a model: gently from a tagger, from the ground up from an encoder."""
    return RETRAIN if base is None or is_tagger(base) else TrainConfig()


def _beside(base: Path | None, shipped: list[GoldReport]) -> tuple[list[GoldReport], list[GoldReport]]:
    """What is learned beside the new reports in each pass, and what is drawn from."""
    if base is None:
        return [], shipped
    return ([], []) if is_tagger(base) else (shipped, [])


def hold_out(reports: Sequence[GoldReport], seed: int) -> tuple[list[GoldReport], list[GoldReport]]:
    """Reports to learn from and reports to measure on: never two paragraphs of one report on both sides."""
    if len(reports) < ENOUGH:
        return [*reports], []
    chosen = {r.id for r in random.Random(seed).sample([*reports], len(reports) // ENOUGH)}
    return [r for r in reports if r.id not in chosen], [r for r in reports if r.id in chosen]


def check(reports: Sequence[GoldReport], *, alone: bool) -> None:
    """Whether reports give something to learn; `alone` where nothing is replayed beside them.

    Raises:
        TrainingError: A paragraph with the same headings is coded in two ways, or all paragraphs have one label, and
            there is nothing else to learn from.
    """
    seen: dict[tuple[str, ...], tuple[str, str]] = {}
    labels = set()
    for report in reports:
        for example in examples([report]).examples:
            if not example.labels_coded:
                continue
            label = "+".join([example.primary, *sorted(example.secondary)]) if example.primary else "none"
            labels.add(example.primary)
            key = (*example.unit.headings, example.unit.text)
            where, first = seen.setdefault(key, (report.id, label))
            if first != label:
                raise TrainingError(
                    f"the same paragraph is {first} in {where} and {label} in {report.id}: {example.unit.text[:40]}; "
                    "settle which is right"
                )
    if alone and len(labels) == 1:
        raise TrainingError(
            f"every labelled paragraph is {next(iter(labels)) or 'none'}: a model would learn to say nothing else; "
            "label paragraphs of other dimensions, too, or start from the shipped model, which replays its own reports"
        )


def _measure(before: Tagger | None, after: Tagger, reports: Sequence[GoldReport]) -> Measured:
    now = _scores(after, reports)
    return Measured(before=_scores(before, reports) if before else None, after=now)


def _tagger(folder: Path, device: str) -> Tagger | None:
    """The tagger in a folder; None for an encoder, which has no heads to tag with."""
    return Tagger(folder, device) if is_tagger(folder) else None


def _scores(tagger: Tagger, reports: Sequence[GoldReport]) -> Scores:
    return evaluate(zip(reports, tagger.tag_many(map(read_gold, reports)), strict=True))
