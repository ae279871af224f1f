"""CoNLL: each line has one character, a tab and its BIO tag; a blank line ends each paragraph.

    # report = a01
    # meta level = township
    # heading = 一、主要举措和成效
    # labels = mediation+enforcement
    提<TAB>O
    法<TAB>B-NAME
    3<TAB>B-VALUE-mediation

Comments hold the id and header of the report, the lines between the paragraphs, and the dimensions (`?` means not
coded). `# indicators = ?` says that nobody looked for indicators, and `# why = …` gives the reason why somebody should.
The format can't express which name belongs to which value. Files of other tools may have a blank instead of the tab
and no comments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lawgov_nlp.annotation.formats import context_fields, label_names
from lawgov_nlp.annotation.formats.coding import make_row
from lawgov_nlp.annotation.formats.document import INDICATORS, CodedLine, Document, Origin, Row
from lawgov_nlp.annotation.formats.issues import Issues, RowError
from lawgov_nlp.annotation.formats.options import Options
from lawgov_nlp.annotation.formats.spans import Mark, values
from lawgov_nlp.annotation.formats.spreadsheet import read_text
from lawgov_nlp.errors import InterchangeError
from lawgov_nlp.report import LineKind
from lawgov_nlp.scheme import Scheme

FORM = "conll"
LINKS = "{n} 处数值与名称的关联未写出"

_TOKEN = re.compile(r"(.)[\t ]([BIO](?:-\S+)?)[ \t\r]*", re.DOTALL)
_COMMENT = re.compile(r"# (\w+)(?: (.*?))? = (.*)", re.DOTALL)
_KINDS = {kind.value: kind for kind in LineKind if kind is not LineKind.BODY}


def write_conll(documents: Sequence[Document], findings: Issues, scheme: Scheme) -> bytes:
    """Write all paragraphs as characters and the other lines as comments."""
    out: list[str] = []
    for document in documents:
        out.append(f"# report = {document.id}")
        out += (f"# meta {key} = {value}" for key, value in document.meta.items())
        for line in document.lines:
            if line.kind is not LineKind.BODY:
                out.append(f"# {line.kind} = {line.text}")
                continue
            if line.why:
                out.append(f"# why = {line.why}")
            out.append(
                f"# labels = {'+'.join(line.labels) or label_names.NONE}" if line.labels_coded else "# labels = ?"
            )
            if not line.indicators_coded:
                out.append("# indicators = ?")
            out += (f"{c}\t{tag}" for c, tag in zip(line.text, _tags(line), strict=True))
            out.append("")
            findings.count(FORM, LINKS, sum(v.name is not None for v in line.values))
        if out[-1]:
            out.append("")  # the sign-off belongs to this report
    return "\n".join([*out, ""]).encode()


def read_conll(path: Path, findings: Issues, options: Options) -> list[Row]:
    """Read the paragraphs of a file.

    Raises:
        InterchangeError: A line is neither a character with its tag nor a comment.
    """
    out: list[Row] = []
    blocks = list(_blocks(path))
    for block in blocks:
        text = "".join(c for c, _ in block.tokens)
        if not block.tokens:
            if out and out[-1].report == block.report:
                out[-1] = replace(out[-1], after=tuple(block.before))
            continue
        record = {"text": text, "tags": [tag for _, tag in block.tokens], **block.said}
        origin = Origin(file=str(path), row=block.row, record=record)
        with findings.row(origin):
            context_fields.checked_text(text)
            place = {"report": block.report, "before": tuple(block.before), "meta": block.meta}
            out.append(make_row(findings, origin, text, (), place, _coder(block, findings, options)))
    return out


def looks_like(text: str) -> bool:
    """Return whether the beginning of a file is in this format."""
    lines = [line for line in text.split("\n")[:200] if line.strip()]
    return any(_TOKEN.fullmatch(line) for line in lines) and all(
        _TOKEN.fullmatch(line) or line.startswith("#") or line.startswith("-DOCSTART-") for line in lines[:-1]
    )


@dataclass(kw_only=True)
class _Block:
    """The lines up to a blank one."""

    report: str
    row: int
    meta: dict[str, str]
    before: list[CodedLine] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    tokens: list[tuple[str, str]] = field(default_factory=list)


def _coder(block: _Block, findings: Issues, options: Options) -> Callable[[CodedLine], CodedLine]:
    def code(line: CodedLine) -> CodedLine:
        labels = block.said.get("labels", "?")
        primary, secondary = options.words.labels(() if labels == label_names.UNCODED else label_names.split(labels))
        uncoded = block.said.get("indicators") == label_names.UNCODED
        layers = options.layers
        if layers is not None and "indicators" not in block.said:
            uncoded = INDICATORS not in layers
        marks = list(_marks([tag for _, tag in block.tokens]))
        if marks and uncoded:
            raise RowError(f"the indicators are said not to be coded, but {len(marks)} spans are tagged")
        found = values(line.text, marks, None, [d for d in (primary, *secondary) if d], findings, FORM, options.words)
        return replace(
            line,
            primary=primary,
            secondary=secondary,
            values=found,
            labels_coded=labels != label_names.UNCODED,
            indicators_coded=not uncoded,
        )

    return code


def _blocks(path: Path) -> Iterator[_Block]:
    block = _Block(report=path.stem, row=1, meta={})
    for number, line in enumerate(read_text(path).split("\n"), 1):
        token = _TOKEN.fullmatch(line)
        comment = _COMMENT.fullmatch(line)
        if token:
            if not block.tokens:
                block.row = number
            block.tokens.append((token[1], token[2]))
        elif comment and not block.tokens:
            word, key, value = comment[1], comment[2], comment[3].removesuffix("\r")
            if word == "report":
                if block.before:
                    yield block
                block = _Block(report=value, row=number, meta={})
            elif word == "meta" and key:
                block.meta[key] = value
            elif word in _KINDS:
                block.before.append(CodedLine(kind=_KINDS[word], text=value))
            elif word in ("labels", "indicators"):
                block.said[word] = value.strip()
        elif not line.strip():
            if block.tokens or block.before:
                yield block
                block = _Block(report=block.report, row=number + 1, meta=block.meta)
        elif not line.startswith(("#", "-DOCSTART-")):
            raise InterchangeError(
                f"{path}:{number}: {line[:30]!r} is no character with a BIO tag; "
                "expected '字<tab>O', one character a line"
            )
    if block.tokens or block.before:
        yield block


def _tags(line: CodedLine) -> list[str]:
    tags = ["O"] * len(line.text)
    named = [(span, label_names.NAME) for span in line.names]
    for (start, end), label in [*named, *((v.span, label_names.value_label(v.topic)) for v in line.values)]:
        tags[start:end] = [f"B-{label}"] + [f"I-{label}"] * (end - start - 1)
    return tags


def _marks(tags: Sequence[str]) -> Iterator[Mark]:
    start, label = 0, ""
    for at, tag in enumerate([*tags, "O"]):
        prefix, _, word = tag.partition("-")
        if prefix == "I":
            if word != label:
                raise RowError(
                    f"character {at + 1}: the tag {tag} continues no {word or 'span'}; a span begins with B-"
                )
            continue
        if label:
            yield Mark(key=f"#{start}", start=start, end=at, label=label)
        start, label = at, word
