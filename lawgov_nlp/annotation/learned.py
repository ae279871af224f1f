"""What a model has learned: hashes of its paragraphs in `training.json`, so that nobody scores it on them unawares."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.report import LineKind

RECORD, KEY = "training.json", "learned"


def paragraph_hash(text: str) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a paragraph, without the white space around it."""
    return hashlib.sha256(text.strip().encode("utf-8", "surrogatepass")).hexdigest()[:16]


def learned_hashes(model: Path) -> frozenset[str]:
    """Return the hashes of the paragraphs that a model learned, its base's included.

    The set is empty for a model that was trained before such hashes were written.
    """
    try:
        record = json.loads((model / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return frozenset()
    found = record.get(KEY, []) if isinstance(record, dict) else []
    return frozenset(found) if isinstance(found, list) else frozenset()


def without_learned(reports: Iterable[GoldReport], hashes: Collection[str]) -> tuple[list[GoldReport], int, int]:
    """Take the coding from paragraphs that were learned; they stay in their reports as paragraphs that nobody coded.

    Returns:
        The reports, the number of coded paragraphs that were learned, and the number of those that are left.
    """
    out, learned, left = [], 0, 0
    for report in reports:
        units = []
        for unit in report.units:
            if unit.kind is LineKind.BODY and (unit.labels_coded or unit.indicators_coded):
                if paragraph_hash(unit.text) in hashes:
                    learned += 1
                    unit = replace(
                        unit, primary=None, secondary=(), indicators=(), labels_coded=False, indicators_coded=False
                    )
                else:
                    left += 1
            units.append(unit)
        out.append(replace(report, units=tuple(units)))
    return out, learned, left
