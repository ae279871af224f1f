"""The user's table of places: the places that were found, corrected by hand, and read again for all years."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from lawgov_nlp.errors import PanelError
from lawgov_nlp.panel.gazetteer import gazetteer
from lawgov_nlp.panel.places import Place, Status, padded, resolve, resolve_issuer
from lawgov_nlp.panel.tables import read_table
from lawgov_nlp.report import Report

COLUMNS = (
    "issuer", "source", "code", "name", "level", "province", "prefecture", "county", "township", "body", "year",
    "successor", "status", "years", "reports", "candidates", "note",
)  # fmt: skip
_CODE = re.compile(r"\d{6}|\d{9}|\d{12}")
_ROUNDED = re.compile(r"\d(?:\.\d+)?[Ee]\+\d+")
_LEVELS = ("", "province", "prefecture", "county", "township", "zone", "farm")


@dataclass
class PlaceTable:
    """Places that the user has given: for the file of a report, or for an issuer in all years.

    Attributes:
        by_source: The place for each file, by path or by name alone.
        by_issuer: The place for each issuer, without white space.
        years: The year for each file that states none, or a wrong one.
        notes: Notes for the user, on codes that aren't in the gazetteer.
    """

    by_source: dict[str, Place] = field(default_factory=dict)
    by_issuer: dict[str, Place] = field(default_factory=dict)
    years: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def place(self, report: Report) -> Place:
        """Return the place of a report from the table, or else from the report."""
        for key in _keys(report.source):
            if key in self.by_source:
                return self.by_source[key]
        found = resolve(report)
        by_hand = self.by_issuer.get(plain(report.issuer or ""))
        if by_hand is None and found.status in (Status.AMBIGUOUS, Status.UNKNOWN, Status.UNLISTED):
            by_hand = self.by_issuer.get(plain(found.name)) or self.by_issuer.get(plain(found.id.strip("<>")))
        return by_hand or found

    def year(self, report: Report) -> int | None:
        """Return the year of a report from the table, or else from the report."""
        return next((self.years[key] for key in _keys(report.source) if key in self.years), report.year)


def load_places(path: Path | None) -> PlaceTable:
    """Read the user's table; None gives an empty one.

    Rows with neither `code` nor `name` are skipped, so that the file that `lawgov places` writes can be given back with
    only some rows filled in.

    Raises:
        PanelError: The file can't be read, lacks a column, or has two rows that give an issuer different places. The
            message names the row.
    """
    table = PlaceTable()
    if path is None:
        return table
    rows = read_table(path, needed=("code",), known=COLUMNS)
    if rows and not {"issuer", "source"} & rows[0][1].keys():
        raise PanelError(f"{path}: no column 'issuer' and none 'source'; a row must say which reports it is for")
    for number, row in rows:
        where = f"{path}:{number}"
        source, issuer = row.get("source", ""), plain(row.get("issuer", ""))
        if row.get("year"):
            if not re.fullmatch(r"(?:19|20)\d\d", row["year"]) or not source:
                raise PanelError(f"{where}: year is {row['year']!r}; give four digits, and the file in 'source'")
            table.years[source] = int(row["year"])
        code = row["code"].strip().removesuffix(".0")
        if not code and not (row.get("name") and row.get("status") in ("", None, "by_hand")):
            continue
        if not source and not issuer:
            raise PanelError(f"{where}: neither issuer nor source; a row must say which reports it is for")
        untouched = row.get("status") in ("resolved", "unlisted")
        if _ROUNDED.fullmatch(code):
            if untouched:
                continue  # rounded by Excel in a row that nobody had to touch
            raise PanelError(
                f"{where}: code is {code!r}, rounded by Excel; give it as text, or its first 6 or 9 digits alone"
            )
        if row.get("successor") and not _CODE.fullmatch(row["successor"]):
            if untouched and _ROUNDED.fullmatch(row["successor"]):
                continue
            raise PanelError(
                f"{where}: successor is {row['successor']!r}; give the code of the place that it was merged into, "
                "of 6, 9 or 12 digits"
            )
        if untouched and _as_found(row, code):
            continue
        place = _merged(_place(row, code, where, table.notes), row.get("successor") or "")
        for key, known in ((source, table.by_source), (issuer if not source else "", table.by_issuer)):
            if not key:
                continue
            if key in known and known[key].id != place.id:
                raise PanelError(f"{where}: {key!r} is {place.id} here and {known[key].id} above; keep one row for it")
            known[key] = place
    return table


def _as_found(row: Mapping[str, str], code: str) -> bool:
    """Whether a row gives the place that the program finds itself."""
    auto = resolve_issuer([row["issuer"]] if row.get("issuer") else [], source=row.get("source") or None)
    heir = row.get("successor") or ""
    return auto.code == padded(code) and (not heir or auto.successor == padded(heir))


def _place(row: Mapping[str, str], code: str, where: str, notes: list[str]) -> Place:
    level = row.get("level", "")
    if level not in _LEVELS:
        raise PanelError(f"{where}: level is {level!r}; use one of {', '.join(filter(None, _LEVELS))}")
    digits = code.replace(" ", "")
    given: dict[str, Any] = {key: row.get(key, "") for key in ("province", "prefecture", "county", "township")}
    name, body = row.get("name", ""), row.get("body", "") or "government"
    if code and not _CODE.fullmatch(digits):
        raise PanelError(f"{where}: code is {code!r}; give the official one of 6, 9 or 12 digits")
    gaz = gazetteer()
    short = digits[:6] if digits[6:].strip("0") == "" else digits[:9]
    division = gaz.by_code.get(short)
    if division is None:
        if code:
            notes.append(f"{where}: {code} 不在地名表中，照用")
        if not name:
            raise PanelError(f"{where}: {code} isn't in the gazetteer; correct it, or give a name to keep it")
        place_id = digits.ljust(12, "0") if code else f"<{name}>"
        if body not in ("government", "party"):
            place_id = f"{place_id}:{body}"
        return Place(
            status=Status.BY_HAND,
            id=place_id,
            code=digits.ljust(12, "0") if code else "",
            name=name,
            level=level,
            body=body,
            **given,
        )
    now = gaz.now(division)
    path: dict[str, str] = {d.level: d.name for d in gaz.path(now)}
    place = Place(
        status=Status.BY_HAND,
        id=padded(now.code),
        code=padded(now.code),
        name="".join(d.name for d in gaz.path(now)),
        level=level or now.level,
        body=body,
        **cast("dict[str, Any]", {key: path.get(key, "") for key in given}),
    )
    if row.get("status") == "unlisted" and given["township"] and given["township"] != place.township:
        name = place.name + given["township"]
        return replace(place, id=f"{place.code}/{given['township']}", name=name, township=given["township"])
    if body not in ("government", "party"):
        place = replace(place, id=f"{place.id}:{body}", name=place.name + body)
    return place


def _merged(place: Place, successor: str) -> Place:
    """The place with the code of the one that it was merged into, where a row has it."""
    if not successor or padded(successor) == place.successor:
        return place
    heir = gazetteer().by_code.get(successor[:6] if not successor[6:].strip("0") else successor[:9])
    note = f"并入{heir.name if heir else padded(successor)}"
    return replace(place, successor=padded(successor), note="；".join(filter(None, (place.note, note))))


def place_rows(reports: Iterable[Report], table: PlaceTable) -> list[dict[str, str]]:
    """Return a row for each issuer, or for each file if a report has no issuer; doubtful ones come first."""
    found: dict[tuple[str, str], tuple[Place, list[Report]]] = {}
    for report in reports:
        place = table.place(report)
        issuer = report.issuer or ""
        by_path = place.note.startswith("据") or not issuer
        key = (issuer, report.source or "" if by_path else "")
        found.setdefault((*key[:2],), (place, []))[1].append(report)
    order = [Status.UNKNOWN, Status.AMBIGUOUS, Status.UNLISTED, Status.RESOLVED, Status.BY_HAND]
    rows = []
    for (issuer, source), (place, those) in found.items():
        years = sorted({year for report in those if (year := table.year(report)) is not None})
        rows.append(
            {
                "issuer": issuer,
                "source": source,
                "code": place.code,
                "name": place.name if place.status not in (Status.AMBIGUOUS, Status.UNKNOWN) else "",
                "level": place.level,
                "province": place.province,
                "prefecture": place.prefecture,
                "county": place.county,
                "township": place.township,
                "body": place.body,
                "year": "",
                "successor": place.successor,
                "status": str(place.status),
                "years": " ".join(map(str, years)),
                "reports": str(len(those)),
                "candidates": "；".join(place.candidates[:20])
                + (f"；……共{len(place.candidates)}处" if len(place.candidates) > 20 else ""),
                "note": place.note,
            }
        )
    return sorted(rows, key=lambda r: (order.index(Status(r["status"])), r["issuer"], r["source"]))


def plain(issuer: str) -> str:
    """Return an issuer without white space."""
    return "".join(issuer.split())


def _keys(source: str | None) -> tuple[str, ...]:
    """Return the names that a table may have for a file: its path as given, and its name alone."""
    if not source:
        return ()
    return (source, source.replace("\\", "/").rsplit("/", 1)[-1])
