"""Code that the commands share: options, input files, the display of errors and notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from lawgov_nlp.errors import LawgovError, ReadError
from lawgov_nlp.readers.find import find_reports

if TYPE_CHECKING:
    from lawgov_nlp.annotation.gold import GoldReport
    from lawgov_nlp.scheme import Scheme

DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
BackendOption = Annotated[
    str,
    typer.Option(
        help="What runs the encoder: auto, torch, openvino, or an engine with a precision, such as torch:float32."
    ),
]
ModelOption = Annotated[
    Path | None,
    typer.Option(help="Folder of a model, or tiny for the shipped model that is faster and less accurate."),
]
LABELS_HELP = (
    "Labels other than the codebook's: a labels.json (data/FORMAT.md), or the folder of a model with these labels."
)


def fail(notes: Console, error: LawgovError) -> NoReturn:
    """Show an error and end the command with exit code 2."""
    notes.print(f"[red]错误[/red] {escape(str(error))}", soft_wrap=True, highlight=False)
    raise typer.Exit(2) from None


def show_notes(notes: Console, lines: Iterable[str]) -> None:
    """Show notes, a line each, on what was left out or assumed."""
    for line in lines:
        notes.print(f"[yellow]注意[/yellow] {escape(line)}", soft_wrap=True, highlight=False)


def is_address(path: str) -> bool:
    """Tell whether a string is the address of an object store (`s3://…`) and not a path."""
    return "://" in path


def local_path(path: str) -> Path:
    """Return an argument as a path.

    Raises:
        ReadError: The argument is an address, which only a cluster can read.
    """
    if is_address(path):
        raise ReadError(f"{path} is an address; add --engine ray to read an object store, or give files and folders")
    return Path(path)


def check_model(model: Path | str | None) -> None:
    """Check that there is a model of that name or in that folder, long before it is loaded.

    Raises:
        ModelError: There is none.
    """
    from lawgov_nlp.model.checkpoints import model_revision, named_model

    model_revision(named_model(model))


def find_files(paths: Sequence[Path], failures: list[tuple[str, LawgovError]]) -> list[Path]:
    """Return all files to read. A missing path is added to `failures`, like an unreadable file."""
    found: list[Path] = []
    for path in paths:
        try:
            found += find_reports(path, on_error=lambda where, error: failures.append((str(where), error)))
        except LawgovError as error:
            failures.append((str(path), error))
    return list(dict.fromkeys(found))


def chosen_scheme(labels: Path | None) -> Scheme | None:
    """Load the labels that `--labels` names.

    Args:
        labels: A labels.json, the folder of a model, or `shipped` for the codebook.

    Returns:
        The scheme, or None if the option isn't given.

    Raises:
        SchemeError: The file can't be read or doesn't fit the format.
        ModelError: The folder holds no model.
    """
    from lawgov_nlp.model.checkpoints import model_scheme
    from lawgov_nlp.scheme import CODEBOOK, Scheme

    if labels is None:
        return None
    if str(labels) == "shipped" and not labels.exists():
        return CODEBOOK
    return model_scheme(labels) if labels.is_dir() else Scheme.load(labels)


LearnedOption = Annotated[
    bool,
    typer.Option("--with-learned", help="Count paragraphs that the model learned, too; the scores then flatter it."),
]


def leave_out_learned(notes: Console, reports: list[GoldReport], models: Sequence[Path]) -> list[GoldReport]:
    """Return the reports without the coding of paragraphs that one of the models learned, and say how many these are.

    Raises:
        LawgovError: Nothing is left to score on.
    """
    from lawgov_nlp.annotation.learned import learned_hashes, without_learned

    kept, learned, left = without_learned(reports, {h for model in models for h in learned_hashes(model)})
    if learned and not left:
        raise LawgovError(
            f"the model learned all {learned} coded paragraphs, so that scores on them would say nothing about others; "
            "give reports that it didn't learn, or add --with-learned"
        )
    if learned:
        show_notes(notes, [f"{learned} 段是模型学过的，不计入得分，余 {left} 段；要一并计入请加 --with-learned"])
    return kept


def read_coded(notes: Console, paths: Sequence[Path], scheme: Scheme) -> list[GoldReport]:
    """Read coded reports from folders of markup or files of a labelling tool, and show what was left out.

    Args:
        notes: The console for notes.
        paths: The folders and files.
        scheme: The labels that may occur in them.

    Raises:
        InterchangeError: A file can't be read, or rows in it are invalid.
        MarkupError: A report doesn't follow the markup.
    """
    from lawgov_nlp.annotation.formats import Options, read_annotations

    reading = read_annotations(paths, options=Options(scheme=scheme))
    show_notes(notes, reading.findings.notes)
    reading.findings.check()
    return reading.gold


def escape(text: str) -> str:
    """Escape a text so that rich shows it unchanged."""
    return text.replace("[", r"\[")
