"""Assemble rows into reports: select the annotator, merge the rows of each paragraph, and put all lines in order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from lawgov_nlp.annotation.formats.document import INDICATORS, LABELS, CodedLine, Document, Row
from lawgov_nlp.annotation.formats.issues import Issues, RowError
from lawgov_nlp.annotation.formats.label_names import NONE
from lawgov_nlp.errors import InterchangeError
from lawgov_nlp.report import LineKind

_ID = re.compile(r"[^/\\:*?\"<>|\x00-\x1f]{1,100}")

MERGED = "{n} 段在几个文件或几行中出现，合并为一段"
OTHERS = "{n} 条其他标注者的标注按 --annotator 略去"


def assemble(rows: Sequence[Row], findings: Issues, annotator: str | None = None) -> list[Document]:
    """Assemble paragraphs into reports.

    A paragraph that occurs several times is merged if its coded layers agree or complete each other (for example, the
    labels of one file and the indicators of another). Otherwise it is recorded as a problem that names both codings,
    and stays uncoded.

    Args:
        rows: Paragraphs of any number of files.
        findings: Receives conflicts, and gaps between the paragraphs of a report.
        annotator: The annotator whose coding is taken, where the rows name annotators.

    Raises:
        InterchangeError: No row names this annotator.
    """
    reports: dict[str, list[Row]] = {}
    for row in _chosen(rows, findings, annotator):
        if not _ID.fullmatch(row.report) or row.report.strip(". ") != row.report:
            findings.add(row.origin, f"report id {row.report!r} can't be the name of a file; use letters and digits")
            continue
        reports.setdefault(row.report, []).append(row)
    return [_document(name, found, findings) for name, found in reports.items()]


def _chosen(rows: Sequence[Row], findings: Issues, annotator: str | None) -> Iterator[Row]:
    if annotator is None:
        yield from rows
        return
    known = sorted({name for row in rows for name in row.annotators})
    if annotator not in known:
        raise InterchangeError(f"--annotator {annotator}: nobody is called that; the files name {known or 'no one'}")
    for row in rows:
        if row.annotators and annotator not in row.annotators:
            findings.count("annotator", OTHERS)
            row = replace(row, line=row.line.without(LABELS, INDICATORS))
        yield row


def _document(name: str, rows: list[Row], findings: Issues) -> Document:
    whole = list(_merged(rows, findings))
    numbered = all(row.unit is not None for row in whole)
    if numbered:
        whole.sort(key=lambda row: row.unit or 0)
        placed = _placed(name, whole, findings)
        _check_gaps(name, whole, placed, findings)
    elif all(row.start is not None for row in whole):
        whole.sort(key=lambda row: row.start or 0)
    if numbered and all(row.before is not None for row in whole):
        lines = [placed[number] for number in sorted(placed)]
    else:
        lines = list(_in_turn(whole))
    meta = next((row.meta for row in whole if row.meta), {})
    models = sorted({row.model for row in whole if row.model})
    return Document(id=name, meta=meta, lines=tuple(lines), model=", ".join(models))


def _in_turn(rows: Sequence[Row]) -> Iterator[CodedLine]:
    """Yield the lines of rows in sequence, with new headings where the lines before a row aren't known."""
    path: tuple[str, ...] = ()
    for row in rows:
        yield from _new_headings(path, row.line) if row.before is None else row.before
        path = row.line.headings
        yield row.line
    yield from rows[-1].after


def _placed(name: str, rows: Sequence[Row], findings: Issues) -> dict[int, CodedLine]:
    """Return the lines by number. A paragraph may be a row of one file and, uncoded, a context line in another."""
    placed = {row.unit or 0: row.line for row in rows}
    for row in rows:
        unit, before = row.unit or 0, row.before or ()
        around = [*enumerate(before, unit - len(before)), *enumerate(row.after, unit + 1)]
        wrong = [k for k, line in around if placed.setdefault(k, line).text.strip() != line.text.strip()]
        if wrong:
            findings.add(
                replace(row.origin, record=None),
                f"line {wrong[0]} of report {name} reads {dict(around)[wrong[0]].text.strip()[:20]!r} here and "
                f"{placed[wrong[0]].text.strip()[:20]!r} in another task; are two reports called {name!r}?",
            )
    return placed


def _merged(rows: list[Row], findings: Issues) -> Iterator[Row]:
    """Yield one row per paragraph.

    Without a known place, rows with the same text count as the same paragraph only if their coding differs.
    """
    kinds = (lambda r: r.unit, lambda r: r.start, lambda r: r.line.text.strip())
    key = next(k for k in kinds if all(k(row) is not None for row in rows))
    by_text = key is kinds[2]
    groups: dict[object, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    for group in groups.values():
        if len(group) == 1 or (by_text and len({_coding(row.line) for row in group}) == 1):
            yield from group
            continue
        try:
            merged = _one(group)
            findings.count(merged.report, MERGED, int(sum(bool(row.line.coded) for row in group) > 1))
        except RowError as error:
            findings.add(group[1].origin, str(error))
            merged = replace(_fullest(group), line=_fullest(group).line.without(LABELS, INDICATORS))
        yield merged


def _one(group: list[Row]) -> Row:
    """Merge several rows of the same paragraph into one.

    Raises:
        RowError: The rows contradict each other.
    """
    base = _fullest(group)
    for row in group:
        if row.line.text.strip() != base.line.text.strip():
            raise RowError(
                f"the same place of report {row.report} reads {row.line.text[:20]!r} here and "
                f"{base.line.text[:20]!r} at {base.origin}; are two reports called {row.report!r}?"
            )
    line = base.line
    for layer, say in ((LABELS, _labels), (INDICATORS, _indicators)):
        coded = [row for row in group if layer in row.line.coded]
        for row in coded[1:]:
            if say(row.line) != say(coded[0].line):
                one, two = coded[0], row
                raise RowError(
                    f"two codings of one paragraph, {row.line.text.strip()[:20]!r}: {say(one.line)} {_who(one)}, "
                    f"{say(two.line)} {_who(two)}; settle it in the tool, or choose with --annotator"
                )
        if coded:
            line = _with_layer(line, coded[0].line, layer)
    return replace(base, line=line)


def _with_layer(line: CodedLine, other: CodedLine, layer: str) -> CodedLine:
    if layer == LABELS:
        return replace(line, primary=other.primary, secondary=other.secondary, labels_coded=True)
    moved = other.values
    if line.text != other.text:  # one format keeps the white space around a paragraph, the other doesn't
        by = line.text.find(other.text.strip()) - other.text.find(other.text.strip())
        moved = tuple(
            replace(v, span=(v.span[0] + by, v.span[1] + by), name=v.name and (v.name[0] + by, v.name[1] + by))
            for v in other.values
        )
    return replace(line, values=moved, indicators_coded=True)


def _fullest(group: list[Row]) -> Row:
    """Return the first row that knows the lines before it, or else the first row."""
    return next((row for row in group if row.before is not None), group[0])


def _who(row: Row) -> str:
    return f"({row.annotators[0]}, {row.origin})" if row.annotators else f"({row.origin})"


def _coding(line: CodedLine) -> tuple[str, str, tuple[str, ...]]:
    return _labels(line), _indicators(line), line.coded


def _labels(line: CodedLine) -> str:
    return "+".join([*line.labels[:1], *sorted(line.secondary)]) or NONE


def _indicators(line: CodedLine) -> str:
    text = line.text
    found = [f"{text[slice(*v.name)] if v.name else '?'}:{text[slice(*v.span)]}|{v.topic}" for v in line.values]
    places = [f"{v.span[0] - len(text) + len(text.lstrip())}" for v in line.values]
    return ", ".join(f"{f}@{p}" for f, p in zip(found, places, strict=True)) or "no indicator"


def _check_gaps(name: str, rows: Sequence[Row], placed: Collection[int], findings: Issues) -> None:
    numbers = sorted(placed)
    for one, two in itertools.pairwise([0, *numbers]):
        if two <= one + 1:
            continue
        row = next((row for row in rows if (row.unit or 0) >= two), rows[-1])
        if row.before is not None:
            findings.add(replace(row.origin, record=None), _gap(name, one + 1, two - 1))
    if (rows[-1].units or 0) > numbers[-1]:
        findings.add(replace(rows[-1].origin, record=None), _gap(name, numbers[-1] + 1, rows[-1].units or 0))


def _gap(name: str, first: int, last: int) -> str:
    lines = f"line {first} is" if first == last else f"lines {first} to {last} are"
    return (
        f"report {name}: {lines} missing between the tasks; export all tasks, those without annotation too "
        "(--skip-bad puts the report together without them)"
    )


def _new_headings(path: Iterable[str], line: CodedLine) -> Iterator[CodedLine]:
    """Yield the headings that begin above a paragraph.

    A run-in heading is left out, because it is part of the paragraph's text.
    """
    path, own = tuple(path), line.headings
    if own and line.text.lstrip().startswith(own[-1]):
        own = own[:-1]
    common = 0
    while common < min(len(path), len(own)) and path[common] == own[common]:
        common += 1
    for heading in own[common:]:
        yield CodedLine(kind=LineKind.HEADING, text=heading)
