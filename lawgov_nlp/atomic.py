"""Write files and folders completely or not at all.

They are written to a hidden place beside the target and moved when they are complete.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from lawgov_nlp.errors import OutputError

Payload = bytes | dict[str, bytes]
"""The content of a file, or the contents of a folder's files by file name."""


def check_new(path: Path) -> None:
    """Check that a file or folder can be created at a path.

    Raises:
        OutputError: The path exists, or its parent folder doesn't.
    """
    if os.path.lexists(path):
        raise OutputError(f"{path} exists; choose another name or move it away")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} doesn't exist; create it first")


def save_new(payload: Payload, path: Path) -> None:
    """Write a new file or folder completely or not at all.

    Raises:
        OutputError: The path exists or can't be written.
    """
    check_new(path)
    try:
        if isinstance(payload, bytes):
            _write_new(path, payload)
            return
        # The temporary folder lies beside the target because a rename can't cross file systems.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".lawgov-") as hidden:
            grown = Path(hidden) / "out"
            grown.mkdir()
            for name, content in payload.items():
                (grown / name).write_bytes(content)
            grown.rename(path)
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror})") from None


def _write_new(path: Path, content: bytes) -> None:
    with path.open("xb") as out:
        try:
            out.write(content)
        except OSError:
            path.unlink()
            raise


@contextmanager
def staged(target: Path, *, overwrite: bool, beside: bool = False) -> Iterator[StagedFiles]:
    """Provide a hidden folder for files that are to be moved into a target folder, and delete it at the end.

    Args:
        target: The target folder.
        overwrite: Whether existing files may be replaced.
        beside: Whether the hidden folder lies beside the target, which then need not exist yet, instead of in it.

    Yields:
        The files that are being written.
    """
    # The hidden folder lies in the same file system because a rename can't cross file systems.
    with tempfile.TemporaryDirectory(dir=target.parent if beside else target, prefix=".lawgov-") as hidden:
        yield StagedFiles(Path(hidden), target, overwrite)


class StagedFiles:
    """Files that are written to a hidden folder and later moved into the target folder."""

    def __init__(self, hidden: Path, target: Path, overwrite: bool) -> None:
        self._hidden, self._target, self._overwrite = hidden, target, overwrite
        self._names: list[str] = []
        self.sources: set[Path] = set()

    def claim(self, name: str) -> Path:
        """Return the path to which to write the file that will be called `name`.

        Raises:
            OutputError: The file exists and may not be replaced, or its place is a folder.
        """
        self._check(name)
        self._names.append(name)
        return self._hidden / name

    def publish(self) -> list[Path]:
        """Move all files into place and return their paths.

        Raises:
            OutputError: A file has appeared in the meantime, or is one of the reports that were read.
        """
        for name in self._names:  # Check again: the files may have been created while the reports were tagged.
            self._check(name)
            if (self._target / name).resolve() in self.sources:
                raise OutputError(f"{self._target / name} is one of the reports that were read; choose another place")
        self._target.mkdir(exist_ok=True)
        for name in self._names:
            os.replace(self._hidden / name, self._target / name)
        return [self._target / name for name in self._names]

    def _check(self, name: str) -> None:
        if self._target.exists() and not self._target.is_dir():
            raise OutputError(f"{self._target} is a file; name a folder for the pages")
        target = self._target / name
        if target.is_dir():
            raise OutputError(f"{target} is a folder; choose another name (a folder of pages needs format='html')")
        if target.exists() and not self._overwrite:
            raise OutputError(f"{target} exists; choose another name, or overwrite it (overwrite=True, --overwrite)")


def replace_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Write a new folder beside an existing one, then replace the existing one with it."""
    new = folder.with_name(f"{folder.name}.new")
    if new.exists():
        shutil.rmtree(new)
    write(new)
    if folder.exists():
        shutil.rmtree(folder)
    new.rename(folder)


def write_durably(path: Path, content: bytes) -> None:
    """Write or replace a file completely or not at all; the content is on the disk when this returns.

    Raises:
        OSError: The file can't be written. It is as it was before.
    """
    # The name has the process and the thread in it, because several may write the same file.
    growing = path.with_name(f"{_growing(path)}{os.getpid()}-{threading.get_ident()}")
    try:
        with growing.open("wb") as file:
            _write_and_sync(file, content)
        os.replace(growing, path)
    except OSError:
        with suppress(OSError):
            growing.unlink()
        raise
    _sync_folder(path.parent)


def remove_growing(path: Path) -> None:
    """Delete what killed writers of a file have left beside it. Nobody may be writing the file meanwhile."""
    for left in path.parent.glob(f"{_growing(path)}*"):
        with suppress(OSError):
            left.unlink()


def append_durably(path: Path, content: bytes, *, after: int | None = None) -> None:
    """Append to a file; the content is on the disk when this returns. A crash before that may leave part of it.

    Args:
        path: The file.
        content: What to append.
        after: The size of the file before; what lies beyond, left by an append that failed, is cut off. None appends
            at the end, wherever that is.
    """
    with path.open("ab") as file:
        if after is not None and file.tell() != after:
            file.truncate(after)
        _write_and_sync(file, content)


def cut_durably(path: Path, size: int) -> None:
    """Cut a file off after `size` bytes; it has this size on the disk when this returns."""
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def _growing(path: Path) -> str:
    """Return how the names begin under which a file is written; they are short where the file's own is too long."""
    return f".lawgov-{hashlib.blake2b(os.fsencode(path.name), digest_size=6).hexdigest()}-"


def _write_and_sync(file: BinaryIO, content: bytes) -> None:
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Let the new name of a file outlive a power cut, too, on systems that have a way to do so."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
