"""The record of a run over a folder, `manifest.jsonl`: what was begun, what each file came to, which parts are done.

    {"lawgov_run": 1, "package": "0.1.0", "model": "lawgov-small 0.2", "model_sha256": "…", "format": "jsonl", …}
    {"path": "松坪镇.docx", "status": "tagged", "part": 0, "paragraphs": 23, "error": null, "size": …, …}
    {"done": 0, "outputs": {"part-00000.jsonl": {"size": 81726, "sha256": "…"}}}

The first line is the header. A part's files follow each other, and a line `done` behind them makes them valid; what
stands behind the last such line was cut off by a crash and is dropped. Of several lines for a path the last counts
(a file that failed and was read again).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lawgov_nlp.atomic import append_durably, write_durably
from lawgov_nlp.errors import OutputError

NAME = "manifest.jsonl"
VERSION = 1
"""Goes up when an older reader could misread the new form."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a run depends on; a run goes on only where all of it is the same.

    Attributes:
        package: Version of lawgov_nlp.
        model: Name of the model with its version.
        model_sha256: Of its configuration, weights and tokenizer.
        backend: Engine and precision that ran the encoder, `torch:float32`; of a run on a cluster, its name as given.
        format: Of the parts: jsonl, csv or parquet.
        part_size: Files in a part.
    """

    package: str
    model: str
    model_sha256: str
    backend: str
    format: str
    part_size: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a file came to.

    Attributes:
        path: Relative to the folder, with `/`.
        status: `tagged` or `failed`.
        part: The part in which its report stands, or would.
        paragraphs: How many it has; None where it failed.
        error: Why it failed, or None.
        size: Bytes; None with `mtime_ns` where it couldn't even be looked at.
        mtime_ns: Time of the file's last change, nanoseconds since 1970.
        sha256: Of its content; None where it couldn't be opened or is larger than any report.
    """

    path: str
    status: Literal["tagged", "failed"]
    part: int
    paragraphs: int | None = None
    error: str | None = None
    size: int | None = None
    mtime_ns: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Output:
    """A file of a part: its bytes and the SHA-256 of its content."""

    size: int
    sha256: str


class Manifest:
    """A run's record on disk; whoever writes it holds the run's lock.

    Attributes:
        path: The file.
        header: What the run depends on.
        entries: What each file came to, by its relative path.
        outputs: The files of all parts that are done, by name.
        parts: The number of parts that are done.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.path, self.header = path, header
        self.entries: dict[str, Entry] = {}
        self.outputs: dict[str, Output] = {}
        self.parts = 0

    @classmethod
    def begin(cls, path: Path, header: Header) -> Manifest:
        """A new record; one that is there is replaced."""
        write_durably(path, _line({"lawgov_run": VERSION, **dataclasses.asdict(header)}))
        return cls(path, header)

    @classmethod
    def open(cls, path: Path) -> Manifest:
        """The record of an earlier run, as far as its parts were completed; the rest is cut off the file.

        Raises:
            OutputError: It is no such record or was changed by hand; the message begins with `file:row:`.
        """
        data = path.read_bytes()
        lines = data.splitlines(keepends=True)
        self = cls(path, _header(path, lines[0] if lines else b""))
        whole = at = len(lines[0])
        waiting: list[Entry] = []
        torn: OutputError | None = None
        for row, line in enumerate(lines[1:], 2):
            at += len(line)
            try:
                record = _record(path, row, line)
            except OutputError as error:
                torn = torn or error
                continue
            if isinstance(record, Entry):
                waiting.append(record)
                continue
            if torn is not None:  # what a crash tears is the end; this was torn by someone else
                raise torn
            self._add(waiting, record)
            waiting, whole = [], at
        if whole < len(data):
            with path.open("rb+") as file:
                file.truncate(whole)
        return self

    def commit(self, entries: Iterable[Entry], outputs: Mapping[str, Output]) -> None:
        """Record a part as done; its files are on the disk by now."""
        entries = list(entries)
        lines = [_line(dataclasses.asdict(entry)) for entry in entries]
        lines.append(_line({"done": self.parts, "outputs": {n: dataclasses.asdict(o) for n, o in outputs.items()}}))
        append_durably(self.path, b"".join(lines))
        self._add(entries, outputs)

    def _add(self, entries: Iterable[Entry], outputs: Mapping[str, Output]) -> None:
        self.entries.update((entry.path, entry) for entry in entries)
        self.outputs.update(outputs)
        self.parts += 1


def _header(path: Path, line: bytes) -> Header:
    fields = _fields(path, 1, line)
    if fields.pop("lawgov_run", None) != VERSION:
        raise _damage(path, 1, f'expected {{"lawgov_run": {VERSION}, …}}')
    try:
        return Header(**fields)
    except TypeError as error:
        raise _damage(path, 1, str(error)) from error


def _record(path: Path, row: int, line: bytes) -> Entry | dict[str, Output]:
    """What a line says: an entry, or the outputs of a part that is done."""
    fields = _fields(path, row, line)
    try:
        if "done" in fields:
            return {name: Output(**output) for name, output in fields["outputs"].items()}
        return Entry(**fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise _damage(path, row, str(error)) from error


def _fields(path: Path, row: int, line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise _damage(path, row, str(error)) from error
    if not isinstance(fields, dict) or not line.endswith(b"\n"):
        raise _damage(path, row, "expected a whole line with a JSON object")
    return fields


def _damage(path: Path, row: int, what: str) -> OutputError:
    return OutputError(
        f"{path}:{row}: not as lawgov_nlp wrote it ({what}); bring the old file back, choose another folder, or start "
        "anew (overwrite=True, --overwrite)"
    )


def _line(fields: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(fields, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # a file name that is no valid UTF-8
        return json.dumps(fields).encode() + b"\n"
