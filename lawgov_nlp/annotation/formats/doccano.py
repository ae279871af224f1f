"""doccano: JSONL in each of the shapes that its projects export.

    {"text": …, "entities": [{"id", "label", "start_offset", "end_offset"}],
                "relations": [{"id", "from_id", "to_id", "type"}]}             sequence labelling with relations
    {"text": …, "label": [[start, end, "VALUE-mediation"], …]}        sequence labelling (older imports: "labels")
    {"text": …, "label": ["mediation", "+publicity"]}                 text classification
    {"text": …, "cats": ["mediation"], "entities": [[start, end, "NAME"]]}   intent detection and slot filling

All other fields are metadata of the example, which doccano keeps: the place of the paragraph and, in the first shape,
its `cats`. doccano doesn't keep the order of labels, so a secondary dimension is marked with a leading `+`. The topic
of a value is part of its label. Offsets count UTF-16 units, as in JavaScript, unless the project counts graphemes
(tests/exports/README.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lawgov_nlp.annotation.formats import context_fields, json_fields, label_names
from lawgov_nlp.annotation.formats.coding import make_row
from lawgov_nlp.annotation.formats.document import INDICATORS, LABELS, CodedLine, Document, Origin, Row, rows
from lawgov_nlp.annotation.formats.issues import Issues, RowError
from lawgov_nlp.annotation.formats.options import Options
from lawgov_nlp.annotation.formats.spans import CHARACTERS, UTF16, Mark, in_characters, utf16_offset, values
from lawgov_nlp.errors import InterchangeError
from lawgov_nlp.scheme import Scheme

FORM = "doccano"
RELATION = "所数"
PREDICTED = "predicted_labels"
"""The column of a model's labels. To use them as pre-annotations, name it as the label column in the upload."""

RARE = "{n} 段有 BMP 以外的字符，偏移按 UTF-16 计；若项目以字形（grapheme）计数，请加 --offsets characters"
NO_MARKS = "{n} 段有数字而无任何标记，按已看过、没有指标导入；若尚未标注，请在 doccano 中只导出已确认的文档"
UNCHECKED = "{n} 段的数值是模型预测、未经此项目核对，按指标未标注导入"
NO_LABEL = "{n} 段没有选类别，按维度未标注导入"


def write_doccano(documents: Sequence[Document], findings: Issues, scheme: Scheme) -> bytes:
    """Write the shape with relations, which holds everything, for a sequence labelling project that uses relations."""
    lines, number = [], 0
    for document in documents:
        for row in rows(document, Origin(file=document.id)):
            line, text = row.line, row.line.text
            entities: list[dict[str, Any]] = []
            relations = []
            names: dict[tuple[int, int], int] = {}
            for span, label, value in sorted(
                [(n, label_names.NAME, None) for n in line.names]
                + [(v.span, label_names.value_label(v.topic), v) for v in line.values],
                key=lambda entry: (entry[2] is not None, entry[0]),
            ):
                number += 1
                start, end = (utf16_offset(text, at) for at in span)
                entities.append({"id": number, "label": label, "start_offset": start, "end_offset": end})
                if value is None:
                    names[span] = number
                elif value.name:
                    relation = {"id": number, "from_id": number, "to_id": names[value.name], "type": RELATION}
                    relations.append(relation)
            record: dict[str, Any] = {"text": text, "entities": entities, "relations": relations}
            if line.labels_coded:
                # A project keeps labels that it doesn't show as metadata. In `cats`, a model's labels would look
                # as if a person had checked them.
                record[PREDICTED if document.model else "cats"] = label_names.mark_labels(line.labels)
            lines.append(json.dumps({**record, **context_fields.to_fields(row)}, ensure_ascii=False) + "\n")
    return "".join(lines).encode()


def read_doccano(path: Path, findings: Issues, options: Options) -> list[Row]:
    """Read the paragraphs of a JSONL export.

    Raises:
        InterchangeError: A line isn't a JSON object, or no line shows what was coded.
    """
    records = list(_records(path))
    shape = _shape(path, [record for _, record in records], options)
    out = []
    for number, record in records:
        origin = Origin(file=str(path), row=number, task=str(record.get("id", "")), record=record)
        with findings.row(origin):
            text = context_fields.checked_text(record.get("text", record.get("data")))
            place, coded = context_fields.from_fields(record, path.stem)
            reader = _Reader(findings, options, shape, coded)
            annotators = (str(record["annotator"]),) if record.get("annotator") else (path.stem,)
            out.append(
                make_row(
                    findings, origin, text, context_fields.headings(record), place, reader.coder(record), annotators
                )
            )
    return out


def looks_like(record: object) -> bool:
    """Return whether a line of JSONL is in this format."""
    return (
        isinstance(record, dict)
        and ("text" in record or "data" in record)
        and bool({"label", "labels", "entities", "cats"} & record.keys())
    )


@dataclass(frozen=True, kw_only=True)
class _Shape:
    spans: bool
    labels: bool
    linked: bool


@dataclass(frozen=True)
class _Reader:
    findings: Issues
    options: Options
    shape: _Shape
    coded: tuple[str, ...] | None

    def coder(self, record: dict[str, Any]) -> Callable[[CodedLine], CodedLine]:
        return lambda line: self._code(line, record)

    def _code(self, line: CodedLine, record: dict[str, Any]) -> CodedLine:
        text = line.text
        entries, chosen = _parts(record)
        if entries and self._unchecked(record):
            self.findings.count(FORM, UNCHECKED)
            return replace(self._code(line, {**record, "entities": [], "relations": []}), indicators_coded=False)
        unit = self.options.offsets or UTF16
        marks = [in_characters(text, _mark(entry, k), unit) for k, entry in enumerate(entries)]
        if marks and unit != CHARACTERS and any(c > "\uffff" for c in text):
            self.findings.count(FORM, RARE)
        links = [(str(r.get("from_id")), str(r.get("to_id"))) for r in json_fields.items(record, "relations", dict)]
        primary, secondary = self.options.words.marked_labels(chosen)
        labels_coded = bool(chosen)
        if self.shape.labels and not chosen and LABELS in (self.coded or (LABELS,)):
            self.findings.count(FORM, NO_LABEL)
        found = values(
            text,
            marks,
            links if self.shape.linked else None,
            [d for d in (primary, *secondary) if d],
            self.findings,
            FORM,
            self.options.words,
        )
        return replace(
            line,
            primary=primary,
            secondary=secondary,
            values=found,
            labels_coded=labels_coded,
            indicators_coded=bool(marks) or self._looked_for(text),
        )

    def _unchecked(self, record: dict[str, Any]) -> bool:
        """Return whether the spans are a model's and only passed through a text classification project."""
        classified = any(isinstance(entry, str) for entry in json_fields.items(record, "label", object))
        return classified and self.coded is not None and INDICATORS not in self.coded

    def _looked_for(self, text: str) -> bool:
        """Return whether a paragraph without a span was searched for indicators and has none."""
        if not self.shape.spans:
            return False
        if self.coded is not None and self.options.layers is None:
            return INDICATORS in self.coded
        if any(c.isdigit() for c in text) and self.options.layers is None:
            self.findings.count(FORM, NO_MARKS)
        return True


def _parts(record: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """Return the spans and the labels of a line; their types tell them apart."""
    spans = list(json_fields.items(record, "entities", object))
    chosen = list(json_fields.items(record, "cats", str))
    for entry in json_fields.items(record, "label" if record.get("label") else "labels", object):
        if isinstance(entry, str):
            chosen.append(entry)
        else:
            spans.append(entry)
    return spans, chosen


def _mark(entry: object, number: int) -> Mark:
    if isinstance(entry, list) and len(entry) == 3:
        start, end, label = entry
        key = f"#{number}"
    elif isinstance(entry, dict):
        start, end, label = (entry.get(key) for key in ("start_offset", "end_offset", "label"))
        key = str(entry.get("id", f"#{number}"))
    else:
        raise RowError(f"a span is {entry!r}, expected [start, end, label] or an object")
    if not isinstance(start, int) or not isinstance(end, int) or not isinstance(label, str):
        raise RowError(f"a span is {entry!r}, expected whole numbers and a label")
    return Mark(key=key, start=start, end=end, label=label)


def _shape(path: Path, records: list[dict[str, Any]], options: Options) -> _Shape:
    spans = labels = False
    for record in records:
        with suppress(RowError):  # reported where the row is read
            marks, chosen = _parts(record)
            spans |= bool(marks) or "entities" in record
            labels |= bool(chosen)
    if options.layers is not None:
        spans, labels = INDICATORS in options.layers, LABELS in options.layers
    elif not spans and not labels:
        raise InterchangeError(
            f"{path}: no line has a label or span, so that what was coded can't be told; say --layers labels, "
            "indicators or both"
        )
    return _Shape(spans=spans, labels=labels, linked=any(record.get("relations") for record in records))


def _records(path: Path) -> list[tuple[int, dict[str, Any]]]:
    out = []
    for number, record in json_fields.json_lines(path):
        if not isinstance(record, dict):
            raise InterchangeError(f"{path}:{number}: {str(record)[:40]!r} is no object; doccano exports JSONL")
        out.append((number, record))
    return out
