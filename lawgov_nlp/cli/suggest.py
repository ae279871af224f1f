"""`lawgov suggest`: choose the paragraphs to label next and write them for a labelling tool."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lawgov_nlp.cli.common import BackendOption, DeviceOption, ModelOption, escape, fail, find_files, show_notes
from lawgov_nlp.cli.progress import progress
from lawgov_nlp.errors import LawgovError, OutputError

if TYPE_CHECKING:
    import numpy as np
    from rich.console import RenderableType

    from lawgov_nlp.annotation.formats import Document
    from lawgov_nlp.annotation.suggest import Labelled, Suggestion
    from lawgov_nlp.model.tagger import Tagger
    from lawgov_nlp.report import Line
    from lawgov_nlp.results.tagged_report import TaggedReport
    from lawgov_nlp.scheme import Scheme


def suggest(
    paths: Annotated[list[Path], typer.Argument(help="Files (docx, pdf, html, txt, doc, wps) and folders of them.")],
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many paragraphs.")] = 50,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write them to this new file or folder for labelling; it must not exist."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format", "-f", help="label-studio, doccano, conll, csv, xlsx, jsonl or markup; default: from OUT."
        ),
    ] = None,
    labelled: Annotated[
        list[Path] | None,
        typer.Option(help="Already labelled reports: a folder of markup or a tool's export; may be repeated."),
    ] = None,
    by: Annotated[str, typer.Option(help="mixed, uncertainty, diversity or random.")] = "mixed",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same paragraphs.")] = 0,
    blank: Annotated[
        bool, typer.Option("--blank", help="Leave out the model's labels and doubts, so that they sway nobody.")
    ] = False,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
) -> None:
    """Choose the paragraphs most worth labelling: the model is unsure of them, and they differ from labelled ones.

    They are written with the model's labels for correction, or with --blank without. In csv and Excel a row counts as
    labelled once it is changed or its column `checked` (已核对) says yes. Copies are suggested only once. When you
    import the file (lawgov convert), the other paragraphs of the reports come with it, marked as not coded. A file that
    can't be read is listed with the reason and the others continue; the exit code is then 1.
    """
    console, notes = Console(), Console(stderr=True)
    failures: list[tuple[str, LawgovError]] = []
    try:
        form = _form(out, form, by)
        _suggest(
            console, notes, failures, paths, number, out, form, labelled or [], by, seed, blank, model, device, backend
        )
    except LawgovError as error:
        fail(notes, error)
    if failures:
        from lawgov_nlp.cli.terminal import failure_table

        notes.print(failure_table(failures))
        raise typer.Exit(1)


def _form(out: Path | None, form: str | None, by: str) -> str | None:
    """Return the format to write. This finds errors in the request before any slow work begins."""
    from lawgov_nlp.annotation.formats import WRITTEN, target
    from lawgov_nlp.annotation.suggest import BY, SuggestError
    from lawgov_nlp.atomic import check_new

    if by not in BY:
        raise SuggestError(f"--by {by} is unknown; expected one of {', '.join(BY)}")
    if form not in (None, *WRITTEN):
        raise OutputError(f"--format {form} is unknown; expected one of {', '.join(WRITTEN)}")
    if out is None:
        if form is not None:
            raise OutputError(f"--format {form} needs a place to write to: add -o NAME")
        return None
    check_new(out)
    return form or target(out)


def _suggest(
    console: Console,
    notes: Console,
    failures: list[tuple[str, LawgovError]],
    paths: list[Path],
    number: int,
    out: Path | None,
    form: str | None,
    labelled: list[Path],
    by: str,
    seed: int,
    blank: bool,
    model: Path | None,
    device: str,
    backend: str,
) -> None:
    files = find_files(paths, failures)
    if not files:
        return
    from lawgov_nlp.annotation.suggest import Labelled
    from lawgov_nlp.annotation.suggest import suggest as choose
    from lawgov_nlp.model.checkpoints import model_scheme, named_model
    from lawgov_nlp.model.tagger import get_tagger

    folder = named_model(model)
    units = _labelled_units(notes, labelled, model_scheme(folder))
    loaded = get_tagger(folder, device, backend)
    reports, vectors = _tagged(loaded, files, failures, notes)
    if not reports:
        return
    compared = by in ("mixed", "diversity")
    done = Labelled(texts=[u.text for u in units], vectors=loaded.vectors(units) if compared else None)
    found = choose(reports, number, vectors=vectors, by=by, labelled=done, seed=seed)
    console.print(_table(reports, done, found))
    if out is not None and form is not None and found:
        _write(notes, _documents(reports, found, blank), len(found), blank, out, form, loaded.model.scheme)
    elif out is not None:
        show_notes(notes, ["没有可建议的段落，未写出文件"])


def _labelled_units(notes: Console, paths: list[Path], scheme: Scheme) -> list[Line]:
    """Return the paragraphs that people coded in at least one layer, with the headings above them."""
    if not paths:
        return []
    from lawgov_nlp.annotation.formats import Options, read_annotations
    from lawgov_nlp.annotation.suggest import SuggestError
    from lawgov_nlp.report import Line, LineKind

    reading = read_annotations(paths, options=Options(scheme=scheme))
    show_notes(notes, reading.findings.notes)
    reading.findings.check()
    models = [document.id for document in reading.documents if document.model]
    if models:
        raise SuggestError(
            f"--labelled: {', '.join(models[:3])} holds a model's labels and not a coder's; give the labelled reports"
        )
    return [
        Line(kind=LineKind.BODY, text=text, start=0, end=len(text), headings=line.headings)
        for document in reading.documents
        for line in document.lines
        for text in [line.text.strip()]
        if line.kind is LineKind.BODY and line.coded
    ]


def _tagged(
    loaded: Tagger, files: list[Path], failures: list[tuple[str, LawgovError]], notes: Console
) -> tuple[list[TaggedReport], list[np.ndarray]]:
    from lawgov_nlp.readers.pool import read_reports

    with closing(read_reports(files, lambda source, error: failures.append((str(source), error)))) as read:
        tagged = loaded.tag_with_vectors(read)
        pairs = list(progress(tagged, len(files), failures, notes, lambda pair: pair[0]))
    return [report for report, _ in pairs], [vectors for _, vectors in pairs]


def _table(reports: Sequence[TaggedReport], done: Labelled, found: Sequence[Suggestion]) -> RenderableType:
    from lawgov_nlp.annotation.suggest import candidates, fold
    from lawgov_nlp.cli.terminal import suggestion_table

    texts = [p.text for report in reports for p in report.paragraphs]
    known = {fold(text) for text in done.texts}
    coded = sum(fold(text) in known for text in texts)
    copies = len(texts) - coded - len(candidates(texts, done.texts))
    return suggestion_table(found, paragraphs=len(texts), labelled=coded, copies=copies)


def _write(
    notes: Console,
    documents: Sequence[Document],
    number: int,
    blank: bool,
    out: Path,
    form: str,
    scheme: Scheme,
) -> None:
    from lawgov_nlp.annotation.formats import Issues, render_annotations
    from lawgov_nlp.atomic import save_new

    findings = Issues()
    payload = render_annotations(documents, form, findings, scheme)
    show_notes(notes, findings.notes)
    findings.check("Correct the reports, and suggest again")
    save_new(payload, out)
    sums = f"{len(documents)} 份报告中的 {number} 段，{'不附模型所标' if blank else '附模型所标，请核对'}"
    notes.print(f"已写入 {escape(str(out))}（{sums}）", highlight=False, soft_wrap=True)


def _documents(reports: Sequence[TaggedReport], found: Sequence[Suggestion], blank: bool) -> list[Document]:
    """Return the reports with suggestions, without anything that a model says of them if `blank`.

    Their names count all reports, so that the next round has the same names.
    """
    from lawgov_nlp.annotation.formats import mark_requested, without_coding
    from lawgov_nlp.annotation.formats.predictions import free_name, from_tagged

    reasons: dict[int, dict[int, str]] = {}
    for suggestion in found:
        reasons.setdefault(id(suggestion.report), {})[suggestion.at] = suggestion.why
    taken: set[str] = set()
    names = [free_name(report, number, taken) for number, report in enumerate(reports, 1)]
    documents = [
        mark_requested(from_tagged(report, name), reasons[id(report)])
        for report, name in zip(reports, names, strict=True)
        if id(report) in reasons
    ]
    return [without_coding(document) for document in documents] if blank else documents
