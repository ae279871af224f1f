"""The annotated reports that come with the package, and their division into splits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.annotation.markup import read_markup_folder, to_markup
from lawgov_nlp.errors import LawgovError
from lawgov_nlp.paths import check_path

SPLITS = ("train", "dev", "test")

MODELLED = "modelled"
"""The folder of the passages modelled on real reports; it lies beside the composed reports."""


class SplitError(LawgovError, ValueError):
    """The splits don't fit the reports, or the hash of the test split differs from the recorded one."""


def shipped_corpus() -> Path:
    """Return the folder of the annotated reports that come with the package, as `load_splits` expects it.

    Raises:
        LawgovError: The package was built without the reports.
    """
    here = Path(__file__).parents[1]
    for folder in (here / "corpus", here.parent / "data"):
        if (folder / "splits.json").is_file():
            return folder
    raise LawgovError(f"no annotated reports beside the package: {here / 'corpus'} is missing; reinstall lawgov-nlp")


def load_shipped_splits() -> dict[str, list[GoldReport]]:
    """Return all annotated reports that come with the package, both composed and modelled, by split.

    Raises:
        LawgovError: The package was built without the reports, or `load_splits` raises an error.
    """
    folder = shipped_corpus()
    composed, modelled = load_splits(folder), load_splits(folder / MODELLED)
    return {split: composed[split] + modelled[split] for split in SPLITS}


def load_splits(folder: Path) -> dict[str, list[GoldReport]]:
    """Return the annotated reports of `folder/reports`, divided as `folder/splits.json` says.

    Raises:
        MarkupError: A report doesn't follow the markup.
        SplitError: A report is in no split or in two, or the test reports differ from those that were hashed.
    """
    check_path(folder, "folder")
    reports = {r.id: r for r in read_markup_folder(folder / "reports")}
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
    """Return the SHA-256 hash of reports with their labels. The order of the reports doesn't matter."""
    digest = hashlib.sha256()
    for report in sorted(reports, key=lambda r: r.id):
        digest.update(f"{report.id}\n{to_markup(report)}".encode())
    return digest.hexdigest()
