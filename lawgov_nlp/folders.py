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
        The paths in order, some of which may be no files (`readers.irregular`), and the shut folders with the reason.
    """
    found: list[Path] = []
    shut: list[tuple[Path, LawgovError]] = []

    def refused(error: OSError) -> None:
        path = Path(error.filename)
        shut.append((path, ReadError(f"{path}: the folder can't be opened ({error.strerror}); check the permissions")))

    for where, folders, names in os.walk(folder, onerror=refused):
        folders[:] = [name for name in folders if not passed_over(name)]
        found += (Path(where, name) for name in names if name.lower().endswith(SUFFIXES) and not passed_over(name))
    return sorted(found), shut


def passed_over(name: str) -> bool:
    """Whether a file or folder is hidden or a lock file of Word's."""
    return name.startswith((".", "~$"))
