"""Give the indicators of a paragraph their roles by the rules of `roles.py`."""

from __future__ import annotations

from dataclasses import replace

from lawgov_nlp.results.paragraph import TaggedParagraph
from lawgov_nlp.results.roles import RoleReading, Span, paragraph_roles


def with_roles(paragraph: TaggedParagraph, year: int | None = None) -> TaggedParagraph:
    """The paragraph, each of its indicators with `role` and `part_of`; what they had before doesn't count.

    Args:
        paragraph: A tagged paragraph.
        year: The year reported on; without it, a number of the year before is only known by words such as 去年.
    """
    if not paragraph.indicators:
        return paragraph
    indicators = tuple(
        replace(i, role=r.role, part_of=None if r.whole is None else paragraph.indicators[r.whole].start)
        for i, r in zip(paragraph.indicators, read_roles(paragraph, year), strict=True)
    )
    return replace(paragraph, indicators=indicators)


def read_roles(paragraph: TaggedParagraph, year: int | None = None) -> list[RoleReading]:
    """What the rules read for each indicator of a paragraph, with the words that it rests on."""
    at = paragraph.start
    spans = [
        Span(
            i.start - at,
            i.end - at,
            -1 if i.name_start is None else i.name_start - at,
            -1 if i.name_end is None else i.name_end - at,
        )
        for i in paragraph.indicators
    ]
    label = str(paragraph.label) if paragraph.label else None
    units = [i.unit for i in paragraph.indicators]
    return paragraph_roles(paragraph.text, spans, paragraph.headings, label, year, units)
