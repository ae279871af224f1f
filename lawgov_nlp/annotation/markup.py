"""The markup of annotated reports: inline labels and spans, one line of the report per line, readable in a diff.

`data/FORMAT.md` documents it on one page. A short example:

    level: township
    year: 2023
    ---
    [heading] 一、主要举措和成效
    [mediation+enforcement] 一是……提供<a:法律咨询>{a:302人次|mediation}，……

`parse_markup` compiles the markup to plain text with character offsets. It rejects invalid markup with the file, the
line and the reason. `to_markup` turns the result back into the same markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lawgov_nlp.annotation.gold import GoldIndicator, GoldLine, GoldReport
from lawgov_nlp.errors import MarkupError
from lawgov_nlp.paths import check_path
from lawgov_nlp.report import LineKind
from lawgov_nlp.scheme import CODEBOOK, OWN_LABELS, Label, Scheme, nearest
from lawgov_nlp.text import has_numeral

_UNCODED = "?"
_NO_INDICATORS = "{?}"
_TAG = re.compile(r"\[([a-z+]+|\?)\] ?(.*)", re.DOTALL)
_CONTENT = r"((?:[^<>{}|]|\{[<>{}|]\})+)"
_SPAN = re.compile(rf"<([a-z][0-9]*):{_CONTENT}>|\{{([a-z][0-9]*):{_CONTENT}\|([a-z]+)\}}|\{{(?P<sign>[<>{{}}|])\}}")
_SIGN = re.compile(r"[<>{}|]")
_ESCAPED = re.compile(r"\{([<>{}|])\}")
_KINDS = {k.value: k for k in LineKind if k is not LineKind.BODY}


def read_markup(path: Path, scheme: Scheme = CODEBOOK) -> GoldReport:
    """Read one annotated report whose labels belong to `scheme`.

    Raises:
        MarkupError: The markup is invalid; the message gives `file:line:` and the reason.
    """
    check_path(path, "path")
    return parse_markup(path.read_text(encoding="utf-8"), path.stem, file=str(path), scheme=scheme)


def read_markup_folder(folder: Path, scheme: Scheme = CODEBOOK) -> list[GoldReport]:
    """Read every annotated report (`*.txt`) of a folder in the order of the names. Their labels belong to `scheme`.

    Raises:
        MarkupError: A report has invalid markup; the first such report raises.
    """
    check_path(folder, "folder")
    return [read_markup(path, scheme) for path in sorted(folder.glob("*.txt"))]


def parse_markup(markup: str, name: str, file: str | None = None, *, scheme: Scheme = CODEBOOK) -> GoldReport:
    """Compile the markup of one report.

    Args:
        markup: The markup, as data/FORMAT.md specifies it.
        name: The id that the report gets.
        file: The file name to show in errors; None shows `name` instead.
        scheme: The labels that are allowed.

    Raises:
        MarkupError: The markup is invalid; the message gives `file:line:` and the reason.
    """
    file = file or name
    lines = markup.split("\n")
    meta: dict[str, str] = {}
    body = 0
    for number, line in enumerate(lines, 1):
        if line.strip() == "---":
            body = number
            break
        key, colon, value = line.partition(":")
        if not colon or not key.strip():
            raise MarkupError(f"{file}:{number}: expected 'key: value' or '---', got {line[:40]!r}")
        meta[key.strip()] = value.strip()
    else:
        raise MarkupError(f"{file}:1: no '---' line closes the header")
    numbered = enumerate(lines[body:], body + 1)
    units = tuple(_unit(line, f"{file}:{number}", scheme) for number, line in numbered if line.strip())
    if not any(u.kind is LineKind.BODY for u in units):
        raise MarkupError(f"{file}:{body}: the report has no body paragraph")
    return GoldReport(id=name, meta=meta, units=units)


def to_markup(report: GoldReport) -> str:
    """Return the markup of a report. `parse_markup` reads it back unchanged unless a topic is uncoded (`|?`)."""
    head = [f"{key}: {value}" for key, value in report.meta.items()]
    return "\n".join([*head, "---", *map(_write_unit, report.units), ""])


def _unit(line: str, where: str, scheme: Scheme) -> GoldLine:
    match = _TAG.fullmatch(line)
    if not match:
        raise MarkupError(
            f"{where}: a line begins with its kind or dimension, as in '[heading] 一、…'; got {line[:30]!r}"
        )
    tag, marked = match.groups()
    if tag in _KINDS:
        text, spans = _strip(marked, where, scheme)
        if spans:
            raise MarkupError(f"{where}: a {tag} line carries no spans")
        return GoldLine(kind=_KINDS[tag], text=text)
    dimensions = [] if tag in ("none", _UNCODED) else [_label(t, where, scheme.labels) for t in tag.split("+")]
    if len(set(dimensions)) < len(dimensions):
        raise MarkupError(f"{where}: [{tag}] names a dimension twice")
    coded = not marked.endswith(_NO_INDICATORS)
    text, spans = _strip(marked.removesuffix(_NO_INDICATORS), where, scheme)
    if spans and not coded:
        raise MarkupError(f"{where}: {_NO_INDICATORS} says that nobody coded the indicators, but the line marks some")
    return GoldLine(
        kind=LineKind.BODY,
        text=text,
        primary=dimensions[0] if dimensions else None,
        secondary=tuple(dimensions[1:]),
        indicators=tuple(_indicators(text, spans, where)),
        labels_coded=tag != _UNCODED,
        indicators_coded=coded,
    )


_Span = tuple[str, int, int, Label | None]
"""Link id, start, end, and the topic of a value (None for a name)."""


def _strip(marked: str, where: str, scheme: Scheme) -> tuple[str, list[_Span]]:
    """Return the text without its marks, and the spans with offsets into that text."""
    text, spans, at = "", [], 0
    for m in _SPAN.finditer(marked):
        text += _plain(marked[at : m.start()], where)
        at = m.end()
        if m["sign"]:
            text += m["sign"]
            continue
        content = _ESCAPED.sub(r"\1", m[2] or m[4])
        dimension = _label(m[5], where, scheme.topics) if m[5] else None
        spans.append((m[1] or m[3], len(text), len(text) + len(content), dimension))
        text += content
    return text + _plain(marked[at:], where), spans


def _plain(part: str, where: str) -> str:
    """Return a part of a line that has no marks.

    Raises:
        MarkupError: It has a sign of the markup that isn't escaped.
    """
    stray = _SIGN.search(part)
    if stray:
        near = part[max(0, stray.start() - 10) : stray.start() + 15]
        raise MarkupError(
            f"{where}: a mark that is not <a:name> or {{a:value|dimension}} near {near!r}; if the sign belongs to the "
            f"text, write {{{stray[0]}}}"
        )
    return part


def _escaped(text: str) -> str:
    """Return a text with each of the markup's own signs in braces, which no mark can be."""
    return _SIGN.sub(r"{\g<0>}", text)


def _indicators(text: str, spans: Iterable[_Span], where: str) -> Iterator[GoldIndicator]:
    spans = list(spans)
    names: dict[str, tuple[int, int]] = {}
    for link, start, end, dimension in spans:
        if dimension is None:
            if link in names:
                raise MarkupError(f"{where}: two names are called {link!r}; give each its own letter")
            names[link] = (start, end)
    for link, start, end, dimension in spans:
        if dimension is None:
            continue
        value = text[start:end]
        if link not in names:
            raise MarkupError(f"{where}: value {value!r} points to name {link!r}, which is not in this line")
        if not has_numeral(value):
            raise MarkupError(f"{where}: value {value!r} has no numeral")
        yield GoldIndicator(value=(start, end), name=names[link], dimension=dimension)
    unused = set(names) - {link for link, _, _, dimension in spans if dimension}
    if unused:
        raise MarkupError(f"{where}: no value points to name(s) {sorted(unused)}")


def _label(word: str, where: str, allowed: tuple[Label, ...]) -> Label:
    if word not in allowed:
        own = OWN_LABELS if allowed in (CODEBOOK.labels, CODEBOOK.topics) and word not in CODEBOOK else ""
        raise MarkupError(f"{where}: unknown dimension {word!r}; {nearest(word, allowed, own)}")
    return allowed[allowed.index(word)]


def _write_unit(unit: GoldLine) -> str:
    if unit.kind is not LineKind.BODY:
        return f"[{unit.kind}] {_escaped(unit.text)}"
    tag = "+".join([unit.primary, *unit.secondary]) if unit.primary else "none" if unit.labels_coded else _UNCODED
    names = {name: _link(k) for k, name in enumerate(sorted({i.name for i in unit.indicators}))}
    marks = [(start, end, f"<{link}:", ">") for (start, end), link in names.items()]
    marks += [(*i.value, f"{{{names[i.name]}:", f"|{i.dimension or _UNCODED}}}") for i in unit.indicators]
    out, at = "", 0
    for start, end, before, after in sorted(marks):
        out += _escaped(unit.text[at:start]) + before + _escaped(unit.text[start:end]) + after
        at = end
    return f"[{tag}] {out}{_escaped(unit.text[at:])}{'' if unit.indicators_coded else _NO_INDICATORS}"


def _link(k: int) -> str:
    return chr(ord("a") + k % 26) + (str(k // 26) if k >= 26 else "")
