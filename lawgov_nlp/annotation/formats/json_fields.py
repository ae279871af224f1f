"""Read JSON written by others: the lines of a file, and fields of the expected type, or raise `RowError`."""

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
    """Yield each line of a JSONL file with its number from 1, except blank lines.

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
    """Return the list under a key; it is empty if the key is missing.

    Raises:
        RowError: The value isn't a list, or contains something other than `kind`.
    """
    found = data.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, kind) for item in found):
        raise RowError(f"{key!r} is {shortened(found)}, expected a list of {_NAMES[kind]}")
    return found


def mapping(data: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the object under a key; it is empty if the key is missing.

    Raises:
        RowError: The value isn't an object.
    """
    found = data.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise RowError(f"{key!r} is {shortened(found)}, expected an object")
    return found


def word(data: dict[str, Any], key: str) -> str | None:
    """Return the text under a key, or None if the key is missing.

    Raises:
        RowError: The value isn't a text.
    """
    found = data.get(key)
    if found is not None and not isinstance(found, str):
        raise RowError(f"{key!r} is {shortened(found)}, expected a text")
    return found


def loosely(data: object, key: str) -> list[dict[str, Any]]:
    """Return the objects of the list under a key and ignore everything else.

    This serves a first pass over a whole file.
    """
    found = data.get(key) if isinstance(data, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
