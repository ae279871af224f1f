"""Annotated reports as plain records with character offsets, for `datasets`, JSONL and other tools."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lawgov_nlp.annotation.examples import examples
from lawgov_nlp.annotation.gold import GoldIndicator, GoldLine, GoldReport
from lawgov_nlp.errors import LawgovError
from lawgov_nlp.paths import check_path
from lawgov_nlp.results.quantity import read_quantity
from lawgov_nlp.scheme import CODEBOOK, NONE, Scheme

if TYPE_CHECKING:
    from datasets import Dataset, Features

HEADER = ("level", "region", "year")
"""The header fields of a report that each of its records repeats."""


def records(reports: Iterable[GoldReport]) -> Iterator[dict[str, Any]]:
    """Yield one record per body paragraph, in order.

    All offsets are half-open and count characters of the record's own `text`; `start` is the offset of that text in the
    plain text of the report. `number` is a string, since amounts of money have up to twelve digits and rates have
    decimals. It is null if the value can't be read. `primary`, `indicators` and an indicator's `dimension` are null if
    nobody coded them.

    Raises:
        LawgovError: `readers.structure` doesn't recognise a coded paragraph as one, so its record would be missing.
    """
    for report in reports:
        found = examples([report])
        if found.misread:
            raise LawgovError(f"{report.id}: {found.misread} coded paragraph(s) are read as something else")
        units = _by_start(report)
        for example in found.examples:
            unit = units[example.unit.start]
            primary = (example.primary.value if example.primary else NONE) if unit.labels_coded else None
            indicators = [indicator_record(example.unit.text, i) for i in example.indicators]
            yield {
                "report": report.id,
                **{key: report.meta.get(key, "") for key in HEADER},
                "start": example.unit.start,
                "text": example.unit.text,
                "headings": list(example.unit.headings),
                "primary": primary,
                "secondary": [d.value for d in example.secondary],
                "indicators": indicators if unit.indicators_coded else None,
            }


def _by_start(report: GoldReport) -> dict[int, GoldLine]:
    """Return the lines of a report, keyed by the offset of their first character that isn't white space."""
    out, at = {}, 0
    for unit in report.units:
        out[at + len(unit.text) - len(unit.text.lstrip())] = unit
        at += len(unit.text) + 1
    return out


def indicator_record(text: str, indicator: GoldIndicator) -> dict[str, Any]:
    """Return one indicator in the form that `records` uses; its offsets refer to `text`."""
    quantity = read_quantity(text, *indicator.value)
    return {
        "value_start": indicator.value[0],
        "value_end": indicator.value[1],
        "name_start": indicator.name[0],
        "name_end": indicator.name[1],
        "dimension": indicator.dimension.value if indicator.dimension else None,
        "number": None if quantity.number is None else str(quantity.number),
        "unit": quantity.unit,
        "qualifier": str(quantity.qualifier),
    }


def features(scheme: Scheme = CODEBOOK) -> Features:
    """Return the schema of `records` for `datasets`. Labels are `ClassLabel`s, which reject labels outside `scheme`."""
    from datasets import ClassLabel, Features, List, Value

    offset, string = Value("int32"), Value("string")
    topics = ClassLabel(names=[d.value for d in scheme.topics])
    return Features(
        {
            "report": string,
            "level": string,
            "region": string,
            "year": string,
            "start": offset,
            "text": string,
            "headings": List(string),
            "primary": ClassLabel(names=[*(d.value for d in scheme), NONE]),
            "secondary": List(topics),
            "indicators": List(
                {
                    "value_start": offset,
                    "value_end": offset,
                    "name_start": offset,
                    "name_end": offset,
                    "dimension": topics,
                    "number": string,
                    "unit": string,
                    "qualifier": string,
                }
            ),
        }
    )


def to_dataset(reports: Iterable[GoldReport], scheme: Scheme = CODEBOOK) -> Dataset:
    """Return the records as a Hugging Face `Dataset`; the reports are labelled with `scheme`."""
    from datasets import Dataset

    return Dataset.from_list(list(records(reports)), features=features(scheme))


def write_jsonl(reports: Iterable[GoldReport], path: Path) -> int:
    """Write the records as JSONL (UTF-8) and return their number.

    Raises:
        FileExistsError: The file exists already.
    """
    check_path(path, "path")
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records(reports)]
    with path.open("x", encoding="utf-8") as out:
        out.writelines(lines)
    return len(lines)
