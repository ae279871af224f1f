"""Check annotated reports and print what they contain: `python training/check_data.py FOLDER…`.

Faults are violations of the markup. Doubts are allowed but rarely intended, so each should be checked.
"""

import sys
from collections import Counter
from pathlib import Path

from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.annotation.markup import read_markup
from lawgov_nlp.errors import MarkupError
from lawgov_nlp.readers.structure import parse_report
from lawgov_nlp.report import LineKind
from lawgov_nlp.results.quantity import numeral_runs, read_quantity

NAME_CHARACTERS = 30
UNIT_CHARACTERS = 4


def doubts(report: GoldReport) -> list[str]:
    """Return what the markup allows and a coder rarely intends."""
    found = []
    for number, unit in enumerate(report.units, 1):
        runs = list(numeral_runs(unit.text))
        for indicator in unit.indicators:
            start, end = indicator.value
            value, name = unit.text[start:end], unit.text[slice(*indicator.name)]
            where = f"{report.id}, unit {number}, {value!r} ({name})"
            if not any(a == start for a, _ in runs):
                found.append(f"{where}: doesn't begin with its numeral")
            if any(a < start < b or a < end < b for a, b in runs):
                found.append(f"{where}: cuts a numeral")
            if len(read_quantity(unit.text, start, end).unit) > UNIT_CHARACTERS:
                found.append(f"{where}: long unit {read_quantity(unit.text, start, end).unit!r}")
            if len(name) > NAME_CHARACTERS:
                found.append(f"{where}: long name")
    for gold, read in zip((u for u in report.units if u.text.strip()), parse_report(report.text).units, strict=True):
        if gold.kind is not read.kind:
            found.append(f"{report.id}: {gold.kind} read as {read.kind}: {read.text[:40]}")
    return found


def main() -> int:
    """Check every file, list each fault, and return the exit code: 1 if a file has faults."""
    paths = [
        p for arg in sys.argv[1:] for p in (sorted(Path(arg).glob("*.txt")) if Path(arg).is_dir() else [Path(arg)])
    ]
    faults, total = 0, Counter()
    for path in paths:
        try:
            report = read_markup(path)
        except MarkupError as error:
            print(error)
            faults += 1
            continue
        print(*doubts(report), sep="\n", end="\n" if doubts(report) else "")
        bodies = [u for u in report.units if u.kind is LineKind.BODY]
        values = sum(len(u.indicators) for u in bodies)
        total.update(str(u.primary or "none") for u in bodies)
        total.update(paragraphs=len(bodies), indicators=values, characters=len(report.text), reports=1)
        print(f"{path.name}: {len(report.text)} characters, {len(bodies)} paragraphs, {values} indicators")
    print(", ".join(f"{k} {v}" for k, v in total.items()), f"; {faults} file(s) at fault")
    return int(bool(faults))  # A count of 256 would be an exit code of 0.


if __name__ == "__main__":
    sys.exit(main())
