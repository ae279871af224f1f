"""Read reports from an object store (s3://, gs://, hdfs://, …) with pyarrow, and fetch a run's files on a node."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from lawgov_nlp.batch.manifest import Entry
from lawgov_nlp.batch.sources import no_reports
from lawgov_nlp.errors import ClusterError, ReadError
from lawgov_nlp.readers import FOLDER_SUFFIXES, MAX_BYTES
from lawgov_nlp.readers.find import passed_over

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

_DOWNLOADS = 8
"""The number of files that an actor fetches at a time. A store answers in about 50 ms; 100 KB take almost no time."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A file on this machine.

    Attributes:
        name: The name of the file in the run.
        path: The path of the file; None if it couldn't be fetched.
        error: The reason if it couldn't be fetched.
        mtime_ns: The time of its last change in the store, in nanoseconds since 1970; None if `path` has that time.
    """

    name: str
    path: Path | None = None
    error: ReadError | None = None
    mtime_ns: int | None = None


class Place(Protocol):
    """The location of a run's files, valid on every node. It is sent over the network to the actors."""

    def fetch(self, names: Sequence[str]) -> AbstractContextManager[Iterator[Fetched]]:
        """Return a context manager that gives the files in order and on demand. It deletes copies at its end."""


@dataclass(frozen=True)
class SharedFolder:
    """A folder that every node sees under the same path."""

    folder: Path

    @contextmanager
    def fetch(self, names: Sequence[str]) -> Iterator[Iterator[Fetched]]:
        """Give the files in their folder, without copies.

        Raises:
            ClusterError: This node doesn't have the folder. The files themselves then don't count as failed.
        """
        if not self.folder.is_dir():
            raise ClusterError(
                f"{self.folder} isn't there on every node; put the reports on a disk that all nodes share, or into an "
                "object store (s3://…)"
            )
        yield (Fetched(name=name, path=self.folder / name) for name in names)


@dataclass(frozen=True)
class Bucket:
    """A folder in an object store."""

    filesystem: FileSystem
    base: str

    @contextmanager
    def fetch(self, names: Sequence[str]) -> Iterator[Iterator[Fetched]]:
        """Give copies of the files: readers take paths and run in processes with limits of time and memory."""
        with TemporaryDirectory(prefix="lawgov-") as folder, ThreadPoolExecutor(_DOWNLOADS) as pool:
            try:
                # Copies are named by number: a key may be longer than a file name, and two may have the same end.
                targets = (Path(folder) / f"{k}{Path(name).suffix}" for k, name in enumerate(names))
                yield pool.map(self._fetch, names, targets)
            finally:
                pool.shutdown(cancel_futures=True)

    def _fetch(self, name: str, target: Path) -> Fetched:
        key = posixpath.join(self.base, name)
        try:
            info = self.filesystem.get_file_info(key)
            if not info.is_file:
                return Fetched(name=name, error=ReadError(f"{key}: no such file any more"))
            if info.size > MAX_BYTES:
                size = f"{info.size / 1e6:.0f} MB"
                return Fetched(name=name, error=ReadError(f"{size}; a report has at most {MAX_BYTES / 1e6:.0f} MB"))
            with self.filesystem.open_input_stream(key, compression=None) as source, target.open("xb") as copy:
                while block := source.read(1 << 20):
                    copy.write(block)
        except OSError as error:
            return Fetched(
                name=name, error=ReadError(f"can't be fetched ({error}); check the store, then read it again")
            )
        return Fetched(name=name, path=target, mtime_ns=info.mtime_ns)


class Store:
    """The files of a run in an object store: `lawgov_nlp.batch.sources.Inputs`.

    Attributes:
        place: The location of the files.

    Args:
        uri: An address such as `s3://bucket/folder`. It may have the options that pyarrow accepts after a `?`
            (`region=`, `endpoint_override=`).

    Raises:
        ReadError: The store doesn't exist, denies access, or holds no reports.
    """

    shut: Sequence[tuple[str, str]] = ()

    def __init__(self, uri: str) -> None:
        from pyarrow import ArrowException, fs

        try:
            filesystem, base = fs.FileSystem.from_uri(uri)
            infos = filesystem.get_file_info(fs.FileSelector(base, recursive=True))
        except (OSError, ValueError, ArrowException) as error:
            reason = f"{uri}: can't be listed ({error}); check the address and the credentials"
            raise ReadError(_without_secret(reason)) from error
        self.place = Bucket(filesystem, base)
        self._infos = {name: info for info in infos if (name := self._name(info)) is not None}
        self.names: Sequence[str] = sorted(self._infos)
        if not self.names:
            raise no_reports(_without_secret(uri))

    def has(self, name: str) -> bool:
        """Tell whether the file exists now."""
        return name in self._infos

    def unchanged(self, entry: Entry) -> bool:
        """Tell whether a file is unchanged. Its content is only read if its time of change differs."""
        info = self._infos[entry.path]
        if (info.size, info.mtime_ns) == (entry.size, entry.mtime_ns):
            return True
        if info.size != entry.size or entry.sha256 is None:
            return False
        digest = hashlib.sha256()
        try:
            with self.place.filesystem.open_input_stream(info.path, compression=None) as source:
                while block := source.read(1 << 20):
                    digest.update(block)
        except OSError:
            return False
        return digest.hexdigest() == entry.sha256

    def _name(self, info: FileInfo) -> str | None:
        """Return the name of a file in the run; None if it is no report, by the same rules as in a folder."""
        name = posixpath.relpath(info.path, self.place.base)
        if not info.is_file or not name.lower().endswith(FOLDER_SUFFIXES) or any(map(passed_over, name.split("/"))):
            return None
        return name


def _without_secret(text: str) -> str:
    """Remove the key and secret that may be part of addresses in a text."""
    return re.sub(r"//[^/@\s]*@", "//…@", text)
