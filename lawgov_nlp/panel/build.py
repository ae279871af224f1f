"""Build a panel, place × year × indicator, with what is missing, what disagrees and what may be wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lawgov_nlp.errors import PanelError
from lawgov_nlp.panel import columns
from lawgov_nlp.panel.cells import Cell, Value, fill_cells, report_values
from lawgov_nlp.panel.checks import run_checks
from lawgov_nlp.panel.gazetteer import gazetteer
from lawgov_nlp.panel.indicators import Indicators, load_indicators
from lawgov_nlp.panel.place_table import PlaceTable, load_places
from lawgov_nlp.panel.places import Place, Status, padded
from lawgov_nlp.results.tagged_report import TaggedReport

if TYPE_CHECKING:
    import pandas as pd

_RANK = {Status.BY_HAND: 0, Status.RESOLVED: 1, Status.UNLISTED: 2, Status.AMBIGUOUS: 3, Status.UNKNOWN: 4}


@dataclass(slots=True)
class ReportEntry:
    """What the panel keeps of a report: its place, its year and its numbers."""

    source: str
    place: Place
    year: int | None
    date: str
    length: int
    values: list[Value]
    cells: dict[str, Cell] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    chosen: bool = True


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A panel with all its tables as pandas frames.

    Attributes:
        long: A row for each cell: the number, its bounds, unit, sentence, file and offsets, the number of candidates,
            the confidence, and whether it should be reviewed.
        wide: A row for each place and year with a report, and a column for each indicator. An empty cell isn't 0.
        coverage: A row for each place and year: whether there is a report, and which indicators it doesn't mention.
        conflicts: The candidates of each cell for which the report gives several different numbers.
        checks: The findings of the checks with their sentences, the worst first.
        unmatched: The names without a code, each with the most similar code; the most frequent first.
        values: Each number of each report, and how it was used.
        codebook: A description of the columns of all tables.
        notes: Notes for the user, such as on reports without a year and codes that aren't in the gazetteer.
    """

    long: pd.DataFrame
    wide: pd.DataFrame
    coverage: pd.DataFrame
    conflicts: pd.DataFrame
    checks: pd.DataFrame
    unmatched: pd.DataFrame
    values: pd.DataFrame
    codebook: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The number of values by status. They sum to all numbers of all reports."""
        return {str(status): int(count) for status, count in self.values["status"].value_counts().sort_index().items()}


def build_panel(
    reports: Iterable[TaggedReport],
    *,
    places: PlaceTable | Path | None = None,
    indicators: Indicators | Path | None = None,
) -> Panel:
    """Build a panel from tagged reports. They may come from a generator, because none of them is kept.

    The order of the reports doesn't matter. Of two reports for the same place and year, the one with the later date is
    used; if the dates are equal, the longer one. The other is listed in `coverage`.

    Args:
        reports: Tagged reports.
        places: The user's table of places, or the path of its file.
        indicators: The codes, or the path of a file with additional codes.

    Raises:
        PanelError: There are no reports, a report occurs twice, or a table of the user is invalid.
    """
    table = places if isinstance(places, PlaceTable) else load_places(places)
    codes = indicators if isinstance(indicators, Indicators) else load_indicators(indicators)
    entries = sorted((_entry(report, table, codes) for report in reports), key=_order)
    if not entries:
        raise PanelError("no tagged reports, so no panel; give what `lawgov tag` wrote, or a folder of reports")
    _refuse_twins(entries)
    notes = [*table.notes]
    by_cell: dict[tuple[str, int], list[ReportEntry]] = defaultdict(list)
    for entry in entries:
        if entry.year is None:
            notes.append(
                f"{entry.source}: 没有读出年度，{len(entry.values)} 个数值没有进面板；在 places.csv 的 year 一列补上"
            )
            _leave_out(entry, "no_year")
            continue
        by_cell[entry.place.id, entry.year].append(entry)
    chosen = [_choose(those, notes) for _, those in sorted(by_cell.items())]
    for entry in chosen:
        entry.cells = fill_cells(entry.values)
        if entry.place.status in (Status.AMBIGUOUS, Status.UNKNOWN):
            why = f"：{'、'.join(entry.place.candidates[:3])}…" if entry.place.candidates else ""
            notes.append(f"{entry.source}: 地方未定（{entry.place.note}{why}），面板里以 {entry.place.id} 为标识")
    found = sorted({code for entry in chosen for code in entry.cells}, key=[*codes.codes].index)
    frames = {
        "long": [*_long_rows(chosen, codes)],
        "coverage": [*_coverage_rows(chosen, codes)],
        "conflicts": [*_conflict_rows(chosen, codes)],
        "checks": run_checks(chosen, codes),
        "unmatched": _unmatched_rows(entries),
        "values": [*_value_rows(entries)],
        "codebook": _codebook_rows(codes, found),
    }
    return Panel(
        wide=_wide(chosen, found),
        notes=tuple(notes),
        **{name: columns.frame(rows, columns.TABLES[name]) for name, rows in frames.items()},
    )


def _entry(report: TaggedReport, table: PlaceTable, codes: Indicators) -> ReportEntry:
    if not isinstance(report, TaggedReport):
        raise TypeError(
            f"expected tagged reports, got {type(report).__name__}; tag it first with lawgov_nlp.tag_reports"
        )
    place, year = table.place(report), table.year(report)
    return ReportEntry(
        source=report.source or report.title or "",
        place=place,
        year=year,
        date=report.date or "",
        length=len(report.text),
        values=report_values(report, codes, year),
    )


def _order(entry: ReportEntry) -> tuple[Any, ...]:
    return (entry.place.id, entry.year or 0, entry.source, entry.length, entry.date)


def _refuse_twins(entries: list[ReportEntry]) -> None:
    counts = Counter(entry.source for entry in entries)
    twice = [source for source, count in counts.items() if count > 1 and source]
    if twice:
        raise PanelError(
            f"{twice[0]} comes {counts[twice[0]]} times; give each tagged report once (is it in two of the files?)"
        )


def _choose(those: list[ReportEntry], notes: list[str]) -> ReportEntry:
    """Choose the report to use for a place and year."""
    best = max(those, key=lambda e: (e.date, e.length, e.source))
    for entry in those:
        if entry is not best:
            best.others.append(entry.source)
            entry.chosen = False
            _leave_out(entry, "other_report")
    if best.others:
        others = "、".join(best.others)
        where = best.place.name or best.place.id
        notes.append(f"{where} {best.year} 年有 {len(those)} 份报告，用 {best.source}，另有 {others}")
    return best


def _leave_out(entry: ReportEntry, status: str) -> None:
    for value in entry.values:
        value.status = status


def _place_columns(entry: ReportEntry) -> dict[str, Any]:
    place = entry.place
    return {
        "place_id": place.id,
        "place_code": place.code,
        "place": place.name or place.id,
        "level": place.level,
        "province": place.province,
        "prefecture": place.prefecture,
        "county": place.county,
        "township": place.township,
        "body": place.body,
        "place_status": str(place.status),
    }


def _year_columns(place: Place, year: int | None) -> dict[str, Any]:
    """Return the year with the code and the name that the place had then."""
    row: dict[str, Any] = {
        "year": year,
        "code_then": place.code,
        "name_then": place.township or place.county or place.name,
    }
    gaz = gazetteer()
    division = gaz.by_code.get(place.code[:6]) if place.code else None
    if division is not None and year is not None:
        then = gaz.then(division, year)
        if place.level in ("county", "prefecture") and place.code[6:].strip("0") == "":
            row |= {"code_then": padded(then.code), "name_then": then.name}
    return row


def _source_columns(entry: ReportEntry, value: Value, codes: Indicators) -> dict[str, Any]:
    code = codes.codes[value.code or ""]
    return {
        "code": code.code,
        "indicator": code.zh,
        "dimension": code.dimension,
        "number": value.number,
        "unit": value.unit,
        "qualifier": value.qualifier,
        "role": str(value.role),
        "name": value.name,
        "value": value.text,
        "sentence": value.sentence,
        "source": entry.source,
        "value_start": value.start,
        "value_end": value.end,
    }


def _long_rows(chosen: list[ReportEntry], codes: Indicators) -> Iterator[dict[str, Any]]:
    for entry in chosen:
        head = _place_columns(entry) | _year_columns(entry.place, entry.year)
        for cell in entry.cells.values():
            low, high = cell.bounds
            yield (
                head
                | _source_columns(entry, cell.value, codes)
                | {
                    "low": low,
                    "high": high,
                    "candidates": len(cell.candidates),
                    "conflict": int(cell.conflict),
                    "confidence": cell.confidence,
                    "needs_review": int(cell.needs_review),
                }
            )


def _conflict_rows(chosen: list[ReportEntry], codes: Indicators) -> Iterator[dict[str, Any]]:
    for entry in chosen:
        head = _place_columns(entry) | {"year": entry.year}
        for cell in entry.cells.values():
            if cell.conflict:
                for value in cell.candidates:
                    low, high = Cell(cell.code, value, [value]).bounds
                    yield (
                        head
                        | _source_columns(entry, value, codes)
                        | {
                            "low": low,
                            "high": high,
                            "chosen": int(value is cell.value),
                        }
                    )


def _coverage_rows(chosen: list[ReportEntry], codes: Indicators) -> Iterator[dict[str, Any]]:
    by_place: dict[str, dict[int, ReportEntry]] = defaultdict(dict)
    for entry in chosen:
        by_place[entry.place.id][entry.year or 0] = entry
    years = range(min(e.year or 0 for e in chosen), max(e.year or 0 for e in chosen) + 1) if chosen else range(0)
    for _, entries in sorted(by_place.items()):
        ever = {code for entry in entries.values() for code in entry.cells}
        for year in years:
            found = entries.get(year)
            model = found or next(iter(entries.values()))
            row = _place_columns(model) | _year_columns(model.place, year)
            if found is None:
                inside = min(entries) < year < max(entries)
                yield row | {
                    "status": "missing" if inside else "outside",
                    "values": 0,
                    "cells": 0,
                    "successor": model.place.successor,
                    "note": model.place.note,
                }
                continue
            silent = [code for code in codes.codes if code in ever and code not in found.cells]
            yield row | {
                "status": "reported",
                "source": found.source,
                "others": "；".join(found.others),
                "values": len(found.values),
                "cells": len(found.cells),
                "silent": " ".join(silent),
                "successor": found.place.successor,
                "note": found.place.note,
            }


def _unmatched_rows(entries: list[ReportEntry]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str, str], list[Value]] = defaultdict(list)
    for entry in entries:
        for value in entry.values:
            if value.status == "unmatched" and value.name:
                groups[value.name, value.unit, value.dimension].append(value)
    rows = [
        {
            "name": name,
            "unit": unit,
            "dimension": dimension,
            "values": len(those),
            "near": those[0].near,
            "score": those[0].match,
            "sentence": min(v.sentence for v in those),
        }
        for (name, unit, dimension), those in groups.items()
    ]
    return sorted(rows, key=lambda r: (-r["values"], r["name"], r["unit"], r["dimension"]))


def _value_rows(entries: list[ReportEntry]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        for value in entry.values:
            yield {
                "source": entry.source,
                "place_id": entry.place.id,
                "year": entry.year,
                "value_start": value.start,
                "value_end": value.end,
                "name": value.name,
                "number": value.number,
                "unit": value.unit,
                "role": str(value.role),
                "part_of": None if value.whole is None else entry.values[value.whole].start,
                "code": value.code,
                "status": value.status,
            }


def _wide(chosen: list[ReportEntry], found: list[str]) -> pd.DataFrame:
    wanted = (
        *columns.PLACE,
        *columns.YEAR,
        columns.WIDE_SOURCE,
        *(columns.PanelColumn(code, "number", "", "") for code in found),
    )
    rows = [
        _place_columns(entry)
        | _year_columns(entry.place, entry.year)
        | {"source": entry.source}
        | {code: cell.value.number for code, cell in entry.cells.items()}
        for entry in chosen
    ]
    return columns.frame(rows, wanted)


def _codebook_rows(codes: Indicators, found: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"table": "wide", "column": c.name, "kind": c.kind, "zh": c.zh, "en": c.en}
        for c in (*columns.PLACE, *columns.YEAR, columns.WIDE_SOURCE)
    ]
    for name in found:
        code = codes.codes[name]
        rows.append(
            {
                "table": "wide",
                "column": name,
                "kind": "number",
                "zh": f"{code.zh}：{code.definition}" if code.definition else code.zh,
                "en": code.en,
                "units": " ".join(code.units),
                "includes": code.includes,
                "excludes": code.excludes,
            }
        )
    rows += (
        {"table": table, "column": c.name, "kind": c.kind, "zh": c.zh, "en": c.en}
        for table, those in columns.TABLES.items()
        for c in those
    )
    return rows
