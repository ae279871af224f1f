"""Annotated reports -> training examples: gold labels on the paragraphs that `structure` finds.

Examples are cut by the same code that cuts a report to be tagged, so that the model learns from what it
will see: the same units, the same heading paths.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from lawgov_nlp.annotation.markup import GoldIndicator, GoldReport, load_folder, write
from lawgov_nlp.errors import LawgovError
from lawgov_nlp.readers.structure import parse_report
from lawgov_nlp.report import Report, Unit, UnitKind
from lawgov_nlp.scheme import Label

SPLITS = ("train", "dev", "test")


class SplitError(LawgovError, ValueError):
    """Splits that don't fit the reports, or a test split that isn't what its hash says."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """A paragraph with its gold labels; the indicators' offsets count within `unit.text`.

    Attributes:
        labels_coded: Whether someone decided on the dimensions; without, `primary` says nothing and none is learned.
        indicators_coded: The same of the indicators.
    """

    unit: Unit
    primary: Label | None
    secondary: tuple[Label, ...]
    indicators: tuple[GoldIndicator, ...]
    labels_coded: bool = True
    indicators_coded: bool = True


@dataclass(frozen=True, kw_only=True)
class ExampleSet:
    """Examples of several reports, and how many gold body lines `structure` took for something else."""

    examples: tuple[Example, ...]
    misread: int


def read_gold(gold: GoldReport) -> Report:
    """The plain text of an annotated report, with the structure that `structure` finds in it."""
    return parse_report(gold.text, source=gold.id)


def gold_examples(gold: GoldReport) -> list[Example]:
    """The body lines of a report with gold labels, headings empty: what a perfect structure would cut."""
    out, at = [], 0
    for unit in gold.units:
        text = unit.text.strip()
        lead = unit.text.find(text)
        if unit.kind is UnitKind.BODY:
            moved = tuple(
                GoldIndicator(value=_move(i.value, -lead), name=_move(i.name, -lead), dimension=i.dimension)
                for i in unit.indicators
            )
            place = Unit(kind=unit.kind, text=text, start=at + lead, end=at + lead + len(text))
            out.append(
                Example(
                    unit=place,
                    primary=unit.primary,
                    secondary=unit.secondary,
                    indicators=moved,
                    labels_coded=unit.labels_coded,
                    indicators_coded=unit.indicators_coded,
                )
            )
        at += len(unit.text) + 1
    return out


def examples(reports: Iterable[GoldReport]) -> ExampleSet:
    """Training examples: gold labels on the units of `structure`, with their heading paths."""
    found, misread = [], 0
    for gold in reports:
        units = {u.start: u for u in read_gold(gold).paragraphs}
        for example in gold_examples(gold):
            unit = units.get(example.unit.start)
            if unit is None:
                misread += 1
                continue
            found.append(replace(example, unit=unit))
    return ExampleSet(examples=tuple(found), misread=misread)


def shipped_corpus() -> Path:
    """The folder of the annotated reports that come with the package, for `load_splits`.

    Raises:
        LawgovError: The package was built without them.
    """
    here = Path(__file__).parents[1]
    for folder in (here / "corpus", here.parent / "data"):
        if (folder / "splits.json").is_file():
            return folder
    raise LawgovError(f"no annotated reports beside the package: {here / 'corpus'} is missing; reinstall lawgov-nlp")


def load_splits(folder: Path) -> dict[str, list[GoldReport]]:
    """The annotated reports of `folder/reports`, divided as `folder/splits.json` says.

    Raises:
        MarkupError: A report doesn't follow the markup.
        SplitError: A report is in no split or in two, or the test reports aren't those that were hashed.
    """
    reports = {r.id: r for r in load_folder(folder / "reports")}
    splits = json.loads((folder / "splits.json").read_text(encoding="utf-8"))
    named = [name for split in SPLITS for name in splits[split]]
    if sorted(named) != sorted(reports):
        wrong = sorted(set(named) ^ set(reports)) or sorted({n for n in named if named.count(n) > 1})
        raise SplitError(f"{folder / 'splits.json'}: each report belongs to one split exactly; look at {wrong[:5]}")
    out = {split: [reports[name] for name in splits[split]] for split in SPLITS}
    found = data_hash(out["test"])
    if found != splits["test_sha256"]:
        raise SplitError(
            f"the test split hashes to {found[:12]}…, splits.json says {splits['test_sha256'][:12]}…: a test "
            "report has changed. If a label was corrected, say so in the CHANGELOG and write the new hash"
        )
    return out


def data_hash(reports: Iterable[GoldReport]) -> str:
    """SHA-256 over reports with their labels, independent of their order."""
    digest = hashlib.sha256()
    for report in sorted(reports, key=lambda r: r.id):
        digest.update(f"{report.id}\n{write(report)}".encode())
    return digest.hexdigest()


def _move(span: tuple[int, int], by: int) -> tuple[int, int]:
    return span[0] + by, span[1] + by
