"""What lies in a folder of reports, the strange things included: links to nowhere, pipes, folders that stay shut."""

from __future__ import annotations

import os
from pathlib import Path

from lawgov_nlp.errors import LawgovError, ReadError
from lawgov_nlp.readers import SUFFIXES


def candidates(folder: Path) -> tuple[list[Path], list[tuple[Path, LawgovError]]]:
    """All in and below a folder, folders aside, that is named like a report; and the folders that can't be opened.

    Hidden names and the lock files that Word leaves (`~$…`) are passed over. Links to folders aren't followed, so
    that no loop of links keeps the search going.

    Returns:
        The paths in order, some of which may be no files (`not_a_file`), and the shut folders with the reason.
    """
    found: list[Path] = []
    shut: list[tuple[Path, LawgovError]] = []

    def refused(error: OSError) -> None:
        path = Path(error.filename)
        shut.append((path, ReadError(f"{path}: the folder can't be opened ({error.strerror}); check the permissions")))

    for where, folders, names in os.walk(folder, onerror=refused):
        folders[:] = [name for name in folders if not _passed_over(name)]
        found += (Path(where, name) for name in names if name.lower().endswith(SUFFIXES) and not _passed_over(name))
    return sorted(found), shut


def not_a_file(path: Path) -> ReadError | None:
    """Why a path that a folder lists can't be read as a file; None for a regular file."""
    try:
        if path.is_file():
            return None
        path.stat()
    except (OSError, ValueError) as error:
        if path.is_symlink():
            return ReadError(f"{path}: a link to {os.readlink(path)}, which can't be followed ({_reason(error)})")
        return ReadError(f"{path}: can't be looked at ({_reason(error)}); check the permissions")
    return ReadError(f"{path}: is no regular file but a pipe, socket or device; save the report as a file")


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


def _passed_over(name: str) -> bool:
    return name.startswith((".", "~$"))
