"""Whole provinces: a folder of many files tagged in parts, so that a run that was broken off goes on where it was.

    tag_folder(Path("reports"), Path("out"))

    out/part-00000.jsonl     the reports of the first 200 files in the order of their paths, and so on
    out/manifest.jsonl       what each file came to (`lawgov_nlp.batch.manifest`)

A part is tagged by itself, so that its bytes follow from its files alone, whether or not the run was broken off
before it (on the same machine: another processor rounds differently). It is complete when the manifest says so; a part
that a crash leaves half done is done again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lawgov_nlp.batch.manifest import NAME, Entry, Header, Manifest, Output
from lawgov_nlp.batch.sources import Folder, Inputs
from lawgov_nlp.errors import ModelError, OutputError
from lawgov_nlp.readers.load import ReadOutcome
from lawgov_nlp.readers.pool import ReadingPool, default_workers
from lawgov_nlp.report import Report
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.results.writers import write_reports

if TYPE_CHECKING:
    from lawgov_nlp.model.tagger import Tagger

FORMATS = ("jsonl", "csv", "parquet")
"""Formats that can be written in parts."""

PART_SIZE = 200
"""Files in a part: some 6 MB of jsonl, and at most so many are done again after a crash."""

_PART = re.compile(rf"part-\d{{5,}}(-indicators)?\.({'|'.join(FORMATS)})")
_MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json")
_LOCK, _OWNER = ".lock", ".lock-owner"
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is.

    Attributes:
        files: Files that are done, failed ones and those of earlier runs included.
        total: All files.
        failed: Those of `files` that can't be read.
        paragraphs: Paragraphs tagged since the run began or went on.
    """

    files: int
    total: int
    failed: int
    paragraphs: int


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What stands in a run's folder at its end.

    Attributes:
        reports: Reports in all parts.
        paragraphs: Their paragraphs.
        parts: The files of the parts, in order.
        failures: What couldn't be read or, on a cluster, was given up; relative to the folder, each with the reason.
        added: Reports that this call added.
    """

    reports: int
    paragraphs: int
    parts: tuple[Path, ...]
    failures: tuple[tuple[str, str], ...]
    added: int


def tag_folder(
    folder: Path,
    out: Path,
    *,
    format: str = "jsonl",
    model: Path | str | None = None,
    device: str = "auto",
    backend: str = "auto",
    workers: int | None = None,
    timeout: float = 60.0,
    part_size: int = PART_SIZE,
    retry_failed: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> RunSummary:
    """Tag every report in and below a folder into parts; called again, it goes on where it was broken off.

    A file that can't be read is noted with its reason and the others go on. Files that were added to the folder since
    go into further parts. In the rows, `source` is the path relative to the folder, as in the manifest.

    Args:
        folder: Of the reports.
        out: Folder of the results: new, empty, or of an earlier run.
        format: jsonl, csv or parquet; the latter two make two files a part, as `write_reports` does.
        model: Folder of another model than the shipped one, or `tiny`, as in `tag_report`.
        device: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.
        backend: What runs the encoder, as in `tag_report`; a run goes on with the one that it was begun with only.
        workers: Processes that read files; 0 reads in this one, without a limit of time or memory. None takes one
            less than there are cores, at least 1 and at most 4.
        timeout: Seconds that a worker may take for a file.
        part_size: Files in a part.
        retry_failed: Read again what failed before, into further parts.
        overwrite: Begin anew: the parts and the manifest of an earlier run are deleted.
        on_progress: Called after each file.

    Raises:
        OutputError: The folder belongs to another run (another model, version, backend, format or part size), to one
            that is still going on, or to nobody known; a file that was tagged has changed since; something can't be
            written. What is done stays.
        ReadError: The folder of the reports isn't there or holds none.
        ModelError: The model, the device or the backend isn't there.
        ValueError: `workers`, `timeout` or `part_size` makes no sense.
    """
    inputs = Folder(folder)
    chosen = chosen_backend(backend, device)
    with ReadingPool(default_workers() if workers is None else workers, timeout) as pool:

        def do(chunks: Sequence[Sequence[str]], manifest: Manifest) -> Sequence[tuple[str, str]]:
            from lawgov_nlp.model.tagger import get_tagger

            _Work(get_tagger(model, device, chosen), pool, inputs.paths, out, manifest, on_progress).do(chunks)
            return ()

        return resume_run(
            inputs,
            out,
            do,
            format=format,
            model=model,
            backend=chosen,
            part_size=part_size,
            retry_failed=retry_failed,
            overwrite=overwrite,
        )


def resume_run(
    inputs: Inputs,
    out: Path,
    do: Callable[[Sequence[Sequence[str]], Manifest], Sequence[tuple[str, str]]],
    *,
    format: str,
    model: Path | str | None,
    backend: str,
    part_size: int,
    retry_failed: bool,
    overwrite: bool,
) -> RunSummary:
    """What every run in parts has in common: its folder is locked, its record opened and checked, the rest is done.

    Args:
        inputs: The files.
        out: As for `tag_folder`, and so all below.
        do: Called with the files that are still to do, those of a part together, and the record. It commits a part
            after the other to the record and returns the files that it gave up without an entry, with the reasons.
        format: jsonl, csv or parquet.
        model: Folder of another model than the shipped one.
        backend: As it is noted: what `chosen_backend` gives, or on a cluster, whose nodes choose, the name as given.
        part_size: Files in a part.
        retry_failed: Read again what failed before.
        overwrite: Begin anew.

    Raises:
        OutputError: As for `tag_folder`.
        ModelError: The model isn't there.
        ValueError: `part_size` makes no sense.
    """
    check_form(format, part_size)
    header = header_of(model, backend, format, part_size)
    with _locked(out):
        manifest = _manifest(out, header, overwrite)
        _check_inputs(inputs, manifest, out)
        failed = [name for name, entry in manifest.entries.items() if entry.status == "failed"]
        chunks = [*_chunks([name for name in inputs.names if name not in manifest.entries], part_size)]
        if retry_failed:
            chunks += _chunks([name for name in failed if inputs.has(name)], part_size)
        before = _tagged(manifest)
        given_up = do(chunks, manifest) if chunks else ()
        lost = {name for name, _ in given_up}  # some may have failed before
        entries = [e for e in manifest.entries.values() if e.status == "failed" and e.path not in lost]
        return RunSummary(
            reports=_tagged(manifest),
            paragraphs=sum(entry.paragraphs or 0 for entry in manifest.entries.values()),
            parts=tuple(out / name for name in manifest.outputs),
            failures=(*(_failure(entry, inputs) for entry in entries), *given_up, *inputs.shut),
            added=_tagged(manifest) - before,
        )


def check_form(format: str, part_size: int) -> None:
    """Refuse what no run in parts can be.

    Raises:
        OutputError: The format can't be written in parts.
        ValueError: `part_size` makes no sense.
    """
    if format not in FORMATS:
        raise OutputError(f"format {format!r} can't be written in parts; expected one of {', '.join(FORMATS)}")
    if part_size < 1:
        raise ValueError(f"part_size={part_size}: expected the number of files in a part, at least 1")


def entry_of(name: str, path: Path, reading: ReadOutcome) -> Entry:
    """What a file came to, as the record says it; the number of its part is -1 for the time being.

    Args:
        name: Its name among the run's files.
        path: Where it was read; the reason of a failure doesn't repeat it.
        reading: What came of it, with its fingerprint.
    """
    known = {} if reading.fingerprint is None else dataclasses.asdict(reading.fingerprint)
    if reading.report is None:
        reason = str(reading.error).removeprefix(f"{path}: ")  # the entry names it already
        return Entry(path=name, status="failed", part=-1, error=reason, **known)
    return Entry(path=name, status="tagged", part=-1, paragraphs=len(reading.report.paragraphs), **known)


def with_source(report: Report, name: str) -> Report:
    """The report with its name among the run's files as its source."""
    # a name that is no valid UTF-8 can't stand in a table as it is
    return dataclasses.replace(report, source=name.encode("utf-8", "backslashreplace").decode())


class _Work:
    """The tagging of what is still to do."""

    def __init__(
        self,
        tagger: Tagger,
        pool: ReadingPool,
        files: dict[str, Path],
        out: Path,
        manifest: Manifest,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._tagger, self._pool, self._files, self._out, self._manifest = tagger, pool, files, out, manifest
        self._on_progress = on_progress
        self._failed = self._count = self._paragraphs = 0

    def do(self, chunks: Sequence[Sequence[str]]) -> None:
        """Tag the files of each chunk into a part."""
        todo = {name for chunk in chunks for name in chunk}
        rest = [entry for name, entry in self._manifest.entries.items() if name not in todo]
        self._count, self._failed = len(rest), sum(entry.status == "failed" for entry in rest)
        self._step()
        # one stream for all parts: the workers read the next part while the model is at this one
        readings = self._pool.read((self._files[name] for chunk in chunks for name in chunk), identify=True)
        for chunk in chunks:
            self._part(chunk, readings)

    def _part(self, names: Sequence[str], readings: Iterator[ReadOutcome]) -> None:
        part = self._manifest.parts
        entries: list[Entry] = []
        reports = self._tagger.tag_many(self._readable(names, readings, part, entries))
        format = self._manifest.header.format
        # an earlier file of that name is of a part that was never done
        place = self._out / f"part-{part:05}.{format}"
        # said, since a part of which no file could be read has the same columns as the others
        written = write_reports(self._counted(reports), place, format, overwrite=True, scheme=self._tagger.model.scheme)
        self._manifest.commit(entries, {path.name: sync_and_hash(path) for path in written})

    def _readable(
        self, names: Sequence[str], readings: Iterator[ReadOutcome], part: int, entries: list[Entry]
    ) -> Iterator[Report]:
        """The reports among the files; `entries` gets what each file came to."""
        for name in names:
            reading = next(readings)
            entries.append(dataclasses.replace(entry_of(name, self._files[name], reading), part=part))
            if reading.report is None:
                self._failed += 1
                self._step(1)
            else:
                yield with_source(reading.report, name)

    def _counted(self, reports: Iterator[TaggedReport]) -> Iterator[TaggedReport]:
        for report in reports:
            self._paragraphs += len(report.paragraphs)
            self._step(1)
            yield report

    def _step(self, files: int = 0) -> None:
        self._count += files
        if self._on_progress is not None:
            self._on_progress(
                Progress(files=self._count, total=len(self._files), failed=self._failed, paragraphs=self._paragraphs)
            )


def chosen_backend(name: str, device: str) -> str:
    """Engine and precision that a name comes to here: what is installed meanwhile must not change a run.

    Raises:
        ModelError: The device or the backend isn't there.
    """
    from lawgov_nlp.model.backends import resolve_backend, resolve_device

    return ":".join(resolve_backend(name, resolve_device(device)))


def header_of(model: Path | str | None, backend: str, format: str, part_size: int) -> Header:
    """What a run depends on, for a model in this place.

    Raises:
        ModelError: The folder holds no model.
    """
    from importlib.metadata import version

    from lawgov_nlp.model.checkpoints import model_revision, named_model

    weights = named_model(model)
    digest = hashlib.sha256()
    for name in _MODEL_FILES:
        if not (weights / name).is_file():
            raise ModelError(f"{weights} holds no {name}; expected the folder of a model")
        digest.update(hashlib.sha256((weights / name).read_bytes()).digest())
    return Header(
        package=version("lawgov-nlp"),
        model=model_revision(weights),
        model_sha256=digest.hexdigest(),
        backend=backend,
        format=format,
        part_size=part_size,
    )


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Keeps other runs out of the folder; the system drops the lock of a process that dies."""
    import filelock

    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: can't be made a folder ({error.strerror}); choose another place") from error
    lock = filelock.FileLock(out / _LOCK, timeout=0)
    owner = out / _OWNER
    try:
        lock.acquire()
    except filelock.Timeout:
        raise OutputError(
            f"{out}: another run is writing here ({_read_owner(owner)}); wait for it or name another folder"
        ) from None
    except (OSError, NotImplementedError) as error:
        raise OutputError(f"{out}: can't be locked ({error}); choose a folder on a local disk") from error
    try:
        owner.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _read_owner(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return "its process isn't known"


def _manifest(out: Path, header: Header, overwrite: bool) -> Manifest:
    """The record to go on with, new or of an earlier run."""
    for left in (*out.glob(".lawgov-*"), out / f".{NAME}"):  # of a run that was killed
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)
    path = out / NAME
    if not path.exists():
        strange = sorted(p.name for p in out.iterdir() if not p.name.startswith("."))
        if strange:
            raise OutputError(f"{out} holds {_some(strange)} but no {NAME}: it is not of such a run; name a new folder")
        return Manifest.begin(path, header)
    if overwrite:
        for part in out.iterdir():
            if _PART.fullmatch(part.name):
                part.unlink()
        return Manifest.begin(path, header)
    manifest = Manifest.open(path)
    old, new = dataclasses.asdict(manifest.header), dataclasses.asdict(header)
    changed = [f"{key} was {old[key]!r}, is {new[key]!r}" for key in old if old[key] != new[key]]
    if changed:
        _refuse(out, f"was begun with something else: {'; '.join(changed)}")
    missing = [name for name, output in manifest.outputs.items() if not _is(out / name, output)]
    if missing:
        _refuse(out, f"{_some(missing)}: gone or changed since the part was done. Bring it back")
    return manifest


def _check_inputs(inputs: Inputs, manifest: Manifest, out: Path) -> None:
    """Refuse files that were tagged and are others now: their rows would be of a text that is no more."""
    tagged = [entry for entry in manifest.entries.values() if entry.status == "tagged"]
    changed = [e.path for e in tagged if not inputs.has(e.path) or not inputs.unchanged(e)]
    if changed:
        _refuse(out, f"{_some(changed)}: tagged before, and changed or gone since")


def _refuse(out: Path, what: str) -> NoReturn:
    raise OutputError(f"{out}: {what}. Or name another folder, or start anew (overwrite=True, --overwrite)")


def _failure(entry: Entry, inputs: Inputs) -> tuple[str, str]:
    """A failed file and its reason; of those that failed in an earlier run, whether they are others now."""
    if not inputs.has(entry.path):
        return entry.path, f"{entry.error} (gone since)"
    if not inputs.unchanged(entry):
        return entry.path, f"{entry.error} (changed since: --retry-failed, retry_failed=True reads it again)"
    return entry.path, str(entry.error)


def sync_and_hash(path: Path) -> Output:
    """A written file, on the disk for good before the manifest says so."""
    digest = hashlib.sha256()
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        while block := file.read(1 << 20):
            digest.update(block)
        return Output(size=file.tell(), sha256=digest.hexdigest())


def _is(path: Path, output: Output) -> bool:
    return path.is_file() and path.stat().st_size == output.size


def _tagged(manifest: Manifest) -> int:
    return sum(entry.status == "tagged" for entry in manifest.entries.values())


def _chunks(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (names[at : at + size] for at in range(0, len(names), size))


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
