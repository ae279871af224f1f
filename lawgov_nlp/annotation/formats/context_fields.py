r"""The place of a paragraph in its report, as JSON fields that other tools keep and export again.

Label Studio keeps these fields in a task's `data`, doccano in an example's metadata. They preserve every line of the
report, including those that nobody labels: titles, headings, the sign-off, and paragraphs that aren't tasks because
`lawgov suggest` didn't suggest them.

    report   "a01"            unit   5 (its number among the report's non-blank lines, from 1), units  31 (their count)
    start    204 (its offset in the report's plain text)
    headings "一、…\n（一）…"   shown to the annotator
    before   [["heading", "一、…"]]   the lines since the previous paragraph; after: the lines below the last one
    why      the reason for asking, if there is one
    meta     {"level": "township", …} the header;  coded  ["labels", "indicators"] the layers coded before the export
"""

from __future__ import annotations

from typing import Any

from lawgov_nlp.annotation.formats.document import INDICATORS, LABELS, LAYERS, CodedLine, Row
from lawgov_nlp.annotation.formats.issues import RowError
from lawgov_nlp.annotation.formats.json_fields import items, mapping
from lawgov_nlp.report import LineKind

FIELDS = ("report", "unit", "units", "start", "headings", "before", "after", "meta", "coded")


def to_fields(row: Row) -> dict[str, Any]:
    """Return the fields of a paragraph that is to be exported."""
    return {
        "report": row.report,
        "unit": row.unit,
        "units": row.units,
        "start": row.start,
        "headings": "\n".join(row.line.headings),
        **({"why": row.line.why} if row.line.why else {}),
        "before": [[line.kind.value, line.text] for line in row.before or ()],
        "after": [[line.kind.value, line.text] for line in row.after],
        "meta": row.meta,
        "coded": [] if row.model else [*row.line.coded],
    }


def from_fields(data: dict[str, Any], default_report: str) -> tuple[dict[str, Any], tuple[str, ...] | None]:
    """Return the `Row` fields except the headings, and the layers that had been coded (None if not stated).

    Raises:
        RowError: A field isn't in the form that `to_fields` writes.
    """
    place: dict[str, Any] = {"report": str(data.get("report") or default_report)}
    for key in ("unit", "units", "start"):
        number = data.get(key)
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
            raise RowError(f"{key} is {number!r}, expected a whole number")
        place[key] = number
    place["before"] = _lines(data, "before") if "before" in data else None
    place["after"] = _lines(data, "after") or ()
    place["meta"] = {key.strip(): header_value(key, value) for key, value in mapping(data, "meta").items()}
    coded = data.get("coded")
    if coded is not None and (not isinstance(coded, list) or not all(layer in LAYERS for layer in coded)):
        raise RowError(f"coded is {coded!r}, expected some of {list(LAYERS)}")
    return place, None if coded is None else tuple(coded)


def headings(data: dict[str, Any]) -> tuple[str, ...]:
    """Return the headings, from a list or from one text that separates them by ` / ` or line breaks."""
    said = data.get("headings")
    text = said.replace(" / ", "\n") if isinstance(said, str) else "\n".join(items(data, "headings", str))
    return tuple(part.strip() for part in text.splitlines() if part.strip())


def checked_text(text: object) -> str:
    """Return the text of a paragraph.

    Raises:
        RowError: It isn't one line of text.
    """
    if not isinstance(text, str) or not text.strip():
        raise RowError(f"the text is {text!r}, expected a paragraph")
    if "\n" in text or "\r" in text:
        count = len([part for part in text.splitlines() if part.strip()])
        raise RowError(
            f"the text has {count} lines, {text[:20]!r}…; a row is one paragraph: cut the report into paragraphs "
            "(lawgov tag … -o x.jsonl, then lawgov convert) and label those"
        )
    return text


def header_value(key: str, value: object) -> str:
    """Return the value of a field of a report's header.

    Raises:
        RowError: It doesn't fit into one line of the markup.
    """
    text = str(value).strip()
    if "\n" in f"{key}{text}" or "\r" in f"{key}{text}" or ":" in key or not key.strip():
        raise RowError(f"the header {key!r}: {text[:40]!r} doesn't fit a line 'key: value'")
    return text


def _lines(data: dict[str, Any], key: str) -> tuple[CodedLine, ...]:
    said = items(data, key, list)
    try:
        lines = [CodedLine(kind=LineKind(kind), text=checked_text(text)) for kind, text in said]
    except (TypeError, ValueError):
        raise RowError(f'{key} is {said!r}, expected pairs such as ["heading", "一、…"]') from None
    return tuple(line.without(LABELS, INDICATORS) if line.kind is LineKind.BODY else line for line in lines)
