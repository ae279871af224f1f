"""Find ruled tables on a pdf page: turn drawn lines into cells, so that a cell of several lines stays whole."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_THIN = 2.5  # the largest thickness of a rule, in points
_NEAR = 2.5  # the largest gap between rules that meet, in points
_SHORT = 6.0
MAX_RULES = 400
"""The most rules of a page in each direction. A page with more is a drawing and isn't searched for tables."""


class Rule(NamedTuple):
    """A horizontal or vertical line: its position across (`at`), and where it begins and ends, in points."""

    at: float
    begin: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table: the edges of its columns from the left, those of its rows from the bottom, and its merged cells.

    Attributes:
        xs: The edges of the columns, ascending.
        ys: The edges of the rows, ascending.
        merged: From (row from the top, column) to the top left position of the cell to which it belongs.
    """

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    merged: dict[tuple[int, int], tuple[int, int]]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.ys) - 1

    @property
    def columns(self) -> int:
        """The number of columns."""
        return len(self.xs) - 1

    def cell(self, x: float, y: float) -> tuple[int, int] | None:
        """Return the cell at a point as row from the top and column; None outside the table."""
        if not (self.xs[0] <= x <= self.xs[-1] and self.ys[0] <= y <= self.ys[-1]):
            return None
        column = min(bisect_right(self.xs, x) - 1, self.columns - 1)
        row = self.rows - 1 - min(bisect_right(self.ys, y) - 1, self.rows - 1)
        return self.merged[row, column]


def rules(boxes: Iterable[tuple[float, float, float, float]]) -> tuple[list[Rule], list[Rule]]:
    """Return the horizontal and the vertical rules among drawn shapes.

    Args:
        boxes: Left, bottom, right and top of each shape. A rectangle gives its four sides.
    """
    across: list[Rule] = []
    down: list[Rule] = []
    for left, bottom, right, top in boxes:
        wide, high = right - left, top - bottom
        if high <= _THIN and wide > _SHORT:
            across.append(Rule((bottom + top) / 2, left, right))
        elif wide <= _THIN and high > _SHORT:
            down.append(Rule((left + right) / 2, bottom, top))
        elif wide > _SHORT and high > _SHORT:
            across += [Rule(bottom, left, right), Rule(top, left, right)]
            down += [Rule(left, bottom, top), Rule(right, bottom, top)]
    return across, down


def grids(across: Sequence[Rule], down: Sequence[Rule]) -> list[Grid]:
    """Return the tables with at least two rows and two columns that rules form."""
    if not across or not down or max(len(across), len(down)) > MAX_RULES:
        return []
    groups = list(range(len(across) + len(down)))

    def root(k: int) -> int:
        while groups[k] != k:
            groups[k] = groups[groups[k]]
            k = groups[k]
        return k

    for i, h in enumerate(across):
        for j, v in enumerate(down):
            if h.begin - _NEAR <= v.at <= h.end + _NEAR and v.begin - _NEAR <= h.at <= v.end + _NEAR:
                groups[root(i)] = root(len(across) + j)
    members: dict[int, tuple[list[Rule], list[Rule]]] = defaultdict(lambda: ([], []))
    for i, h in enumerate(across):
        members[root(i)][0].append(h)
    for j, v in enumerate(down):
        members[root(len(across) + j)][1].append(v)
    return [grid for h, v in members.values() if h and v and (grid := _grid(h, v)) is not None]


def _grid(across: list[Rule], down: list[Rule]) -> Grid | None:
    # Many tables have no rules on their sides.
    xs = _distinct([v.at for v in down] + [min(h.begin for h in across), max(h.end for h in across)])
    ys = _distinct([h.at for h in across])
    rows, columns = len(ys) - 1, len(xs) - 1
    if rows < 2 or columns < 2:
        return None
    group = {(r, c): (r, c) for r in range(rows) for c in range(columns)}

    def root(place: tuple[int, int]) -> tuple[int, int]:
        while group[place] != place:
            place = group[place]
        return place

    def join(a: tuple[int, int], b: tuple[int, int]) -> None:
        one, other = sorted((root(a), root(b)))
        group[other] = one

    for r in range(rows):
        low, high = ys[rows - 1 - r], ys[rows - r]
        middle = (low + high) / 2
        for c in range(columns):
            if c + 1 < columns and not any(abs(v.at - xs[c + 1]) < _NEAR and v.begin < middle < v.end for v in down):
                join((r, c), (r, c + 1))
            centre = (xs[c] + xs[c + 1]) / 2
            if r + 1 < rows and not any(abs(h.at - low) < _NEAR and h.begin < centre < h.end for h in across):
                join((r, c), (r + 1, c))
    merged = {place: root(place) for place in group}
    if len(set(merged.values())) < 4:  # This is a frame with a line through it.
        return None
    return Grid(xs=xs, ys=ys, merged=merged)


def _distinct(places: list[float]) -> tuple[float, ...]:
    found: list[float] = []
    for place in sorted(places):
        if not found or place - found[-1] > _NEAR:
            found.append(place)
    return tuple(found)
