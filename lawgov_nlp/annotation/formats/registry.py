"""The formats by name; detect the format of a file, and choose the format of a file to be written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lawgov_nlp.annotation.formats import conll, doccano, jsonl, label_studio, markup, predictions, spreadsheet
from lawgov_nlp.annotation.formats.document import Document, Row
from lawgov_nlp.annotation.formats.issues import Issues
from lawgov_nlp.annotation.formats.options import Options
from lawgov_nlp.atomic import Payload
from lawgov_nlp.errors import InterchangeError
from lawgov_nlp.paths import check_path
from lawgov_nlp.scheme import Scheme

_PROBE = 100_000


@dataclass(frozen=True, kw_only=True)
class Format:
    """How a format is read and written; `endings` are the file endings that belong to this format only."""

    read: Callable[[Path, Issues, Options], list[Row]]
    write: Callable[[Sequence[Document], Issues, Scheme], Payload] | None
    endings: tuple[str, ...] = ()


FORMATS: Mapping[str, Format] = {
    "markup": Format(read=markup.read_markup, write=markup.write_markup),
    "jsonl": Format(read=jsonl.read_jsonl, write=jsonl.write_jsonl),
    "label-studio": Format(
        read=label_studio.read_label_studio, write=label_studio.write_label_studio, endings=(".json",)
    ),
    "doccano": Format(read=doccano.read_doccano, write=doccano.write_doccano),
    "conll": Format(read=conll.read_conll, write=conll.write_conll, endings=(".conll", ".bio")),
    "csv": Format(read=spreadsheet.read_csv, write=spreadsheet.write_csv, endings=(".csv",)),
    "xlsx": Format(read=spreadsheet.read_xlsx, write=spreadsheet.write_xlsx, endings=(".xlsx",)),
    "tagged": Format(read=predictions.read_predictions, write=None),
}
"""The formats by name. `tagged` is the output of `lawgov tag -o x.jsonl` and is only read."""

WRITTEN = tuple(name for name, form in FORMATS.items() if form.write)


def detect(path: Path) -> str:
    """Detect the format of a file or folder from its content.

    Raises:
        InterchangeError: The file doesn't exist, or its format can't be detected; the message names the formats.
    """
    check_path(path, "path")
    if not path.exists():
        raise InterchangeError(f"{path}: there is no such file or folder")
    if path.is_dir():
        if any(path.glob("*.txt")):
            return "markup"
        raise InterchangeError(
            f"{path}: a folder without annotated reports (*.txt); name the export's files themselves"
        )
    if path.suffix.lower() == ".xlsx":
        return "xlsx"
    head = path.read_bytes()[:_PROBE]
    if head.startswith(b"PK"):
        raise InterchangeError(f"{path}: an archive; unpack it first (doccano exports a zip) and name the files in it")
    text = head.decode("utf-8-sig", "ignore").lstrip()
    found = _json_format(path, text) if text[:1] in ("{", "[") and not text.startswith("[title") else None
    if found:
        return found
    first = text.split("\n", 1)[0]
    if any(line.strip() == "---" for line in text.split("\n")[:50]):
        return "markup"
    if conll.looks_like(text):
        return "conll"
    if path.suffix.lower() in (".csv", ".tsv") or {"text", "primary"} <= spreadsheet.columns(path, first):
        return "csv"
    raise InterchangeError(f"{path}: in none of the formats that can be detected; say --from {_either(FORMATS)}")


def target(path: Path) -> str:
    """Return the format that the ending of an output file calls for.

    Raises:
        InterchangeError: The ending belongs to several formats or to none.
    """
    check_path(path, "path")
    ending = path.suffix.lower()
    for name, form in FORMATS.items():
        if ending in form.endings:
            return name
    if not ending:
        return "markup"
    if ending == ".jsonl":
        raise InterchangeError(f"{path}: both jsonl and doccano end in .jsonl; say --to jsonl or --to doccano")
    raise InterchangeError(f"{path}: no format ends in {ending!r}; say --to {_either(WRITTEN)} (markup is a folder)")


def _json_format(path: Path, text: str) -> str | None:
    if text.startswith("["):
        try:
            data = json.loads(path.read_bytes())
        except ValueError:
            return None
        if label_studio.looks_like(data) or isinstance(data, list):
            return "label-studio"  # its reader says what is wrong with other lists
    for line in path.read_bytes().decode("utf-8-sig", "replace").split("\n"):
        if line.strip():
            try:
                record = json.loads(line)
            except ValueError:
                return None
            for name, module in (("tagged", predictions), ("jsonl", jsonl), ("doccano", doccano)):
                if module.looks_like(record):
                    return name
            return None
    return None


def _either(names: Sequence[str] | Mapping[str, Format]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}"
