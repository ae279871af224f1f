"""Train a better model from a user's labelled reports: hold some out, replay shipped ones, measure the effects."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lawgov_nlp.annotation.corpus import load_shipped_splits
from lawgov_nlp.annotation.examples import examples, parse_gold
from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.annotation.relabel import can_relabel, relabel_gold, relabel_tagged, without_labels
from lawgov_nlp.errors import TrainingError
from lawgov_nlp.evaluation.scores import Scores, evaluate
from lawgov_nlp.model.checkpoints import is_tagger, shipped_model
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.paths import check_path
from lawgov_nlp.report import LineKind
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import CODEBOOK, Scheme
from lawgov_nlp.training.config import RETRAIN, TrainConfig
from lawgov_nlp.training.initialize import base_scheme
from lawgov_nlp.training.trainer import train

ENOUGH = 5
"""The number of labelled reports from which a fifth is held out; with fewer reports, all are needed for learning."""


@dataclass(frozen=True, kw_only=True)
class BeforeAfter:
    """Scores of a model before and after training, on the same reports.

    `before` is None if training began from an encoder. If the model had other labels before that can't be translated
    into
    the new ones, `before` has only the scores of values and names.
    """

    before: Scores | None
    after: Scores

    @property
    def labels_compare(self) -> bool:
        """Whether `before` has figures for the labels for which `after` has figures."""
        name = "primary_accuracy"
        return self.before is not None and (
            math.isnan(self.after.figures[name]) or not math.isnan(self.before.figures[name])
        )


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """The result of a retraining.

    Attributes:
        learned: The reports used for learning; `held_out` are those that weren't learned and on which `own` was
            measured.
        own: The scores on the held-out reports; None if there were too few reports to hold any out.
        shipped: The scores on the test split of the shipped corpus, which show what was lost or gained elsewhere.
    """

    learned: list[str]
    held_out: list[str]
    own: BeforeAfter | None
    shipped: BeforeAfter


def retrain(
    labelled: Sequence[GoldReport],
    out: Path,
    *,
    dev: Sequence[GoldReport] = (),
    base: Path | None = None,
    scheme: Scheme | None = None,
    config: TrainConfig | None = None,
    device: str = "cpu",
    beat_base: bool = True,
    corpus: Mapping[str, Sequence[GoldReport]] | None = None,
    overwrite: bool = False,
    resume: bool = False,
) -> Retrained:
    """Continue the training of a model with newly labelled reports, and compare it with the model before.

    The shipped model is trained on the new reports together with a draw of the reports that it learned from, so that it
    doesn't forget them. An encoder, whose heads are fresh, is trained on the new and on all shipped reports. The best
    pass is chosen on the held-out reports together with the dev split of the shipped corpus.

    If the labels aren't the codebook's, the shipped reports are translated where the labels rename or merge those of
    the codebook. Otherwise they only teach and measure values and names (`lawgov_nlp.annotation.relabel`).

    Args:
        labelled: Annotated reports; a paragraph may be coded for labels alone or for indicators alone.
        out: The folder for the model.
        dev: Annotated reports to hold out. If empty, a fifth of `labelled` is held out, as whole reports, provided that
            there are at least five. With fewer, one is held out if the shipped reports don't have the labels.
        base: The folder of the model to start from, a tagger or an encoder; None is the shipped model. The training
            data of another tagger isn't known, so nothing is replayed for it.
        scheme: The labels of the reports, which the model will have; None keeps those of the base.
        config: How to train; None is `default_config(base)`.
        device: Where to train: `cpu` or `cuda`.
        beat_base: Whether the base is a candidate, as in `train`, if it is a tagger with the same labels. Without it a
            model is written even if it is worse, which serves measurements only.
        corpus: The shipped reports by split; None is all of them (`load_shipped_splits`).
        overwrite: As in `lawgov_nlp.training.trainer.train`.
        resume: As in `lawgov_nlp.training.trainer.train`.

    Raises:
        TrainingError: Two codings of one paragraph contradict each other, a report is in both `labelled` and `dev`,
            there is only one label, a report has to be held out and there is none, or `train` raises it.
        NoBetterModelError: No pass was better than the base; nothing was written.
        ModelError: `train` raises it.
        OutputError: `train` raises it.
    """
    check_path(out, "out")
    if base is not None:
        check_path(base, "base")
    config = config or default_config(base)
    start = base or shipped_model()
    scheme = scheme or base_scheme(start)
    both = {r.id for r in labelled} & {r.id for r in dev}
    if both:
        raise TrainingError(f"reports to be learned and to be held out at once: {', '.join(sorted(both)[:5])}")
    check([*labelled, *dev], alone=_alone(base, scheme))
    splits = _corpus(scheme, corpus)
    learned, held_out = ([*labelled], [*dev]) if dev else hold_out(labelled, config.seed, needed=not scheme.coarsens)
    more, replay = _beside(base, splits["train"])
    before = _tagger(start, device)
    train(
        [*learned, *more],
        splits["dev"],
        base=start,
        out=out,
        own=held_out,
        beat_base=beat_base and before is not None and before.model.scheme == scheme,
        replay=replay,
        scheme=scheme,
        config=config,
        revision=f"{out.name} (from {before.model.config.revision if before else start.name})",
        device=device,
        overwrite=overwrite,
        resume=resume,
    )
    after = Tagger.from_pretrained(out, device)
    return Retrained(
        learned=[r.id for r in learned],
        held_out=[r.id for r in held_out],
        own=_measure(before, after, held_out, scheme) if held_out else None,
        shipped=_measure(before, after, splits["test"], scheme),
    )


def cross_validate(
    labelled: Sequence[GoldReport],
    folds: int,
    *,
    base: Path | None = None,
    scheme: Scheme | None = None,
    config: TrainConfig | None = None,
    device: str = "cpu",
) -> BeforeAfter:
    """Estimate how well retraining works if there are too few reports to hold some out: each fold is held out in turn.

    A model is trained for each fold and discarded. The best pass is chosen on the shipped dev split alone. If that
    split isn't coded with the labels, it is chosen on some of the reports that the fold would learn.

    Raises:
        TrainingError: There are fewer reports than folds, or `retrain` would raise it.
    """
    if not 2 <= folds <= len(labelled):
        raise TrainingError(
            f"{folds} folds of {len(labelled)} labelled report(s); expected 2 to as many as there are reports"
        )
    config = config or default_config(base)
    start = base or shipped_model()
    scheme = scheme or base_scheme(start)
    check(labelled, alone=_alone(base, scheme))
    corpus = _corpus(scheme)
    more, replay = _beside(base, corpus["train"])
    shuffled = random.Random(config.seed).sample([*labelled], len(labelled))
    pairs: list[tuple[GoldReport, TaggedReport]] = []
    for fold in range(folds):
        held_out = shuffled[fold::folds]
        learned = [r for r in shuffled if r not in held_out]
        learned, chosen_on = (learned, []) if scheme.coarsens else hold_out(learned, config.seed, needed=True)
        dev = [*chosen_on, *corpus["dev"]]
        with TemporaryDirectory() as folder:
            out = Path(folder) / "model"
            reports = [*learned, *more]
            train(reports, dev, base=start, out=out, replay=replay, scheme=scheme, config=config, device=device)
            pairs += zip(held_out, Tagger.from_pretrained(out, device).tag_many(map(parse_gold, held_out)), strict=True)
    gold = [report for report, _ in pairs]
    before = _tagger(start, device)
    return BeforeAfter(before=_scores(before, gold, scheme) if before else None, after=evaluate(pairs))


def default_config(base: Path | None) -> TrainConfig:
    """Return the default settings: gentle ones for a tagger, those of a full training for an encoder."""
    return RETRAIN if base is None or is_tagger(base) else TrainConfig()


def _beside(base: Path | None, shipped: list[GoldReport]) -> tuple[list[GoldReport], list[GoldReport]]:
    """Return the reports that each pass learns besides the new ones, and those from which each pass draws."""
    if base is None:
        return [], shipped
    return ([], []) if is_tagger(base) else (shipped, [])


def _alone(base: Path | None, scheme: Scheme) -> bool:
    """Return whether the labels are learned from the new reports alone."""
    return not scheme.coarsens or (base is not None and is_tagger(base))


def _corpus(scheme: Scheme, splits: Mapping[str, Sequence[GoldReport]] | None = None) -> dict[str, list[GoldReport]]:
    """Return the shipped reports by split, translated into a scheme as far as possible."""
    splits = load_shipped_splits() if splits is None else splits
    return {split: [relabel_gold(report, scheme) for report in reports] for split, reports in splits.items()}


def hold_out(
    reports: Sequence[GoldReport], seed: int, *, needed: bool = False
) -> tuple[list[GoldReport], list[GoldReport]]:
    """Divide reports into those to learn from and those to measure on; the paragraphs of a report stay together.

    Args:
        reports: All reports.
        seed: The same seed holds out the same reports.
        needed: Whether a report has to be held out even of fewer than `ENOUGH`, because no other reports have the
            labels for choosing the best pass and for calibrating.

    Raises:
        TrainingError: A report has to be held out, but there is no second one to learn from, or no report has a coded
            label.
    """
    if needed and len(reports) < 2:
        raise TrainingError(
            f"{len(reports)} labelled report(s) to learn from: the shipped reports don't have these labels, so one "
            "more is needed to choose the best pass and to calibrate on; label another one, or give it with --dev"
        )
    number = max(len(reports) // ENOUGH, int(needed))
    coded = [r for r in reports if any(u.kind is LineKind.BODY and u.labels_coded for u in r.units)]
    if needed and not coded:
        raise TrainingError(
            "no paragraph has a coded label: with labels of your own there is nothing to learn them from"
        )
    # A pass can't be chosen on reports without coded labels.
    pool = coded if needed and len(coded) >= number else [*reports]
    chosen = {r.id for r in random.Random(seed).sample(pool, number)}
    return [r for r in reports if r.id not in chosen], [r for r in reports if r.id in chosen]


def check(reports: Sequence[GoldReport], *, alone: bool) -> None:
    """Check that the reports contain something to learn; `alone` says that no other reports teach the labels.

    Raises:
        TrainingError: A paragraph with the same headings is coded in two ways, or all paragraphs have the same label
            and no other reports teach the labels.
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
            "label paragraphs of other dimensions, too, or start from the shipped model with the codebook's labels, "
            "which replays its own reports"
        )


def _measure(before: Tagger | None, after: Tagger, reports: Sequence[GoldReport], scheme: Scheme) -> BeforeAfter:
    now = _scores(after, reports, scheme)
    return BeforeAfter(before=_scores(before, reports, scheme) if before else None, after=now)


def _tagger(folder: Path, device: str) -> Tagger | None:
    """Return the tagger in a folder; None for an encoder, which has no heads to tag with."""
    return Tagger.from_pretrained(folder, device) if is_tagger(folder) else None


def _scores(tagger: Tagger, reports: Sequence[GoldReport], scheme: Scheme) -> Scores:
    """Return the scores of a tagger on reports that are coded with `scheme`, whatever its own labels are."""
    tagged: Iterable[TaggedReport] = tagger.tag_many(map(parse_gold, reports))
    own = tagger.model.scheme
    if own == CODEBOOK != scheme and can_relabel(scheme):
        tagged = (relabel_tagged(report, scheme) for report in tagged)
    elif own != scheme:
        reports = [without_labels(report) for report in reports]
    return evaluate(zip(reports, tagged, strict=True))
