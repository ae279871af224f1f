"""The common form of all formats: reports as lines, and rows that are assembled into reports.

A `CodedLine` holds a little more than a `GoldLine`, because a model's value may lack a name and other tools show
headings. Offsets are half-open and count characters of the line's own `text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.annotation.gold import GoldIndicator, GoldLine, GoldReport
from lawgov_nlp.report import LineKind
from lawgov_nlp.scheme import Label

Span = tuple[int, int]
"""Start and end in the text of a line, in characters."""

LABELS, INDICATORS = "labels", "indicators"
LAYERS = (LABELS, INDICATORS)
"""The layers of a paragraph; each can be coded without the other."""


@dataclass(frozen=True, kw_only=True)
class Value:
    """A number: its span, the span of the name of what it counts, and the topic. Only a model leaves out the name."""

    span: Span
    name: Span | None
    topic: Label | None


@dataclass(frozen=True, kw_only=True)
class CodedLine:
    """A line of a report with its coding.

    Three fields aren't part of the coding; they help whoever codes the line. `headings` are shown, `why` gives the
    reason for coding the line, and `asked` is False for a paragraph that is only context for the requested ones. `why`
    and `asked` aren't read back from a written file.
    """

    kind: LineKind
    text: str
    headings: tuple[str, ...] = ()
    primary: Label | None = None
    secondary: tuple[Label, ...] = ()
    values: tuple[Value, ...] = ()
    labels_coded: bool = True
    indicators_coded: bool = True
    why: str = ""
    asked: bool = True

    @property
    def coded(self) -> tuple[str, ...]:
        """The layers that were coded."""
        return tuple(
            layer for layer, yes in zip(LAYERS, (self.labels_coded, self.indicators_coded), strict=True) if yes
        )

    @property
    def labels(self) -> tuple[Label, ...]:
        """The primary dimension, followed by the secondary ones."""
        return (self.primary, *self.secondary) if self.primary else ()

    @property
    def names(self) -> list[Span]:
        """The distinct names, in the order of their position."""
        return sorted({v.name for v in self.values if v.name})

    def without(self, *layers: str) -> CodedLine:
        """Return the line as if nobody had coded these layers."""
        out = self
        if LABELS in layers:
            out = replace(out, primary=None, secondary=(), labels_coded=False)
        if INDICATORS in layers:
            out = replace(out, values=(), indicators_coded=False)
        return out


@dataclass(frozen=True, kw_only=True)
class Document:
    """A report as lines. `model` names the model that predicted the coding; it is empty if people coded the report."""

    id: str
    meta: dict[str, str]
    lines: tuple[CodedLine, ...]
    model: str = ""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The origin of a row: the file, the number of the line or table row (from 1), the task, and the row itself."""

    file: str
    row: int | None = None
    task: str = ""
    record: Any = None

    def __str__(self) -> str:
        row = f":{self.row}" if self.row is not None else ""
        return f"{self.file}{row}" + (f" (task {self.task})" if self.task else "")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A paragraph as other tools hold it, with what is known about its place in the report.

    Attributes:
        origin: Where the row was read.
        report: The id of the report.
        line: The paragraph and its coding.
        unit: The number of the paragraph among the non-blank lines of the report, from 1; `units` is the number of
            lines.
        start: The offset of the paragraph in the plain text of the report.
        before: The lines between the previous paragraph and this one; None if the format doesn't hold them.
            They include, uncoded, the paragraphs that nobody was asked to code.
        after: The lines below the last paragraph of the report.
        meta: The header of the report.
        annotators: The names under which the annotator is known; empty if the file doesn't say.
        model: As in `Document`.
    """

    origin: Origin
    report: str
    line: CodedLine
    unit: int | None = None
    units: int | None = None
    start: int | None = None
    before: tuple[CodedLine, ...] | None = None
    after: tuple[CodedLine, ...] = ()
    meta: dict[str, str] = field(default_factory=dict)
    annotators: tuple[str, ...] = ()
    model: str = ""


def from_gold(gold: GoldReport) -> Document:
    """Convert an annotated report to lines. The headings are those that `readers.structure` finds."""
    paths = {unit.start: unit.headings for unit in parse_gold(gold).paragraphs}
    lines: list[CodedLine] = []
    at = 0
    above: tuple[str, ...] = ()
    for unit in gold.units:
        start = at + len(unit.text) - len(unit.text.lstrip())
        above = paths.get(start, above)
        lines.append(
            CodedLine(
                kind=unit.kind,
                text=unit.text,
                headings=above if unit.kind is LineKind.BODY else (),
                primary=unit.primary,
                secondary=unit.secondary,
                values=tuple(Value(span=i.value, name=i.name, topic=i.dimension) for i in unit.indicators),
                labels_coded=unit.labels_coded,
                indicators_coded=unit.indicators_coded,
            )
        )
        at += len(unit.text) + 1
    return Document(id=gold.id, meta=dict(gold.meta), lines=tuple(lines))


def to_gold(document: Document) -> GoldReport:
    """Convert a document to an annotated report. Values without a name, which only a model produces, are left out."""
    units = tuple(
        GoldLine(
            kind=line.kind,
            text=line.text,
            primary=line.primary,
            secondary=line.secondary,
            indicators=tuple(
                GoldIndicator(value=v.span, name=v.name, dimension=v.topic) for v in line.values if v.name
            ),
            labels_coded=line.labels_coded,
            indicators_coded=line.indicators_coded,
        )
        for line in document.lines
    )
    return GoldReport(id=document.id, meta=document.meta, units=units)


def mark_requested(document: Document, reasons: Mapping[int, str]) -> Document:
    """Return the document with only some paragraphs requested for coding.

    Args:
        document: The document; its paragraphs may have any coding.
        reasons: The reason for each requested paragraph, keyed by its index among the paragraphs. The other paragraphs
            lose their coding, because nobody is going to check it.
    """
    lines, at = [], 0
    for line in document.lines:
        if line.kind is LineKind.BODY:
            asked = at in reasons
            line = replace(line if asked else line.without(*LAYERS), why=reasons.get(at, ""), asked=asked)
            at += 1
        lines.append(line)
    return replace(document, lines=tuple(lines))


def without_coding(document: Document) -> Document:
    """Return the document as if nobody, and no model, had coded it; which paragraphs are requested stays."""
    meta = {key: value for key, value in document.meta.items() if key != "tagged_by"}
    lines = [replace(line.without(*LAYERS), why="") if line.kind is LineKind.BODY else line for line in document.lines]
    return replace(document, meta=meta, lines=tuple(lines), model="")


def rows(document: Document, origin: Origin) -> Iterator[Row]:
    """Yield the requested paragraphs of a document, each with the adjacent lines that aren't requested."""
    asked = [line.kind is LineKind.BODY and line.asked for line in document.lines]
    last = max((k for k, yes in enumerate(asked) if yes), default=-1)
    before: list[CodedLine] = []
    at = 0
    for k, line in enumerate(document.lines):
        if asked[k]:
            yield Row(
                origin=origin,
                report=document.id,
                line=line,
                unit=k + 1,
                units=len(document.lines),
                start=at,
                before=tuple(before),
                after=document.lines[last + 1 :] if k == last else (),
                meta=document.meta,
                model=document.model,
            )
            before = []
        else:
            before.append(line)
        at += len(line.text) + 1


def stripped(line: CodedLine) -> tuple[CodedLine, int]:
    """Return the line without the white space around it, and the number of characters removed in front."""
    text = line.text.strip()
    lead = line.text.find(text)

    def move(span: Span) -> Span:
        return span[0] - lead, span[1] - lead

    values = tuple(replace(v, span=move(v.span), name=v.name and move(v.name)) for v in line.values)
    return replace(line, text=text, values=values), lead
