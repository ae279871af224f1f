"""Tag a folder of many files (a whole province) in parts, so that an interrupted run can be resumed.

    tag_folder(Path("reports"), Path("out"))

    out/part-00000.jsonl     the reports of the first 200 files in the order of their paths, and so on
    out/manifest.jsonl       the result of each file (`lawgov_nlp.batch.manifest`)

Each part is tagged on its own. On the same machine its bytes therefore depend only on its files, whether or not the run
was interrupted before it; another processor rounds differently. A part is complete when the manifest says so. A part
that a crash interrupted is tagged again.
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
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from lawgov_nlp.batch.manifest import NAME, Entry, Header, Manifest, Output
from lawgov_nlp.batch.sources import Folder, Inputs
from lawgov_nlp.errors import ModelError, OutputError
from lawgov_nlp.paths import check_path
from lawgov_nlp.readers.load import ReadOutcome
from lawgov_nlp.readers.pool import ReadingPool, default_workers
from lawgov_nlp.report import Report
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.results.writers import write_reports

if TYPE_CHECKING:
    from lawgov_nlp.model.tagger import Tagger

FORMATS = ("jsonl", "csv", "parquet")
"""The formats that can be written in parts."""

PART_SIZE = 200
"""The number of files in a part, about 6 MB of jsonl. After a crash, at most this many files are tagged again."""

_PART = re.compile(rf"part-\d{{5,}}(-indicators)?\.({'|'.join(FORMATS)})")
_MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json")
_LOCK, _OWNER = ".lock", ".lock-owner"
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The progress of a run.

    Attributes:
        files: The number of finished files, including failed ones and those of earlier calls.
        total: The number of all files.
        failed: The number of finished files that couldn't be read.
        paragraphs: The number of paragraphs that this call has tagged.
    """

    files: int
    total: int
    failed: int
    paragraphs: int


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """The content of a run's output folder at the end.

    Attributes:
        reports: The number of reports in all parts.
        paragraphs: The number of their paragraphs.
        parts: The output files of the parts, in order.
        failures: The input files that couldn't be read or, on a cluster, were given up, as paths relative to the
            folder, each with the reason.
        added: The number of reports that this call added.
        changed: The files that had changed since they were read, and were read again.
        gone: The files that had been deleted since they were read; their rows were dropped.
    """

    reports: int
    paragraphs: int
    parts: tuple[Path, ...]
    failures: tuple[tuple[str, str], ...]
    added: int
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


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
    """Tag every report in and below a folder in parts. A repeated call resumes an interrupted run.

    If a file can't be read, its reason is recorded and the other files continue. Files that were added to the folder
    later go into further parts. Parts with files that have changed or were deleted since are tagged again, without the
    deleted ones, so that each part is what a new run over its files writes. In the rows, `source` is the path relative
    to the folder, as in the manifest.

    Args:
        folder: The folder of the reports.
        out: The output folder: new, empty, or that of an earlier run.
        format: jsonl, csv or parquet. csv and parquet make two files per part, as in `write_reports`.
        model: The folder of a model, or `tiny`, as in `tag_report`.
        device: `auto` (CUDA if available, else the CPU), `cpu`, `cuda` or `cuda:N`.
        backend: What runs the encoder, as in `tag_report`. A run can only be resumed with the same backend.
        workers: The number of processes that read files. With 0, this process reads them without a limit of time or
            memory. None takes one less than the number of cores, at least 1 and at most 4.
        timeout: The seconds that a worker may take for a file.
        part_size: The number of files in a part.
        retry_failed: Whether to read files again that failed before; their reports go into further parts.
        overwrite: Whether to start anew and delete the parts and the manifest of an earlier run.
        on_progress: A function that is called after each file.

    Returns:
        The content of the output folder at the end.

    Raises:
        OutputError: The output folder belongs to a run with other settings (model, version, backend, format or part
            size), to a run that is still active, or holds unknown files; or something can't be written. Finished parts
            are kept.
        ReadError: The folder of the reports doesn't exist or holds no reports.
        ModelError: The model, the device or the backend isn't available.
        ValueError: `workers`, `timeout` or `part_size` is out of range.
    """
    check_path(folder, "folder")
    check_path(out, "out")
    check_form(format, part_size)
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file; name a folder for the parts")
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
    """Lock the output folder, open and check its record, and tag what is left. Every run in parts uses this function.

    Args:
        inputs: The input files.
        out: The output folder, as in `tag_folder`.
        do: A function that gets the files that are left, grouped by part, and the record. It commits one part after
            the other to the record. It returns the files that it gave up without an entry, each with the reason.
        format: jsonl, csv or parquet.
        model: The folder of a model, as in `tag_folder`.
        backend: The name to record: the result of `chosen_backend` or, on a cluster, where each node chooses, the name
            that the user gave.
        part_size: The number of files in a part.
        retry_failed: Whether to read files again that failed before.
        overwrite: Whether to start anew.

    Returns:
        The content of the output folder at the end.

    Raises:
        OutputError: As in `tag_folder`.
        ModelError: The model isn't available.
        ValueError: `part_size` is out of range.
    """
    check_form(format, part_size)
    header = header_of(model, backend, format, part_size)
    with _locked(out):
        manifest = _manifest(out, header, overwrite)
        before = _tagged(manifest)
        changed, gone = _drop_outdated(inputs, manifest, out)
        failed = [name for name, entry in manifest.entries.items() if entry.status == "failed"]
        # The files of dropped parts come first and keep the numbers of their parts.
        again = [[name for name in names if inputs.has(name)] for _, names in sorted(manifest.reopened.items())]
        chunks: list[Sequence[str]] = [names for names in again if names]
        known = {*manifest.entries, *(name for names in again for name in names)}
        chunks += _chunks([name for name in inputs.names if name not in known], part_size)
        if retry_failed:
            chunks += _chunks([name for name in failed if inputs.has(name)], part_size)
        given_up = do(chunks, manifest) if chunks else ()
        lost = {name for name, _ in given_up}  # Some of these may have failed before.
        entries = [e for e in manifest.entries.values() if e.status == "failed" and e.path not in lost]
        return RunSummary(
            reports=_tagged(manifest),
            paragraphs=sum(entry.paragraphs or 0 for entry in manifest.entries.values()),
            parts=tuple(out / name for name in manifest.outputs),
            failures=(*((entry.path, str(entry.error)) for entry in entries), *given_up, *inputs.shut),
            added=max(0, _tagged(manifest) - before),
            changed=changed,
            gone=gone,
        )


def check_form(format: str, part_size: int) -> None:
    """Check the format and the size of the parts.

    Raises:
        OutputError: The format can't be written in parts.
        ValueError: `part_size` is less than 1.
    """
    if format not in FORMATS:
        raise OutputError(f"format {format!r} can't be written in parts; expected one of {', '.join(FORMATS)}")
    if part_size < 1:
        raise ValueError(f"part_size={part_size}: expected the number of files in a part, at least 1")


def entry_of(name: str, path: Path, reading: ReadOutcome) -> Entry:
    """Create the record's entry for a file. The number of its part is -1 until the caller sets it.

    Args:
        name: The name of the file in the run.
        path: The path from which it was read. It is removed from the reason of a failure.
        reading: The outcome of reading it, with its fingerprint.
    """
    known = {} if reading.fingerprint is None else dataclasses.asdict(reading.fingerprint)
    if reading.report is None:
        reason = str(reading.error).removeprefix(f"{path}: ")  # The entry names the file already.
        return Entry(path=name, status="failed", part=-1, error=reason, **known)
    return Entry(path=name, status="tagged", part=-1, paragraphs=len(reading.report.paragraphs), **known)


def with_source(report: Report, name: str) -> Report:
    """Return the report with its name in the run as its source."""
    # A table can't hold a name that is not valid UTF-8, so its invalid bytes are escaped.
    return dataclasses.replace(report, source=name.encode("utf-8", "backslashreplace").decode())


class _Work:
    """Tags the files that are left."""

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
        """Tag each chunk of files into one part."""
        todo = {name for chunk in chunks for name in chunk}
        rest = [entry for name, entry in self._manifest.entries.items() if name not in todo]
        self._count, self._failed = len(rest), sum(entry.status == "failed" for entry in rest)
        self._step()
        # All parts share one stream, so that workers read the next part while the model tags this one.
        readings = self._pool.read((self._files[name] for chunk in chunks for name in chunk), identify=True)
        for chunk in chunks:
            self._part(chunk, readings)

    def _part(self, names: Sequence[str], readings: Iterator[ReadOutcome]) -> None:
        part = self._manifest.next_part
        entries: list[Entry] = []
        reports = self._tagger.tag_many(self._readable(names, readings, part, entries))
        format = self._manifest.header.format
        # An existing file of this name belongs to a part that was never finished.
        place = self._out / f"part-{part:05}.{format}"
        # Pass the scheme, so that a part without any readable file has the same columns as the others.
        scheme = self._tagger.model.scheme
        written = write_reports(self._counted(reports), place, format, overwrite=True, scheme=scheme, codebook=False)
        self._manifest.commit(entries, {path.name: sync_and_hash(path) for path in written})

    def _readable(
        self, names: Sequence[str], readings: Iterator[ReadOutcome], part: int, entries: list[Entry]
    ) -> Iterator[Report]:
        """Yield the readable reports among the files, and append the entry of each file to `entries`."""
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
    """Return the engine and precision that a backend name stands for on this machine.

    The record holds this result, so that a package installed later doesn't change a run.

    Raises:
        ModelError: The device or the backend isn't available.
    """
    from lawgov_nlp.model.devices import resolve_backend, resolve_device

    return ":".join(resolve_backend(name, resolve_device(device)))


def header_of(model: Path | str | None, backend: str, format: str, part_size: int) -> Header:
    """Create the header of a run: its settings, with the hash of the model on this machine.

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
    """Lock the output folder against other runs. The system releases the lock if the process dies.

    Raises:
        OutputError: The folder can't be created or locked, or another run holds the lock.
    """
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
    """Open the record of an earlier run and check it, or create a new record.

    Raises:
        OutputError: The folder holds other files, the settings differ, or output files have changed or are missing.
    """
    for left in (*out.glob(".lawgov-*"), out / f".{NAME}"):  # left by a run that was killed
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
    for left in out.iterdir():  # a run was killed before it could delete the files of a dropped part
        if _PART.fullmatch(left.name) and left.name not in manifest.outputs:
            left.unlink()
    missing = [name for name, output in manifest.outputs.items() if not _is(out / name, output)]
    if missing:
        _refuse(out, f"{_some(missing)}: gone or changed since the part was done. Bring it back")
    return manifest


def _drop_outdated(inputs: Inputs, manifest: Manifest, out: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Drop the parts whose files have changed or were deleted, and forget such files.

    The manifest is written before anything is deleted, so that a kill at any moment loses nothing that counts.

    Returns:
        The files that have changed, and those that are gone.
    """
    entries = manifest.entries.values()
    gone = [e for e in entries if not inputs.has(e.path)]
    changed = [e for e in entries if inputs.has(e.path) and not inputs.unchanged(e)]
    if gone or changed:
        parts = {e.part for e in (*gone, *changed) if e.status == "tagged"}
        failed = [e.path for e in changed if e.status == "failed"]
        before = [*manifest.outputs]
        manifest.drop(parts, [*(e.path for e in gone), *failed])
        for name in before:
            if name not in manifest.outputs:
                (out / name).unlink(missing_ok=True)
    return tuple(e.path for e in changed), tuple(e.path for e in gone)


def _refuse(out: Path, what: str) -> NoReturn:
    raise OutputError(f"{out}: {what}. Or name another folder, or start anew (overwrite=True, --overwrite)")


def sync_and_hash(path: Path) -> Output:
    """Flush a written file to the disk and return its size and hash for the manifest."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        sha256 = _hash(file)
        return Output(size=file.tell(), sha256=sha256)


def _is(path: Path, output: Output) -> bool:
    """Return whether a file is still the output of a part that the manifest describes, to the last byte."""
    if not path.is_file() or path.stat().st_size != output.size:
        return False
    with path.open("rb") as file:
        return _hash(file) == output.sha256


def _hash(file: BinaryIO) -> str:
    """Return the SHA-256 of what is left to read of a file."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _tagged(manifest: Manifest) -> int:
    return sum(entry.status == "tagged" for entry in manifest.entries.values())


def _chunks(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (names[at : at + size] for at in range(0, len(names), size))


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
