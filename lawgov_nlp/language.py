"""The language of what people read: terminal, Excel, pages. Names in data and errors raised in Python stay English.

The words in the code are Chinese, because the readers are Chinese clerks first; the catalogue `locale/en` has them in
English. Errors and the help of commands are English in the code; the catalogue `locale/zh` has them in Chinese.
"""

from __future__ import annotations

import gettext
import locale
import os
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("zh", "en")
VARIABLE = "LAWGOV_LANG"
DOMAIN = "lawgov"

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


def tr(text: str) -> str:
    """Return a text in the current language; a text that the catalogue doesn't have comes back as it is."""
    return _catalogue(current()).gettext(text)


@lru_cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, Path(__file__).parent / "locale", [language], fallback=True)
