"""Join the codings of real passages, `data/real/codes.jsonl`, to a file of the texts, which are kept elsewhere.

    python training/real_passages.py --texts real-passages.jsonl.xz      # what joins, what is missing, what has changed

The passages belong to others (work reports of provinces, news of justice and enforcement), so the repository contains
no sentence of them. A row has the id of the passage, the SHA-256 of its text, the labels of the paragraph, and for
each indicator the offsets of value and name and the topic. The texts are JSON lines with `id` and `text`,
xz-compressed or plain.
"""

import argparse
import hashlib
import json
import lzma
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lawgov_nlp.annotation.gold import GoldIndicator, GoldLine, GoldReport
from lawgov_nlp.report import LineKind
from lawgov_nlp.scheme import CODEBOOK, Label

ROOT = Path(__file__).resolve().parents[1]
CODES = ROOT / "data" / "real" / "codes.jsonl"


@dataclass(frozen=True, kw_only=True)
class RealPassages:
    """The passages that have texts, each as a report of one paragraph, and the ids of the others.

    `missing` have no text; the text of `changed` isn't the one that was coded.
    """

    reports: tuple[GoldReport, ...]
    missing: tuple[str, ...]
    changed: tuple[str, ...]


def read_real_passages(texts: Path, codes: Path = CODES) -> RealPassages:
    """Join codings to texts.

    Raises:
        OSError: A file can't be read.
        ValueError: A row of the codings has a label or a topic that isn't in the codebook, or an offset outside of
            the text.
    """
    with (lzma.open if texts.suffix == ".xz" else open)(texts, "rt", encoding="utf-8") as lines:
        known = {row["id"]: row["text"] for row in map(json.loads, lines)}
    reports: list[GoldReport] = []
    missing: list[str] = []
    changed: list[str] = []
    for line in codes.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        text = known.get(row["id"])
        if text is None:
            missing.append(row["id"])
        elif hashlib.sha256(text.encode()).hexdigest() != row["sha256"]:
            changed.append(row["id"])
        else:
            reports.append(_report(row, text))
    return RealPassages(reports=tuple(reports), missing=tuple(missing), changed=tuple(changed))


def _report(row: dict, text: str) -> GoldReport:
    def label(name: str) -> Label:
        if name not in CODEBOOK.labels:
            raise ValueError(f"{row['id']}: unknown label {name!r}; expected one of {', '.join(CODEBOOK.labels)}")
        return next(d for d in CODEBOOK if d == name)

    indicators = []
    for start, end, name_start, name_end, topic in row["indicators"]:
        if not (0 <= start < end <= len(text) and 0 <= name_start < name_end <= len(text)):
            raise ValueError(
                f"{row['id']}: {[start, end, name_start, name_end]} lies outside its {len(text)} characters"
            )
        indicators.append(GoldIndicator(value=(start, end), name=(name_start, name_end), dimension=label(topic)))
    labels = [label(name) for name in row["labels"]]
    line = GoldLine(
        kind=LineKind.BODY,
        text=text,
        primary=labels[0] if labels else None,
        secondary=tuple(labels[1:]),
        indicators=tuple(indicators),
    )
    return GoldReport(id=row["id"], meta={}, units=(line,))


def main() -> None:
    """Print what joins, what is missing and what has changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--codes", type=Path, default=CODES)
    args = parser.parse_args()
    found = read_real_passages(args.texts, args.codes)
    lines = [line for report in found.reports for line in report.units]
    print(f"{len(found.reports)} passages, {sum(len(line.indicators) for line in lines)} indicators")
    print("primary:", dict(Counter(str(line.primary or "none") for line in lines)))
    print("topics:", dict(Counter(str(i.dimension) for line in lines for i in line.indicators)))
    for what, ids in (("without a text", found.missing), ("with another text", found.changed)):
        if ids:
            print(f"{len(ids)} {what}: {', '.join(ids[:5])} …")


if __name__ == "__main__":
    main()
