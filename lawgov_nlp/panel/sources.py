"""Read the tagged reports of a panel from the jsonl files that `lawgov tag` wrote, one report at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from lawgov_nlp.errors import PanelError, ReadError
from lawgov_nlp.paths import check_path, check_paths
from lawgov_nlp.results.tagged_report import TaggedReport

_MANIFEST = "manifest.jsonl"


def tagged_files(path: Path) -> list[Path]:
    """Return the jsonl files of tagged reports in and below a folder, or the file itself; empty if there are none."""
    check_path(path, "path")
    if path.is_file():
        return [path] if path.suffix.lower() == ".jsonl" else []
    found = [p for p in path.rglob("*.jsonl") if p.name != _MANIFEST and not p.name.startswith(".")]
    return sorted(p for p in found if p.is_file())


def read_tagged(files: Sequence[Path]) -> Iterator[TaggedReport]:
    """Yield the tagged reports of jsonl files.

    Raises:
        PanelError: A line holds no tagged report. The message names the file and the line.
    """
    files = check_paths(files, "files")
    for path in files:
        try:
            with path.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    if line.strip():
                        yield _report(line, f"{path}:{number}")
        except (OSError, UnicodeDecodeError) as error:
            raise PanelError(f"{path}: can't be read ({error}); expected what `lawgov tag -o x.jsonl` writes") from None


def _report(line: str, where: str) -> TaggedReport:
    try:
        return TaggedReport.from_dict(json.loads(line))
    except (ValueError, ReadError) as error:
        raise PanelError(f"{where}: no tagged report ({error}); expected what `lawgov tag -o x.jsonl` writes") from None
