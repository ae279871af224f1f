"""A better model from a user's own labelled reports: what is held out, what is replayed, what it costs elsewhere."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
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
from lawgov_nlp.report import LineKind
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import CODEBOOK, Scheme
from lawgov_nlp.training.config import RETRAIN, TrainConfig
from lawgov_nlp.training.initialize import base_scheme
from lawgov_nlp.training.trainer import train

ENOUGH = 5
"""Labelled reports from which a fifth is held out; of fewer every one is needed to learn from."""


@dataclass(frozen=True, kw_only=True)
class BeforeAfter:
    """A model before and after on the same reports; before is None where training began from an encoder.

    Where the labels were others before, and these can't be said in the new ones, `before` has values and names alone.
    """

    before: Scores | None
    after: Scores

    @property
    def labels_compare(self) -> bool:
        """Whether `before` has figures for the labels that `after` has figures for."""
        name = "primary_accuracy"
        return self.before is not None and (
            math.isnan(self.after.figures[name]) or not math.isnan(self.before.figures[name])
        )


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
    overwrite: bool = False,
    resume: bool = False,
) -> Retrained:
    """Go on training a model with newly labelled reports, and measure it against what it was.

    The shipped model is trained on the new reports together with a draw of those that it learned from, so that it
    doesn't forget them; an encoder, whose heads are fresh, on the new and all of the shipped ones. The pass is chosen
    on the held-out reports together with the dev split of the shipped corpus.

    With other labels than the codebook's the shipped reports count as coded by these where they rename or merge those
    of the codebook; otherwise they teach and measure values and names alone (`lawgov_nlp.annotation.relabel`).

    Args:
        labelled: Annotated reports; paragraphs may be coded for labels alone or for indicators alone.
        out: Folder for the model.
        dev: Annotated reports to hold out; none: a fifth of `labelled`, whole reports, if there are at least five, and
            one of fewer where the shipped reports don't have the labels.
        base: Folder of the model to start from, a tagger or an encoder; None is the shipped one. What another tagger
            learned from isn't known, so nothing is replayed for it.
        scheme: The labels of the reports, which the model is to have; None: those that the base has.
        config: How to train; None is `default_config(base)`.
        device: Where to train: `cpu` or `cuda`.
        overwrite: As in `lawgov_nlp.training.trainer.train`.
        resume: The same.

    Raises:
        TrainingError: Two codings of one paragraph contradict each other, there is but one label, there is no report to
            hold out and one is needed, or as `train`.
        ModelError, OutputError: As `train`.
    """
    config = config or default_config(base)
    start = base or shipped_model()
    scheme = scheme or base_scheme(start)
    both = {r.id for r in labelled} & {r.id for r in dev}
    if both:
        raise TrainingError(f"to be learned and to be held out at once: {', '.join(sorted(both)[:5])}")
    check([*labelled, *dev], alone=_alone(base, scheme))
    corpus = _corpus(scheme)
    learned, held_out = ([*labelled], [*dev]) if dev else hold_out(labelled, config.seed, needed=not scheme.coarsens)
    more, replay = _beside(base, corpus["train"])
    before = _tagger(start, device)
    train(
        [*learned, *more],
        [*held_out, *corpus["dev"]],
        base=start,
        out=out,
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
        shipped=_measure(before, after, corpus["test"], scheme),
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
    """How well retraining works on reports like these, where they are too few to hold some out: each is, in turn.

    A model is trained for each fold and thrown away. The pass is chosen on the shipped dev split alone, or, where that
    isn't coded by the labels, on some of the reports that the fold would learn.

    Raises:
        TrainingError: There are fewer reports than folds, or as `retrain`.
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
    """How to train from a model: gently from a tagger, from the ground up from an encoder."""
    return RETRAIN if base is None or is_tagger(base) else TrainConfig()


def _beside(base: Path | None, shipped: list[GoldReport]) -> tuple[list[GoldReport], list[GoldReport]]:
    """What is learned beside the new reports in each pass, and what is drawn from."""
    if base is None:
        return [], shipped
    return ([], []) if is_tagger(base) else (shipped, [])


def _alone(base: Path | None, scheme: Scheme) -> bool:
    """Whether the labels are learned from the new reports alone."""
    return not scheme.coarsens or (base is not None and is_tagger(base))


def _corpus(scheme: Scheme) -> dict[str, list[GoldReport]]:
    """The shipped reports by split, as far as they are coded by a scheme."""
    splits = load_shipped_splits()
    return {split: [relabel_gold(report, scheme) for report in reports] for split, reports in splits.items()}


def hold_out(
    reports: Sequence[GoldReport], seed: int, *, needed: bool = False
) -> tuple[list[GoldReport], list[GoldReport]]:
    """Reports to learn from and reports to measure on: never two paragraphs of one report on both sides.

    Args:
        reports: All there are.
        seed: The same seed holds out the same ones.
        needed: Whether one has to be held out of fewer than `ENOUGH`, too: nothing else has the labels to choose the
            best pass and to calibrate on.

    Raises:
        TrainingError: One is needed, and there is no second one to learn from, or none has a coded label.
    """
    if needed and len(reports) < 2:
        raise TrainingError(
            f"{len(reports)} labelled report(s) to learn from: the shipped reports haven't these labels, so that one "
            "more is needed to choose the best pass and to calibrate on; label another one, or give it with --dev"
        )
    number = max(len(reports) // ENOUGH, int(needed))
    coded = [r for r in reports if any(u.kind is LineKind.BODY and u.labels_coded for u in r.units)]
    if needed and not coded:
        raise TrainingError(
            "no paragraph has a coded label: with labels of your own there is nothing to learn them from"
        )
    pool = coded if needed and len(coded) >= number else [*reports]  # without any labels no pass can be chosen on it
    chosen = {r.id for r in random.Random(seed).sample(pool, number)}
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
            "label paragraphs of other dimensions, too, or start from the shipped model with the codebook's labels, "
            "which replays its own reports"
        )


def _measure(before: Tagger | None, after: Tagger, reports: Sequence[GoldReport], scheme: Scheme) -> BeforeAfter:
    now = _scores(after, reports, scheme)
    return BeforeAfter(before=_scores(before, reports, scheme) if before else None, after=now)


def _tagger(folder: Path, device: str) -> Tagger | None:
    """The tagger in a folder; None for an encoder, which has no heads to tag with."""
    return Tagger.from_pretrained(folder, device) if is_tagger(folder) else None


def _scores(tagger: Tagger, reports: Sequence[GoldReport], scheme: Scheme) -> Scores:
    """The scores of a tagger on reports that are coded by `scheme`, whatever its own labels are."""
    tagged: Iterable[TaggedReport] = tagger.tag_many(map(parse_gold, reports))
    own = tagger.model.scheme
    if own == CODEBOOK != scheme and can_relabel(scheme):
        tagged = (relabel_tagged(report, scheme) for report in tagged)
    elif own != scheme:
        reports = [without_labels(report) for report in reports]
    return evaluate(zip(reports, tagged, strict=True))
