"""`lawgov convert`: convert annotated reports to and from the formats of labelling tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lawgov_nlp.cli.common import LABELS_HELP, chosen_scheme, escape, fail, show_notes
from lawgov_nlp.errors import InterchangeError, LawgovError, OutputError

if TYPE_CHECKING:
    from lawgov_nlp.annotation.formats import ImportResult, Options
    from lawgov_nlp.scheme import Scheme

_LAYERS = {"both": ("labels", "indicators"), "labels": ("labels",), "indicators": ("indicators",)}


def convert(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="IN…", help="The files to convert; for markup a folder.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write, or for markup the folder; it must not exist.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help="markup, jsonl, label-studio, doccano, conll, csv, xlsx or tagged; default: by content."
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--to", help="markup, jsonl, label-studio, doccano, conll, csv or xlsx; default: OUT's suffix."),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Convert the valid rows; write the invalid ones to OUT.rejected.jsonl.")
    ] = False,
    annotator: Annotated[
        str | None, typer.Option(help="Whose annotations to take if several people annotated (name, email or id).")
    ] = None,
    layers: Annotated[
        str | None, typer.Option(help="What was annotated if the file doesn't say: labels, indicators or both.")
    ] = None,
    offsets: Annotated[
        str | None, typer.Option(help="The unit of offsets: characters or utf16; default: the tool's.")
    ] = None,
    labelling_config: Annotated[
        bool, typer.Option("--labelling-config", help="Write Label Studio's labelling interface (XML) instead.")
    ] = False,
    labels: Annotated[Path | None, typer.Option(help=LABELS_HELP)] = None,
) -> None:
    """Convert annotated reports between the project's markup and Label Studio, doccano, CoNLL, csv and Excel.

    Information that a format can't hold is counted on stderr. An invalid row is an error with its file, row and reason,
    and nothing is written. With --skip-bad the valid rows are written, and the exit code is 1.
    """
    notes = Console(stderr=True)
    try:
        options = _options(annotator, layers, offsets, chosen_scheme(labels))
        rejected = _convert(notes, paths or [], out, source, form, skip_bad, options, labelling_config)
    except LawgovError as error:
        fail(notes, error)
    if rejected:
        raise typer.Exit(1)


def _convert(
    notes: Console,
    paths: list[Path],
    out: Path | None,
    source: str | None,
    form: str | None,
    skip_bad: bool,
    options: Options,
    labelling_config: bool,
) -> int:
    """Convert, and return the number of rejected rows."""
    from lawgov_nlp.annotation import formats
    from lawgov_nlp.atomic import save_new
    from lawgov_nlp.scheme import CODEBOOK

    if out is None:
        raise OutputError("say where to write to: -o NAME")
    if labelling_config:
        if paths:
            raise InterchangeError("--labelling-config reads nothing; leave out the input files")
        save_new(formats.labelling_config(options.scheme or CODEBOOK).encode(), out)
        _written(notes, out)
        return 0
    if not paths:
        raise InterchangeError("name the files to convert")
    rejects = out.with_name(f"{out.name}.rejected.jsonl")
    for path in (out, rejects) if skip_bad else (out,):
        if path.exists():
            raise OutputError(f"{path} exists; choose another name or move it away")
    form = form or formats.target(out)
    reading = formats.read_annotations(paths, source, options)
    findings = reading.findings
    payload = formats.render_annotations(reading.documents, form, findings, reading.scheme)
    show_notes(notes, findings.notes)
    if not skip_bad:
        findings.check("Correct them in the tool and export again, or convert the rest with --skip-bad")
    if not reading.documents or not payload:
        raise InterchangeError(f"no report is left to write; see the reasons: {findings.problems[0]}")
    save_new(payload, out)
    _written(notes, out, _sum(reading))
    if findings.problems:
        formats.write_rejected(findings.problems, rejects)
        _written(notes, rejects, f"{len(findings.problems)} 行有误，未导入其标注")
    return len(findings.problems)


def _options(annotator: str | None, layers: str | None, offsets: str | None, scheme: Scheme | None) -> Options:
    from lawgov_nlp.annotation.formats import Options

    if layers not in (None, *_LAYERS):
        raise InterchangeError(f"--layers {layers} is unknown; expected labels, indicators or both")
    if offsets not in (None, "characters", "utf16"):
        raise InterchangeError(f"--offsets {offsets} is unknown; expected characters or utf16")
    return Options(annotator=annotator, layers=_LAYERS[layers] if layers else None, offsets=offsets, scheme=scheme)


def _sum(reading: ImportResult) -> str:
    lines = [line for document in reading.documents for line in document.lines if line.kind == "body"]
    labelled = sum(line.labels_coded for line in lines)
    searched = sum(line.indicators_coded for line in lines)
    values = sum(len(line.values) for line in lines)
    if any(document.model for document in reading.documents):
        return f"{len(reading.documents)} 份报告，{len(lines)} 段，{values} 个数值，出自模型"
    coded = f"{labelled} 段已标维度，{searched} 段已标指标（{values} 个数值）"
    return f"{len(reading.documents)} 份报告，{len(lines)} 段：{coded}"


def _written(notes: Console, path: Path, what: str = "") -> None:
    notes.print(f"已写入 {escape(str(path))}" + (f"（{what}）" if what else ""), highlight=False, soft_wrap=True)
