"""`lawgov compare`: the gains and losses from one model to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lawgov_nlp.cli.common import (
    BackendOption,
    DeviceOption,
    LearnedOption,
    escape,
    fail,
    leave_out_learned,
    read_coded,
)
from lawgov_nlp.cli.progress import working
from lawgov_nlp.errors import LawgovError, OutputError, SchemeError

if TYPE_CHECKING:
    from lawgov_nlp.evaluation.comparison import Flip


def compare(
    before: Annotated[Path, typer.Argument(metavar="OLD", help="Folder of a model, or `shipped` or `tiny`.")],
    after: Annotated[Path, typer.Argument(metavar="NEW", help="Folder of the other model, likewise.")],
    labelled: Annotated[list[Path], typer.Argument(help="Coded reports: folders of markup, or files of a tool.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write every changed paragraph to this csv.")] = None,
    with_learned: LearnedOption = False,
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
) -> None:
    """Compare two models on the same coded reports: paired gains with intervals, and paragraphs whose label changed.

    Paragraphs that one of them learned (its training.json lists them) are left out.
    """
    console, notes = Console(), Console(stderr=True)
    try:
        if out is not None and out.exists():
            raise OutputError(f"{out} exists; choose another name or move it away")
        found = _compare(console, notes, before, after, labelled, with_learned, device, backend)
        if out is not None:
            from lawgov_nlp.atomic import save_new

            save_new(_csv(found), out)
    except ImportError as error:
        fail(notes, OutputError(f"{error.name or error} is missing; install it with: pip install 'lawgov-nlp[train]'"))
    except (LawgovError, ValueError, OSError) as error:
        fail(notes, error if isinstance(error, LawgovError) else LawgovError(str(error)))
    if out is not None:
        notes.print(f"已写入 {escape(str(out))}（{len(found)} 段）", highlight=False, soft_wrap=True)


def _compare(
    console: Console,
    notes: Console,
    before: Path,
    after: Path,
    labelled: list[Path],
    with_learned: bool,
    device: str,
    backend: str,
) -> list[Flip]:
    from lawgov_nlp.annotation.examples import parse_gold
    from lawgov_nlp.cli.score_tables import flips_table, gains_table
    from lawgov_nlp.evaluation.comparison import flips
    from lawgov_nlp.evaluation.scores import evaluate
    from lawgov_nlp.model.checkpoints import model_scheme, named_model
    from lawgov_nlp.model.tagger import Tagger

    folders = [named_model(folder) for folder in (before, after)]
    scheme = model_scheme(folders[1])
    if model_scheme(folders[0]) != scheme:
        raise SchemeError(
            f"{before} labels with {model_scheme(folders[0])}, {after} with {scheme}: there is nothing to pair; "
            "score each on its own with lawgov evaluate"
        )
    gold = read_coded(notes, labelled, scheme)
    if not with_learned:
        gold = leave_out_learned(notes, gold, folders)
    taggers = [Tagger.from_pretrained(folder, device, backend) for folder in folders]
    with working(notes, "比较中"):
        tagged = [list(tagger.tag_many(map(parse_gold, gold))) for tagger in taggers]
    then, now = (evaluate(zip(gold, side, strict=True)) for side in tagged)
    found = list(flips(zip(gold, *tagged, strict=True)))
    revisions = " → ".join(tagger.model.config.revision for tagger in taggers)
    console.print(gains_table(then, now, revisions))
    console.print(flips_table(found, scheme))
    return found


def _csv(flips: list[Flip]) -> bytes:
    """Return the changed paragraphs as a csv file."""
    from lawgov_nlp.results.writers.csv import csv_bytes

    return csv_bytes(
        ("report", "unit", "change", "coded", "before", "after", "headings", "text"),
        ((f.report, f.unit, f.change, f.coded, f.before, f.after, " > ".join(f.headings), f.text) for f in flips),
    )
