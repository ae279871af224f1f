"""The record of a run over a folder, `manifest.jsonl`: its settings, the result of each file, the finished parts.

    {"lawgov_run": 1, "package": "0.1.0", "model": "lawgov-small 0.2", "model_sha256": "…", "format": "jsonl", …}
    {"path": "松坪镇.docx", "status": "tagged", "part": 0, "paragraphs": 23, "error": null, "size": …, …}
    {"done": 0, "outputs": {"part-00000.jsonl": {"size": 81726, "sha256": "…"}}}

The first line is the header. The files of a part follow each other, and a line `done` after them makes them valid.
Lines after the last `done` belong to a part that a crash interrupted; they are dropped. If a path has several lines,
the last one counts (a file that failed may have been read again).

    {"dropped": [0], "files": ["松坪镇.docx"]}

Such a line makes parts invalid whose files have changed or are gone, and forgets files. The other files of these parts
are tagged again, into parts of the same numbers.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lawgov_nlp.atomic import append_durably, write_durably
from lawgov_nlp.errors import OutputError

NAME = "manifest.jsonl"
VERSION = 1
"""The version of the form. It goes up when older code could misread the new form."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """The settings of a run. A run can only be resumed with exactly the same settings.

    Attributes:
        package: The version of lawgov_nlp.
        model: The name of the model with its version.
        model_sha256: The SHA-256 of the model's configuration, weights and tokenizer.
        backend: The engine and precision that run the encoder, such as `torch:float32`. For a run on a cluster, this is
            the name that the user gave.
        format: The format of the parts: jsonl, csv or parquet.
        part_size: The number of files in a part.
    """

    package: str
    model: str
    model_sha256: str
    backend: str
    format: str
    part_size: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """The result of a file.

    Attributes:
        path: The path relative to the folder, with `/`.
        status: `tagged` or `failed`.
        part: The number of the part that holds its report, or would hold it if the file hadn't failed.
        paragraphs: The number of its paragraphs; None if it failed.
        error: The reason for a failure, or None.
        size: The size in bytes; None, like `mtime_ns`, if the file system couldn't tell.
        mtime_ns: The time of the file's last change in nanoseconds since 1970.
        sha256: The SHA-256 of its content; None if it couldn't be opened or is larger than any report.
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
    """An output file of a part: its size in bytes and the SHA-256 of its content."""

    size: int
    sha256: str


class Manifest:
    """The record of a run on disk. Only the process that holds the run's lock writes it.

    Attributes:
        path: The file of the record.
        header: The settings of the run.
        entries: The result of each input file by its relative path.
        outputs: The output files of all finished parts by name.
        parts: The number that follows that of the last part.
        reopened: The files of dropped parts that aren't tagged again yet, by the number of the part.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.path, self.header = path, header
        self.entries: dict[str, Entry] = {}
        self.outputs: dict[str, Output] = {}
        self.parts = 0
        self.reopened: dict[int, list[str]] = {}

    @property
    def next_part(self) -> int:
        """The number of the part to write next: that of a dropped one, or a new one."""
        return min(self.reopened, default=self.parts)

    @classmethod
    def begin(cls, path: Path, header: Header) -> Manifest:
        """Create a new record and replace an existing one."""
        write_durably(path, _line({"lawgov_run": VERSION, **dataclasses.asdict(header)}))
        return cls(path, header)

    @classmethod
    def open(cls, path: Path) -> Manifest:
        """Open the record of an earlier run and cut off the lines after its last finished part.

        Raises:
            OutputError: The file is no such record or was changed by hand. The message begins with `file:row:`.
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
            if torn is not None:  # A crash only damages the end of the file.
                raise torn
            if isinstance(record, _Dropped):
                self._drop(record)
            else:
                self._add(waiting, record.part, record.outputs)
            waiting, whole = [], at
        if whole < len(data):
            with path.open("rb+") as file:
                file.truncate(whole)
        return self

    def commit(self, entries: Iterable[Entry], outputs: Mapping[str, Output]) -> None:
        """Record a part as finished. Its files must already be on the disk."""
        entries, part = list(entries), self.next_part
        lines = [_line(dataclasses.asdict(entry)) for entry in entries]
        lines.append(_line({"done": part, "outputs": {n: dataclasses.asdict(o) for n, o in outputs.items()}}))
        append_durably(self.path, b"".join(lines))
        self._add(entries, part, outputs)

    def drop(self, parts: Iterable[int], files: Iterable[str]) -> None:
        """Record that parts are no longer valid, and forget files. The caller deletes the outputs afterwards."""
        record = _Dropped(parts=sorted(parts), files=sorted(files))
        append_durably(self.path, _line({"dropped": record.parts, "files": record.files}))
        self._drop(record)

    def _add(self, entries: Iterable[Entry], part: int, outputs: Mapping[str, Output]) -> None:
        self.entries.update((entry.path, entry) for entry in entries)
        self.outputs.update(outputs)
        self.parts = max(self.parts, part + 1)
        self.reopened.pop(part, None)

    def _drop(self, record: _Dropped) -> None:
        for name in record.files:
            self.entries.pop(name, None)
        for part in record.parts:
            left = [e.path for e in self.entries.values() if e.part == part and e.status == "tagged"]
            for name in left:
                del self.entries[name]
            if left:
                self.reopened[part] = sorted(left)
            outputs = re.compile(rf"part-{part:05}\D.*")
            self.outputs = {name: output for name, output in self.outputs.items() if not outputs.fullmatch(name)}


def _header(path: Path, line: bytes) -> Header:
    fields = _fields(path, 1, line)
    if fields.pop("lawgov_run", None) != VERSION:
        raise _damage(path, 1, f'expected {{"lawgov_run": {VERSION}, …}}')
    try:
        return Header(**fields)
    except TypeError as error:
        raise _damage(path, 1, str(error)) from error


@dataclass(frozen=True, kw_only=True)
class _Done:
    """The number of a finished part, and its outputs by name."""

    part: int
    outputs: dict[str, Output]


@dataclass(frozen=True, kw_only=True)
class _Dropped:
    """The numbers of parts that are no longer valid, and the files that are forgotten."""

    parts: list[int]
    files: list[str]


def _record(path: Path, row: int, line: bytes) -> Entry | _Done | _Dropped:
    """Parse a line into an entry, a finished part, or parts that were dropped."""
    fields = _fields(path, row, line)
    try:
        if "done" in fields:
            outputs = {name: Output(**output) for name, output in fields["outputs"].items()}
            return _Done(part=int(fields["done"]), outputs=outputs)
        if "dropped" in fields:
            return _Dropped(parts=[*map(int, fields["dropped"])], files=[*map(str, fields["files"])])
        return Entry(**fields)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
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
    except UnicodeEncodeError:  # The file name is not valid UTF-8.
        return json.dumps(fields).encode() + b"\n"
