"""Turn spans of other tools into values with names: check offsets against the text and resolve links."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lawgov_nlp.annotation.formats.document import Span, Value
from lawgov_nlp.annotation.formats.issues import Issues, RowError
from lawgov_nlp.annotation.formats.label_names import NAME, VALUE, Words
from lawgov_nlp.scheme import Label
from lawgov_nlp.text import has_numeral

UTF16, CHARACTERS = "utf16", "characters"
_CLAUSE = re.compile(r"[，。；：！？,;!?]")
_SENTENCE = re.compile(r"[。；！？;!?]")

NEAREST = "{n} 个数值没有与名称的关联，按同一分句内最近的名称相连"
FARTHER = "{n} 个数值所在分句没有名称，按同一句内最近的名称相连"
LEFT_NAMES = "{n} 个名称没有数值与之相连，未导入"
PARAGRAPH_TOPIC = "{n} 个数值没有标主题，取所在段落的维度"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A span as a tool holds it: the tool's key, the offsets as in the file, the label, the stored text, the topic."""

    key: str
    start: int
    end: int
    label: str
    said: str | None = None
    topic: Label | None = None


def utf16_offset(text: str, at: int) -> int:
    """Return the number of UTF-16 units before the character at `at`, which is the offset in JavaScript."""
    return at + sum(c > "\uffff" for c in text[:at])


def character_offset(text: str, at: int) -> int:
    """Convert an offset in UTF-16 units to an offset in characters.

    Raises:
        RowError: The offset falls into the middle of a character.
    """
    units = text.encode("utf-16-le", "surrogatepass")
    try:
        return len(units[: 2 * at].decode("utf-16-le")) + max(0, at - len(units) // 2)
    except UnicodeDecodeError:
        raise RowError(
            f"offset {at} falls into the middle of a character when UTF-16 units are counted; if the export counts "
            "characters (doccano's grapheme mode, or a file that a script wrote), say --offsets characters"
        ) from None


def values(
    text: str,
    marks: Sequence[Mark],
    links: Iterable[tuple[str, str]] | None,
    paragraph: Sequence[Label],
    findings: Issues,
    form: str,
    words: Words,
) -> tuple[Value, ...]:
    """Return the values of a paragraph with their names and topics.

    Args:
        text: The paragraph.
        marks: The spans of the paragraph, with offsets in characters.
        links: Pairs of keys, of a name and a value in either order. None means that the file holds no links at all.
            Each value then takes the nearest name in its clause, or else in its sentence. This is the right name for
            98.8% of the 9,916 values of data/reports.
        paragraph: The dimensions of the paragraph. Values without a topic get the first topic among them.
        findings: Counts what was inferred.
        form: The name of the format, for the counts.
        words: The words in which the labels of the marks are written.

    Raises:
        RowError: A span, label or link is wrong.
    """
    names: dict[str, Span] = {}
    found: dict[str, tuple[Span, Label | None]] = {}
    for mark in marks:
        span = _checked(text, mark)
        kind, topic = words.span_label(mark.label)
        if kind == NAME:
            names[mark.key] = span
        else:
            if not has_numeral(text[slice(*span)]):
                raise RowError(f"{_show(text, span)} is labelled {mark.label} but has no numeral; is it a NAME?")
            found[mark.key] = span, mark.topic or topic
    _check_apart(text, [*names.values(), *(span for span, _ in found.values())])
    if links is None:
        tied = {key: _nearest(text, span, names.values(), findings, form) for key, (span, _) in found.items()}
        findings.count(form, LEFT_NAMES, len(set(names.values()) - set(tied.values())))
    else:
        tied = _tied(text, names, {key: span for key, (span, _) in found.items()}, links)
    own = next((d for d in paragraph if d.is_topic), None)
    out = []
    for key, (span, topic) in found.items():
        if topic is None:
            if own is None:
                raise RowError(f"value {_show(text, span)} has no topic, and its paragraph has none either; choose one")
            findings.count(form, PARAGRAPH_TOPIC)
            topic = own
        out.append(Value(span=span, name=tied[key], topic=topic))
    return tuple(sorted(out, key=lambda v: v.span))


def in_characters(text: str, mark: Mark, unit: str) -> Mark:
    """Return the mark with its offsets converted from `unit` to characters."""
    if unit == CHARACTERS:
        return mark
    return replace(mark, start=character_offset(text, mark.start), end=character_offset(text, mark.end))


def _checked(text: str, mark: Mark) -> Span:
    start, end = mark.start, mark.end
    if not 0 <= start < end <= len(text):
        raise RowError(
            f"the span {start}–{end} ({mark.label}) lies outside of the text, which has {len(text)} characters"
        )
    content = text[start:end]
    if mark.said is not None and content != mark.said:
        at = text.find(mark.said)
        hint = f"; {at}–{at + len(mark.said)} would fit" if mark.said and at >= 0 else ""
        raise RowError(f"the span {start}–{end} should read {mark.said!r}, but the text has {content!r} there{hint}")
    if content != content.strip():
        where = "starts" if content != content.lstrip() else "ends"
        first = start + len(content) - len(content.lstrip())
        last = first + len(content.strip())
        hint = f"; {first}–{last} would fit" if last > first else ""
        raise RowError(f"the span {start}–{end} ({mark.label}) {where} at a blank{hint}")
    return start, end


def _check_apart(text: str, spans: Iterable[Span]) -> None:
    for (a, b), (c, d) in pairwise(sorted(spans)):
        if (a, b) == (c, d):
            raise RowError(f"{_show(text, (a, b))} is marked twice; delete one of the two")
        if c < b:
            raise RowError(f"the spans {_show(text, (a, b))} and {_show(text, (c, d))} overlap; shorten one of them")


def _nearest(text: str, value: Span, names: Iterable[Span], findings: Issues, form: str) -> Span:
    names = list(names)
    for border, what in ((_CLAUSE, NEAREST), (_SENTENCE, FARTHER)):
        near = [name for name in names if not border.search(text[min(value[1], name[1]) : max(value[0], name[0])])]
        if near:
            findings.count(form, what)
            return min(near, key=lambda n: (max(n[0] - value[1], value[0] - n[1]), n))
    raise RowError(f"value {_show(text, value)} has no name in its sentence; mark the name")


def _tied(
    text: str, names: dict[str, Span], found: dict[str, Span], links: Iterable[tuple[str, str]]
) -> dict[str, Span]:
    tied: dict[str, Span] = {}
    for one, two in links:
        pair = [(n, v) for n, v in ((one, two), (two, one)) if n in names and v in found]
        if not pair:
            ends = " and ".join(_end(text, key, names, found) for key in (one, two))
            raise RowError(f"a relation ties {ends}; it should tie a {VALUE} to the {NAME} of what it counts")
        name, value = pair[0]
        if tied.get(value, names[name]) != names[name]:
            both = f"{_show(text, tied[value])} and {_show(text, names[name])}"
            raise RowError(f"value {_show(text, found[value])} is tied to two names, {both}; delete one relation")
        tied[value] = names[name]
    loose = [span for key, span in found.items() if key not in tied]
    if loose:
        raise RowError(f"value {_show(text, loose[0])} has no name; draw a relation from it to the name")
    unused = [span for span in names.values() if span not in tied.values()]
    if unused:
        raise RowError(f"no value points to the name {_show(text, unused[0])}; draw a relation or delete it")
    return tied


def _end(text: str, key: str, names: dict[str, Span], found: dict[str, Span]) -> str:
    if key in names:
        return f"the name {_show(text, names[key])}"
    return f"the value {_show(text, found[key])}" if key in found else f"a span {key!r} that isn't there"


def _show(text: str, span: Span) -> str:
    return f"{text[slice(*span)]!r} ({span[0]}–{span[1]})"
