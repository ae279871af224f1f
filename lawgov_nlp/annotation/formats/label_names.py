"""The words that tools use for labels: those of a scheme in English or Chinese, `none`, and the labels of spans."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from lawgov_nlp.annotation.formats.issues import RowError
from lawgov_nlp.scheme import CODEBOOK, NONE, NONE_ZH, OWN_LABELS, Label, Scheme

__all__ = ["NAME", "NONE", "NONE_ZH", "UNCODED", "VALUE", "Words", "mark_labels", "split", "value_label"]
NAME, VALUE = "NAME", "VALUE"
UNCODED = "?"
_SPANS = {"name": NAME, "名称": NAME, "指标名": NAME, "指标名称": NAME, "value": VALUE, "数值": VALUE, "值": VALUE}


class Words:
    """The words of a scheme.

    Attributes:
        scheme: The labels that the words stand for.
    """

    def __init__(self, scheme: Scheme = CODEBOOK) -> None:
        self.scheme = scheme
        self._words = {word: label for label in scheme for word in (label.value, label.zh)}

    def label(self, word: str) -> Label:
        """Return the label with an English or Chinese name.

        Raises:
            RowError: There is no such label; the message suggests the nearest one.
        """
        return self._find(word, self.scheme.labels)

    def topic(self, word: str) -> Label:
        """Return the topic with a name.

        Raises:
            RowError: There is no such label, or it is a function.
        """
        return self._find(word, self.scheme.topics)

    def primary(self, word: str) -> Label | None:
        """Return a primary label; None for `none`.

        Raises:
            RowError: The word is neither a label nor `none`.
        """
        if word.strip().lower() in (NONE, NONE_ZH):
            return None
        try:
            return self.label(word)
        except RowError:
            raise self._unknown(word, [*self._words, NONE]) from None

    def labels(self, words: Iterable[str]) -> tuple[Label | None, tuple[Label, ...]]:
        """Return the primary and the secondary labels; the primary one comes first in `words`.

        Raises:
            RowError: A label is unknown, occurs twice, or occurs together with `none`.
        """
        found = [self.primary(word) for word in words]
        if len(set(found)) < len(found):
            raise RowError(f"a label is named twice: {', '.join(str(d or NONE) for d in found)}")
        if None in found and len(found) > 1:
            others = ", ".join(str(d) for d in found if d)
            raise RowError(f"labelled 'none' and {others}; remove one of them")
        return (found[0] if found else None), tuple(d for d in found[1:] if d)

    def marked_labels(self, words: Sequence[str]) -> tuple[Label | None, tuple[Label, ...]]:
        """Return the labels from a tool that keeps no order; secondary labels have a leading `+`, as in `+publicity`.

        Raises:
            RowError: The primary label can't be determined.
        """
        first = [w for w in words if not w.startswith("+")]
        second = [w[1:] for w in words if w.startswith("+")]
        if len(first) > 1:
            # In the codebook a function is never secondary, so a function among topics must be the primary label.
            functions = [w for w in first if (d := self.primary(w)) and not d.is_topic]
            if len(functions) != 1:
                raise RowError(
                    f"which of the labels {', '.join(first)} is the primary one? Put '+' in front of the secondary "
                    f"ones, as in '+{first[-1]}'"
                )
            second = [*(w for w in first if w not in functions), *second]
            first = functions
        if not first and second:
            raise RowError(f"only secondary labels (+{', +'.join(second)}); name the primary one too, or 'none'")
        return self.labels([*first, *second])

    def span_label(self, label: str) -> tuple[str, Label | None]:
        """Return `NAME`, or `VALUE` with the topic in the label: NAME, VALUE, VALUE-mediation, mediation, 数值 …

        Raises:
            RowError: The label is none of these.
        """
        kind, _, topic = re.sub(r"[/:：_]", "-", label.strip()).partition("-")
        known = _SPANS.get(kind.strip().lower())
        if known == VALUE:
            return VALUE, self.topic(topic) if topic else None
        if known == NAME and not topic:
            return NAME, None
        found = self._words.get(label.strip().lower())
        if found in self.scheme.topics:
            return VALUE, found
        raise self._unknown(label, [NAME, VALUE, *map(value_label, self.scheme.topics), *self._words])

    def _find(self, word: str, allowed: Sequence[Label]) -> Label:
        found = self._words.get(word.strip()) or self._words.get(word.strip().lower())
        if found is not None and found in allowed:
            return found
        if found:
            raise RowError(f"{word!r} is a function and can't be a topic; expected one of {', '.join(allowed)}")
        raise self._unknown(word, [w for w, d in self._words.items() if d in allowed])

    def _unknown(self, word: str, known: Sequence[str]) -> RowError:
        close = difflib.get_close_matches(word.strip(), known, 1) or difflib.get_close_matches(word.lower(), known, 1)
        own = OWN_LABELS if self.scheme == CODEBOOK else ""
        hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(dict.fromkeys(known))}{own}"
        return RowError(f"label {word!r} is unknown; {hint}")


def split(words: str) -> list[str]:
    """Split a cell such as `mediation+publicity` or `mediation；publicity` into words."""
    return [w.strip() for w in re.split(r"[+,，;；、|\n]", words) if w.strip()]


def mark_labels(of: Sequence[Label]) -> list[str]:
    """Return labels for a tool that keeps no order, with `+` in front of secondary ones; `none` if there are none."""
    return [of[0].value, *(f"+{d}" for d in of[1:])] if of else [NONE]


def value_label(topic: Label | None) -> str:
    """Return the label of a value in a tool where the topic must be part of the label."""
    return f"{VALUE}-{topic}" if topic else VALUE
