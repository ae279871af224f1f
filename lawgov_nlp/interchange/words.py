"""The words that tools hold labels in: a dimension in English or Chinese, `none`, and labels of spans."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from lawgov_nlp.interchange.findings import RowError
from lawgov_nlp.report import DIMENSIONS, TOPICS, Dimension

NONE, NONE_ZH = "none", "无"
NAME, VALUE = "NAME", "VALUE"
UNCODED = "?"
_SPANS = {"name": NAME, "名称": NAME, "指标名": NAME, "指标名称": NAME, "value": VALUE, "数值": VALUE, "值": VALUE}
_WORDS = {word: d for d in DIMENSIONS for word in (d.value, d.zh)}


def dimension(word: str, allowed: Sequence[Dimension] = DIMENSIONS) -> Dimension:
    """The dimension of that English or Chinese name.

    Raises:
        RowError: There is none; with the nearest one.
    """
    found = _WORDS.get(word.strip()) or _WORDS.get(word.strip().lower())
    if found in allowed:
        return found
    if found:
        raise RowError(f"{word!r} is a function and can't be a topic; expected one of {', '.join(allowed)}")
    raise _unknown("label", word, [w for w, d in _WORDS.items() if d in allowed])


def primary(word: str) -> Dimension | None:
    """A primary dimension; None for `none`."""
    if word.strip().lower() in (NONE, NONE_ZH):
        return None
    try:
        return dimension(word)
    except RowError:
        raise _unknown("label", word, [*_WORDS, NONE]) from None


def split(words: str) -> list[str]:
    """The single words of a cell such as `mediation+publicity` or `mediation；publicity`."""
    return [w.strip() for w in re.split(r"[+,，;；、|\n]", words) if w.strip()]


def labels(words: Iterable[str]) -> tuple[Dimension | None, tuple[Dimension, ...]]:
    """Primary and secondary dimensions in this order.

    Raises:
        RowError: A label is unknown, named twice, or stands beside `none`.
    """
    found = [primary(word) for word in words]
    if len(set(found)) < len(found):
        raise RowError(f"a label is named twice: {', '.join(str(d or NONE) for d in found)}")
    if None in found and len(found) > 1:
        others = ", ".join(str(d) for d in found if d)
        raise RowError(f"labelled 'none' and {others}; take off one of them")
    return (found[0] if found else None), tuple(d for d in found[1:] if d)


def marked_labels(words: Sequence[str]) -> tuple[Dimension | None, tuple[Dimension, ...]]:
    """Labels of a tool that keeps no order: `+` stands in front of the secondary ones, as in `+publicity`.

    Raises:
        RowError: Which one is primary can't be told.
    """
    first = [w for w in words if not w.startswith("+")]
    second = [w[1:] for w in words if w.startswith("+")]
    if len(first) > 1:
        # The codebook: a function is never secondary, so that among topics it must be the primary one.
        functions = [w for w in first if (d := primary(w)) and not d.counts]
        if len(functions) != 1:
            raise RowError(
                f"which of the labels {', '.join(first)} is the primary one? Put '+' in front of the secondary ones, "
                f"as in '+{first[-1]}'"
            )
        second = [*(w for w in first if w not in functions), *second]
        first = functions
    if not first and second:
        raise RowError(f"only secondary labels (+{', +'.join(second)}); name the primary one too, or 'none'")
    return labels([*first, *second])


def mark_labels(of: Sequence[Dimension]) -> list[str]:
    """Labels for a tool that keeps no order; `none` where there are none."""
    return [of[0].value, *(f"+{d}" for d in of[1:])] if of else [NONE]


def span_label(label: str) -> tuple[str, Dimension | None]:
    """`NAME`, or `VALUE` with the topic that the label holds: NAME, VALUE, VALUE-mediation, mediation, 数值 …

    Raises:
        RowError: The label is none of these.
    """
    kind, _, topic = re.sub(r"[/:：_]", "-", label.strip()).partition("-")
    known = _SPANS.get(kind.strip().lower())
    if known == VALUE:
        return VALUE, dimension(topic, TOPICS) if topic else None
    if known == NAME and not topic:
        return NAME, None
    if _WORDS.get(label.strip().lower()) in TOPICS:
        return VALUE, _WORDS[label.strip().lower()]
    raise _unknown("label", label, [NAME, VALUE, *(f"{VALUE}-{d}" for d in TOPICS), *_WORDS])


def value_label(topic: Dimension) -> str:
    """The label of a value where the topic must be part of it."""
    return f"{VALUE}-{topic}"


def _unknown(what: str, word: str, known: Sequence[str]) -> RowError:
    close = difflib.get_close_matches(word.strip(), known, 1) or difflib.get_close_matches(word.lower(), known, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(dict.fromkeys(known))}"
    return RowError(f"{what} {word!r} is unknown; {hint}")
