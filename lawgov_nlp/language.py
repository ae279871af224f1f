"""The language of what people read, so far of Excel files. Names in data and errors raised in Python stay English."""

from __future__ import annotations

import locale
import os

LANGUAGES = ("zh", "en")
VARIABLE = "LAWGOV_LANG"

_chosen: list[str] = []


def current() -> str:
    """Return `zh` or `en`: what `use` set, else the variable LAWGOV_LANG, else the system's language, else Chinese."""
    if _chosen:
        return _chosen[0]
    named = os.environ.get(VARIABLE, "").strip().lower()[:2]
    if named in LANGUAGES:
        return named
    names = [os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    said = next((name for name in names if name), None) or locale.getlocale()[0] or ""
    return "en" if said.lower().startswith(("en_", "en-", "english")) or said.lower() == "en" else "zh"


def use(language: str | None) -> None:
    """Set the language for the rest of the process; None goes back to the environment's.

    Raises:
        ValueError: The language is neither `zh` nor `en`.
    """
    if language not in (None, *LANGUAGES):
        raise ValueError(f"language {language!r} is unknown; expected one of {', '.join(LANGUAGES)}")
    _chosen[:] = [language] if language else []
