"""What lies in a folder of reports, the strange things included: links to nowhere, pipes, folders that stay shut."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from lawgov_nlp.errors import LawgovError, ReadError
from lawgov_nlp.readers import PICTURE_SUFFIXES, SUFFIXES, irregular

_SAVED_PAGE = ("_files", ".files", "_文件")


def candidates(folder: Path) -> tuple[list[Path], list[tuple[Path, LawgovError]]]:
    """All in and below a folder, folders aside, that is named like a report; and the folders that can't be opened.

    Hidden names and the lock files that Word leaves (`~$…`) are passed over. Links to folders aren't followed, so
    that no loop of links keeps the search going. The pictures that a browser saves beside a page are none of reports.

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
        names = [name for name in names if name.lower().endswith(SUFFIXES) and not passed_over(name)]
        if where.endswith(_SAVED_PAGE):
            names = [name for name in names if not name.lower().endswith(PICTURE_SUFFIXES)]
        found += (Path(where, name) for name in names)
    return sorted(found), shut


def passed_over(name: str) -> bool:
    """Whether a file or folder is hidden or a lock file of Word's."""
    return name.startswith((".", "~$"))


def find_reports(*paths: Path, on_error: Callable[[Path, LawgovError], None] | None = None) -> list[Path]:
    """Every file that a reader exists for, in and below the given folders, sorted; files are taken as given.

    Hidden files and the lock files that Word leaves (`~$…`) are passed over, and links to folders aren't followed.

    Args:
        paths: Files and folders.
        on_error: Called with what can't be a report though its name says so (a broken link, a pipe) and with folders
            that can't be opened; without it they are passed over.

    Raises:
        ReadError: A path doesn't exist, or a folder holds no such file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_file():
            found.append(path)
            continue
        if not path.is_dir():
            raise ReadError(f"{path} doesn't exist; expected a file or a folder of reports")
        inside, problems = candidates(path)
        reasons = [(candidate, irregular(candidate)) for candidate in inside]
        files = [candidate for candidate, reason in reasons if reason is None]
        problems += ((candidate, reason) for candidate, reason in reasons if reason is not None)
        if not files and (on_error is None or not problems):
            raise ReadError(f"{path} holds no reports; expected files that end in {' '.join(SUFFIXES)}")
        found += files
        if on_error is not None:
            for problem in problems:
                on_error(*problem)
    return list(dict.fromkeys(found))
