"""JSON that someone else wrote: the lines of a file, and fields of the type that is expected, or a `RowError`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from lawgov_nlp.annotation.formats.issues import RowError
from lawgov_nlp.errors import InterchangeError
from lawgov_nlp.text import shortened

_T = TypeVar("_T")
_NAMES = {dict: "objects", str: "words", list: "lists", object: "values"}


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Each line of a JSONL file with its number from 1, blank ones left out.

    Raises:
        InterchangeError: A line isn't JSON.
    """
    for number, line in enumerate(path.read_bytes().decode("utf-8-sig").split("\n"), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except ValueError as error:
            raise InterchangeError(f"{path}:{number}: not JSON ({error})") from None
        yield number, data


def items(data: dict[str, Any], key: str, kind: type[_T]) -> list[_T]:
    """The list under a key, empty where there is none.

    Raises:
        RowError: It isn't a list, or holds something else than `kind`.
    """
    found = data.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, kind) for item in found):
        raise RowError(f"{key!r} is {shortened(found)}, expected a list of {_NAMES[kind]}")
    return found


def mapping(data: dict[str, Any], key: str) -> dict[str, Any]:
    """The object under a key, empty where there is none.

    Raises:
        RowError: It isn't an object.
    """
    found = data.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise RowError(f"{key!r} is {shortened(found)}, expected an object")
    return found


def word(data: dict[str, Any], key: str) -> str | None:
    """The text under a key, None where there is none.

    Raises:
        RowError: It isn't a text.
    """
    found = data.get(key)
    if found is not None and not isinstance(found, str):
        raise RowError(f"{key!r} is {shortened(found)}, expected a text")
    return found


def loosely(data: object, key: str) -> list[dict[str, Any]]:
    """The objects of the list under a key, whatever else there is: for a first look over a whole file."""
    found = data.get(key) if isinstance(data, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
