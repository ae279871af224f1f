"""What a person says of one paragraph while working on it, and the checks before it can stand in the markup."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from lawgov_nlp.annotation.gold import GoldIndicator, GoldLine
from lawgov_nlp.errors import ReviewError
from lawgov_nlp.report import LineKind
from lawgov_nlp.results.paragraph import TaggedParagraph
from lawgov_nlp.results.quantity import read_quantity
from lawgov_nlp.results.tables import plain_number
from lawgov_nlp.scheme import Label, Scheme
from lawgov_nlp.text import has_numeral

NOTE_CHARACTERS = 2000
MARKS = 500
"""The largest number of values in a paragraph, and also the largest number of names."""

Span = tuple[int, int]
"""Start and end in the text of a paragraph, in characters (code points). The end is exclusive."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A value: its span, the span of the name of what it counts (None if it has no name yet), and its topic."""

    span: Span
    name: Span | None
    topic: Label


@dataclass(frozen=True, kw_only=True)
class Coding:
    """The labels and indicators of a paragraph at one moment.

    Attributes:
        primary: The primary label. None means, if `labels_coded` is true, that the paragraph has no label.
        secondary: The other labels, topics only.
        values: The values in order of their position.
        names: The names that aren't linked to a value yet.
        labels_coded: Whether a person has decided on the labels. Otherwise they are the model's.
        indicators_coded: Whether a person has decided on the indicators.
        note: The person's note about the paragraph.
    """

    primary: Label | None
    secondary: tuple[Label, ...] = ()
    values: tuple[Mark, ...] = ()
    names: tuple[Span, ...] = ()
    labels_coded: bool = False
    indicators_coded: bool = False
    note: str = ""

    @property
    def done(self) -> bool:
        """Whether a person has decided on both the labels and the indicators."""
        return self.labels_coded and self.indicators_coded

    @property
    def complete(self) -> bool:
        """Whether each value has a name and each name has a value, as the markup requires."""
        return not self.names and all(v.name is not None for v in self.values)

    @property
    def version(self) -> str:
        """A short hash of all fields: two codings are equal if their versions are equal."""
        told = json.dumps(self.to_dict(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return the coding as values for JSON; `from_dict` restores it."""
        return {
            "primary": self.primary.value if self.primary else None,
            "secondary": [label.value for label in self.secondary],
            "values": [
                {"span": [*v.span], "name": [*v.name] if v.name else None, "topic": v.topic.value} for v in self.values
            ],
            "names": [[*span] for span in self.names],
            "labels_coded": self.labels_coded,
            "indicators_coded": self.indicators_coded,
            "note": self.note,
        }


def from_dict(data: object, text: str, scheme: Scheme) -> Coding:
    """Build the coding of a paragraph from untrusted JSON, and check it against the text and the labels.

    Args:
        data: A dictionary as `Coding.to_dict` returns it.
        text: The text of the paragraph.
        scheme: The labels that may be used.

    Raises:
        ReviewError: A value doesn't fit. The page shows a message for the error's `code`.
    """
    if not isinstance(data, Mapping):
        raise ReviewError("bad-request", f"a coding is {type(data).__name__}, expected an object")
    primary = None if data.get("primary") is None else _label(data["primary"], scheme.labels)
    secondary = tuple(_label(word, scheme.topics) for word in _list(data, "secondary", len(scheme)))
    if len({primary, *secondary}) != 1 + len(secondary):
        raise ReviewError("label-twice", "a label stands twice; expected each once")
    if secondary and primary is None:
        raise ReviewError("no-primary", "secondary labels without a primary one; choose the primary label first")
    marks = []
    for item in _list(data, "values", MARKS):
        if not isinstance(item, Mapping):
            raise ReviewError("bad-request", "a value is no object")
        name = None if item.get("name") is None else _span(item["name"], text)
        marks.append(
            Mark(span=_span(item.get("span"), text), name=name, topic=_label(item.get("topic"), scheme.topics))
        )
    names = tuple(sorted(_span(item, text) for item in _list(data, "names", MARKS)))
    note = data.get("note", "")
    if not isinstance(note, str) or len(note) > NOTE_CHARACTERS:
        raise ReviewError("note-too-long", f"a note is text of at most {NOTE_CHARACTERS} characters")
    coding = Coding(
        primary=primary,
        secondary=secondary,
        values=tuple(sorted(marks, key=lambda m: m.span)),
        names=names,
        labels_coded=data.get("labels_coded") is True,
        indicators_coded=data.get("indicators_coded") is True,
        note=note,
    )
    _check_marks(coding, text)
    return coding


def from_model(paragraph: TaggedParagraph) -> tuple[Coding, int]:
    """Return the model's coding of a paragraph, with no layer decided by a person, and how many marks were left out.

    A model's marks may overlap, but the markup can't express overlaps. Of two overlapping values the first is kept. A
    name that overlaps a value or another name is left out; its value then has no name.
    """
    at, lost = paragraph.start, 0
    taken: list[Span] = []
    kept: list[tuple[Span, Span | None, Label]] = []
    for i in sorted(paragraph.indicators, key=lambda i: (i.start, i.end)):
        span = (i.start - at, i.end - at)
        if _free(span, taken):
            taken.append(span)
            named = i.name_start is not None and i.name_end is not None
            kept.append((span, (i.name_start - at, i.name_end - at) if named else None, i.dimension))  # type: ignore[operator]
        else:
            lost += 1
    names: set[Span] = set()
    marks = []
    for span, name, topic in kept:
        if name and name not in names:
            inside = 0 <= name[0] < name[1] <= len(paragraph.text)
            if inside and _free(name, [*taken, *names]):
                names.add(name)
            else:
                name, lost = None, lost + 1
        marks.append(Mark(span=span, name=name, topic=topic))
    secondary = tuple(label for label in paragraph.labels[1:] if label.is_topic)
    lost += len(paragraph.labels[1:]) - len(secondary)
    return Coding(primary=paragraph.label, secondary=secondary, values=tuple(marks)), lost


def from_gold(unit: GoldLine, below: Coding) -> Coding:
    """Return the coding of a line of the markup. A layer that nobody coded, and the note, are taken from `below`."""
    out = replace(below, labels_coded=unit.labels_coded, indicators_coded=unit.indicators_coded)
    if unit.labels_coded:
        out = replace(out, primary=unit.primary, secondary=unit.secondary)
    if unit.indicators_coded:
        marks = (Mark(span=i.value, name=i.name, topic=i.dimension) for i in unit.indicators if i.dimension is not None)
        out = replace(out, values=tuple(sorted(marks, key=lambda m: m.span)), names=())
    return out


def to_gold(coding: Coding, text: str) -> GoldLine:
    """Return the line for the markup. Layers that no person has decided on are marked as uncoded."""
    searched = coding.indicators_coded and coding.complete
    return GoldLine(
        kind=LineKind.BODY,
        text=text,
        primary=coding.primary if coding.labels_coded else None,
        secondary=coding.secondary if coding.labels_coded else (),
        indicators=tuple(GoldIndicator(value=v.span, name=v.name, dimension=v.topic) for v in coding.values if v.name)
        if searched
        else (),
        labels_coded=coding.labels_coded,
        indicators_coded=searched,
    )


def same_decisions(first: Coding, second: Coding, *layers: str) -> bool:
    """Whether two codings agree in the given layer, `labels` or `indicators`, or in both if no layer is given."""
    layers = layers or ("labels", "indicators")
    labels = (first.primary, {*first.secondary}) == (second.primary, {*second.secondary})
    marks = (first.values, first.names) == (second.values, second.names)
    return ("labels" not in layers or labels) and ("indicators" not in layers or marks)


def readings(coding: Coding, text: str) -> list[dict[str, str | None]]:
    """Return the content of each value: its number as text (None if it can't be read), its unit and its qualifier."""
    found = (read_quantity(text, *v.span) for v in coding.values)
    return [
        {
            "number": None if q.number is None else plain_number(q.number),
            "unit": q.unit,
            "qualifier": str(q.qualifier),
        }
        for q in found
    ]


def _check_marks(coding: Coding, text: str) -> None:
    spans = [v.span for v in coding.values]
    names = {v.name for v in coding.values if v.name} | {*coding.names}
    if len({*coding.names}) < len(coding.names) or {v.name for v in coding.values} & {*coding.names}:
        raise ReviewError("bad-request", "a name stands twice")
    ordered = sorted([*spans, *names])
    for (_, end), (start, _) in pairwise(ordered):
        if start < end:
            raise ReviewError("overlap", f"two marks overlap near {text[start:end][:20]!r}; marks stand side by side")
    for start, end in spans:
        if not has_numeral(text[start:end]):
            raise ReviewError("no-numeral", f"value {text[start:end][:20]!r} has no numeral; a value holds its number")
    if coding.indicators_coded and not coding.complete:
        raise ReviewError(
            "incomplete", "a value has no name, or a name no value; tie them before the paragraph is done"
        )


def _free(span: Span, taken: list[Span]) -> bool:
    return all(span[1] <= start or end <= span[0] for start, end in taken)


def _list(data: Mapping[str, Any], key: str, most: int) -> list[Any]:
    found = data.get(key, [])
    if not isinstance(found, list) or len(found) > most:
        raise ReviewError("bad-request", f"{key!r} isn't a list of at most {most}")
    return found


def _label(word: object, allowed: tuple[Label, ...]) -> Label:
    if not isinstance(word, str) or word not in allowed:
        raise ReviewError("unknown-label", f"label {str(word)[:30]!r} is unknown; expected one of {', '.join(allowed)}")
    return allowed[allowed.index(word)]


def _span(item: object, text: str) -> Span:
    whole = isinstance(item, list) and len(item) == 2 and all(type(n) is int for n in item)
    if not whole or not 0 <= item[0] < item[1] <= len(text):  # type: ignore[index]
        raise ReviewError("bad-span", f"a span is {str(item)[:30]}, expected two offsets within {len(text)} characters")
    return item[0], item[1]  # type: ignore[index]
