"""What lies in a folder of reports, the strange things included: links to nowhere, pipes, folders that stay shut."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from lawgov_nlp.errors import LawgovError, ReadError
from lawgov_nlp.paths import check_path
from lawgov_nlp.readers import FOLDER_SUFFIXES, irregular
from lawgov_nlp.readers.archive import is_zip, member_of, members


def candidates(folder: Path) -> tuple[list[Path], list[tuple[Path, LawgovError]]]:
    """All in and below a folder and its zips that is named like a report; and what can't be opened.

    Hidden names and the lock files that Word leaves (`~$…`) are passed over. Links to folders aren't followed, so
    that no loop of links keeps the search going.

    Returns:
        The paths in order, some of which may be no files (`readers.irregular`), and the shut folders and refused zips
        with the reason.
    """
    found: list[Path] = []
    shut: list[tuple[Path, LawgovError]] = []

    def closed(error: OSError) -> None:
        path = Path(error.filename)
        shut.append((path, ReadError(f"{path}: the folder can't be opened ({error.strerror}); check the permissions")))

    for where, folders, names in os.walk(folder, onerror=closed):
        folders[:] = [name for name in folders if not passed_over(name)]
        for name in names:
            path = Path(where, name)
            if passed_over(name):
                continue
            if name.lower().endswith(FOLDER_SUFFIXES):
                found.append(path)
            elif is_zip(path):
                inside, refused = zipped(path)
                found += inside
                shut += refused
    return sorted(found), shut


def other_suffixes(folder: Path) -> Counter[str]:
    """Count the files in and below a folder that aren't looked for there, by suffix in lower case.

    Hidden files, Word's lock files and folders that can't be opened aren't counted.
    """
    found: Counter[str] = Counter()
    for _, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not passed_over(name)]
        read = (*FOLDER_SUFFIXES, ".zip")
        found.update(
            Path(name).suffix.lower() for name in names if not passed_over(name) and not name.lower().endswith(read)
        )
    return found


def zipped(path: Path) -> tuple[list[Path], list[tuple[Path, LawgovError]]]:
    """The reports in a zip, and what in it can't be read, the zip itself included, with the reason."""
    try:
        found, refused = members(path, FOLDER_SUFFIXES)
    except ReadError as error:
        return [], [(path, error)]
    return found, [*refused]


def passed_over(name: str) -> bool:
    """Whether a file or folder is hidden or a lock file of Word's."""
    return name.startswith((".", "~$"))


def find_reports(*paths: Path, on_error: Callable[[Path, LawgovError], None] | None = None) -> list[Path]:
    """Every report in and below the given folders and in zips, sorted; other files are taken as given.

    In folders and zips, xlsx and csv files are passed over, for mostly they are data or results. Name those that are
    reports.

    Hidden files and the lock files that Word leaves (`~$…`) are passed over, and links to folders aren't followed.

    Args:
        paths: Files and folders.
        on_error: Called with what can't be a report though its name says so (a broken link, a pipe) and with folders
            that can't be opened; without it they are passed over.

    Raises:
        ReadError: A path doesn't exist, or a folder holds no such file.
    """
    for path in paths:
        check_path(path, "the folder or file")
    found: list[Path] = []
    for path in paths:
        if is_zip(path):
            inside, refused = zipped(path)
            if not inside and (on_error is None or not refused):
                raise refused[0][1] if refused else ReadError(f"{path} holds no reports; expected files in it to read")
            found += inside
            if on_error is not None:
                for problem in refused:
                    on_error(*problem)
            continue
        if path.is_file() or member_of(path) is not None:
            found.append(path)
            continue
        if not path.is_dir():
            raise ReadError(f"{path} doesn't exist; expected a file or a folder of reports")
        inside, problems = candidates(path)
        reasons = [(candidate, irregular(candidate)) for candidate in inside]
        files = [candidate for candidate, reason in reasons if reason is None]
        problems += ((candidate, reason) for candidate, reason in reasons if reason is not None)
        if not files and (on_error is None or not problems):
            raise ReadError(f"{path} holds no reports; expected files that end in {' '.join(FOLDER_SUFFIXES)}")
        found += files
        if on_error is not None:
            for problem in problems:
                on_error(*problem)
    return list(dict.fromkeys(found))
