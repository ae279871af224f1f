"""`lawgov evaluate`: how good a model is on coded reports."""

from __future__ import annotations

import json
import math
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
from lawgov_nlp.errors import LawgovError, OutputError

if TYPE_CHECKING:
    from lawgov_nlp.evaluation.scores import Scores


def evaluate(
    model: Annotated[Path, typer.Argument(help="Folder of the model, or `shipped` or `tiny`.")],
    labelled: Annotated[list[Path], typer.Argument(help="Coded reports: folders of markup, or files of a tool.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the scores here, too: a .json, or a page as .html.")
    ] = None,
    errors: Annotated[bool, typer.Option("--errors", help="List every difference.")] = False,
    with_learned: LearnedOption = False,
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
) -> None:
    """Score a model on coded reports: figures with bootstrap intervals, scores by label, confusion and calibration.

    Paragraphs that the model learned (its training.json lists them) are left out.
    """
    console, notes = Console(), Console(stderr=True)
    try:
        if out is not None and out.suffix not in (".json", ".html"):
            raise OutputError(f"{out}: expected a name that ends in .json or .html")
        if out is not None and out.exists():
            raise OutputError(f"{out} exists; choose another name or move it away")
        with working(notes, "评测中"):
            scores, review_below, revision = _scores(notes, model, labelled, with_learned, device, backend)
        from lawgov_nlp.cli.score_tables import scores_table

        if errors:
            for line in scores.errors:
                console.print(escape(line), highlight=False, soft_wrap=True)
        console.print(scores_table(scores, revision, review_below))
        if out is not None:
            from lawgov_nlp.atomic import save_new

            save_new(_page(scores, revision, review_below) if out.suffix == ".html" else _json(scores, revision), out)
    except ImportError as error:
        fail(notes, OutputError(f"{error.name or error} is missing; install it with: pip install 'lawgov-nlp[train]'"))
    except (LawgovError, ValueError, OSError) as error:
        fail(notes, error if isinstance(error, LawgovError) else LawgovError(str(error)))
    if out is not None:
        notes.print(f"已写入 {escape(str(out))}", highlight=False, soft_wrap=True)


def _scores(
    notes: Console, model: Path, labelled: list[Path], with_learned: bool, device: str, backend: str
) -> tuple[Scores, float, str]:
    from lawgov_nlp.annotation.examples import parse_gold
    from lawgov_nlp.evaluation.scores import evaluate as score
    from lawgov_nlp.model.checkpoints import named_model
    from lawgov_nlp.model.tagger import Tagger

    tagger = Tagger.from_pretrained(named_model(model), device, backend)
    gold = read_coded(notes, labelled, tagger.model.scheme)
    if not with_learned:
        gold = leave_out_learned(notes, gold, [named_model(model)])
    scores = score(zip(gold, tagger.tag_many(map(parse_gold, gold)), strict=True))
    return scores, tagger.model.config.review_below, tagger.model.config.revision


def _json(scores: Scores, revision: str) -> bytes:
    coded = {name: value for name, value in scores.figures.items() if not math.isnan(value)}
    content = {
        "model": revision,
        "support": scores.support,
        "figures": coded,
        "intervals": {name: bounds for name, bounds in scores.intervals().items() if name in coded},
        "per_dimension": scores.per_dimension,
        "confusion": {
            "coded": scores.labels,
            "tagged": [*scores.labels, "not read"],
            "counts": scores.confusion.tolist(),
        },
        "calibration_error": scores.calibration_error if len(scores.gold) else None,
        "errors": scores.errors,
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _page(scores: Scores, revision: str, review_below: float) -> bytes:
    from lawgov_nlp.evaluation.score_page import score_page

    return score_page(scores, revision, review_below).encode()
