"""Read traditional characters like their simplified twins, one character for one, so that offsets stay valid."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

_SHARE = 0.05
"""The share of traditional characters from which a text counts as traditional. Names in simplified text stay below."""
_FEWEST = 2


@lru_cache(maxsize=16)  # The values of a text are read one after the other, each with the whole text around it.
def to_simplified(text: str) -> str:
    """Return a text of the same length in which traditional characters are replaced by their simplified twins.

    A text in simplified characters comes back unchanged, but for single characters that simplified writing doesn't
    have. Characters that both kinds of writing use (後, 於, 乾) are only replaced in a text of traditional ones.
    Words aren't converted: 資訊 becomes 资讯, not 信息.
    """
    plain = text.translate(_tables()[0])
    if plain is text or plain == text:
        return text
    return plain.translate(_tables()[1]) if _counts(text, plain) else plain


def is_traditional(text: str) -> bool:
    """Tell whether a text is written in traditional characters: at least two of them, and 5% of the text."""
    return _counts(text, text.translate(_tables()[0]))


def _counts(text: str, plain: str) -> bool:
    changed = sum(a != b for a, b in zip(text, plain, strict=True))
    return changed >= max(_FEWEST, _SHARE * len(text))


@lru_cache
def _tables() -> tuple[dict[int, int], dict[int, int]]:
    """Return the map of characters that only traditional writing has, and the map of those that both have."""
    lines = files("lawgov_nlp").joinpath("simplified.txt").read_text(encoding="utf-8").split("\n")
    only, both = (
        {ord(a): ord(b) for a, b in zip(*pair, strict=True)} for pair in ((lines[0], lines[1]), (lines[2], lines[3]))
    )
    return only, both
