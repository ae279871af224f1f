"""The package's own records, one paragraph per line (`lawgov_nlp.annotation.records`), for `datasets` and scripts.

A layer that nobody coded is null: `"primary": null`, `"indicators": null`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lawgov_nlp.annotation.formats import context_fields, json_fields, label_names
from lawgov_nlp.annotation.formats.coding import make_row
from lawgov_nlp.annotation.formats.document import CodedLine, Document, Origin, Row, rows, stripped
from lawgov_nlp.annotation.formats.issues import Issues, RowError
from lawgov_nlp.annotation.formats.lost import count_lost
from lawgov_nlp.annotation.formats.options import Options
from lawgov_nlp.annotation.formats.spans import Mark, values
from lawgov_nlp.annotation.gold import GoldIndicator
from lawgov_nlp.annotation.records import HEADER, indicator_record
from lawgov_nlp.scheme import Scheme

FORM = "jsonl"
UNNAMED = "{n} 个数值没有名称，未写出"
REASONS = "{n} 条建议标注的理由未写出"


def write_jsonl(documents: Sequence[Document], findings: Issues, scheme: Scheme) -> bytes:
    """Write the records. Titles, the salutation, the sign-off and most of the header are left out."""
    lines = []
    for document in documents:
        count_lost(document, findings, FORM, frozenset(HEADER))
        for row in rows(document, Origin(file=document.id)):
            line, lead = stripped(row.line)
            findings.count(FORM, REASONS, int(bool(line.why)))
            findings.count(FORM, UNNAMED, sum(v.name is None for v in line.values))
            named = [GoldIndicator(value=v.span, name=v.name, dimension=v.topic) for v in line.values if v.name]
            record = {
                "report": document.id,
                **{key: document.meta.get(key, "") for key in HEADER},
                "start": (row.start or 0) + lead,
                "text": line.text,
                "headings": list(line.headings),
                "primary": (line.primary.value if line.primary else label_names.NONE) if line.labels_coded else None,
                "secondary": [d.value for d in line.secondary],
                "indicators": [indicator_record(line.text, i) for i in named] if line.indicators_coded else None,
            }
            lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    return "".join(lines).encode()


def read_jsonl(path: Path, findings: Issues, options: Options) -> list[Row]:
    """Read the paragraphs of a file of records.

    Raises:
        InterchangeError: A line isn't JSON.
    """
    out, known = [], options.words
    for number, record in json_fields.json_lines(path):
        origin = Origin(file=str(path), row=number, record=record)
        with findings.row(origin):
            if not isinstance(record, dict):
                raise RowError(f"{str(record)[:40]!r} is no record")
            text = context_fields.checked_text(record.get("text"))
            place, _ = context_fields.from_fields({k: record.get(k) for k in ("report", "start")}, path.stem)
            place["before"] = None
            place["meta"] = {key: context_fields.header_value(key, record[key]) for key in HEADER if record.get(key)}
            out.append(
                make_row(
                    findings, origin, text, context_fields.headings(record), place, _coder(record, findings, known)
                )
            )
    return out


def looks_like(record: object) -> bool:
    """Return whether a line of JSONL is a record."""
    return isinstance(record, dict) and {"text", "primary", "report"} <= record.keys()


def _coder(record: dict[str, Any], findings: Issues, known: label_names.Words) -> Callable[[CodedLine], CodedLine]:
    def code(line: CodedLine) -> CodedLine:
        first, second = json_fields.word(record, "primary"), json_fields.items(record, "secondary", str)
        said = None if record.get("indicators") is None else json_fields.items(record, "indicators", dict)
        if second and first is None:
            raise RowError(f"secondary {second} without a primary dimension; name one, or 'none'")
        primary, secondary = known.labels([*([first] if first else []), *second])
        marks, links = _marks(said or [], known)
        found = values(line.text, marks, links, [d for d in (primary, *secondary) if d], findings, FORM, known)
        return replace(
            line,
            primary=primary,
            secondary=secondary,
            values=found,
            labels_coded=first is not None,
            indicators_coded=said is not None,
        )

    return code


def _marks(indicators: list[dict[str, Any]], known: label_names.Words) -> tuple[list[Mark], list[tuple[str, str]]]:
    marks: dict[str, Mark] = {}
    links = []
    for said in indicators:
        try:
            value, name = ((int(said[f"{w}_start"]), int(said[f"{w}_end"])) for w in ("value", "name"))
            topic = known.topic(json_fields.word(said, "dimension") or "")
        except (KeyError, TypeError, ValueError) as error:
            raise RowError(
                f"an indicator is {said!r}: {error!r}; expected the fields of lawgov_nlp.annotation.records"
            ) from None
        marks[f"n{name}"] = Mark(key=f"n{name}", start=name[0], end=name[1], label=label_names.NAME)
        marks[f"v{value}"] = Mark(key=f"v{value}", start=value[0], end=value[1], label=label_names.VALUE, topic=topic)
        links.append((f"v{value}", f"n{name}"))
    return list(marks.values()), links
