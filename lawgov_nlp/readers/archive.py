"""Zips of reports: each file in one is a source, at a path that goes on into the zip (`2023.zip/青石镇.docx`).

Such a path is no file of the system. `read_file`, `find_reports` and what stands on them take it all the same, and so
nothing is unpacked onto the disk.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from lawgov_nlp.errors import ReadError

SUFFIX = ".zip"
MAX_MEMBERS = 20_000
MAX_MEMBER = 100_000_000
MAX_RATIO = 200
_SMALL = 10_000_000
_UTF_8 = 0x800  # the flag of an entry whose name is in UTF-8
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


def is_zip(path: Path) -> bool:
    """Whether a path names a zip by its suffix and is a file."""
    return path.suffix.lower() == SUFFIX and path.is_file()


def member_of(path: Path) -> tuple[Path, str] | None:
    """The zip that a path goes on into, and the member's name there; None for an ordinary path."""
    for parent in path.parents:
        if parent.suffix.lower() == SUFFIX and parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    return None


def file_status(path: Path) -> os.stat_result:
    """The status of a file, of a member that of its zip.

    Raises:
        OSError: There is no such file.
    """
    try:
        return path.stat()
    except (NotADirectoryError, FileNotFoundError):
        inside = member_of(path)
        if inside is None:
            raise
        return inside[0].stat()


def members(path: Path, suffixes: Sequence[str]) -> tuple[list[Path], list[tuple[Path, ReadError]]]:
    """The reports in a zip by name, and what in it is refused, with the reason.

    Hidden files and files of other kinds are passed over, as in folders.

    Raises:
        ReadError: The zip is damaged, or has more members than a folder of reports.
    """
    found: list[Path] = []
    refused: list[tuple[Path, ReadError]] = []
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [*_named(archive)]
    except _DAMAGED as error:
        raise ReadError(f"{path}: the zip is damaged ({error}); download or pack it again") from error
    if len(entries) > MAX_MEMBERS:
        raise ReadError(f"{path}: {len(entries):,} files, over {MAX_MEMBERS:,}; unpack it and give the folder")
    for name, _ in entries:
        where = path / name
        if any(part.startswith((".", "~$", "__MACOSX")) for part in PurePosixPath(name).parts):
            continue
        if name.lower().endswith(SUFFIX):
            refused.append((where, ReadError(f"{where}: a zip in a zip, which is not read; unpack the outer one")))
        elif name.lower().endswith(tuple(suffixes)):
            found.append(where)
    return sorted(set(found)), refused


def load_member(archive_path: Path, name: str) -> bytes:
    """The content of a member.

    Raises:
        ReadError: There is none of that name, it has a password, is damaged, too large or a bomb.
    """
    where = archive_path / name
    try:
        with zipfile.ZipFile(archive_path) as archive:
            info = next((info for said, info in _named(archive) if said == name), None)
            if info is None:
                raise ReadError(f"{where}: no such file in the zip")
            if info.flag_bits & 1:
                raise ReadError(f"{where}: encrypted; unpack the zip with its password and give the files")
            if info.file_size > MAX_MEMBER:
                raise ReadError(
                    f"{where}: {info.file_size / 1e6:,.0f} MB; a report has at most {MAX_MEMBER / 1e6:.0f} MB"
                )
            if info.file_size > _SMALL and info.file_size > MAX_RATIO * info.compress_size:
                raise ReadError(f"{where}: unpacks to {info.file_size / 1e6:,.0f} MB from next to nothing; a zip bomb?")
            with archive.open(info) as file:
                data = file.read(info.file_size + 1)  # what says too little is cut off, not unpacked
    except ReadError:
        raise
    except _DAMAGED as error:
        raise ReadError(f"{where}: the zip is damaged ({error}); download or pack it again") from error
    return data


def _named(archive: zipfile.ZipFile) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """The files of a zip with their names as paths; Windows in Chinese writes them in GB18030 and doesn't say so."""
    for info in archive.infolist():
        name = info.filename
        if not info.flag_bits & _UTF_8:
            raw = name.encode("cp437", "replace")
            for encoding in ("utf-8", "gb18030"):
                try:
                    name = raw.decode(encoding)
                    break
                except UnicodeDecodeError:
                    continue
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
        if parts and not name.endswith(("/", "\\")) and "\0" not in name:
            yield "/".join(parts), info
