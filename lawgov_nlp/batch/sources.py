"""The input files of a run over a folder, and whether they have changed since they were tagged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from lawgov_nlp.batch.manifest import Entry
from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import FOLDER_SUFFIXES
from lawgov_nlp.readers.archive import file_status
from lawgov_nlp.readers.find import candidates
from lawgov_nlp.readers.load import fingerprint


class Inputs(Protocol):
    """The input files of a run, in a folder or an object store.

    Attributes:
        names: The paths of the files relative to the folder, with `/`, in order.
        shut: The subfolders that can't be opened, as relative paths, each with the reason.
    """

    @property
    def names(self) -> Sequence[str]:
        """The paths of the files."""

    @property
    def shut(self) -> Sequence[tuple[str, str]]:
        """The subfolders that can't be opened."""

    def has(self, name: str) -> bool:
        """Tell whether the file exists now."""

    def unchanged(self, entry: Entry) -> bool:
        """Tell whether the existing file of an entry is the same as when the entry was made."""


class Folder:
    """A folder in the file system.

    Attributes:
        paths: The files by name.

    Args:
        folder: The folder.

    Raises:
        ReadError: The folder doesn't exist or holds no reports.
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
        """Tell whether the file exists now."""
        return name in self.paths

    def unchanged(self, entry: Entry) -> bool:
        """Tell whether a file is unchanged. Its content is only read if its time of change differs."""
        path = self.paths[entry.path]
        try:
            status = file_status(path)
        except OSError:
            return entry.size is None
        if (status.st_size, status.st_mtime_ns) == (entry.size, entry.mtime_ns):
            return True
        now = fingerprint(path) if status.st_size == entry.size else None
        return now is not None and now.sha256 is not None and now.sha256 == entry.sha256


def no_reports(where: str) -> ReadError:
    """Create the error for a folder or store without any report."""
    return ReadError(f"{where} holds no reports; expected files that end in {' '.join(FOLDER_SUFFIXES)}")
