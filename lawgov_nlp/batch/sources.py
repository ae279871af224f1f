"""The files that a run over a folder tags: which there are, which have changed since they were tagged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from lawgov_nlp.batch.manifest import Entry
from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import SUFFIXES
from lawgov_nlp.readers.find import candidates
from lawgov_nlp.readers.load import fingerprint


class Inputs(Protocol):
    """The files of a run, wherever they lie.

    Attributes:
        names: Their paths relative to the folder, with `/`, in order.
        shut: Folders in it that can't be opened, relative, each with the reason.
    """

    @property
    def names(self) -> Sequence[str]:
        """The files' paths."""

    @property
    def shut(self) -> Sequence[tuple[str, str]]:
        """The folders that can't be opened."""

    def has(self, name: str) -> bool:
        """Whether there is such a file now."""

    def unchanged(self, entry: Entry) -> bool:
        """Whether the file of an entry, which is there, is what it was when the entry was made."""


class Folder:
    """A folder that the file system knows.

    Attributes:
        paths: The files by their names.

    Args:
        folder: The folder.

    Raises:
        ReadError: It isn't there or holds no reports.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise ReadError(f"{folder} is no folder; only a folder of reports can be tagged in parts")
        found, shut = candidates(folder)
        if not found and not shut:
            raise no_reports(str(folder))
        self.paths = {path.relative_to(folder).as_posix(): path for path in found}
        self.names: Sequence[str] = [*self.paths]
        self.shut = [(path.relative_to(folder).as_posix(), str(error)) for path, error in shut]

    def has(self, name: str) -> bool:
        """Whether there is such a file now."""
        return name in self.paths

    def unchanged(self, entry: Entry) -> bool:
        """Whether a file is what it was; only where its time is another its content is looked at."""
        path = self.paths[entry.path]
        try:
            status = path.stat()
        except OSError:
            return entry.size is None
        if (status.st_size, status.st_mtime_ns) == (entry.size, entry.mtime_ns):
            return True
        now = fingerprint(path) if status.st_size == entry.size else None
        return now is not None and now.sha256 is not None and now.sha256 == entry.sha256


def no_reports(where: str) -> ReadError:
    """The error for a place without a single report."""
    return ReadError(f"{where} holds no reports; expected files that end in {' '.join(SUFFIXES)}")
