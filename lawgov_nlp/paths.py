"""Check that a path was given where one is meant: a `str` is never a file's name in this package."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lawgov_nlp.errors import PathError


def check_path(value: object, role: str) -> None:
    """Check that an argument is a path.

    A `str` is refused, because `tag_report` takes one for the text of a report; one rule for all functions is easier to
    remember.

    Args:
        value: The argument.
        role: What the path stands for, such as "folder", for the message.

    Raises:
        PathError: The argument isn't a `pathlib.Path`.
    """
    if isinstance(value, Path):
        return
    if isinstance(value, str):
        raise PathError(f"{role} is the str {value!r}, expected a pathlib.Path; give Path({value!r})")
    raise PathError(f"{role} is of the type {type(value).__name__}, expected a pathlib.Path")


def check_paths(values: Iterable[object], role: str) -> Sequence[Path]:
    """Check that an argument holds several paths, and return them as a list.

    Raises:
        PathError: The argument is a single path or a `str`, or one of its items isn't a `pathlib.Path`.
    """
    if isinstance(values, (str, Path)):
        given = str(values)
        raise PathError(f"{role} is {values!r}, expected a list of paths; give [Path({given!r})]")
    paths = list(values)
    for path in paths:
        check_path(path, role)
    return paths  # type: ignore[return-value]
