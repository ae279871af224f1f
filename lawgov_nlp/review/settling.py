"""Compare two coders who worked independently: their differences, their agreement, and the coding that is settled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from lawgov_nlp.annotation.gold import GoldLine, GoldReport
from lawgov_nlp.errors import ReviewError
from lawgov_nlp.report import LineKind
from lawgov_nlp.review.coding import Coding, same_decisions
from lawgov_nlp.review.library import Library, coder_folder
from lawgov_nlp.review.store import LOG, Store


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A paragraph that both coders have finished, and its settled coding so far."""

    report: str
    at: int
    text: str
    first: Coding
    second: Coding
    settled: Coding

    @property
    def same(self) -> bool:
        """Whether both coders agree."""
        return same_decisions(self.first, self.second)


class Settling:
    """Writes the settled coding of two coders into the main folder of the corrections.

    Args:
        library: The reports, opened without a coder's name.
        coders: The names of the two coders.

    Raises:
        ReviewError: There aren't two coders who have begun.
    """

    def __init__(self, library: Library, coders: tuple[str, str]) -> None:
        if library.coder or coders[0] == coders[1]:
            raise ReviewError(
                "bad-coders", f"expected two different coders, and no --coder; got {' and '.join(coders)}"
            )
        self.folders = [coder_folder(library.out, coder) for coder in coders]
        for coder, folder in zip(coders, self.folders, strict=True):
            if not any(folder.glob(f"*{LOG}")):
                raise ReviewError("bad-coders", f"coder {coder} has corrected nothing yet: {folder} holds no edit log")
        self.library, self.coders = library, coders
        self._stores: dict[tuple[int, str], Store] = {}

    def pairs(self) -> Iterator[Pair]:
        """Return the paragraphs that both coders have finished, in order."""
        for name in list(self.library.entries):
            settled = self.library.store(name)
            if settled.locked:
                continue
            first, second = (self._store(k, name) for k in (0, 1))
            if first.locked or second.locked:
                continue
            for at, text in enumerate(self.library.entries[name].texts):
                one, two = first.codings[at], second.codings[at]
                if one.done and two.done:
                    yield Pair(report=name, at=at, text=text, first=one, second=two, settled=settled.codings[at])

    def adopt(self) -> int:
        """Settle the unsettled paragraphs on which both coders agree, and return their number."""
        count = 0
        for pair in list(self.pairs()):
            if pair.same and not pair.settled.done:
                store = self.library.stores[pair.report]
                store.save(pair.at, replace(pair.first, note=pair.settled.note), pair.settled.version, "settle")
                count += 1
        return count

    def figures(self) -> dict[str, Any] | None:
        """Return the agreement on all paragraphs that both coders have finished; None if there are none.

        Raises:
            ReviewError: A package that computes the figures isn't installed.
        """
        from lawgov_nlp.evaluation.agreement import compare

        sides: tuple[list[GoldReport], list[GoldReport]] = ([], [])
        for name in list(self.library.entries):
            stores = [self._store(k, name) for k in (0, 1)]
            if any(s.locked for s in stores):
                continue
            both = [a.done and b.done for a, b in zip(*(s.codings for s in stores), strict=True)]
            if any(both):
                for side, store in zip(sides, stores, strict=True):
                    side.append(_only(store.gold(), both))
        if not sides[0]:
            return None
        try:
            found = compare(*sides, self.library.scheme)
        except ImportError as error:
            raise ReviewError("needs-train", f"{error.name} is missing: pip install 'lawgov-nlp[train]'") from None
        return {"figures": found.figures, "support": found.support}

    def _store(self, k: int, name: str) -> Store:
        key, source = (k, name), self.library.stores[name].source
        if key not in self._stores:
            self._stores[key] = Store(self.folders[k], source, self.library.scheme, self.coders[k])
        store = self._stores[key]
        store.refresh()
        return store


def _only(gold: GoldReport, both: list[bool]) -> GoldReport:
    """Return the report with only those paragraphs as coded that both coders have finished."""
    wanted = iter(both)
    units = []
    for unit in gold.units:
        if unit.kind is LineKind.BODY and not next(wanted):
            unit = GoldLine(kind=unit.kind, text=unit.text, labels_coded=False, indicators_coded=False)
        units.append(unit)
    return replace(gold, units=tuple(units))
