"""The issues of a conversion: rows that are wrong, and counts of what was left out or inferred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lawgov_nlp.annotation.formats.document import Origin
from lawgov_nlp.errors import InterchangeError

_SHOWN = 20


class RowError(Exception):
    """One row is wrong; the message says what is wrong and what to do.

    It never leaves the package, because `Issues` collects it.
    """


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A row that can't be used, and the reason."""

    origin: Origin
    reason: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """Return the row with its reason, as `--skip-bad` writes it."""
        at = self.origin
        return {"file": at.file, "row": at.row, "task": at.task, "reason": self.reason, "record": at.record}


class Issues:
    """Collects problems and counts while files are read and written."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, form: str, what: str, number: int = 1) -> None:
        """Count something to report to the user; `what` is a Chinese sentence with `{n}` in place of the number."""
        if number:
            self._counts[form, what] += number

    @property
    def notes(self) -> list[str]:
        """The counts, one sentence each."""
        return [f"{form}：{what.format(n=number)}" for (form, what), number in self._counts.items()]

    def add(self, origin: Origin, reason: str) -> None:
        """Record a row as wrong."""
        self.problems.append(Problem(origin=origin, reason=reason))

    @contextmanager
    def row(self, origin: Origin) -> Iterator[None]:
        """Record any `RowError` raised in this context as a problem of the row."""
        try:
            yield
        except RowError as error:
            self.add(origin, str(error))

    def check(self, advice: str = "Correct them in the tool and export again") -> None:
        """Raise an error if there are problems; the last line of its message is the advice.

        Raises:
            InterchangeError: There are problems; the message shows the first 20.
        """
        if self.problems:
            shown = [str(p) for p in self.problems[:_SHOWN]]
            if len(self.problems) > _SHOWN:
                shown.append(f"… and {len(self.problems) - _SHOWN} more")
            shown.append(advice)
            raise InterchangeError("\n".join(shown))
