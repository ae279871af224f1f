"""Choose one number for each indicator among the numbers of a report.

The rules, in order:

1. A number counts if its role is `done` or `stock`. A number with the role `part` only counts if its whole has another
   code (审结93件，其中维持71件: 维持 has its own code), and if there is no other number for its code.
2. Numbers of plans and shortcomings, last year's numbers and changes are never used. Numbers are never summed.
3. If several numbers are equal, they count as one.
4. If several numbers differ, this is a conflict. A number that the text calls the total (共, 全年, 累计) takes
   precedence. Then the largest count is used, because a whole is at least as large as its parts; of shares, the first
   is used. All numbers are listed in `conflicts`.
5. The qualifier gives the bounds: 300余 is at least 300, 不足300 is at most 300, and 约300 has no bounds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from lawgov_nlp.panel.indicators import Indicators, plain_unit
from lawgov_nlp.results.indicator_roles import read_roles
from lawgov_nlp.results.quantity import Qualifier
from lawgov_nlp.results.roles import Role
from lawgov_nlp.results.tables import rows as table_rows
from lawgov_nlp.results.tagged_report import TaggedReport

_TOTAL = re.compile(r"(?:全年|年内|共计?|累计|合计|总计|今年以来|一年来)[^，。；]{0,12}$")
DOUBTFUL = 0.6
"""A cell with a lower confidence is marked for review."""


@dataclass(slots=True)
class Value:
    """A number of a report with all its properties in the panel.

    `status` says how it was used; the column `status` of the table `values` explains the words.
    """

    paragraph: int
    start: int
    end: int
    text: str
    name: str | None
    number: Decimal | None
    unit: str
    qualifier: str
    dimension: str
    score: float
    role: Role
    why: str
    whole: int | None  # the index of the whole in the report's values
    code: str | None
    match: float
    near: str
    sentence: str
    total: bool
    review: bool
    aside: bool  # in a paragraph about plans or shortcomings
    status: str = ""


@dataclass(slots=True)
class Cell:
    """The number of an indicator for a place and year."""

    code: str
    value: Value
    candidates: list[Value] = field(default_factory=list)

    @property
    def conflict(self) -> bool:
        """Whether the candidates differ."""
        return len({(c.number, plain_unit(c.unit)) for c in self.candidates}) > 1

    @property
    def confidence(self) -> float:
        """The probability of the value, times the certainty of its code; it is halved in a conflict."""
        found = self.value.score * self.value.match / 100
        return found / 2 if self.conflict else found

    @property
    def needs_review(self) -> bool:
        """Whether a person should check the cell."""
        return self.conflict or self.value.review or self.confidence < DOUBTFUL

    @property
    def bounds(self) -> tuple[Decimal | None, Decimal | None]:
        """The lower and the upper bound; each is None if the text gives none."""
        number, qualifier = self.value.number, self.value.qualifier
        low = number if qualifier in (Qualifier.EXACT, Qualifier.AT_LEAST) else None
        high = number if qualifier in (Qualifier.EXACT, Qualifier.AT_MOST) else None
        return low, high


def report_values(report: TaggedReport, indicators: Indicators, year: int | None) -> list[Value]:
    """Return all numbers of a report with their codes and roles."""
    sentences = [row["sentence"] for row in table_rows(report, "indicators")]
    values: list[Value] = []
    for index, paragraph in enumerate(report.paragraphs):
        readings = read_roles(paragraph, year)
        # a role that stands in the file counts, but for a report that the user has given another year
        own = year == report.year and all(i.role is not None for i in paragraph.indicators)
        first = len(values)
        at = {i.start: first + k for k, i in enumerate(paragraph.indicators)}
        label = str(paragraph.label) if paragraph.label else None
        for i, reading in zip(paragraph.indicators, readings, strict=True):
            role = i.role if own and i.role else reading.role
            whole = (
                at.get(-1 if i.part_of is None else i.part_of)
                if own
                else (None if reading.whole is None else first + reading.whole)
            )
            match = indicators.match(i.name, i.unit, str(i.dimension))
            values.append(
                Value(
                    paragraph=index,
                    start=i.start,
                    end=i.end,
                    text=i.text,
                    name=i.name,
                    number=i.number,
                    unit=i.unit,
                    qualifier=str(i.qualifier),
                    dimension=str(i.dimension),
                    score=float(i.score),
                    role=role,
                    why=reading.why if reading.role is role else "",
                    whole=whole,
                    code=match.code,
                    match=match.score,
                    near=match.near,
                    sentence=sentences[len(values)],
                    total=bool(
                        _TOTAL.search(
                            paragraph.text[
                                : min(i.start, i.start if i.name_start is None else i.name_start) - paragraph.start
                            ]
                        )
                    ),
                    aside=label in ("plans", "shortcomings"),
                    review=paragraph.needs_review or match.how == "likeness",
                )
            )
    return values


def fill_cells(values: Sequence[Value]) -> dict[str, Cell]:
    """Fill one cell for each code of a report's numbers, and set the status of each number."""
    candidates: dict[str, list[Value]] = defaultdict(list)
    parts: dict[str, list[Value]] = defaultdict(list)
    for value in values:
        if value.number is None:
            value.status = "unread"
        elif value.aside or value.role not in (Role.DONE, Role.STOCK, Role.PART):
            value.status = "role"
        elif value.code is None:
            value.status = "unmatched"
        elif value.role is Role.PART:
            value.status = "part"
            if value.whole is None or values[value.whole].code != value.code:
                parts[value.code].append(value)
        else:
            candidates[value.code].append(value)
    for code, found in parts.items():
        if code not in candidates:
            candidates[code] = found
    return {code: _cell(code, found) for code, found in sorted(candidates.items())}


def _cell(code: str, found: list[Value]) -> Cell:
    chosen = _choose(found)
    for value in found:
        same = value.number == chosen.number and plain_unit(value.unit) == plain_unit(chosen.unit)
        value.status = "cell" if value is chosen else ("same" if same else "conflict")
    return Cell(code, chosen, found)


def _choose(found: list[Value]) -> Value:
    if len({v.number for v in found}) == 1:
        return max(found, key=lambda v: (v.score, -v.start))
    totals = [v for v in found if v.total] or found
    if totals[0].unit in ("%", "百分点"):
        return min(totals, key=lambda v: v.start)
    return max(totals, key=lambda v: (v.number or Decimal(0), -v.start))
