"""Two coders who worked blind: where they differ, how far they agree, and the coding that both are settled on."""

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
    """A paragraph that both coders are done with, and how it is settled so far."""

    report: str
    at: int
    text: str
    first: Coding
    second: Coding
    settled: Coding

    @property
    def same(self) -> bool:
        """Whether both say the same."""
        return same_decisions(self.first, self.second)


class Settling:
    """Settles what two coders said into the folder of the corrections itself.

    Args:
        library: The reports, opened by no coder.
        coders: The two names.

    Raises:
        ReviewError: They aren't two coders who have begun.
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
        """The paragraphs that both are done with, in order."""
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
        """Settle what both say alike and nobody has settled; give how many paragraphs that were."""
        count = 0
        for pair in list(self.pairs()):
            if pair.same and not pair.settled.done:
                store = self.library.stores[pair.report]
                store.save(pair.at, replace(pair.first, note=pair.settled.note), pair.settled.version, "settle")
                count += 1
        return count

    def figures(self) -> dict[str, Any] | None:
        """Agreement on all that both are done with; None where there is nothing yet.

        Raises:
            ReviewError: The figures need a package that isn't installed.
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
    """The report in which only the paragraphs that both are done with count as coded."""
    wanted = iter(both)
    units = []
    for unit in gold.units:
        if unit.kind is LineKind.BODY and not next(wanted):
            unit = GoldLine(kind=unit.kind, text=unit.text, labels_coded=False, indicators_coded=False)
        units.append(unit)
    return replace(gold, units=tuple(units))
