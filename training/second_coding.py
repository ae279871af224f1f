"""Prepare a second coding: write texts without labels for the coder, then compare the result with the first coding.

    python training/second_coding.py blind data/reports a03 b02 … --out second     # texts to be coded again
    python training/second_coding.py compare data/reports second [--differences]   # kappa, span F1, differences

The coder replaces each `[body]` by the dimensions of the paragraph and marks names and values, as `data/FORMAT.md`
describes.
"""

import argparse
import json
from pathlib import Path

from lawgov_nlp.annotation.markup import read_markup, read_markup_folder
from lawgov_nlp.evaluation.agreement import compare


def blind(reports: Path, names: list[str], out: Path) -> None:
    """Write the named reports without their labels and spans."""
    out.mkdir(parents=True)
    for name in names:
        report = read_markup(reports / f"{name}.txt")
        lines = [f"[{u.kind}] {u.text}" for u in report.units]
        (out / f"{name}.txt").write_text("\n".join(["---", *lines, ""]), encoding="utf-8")


def agreement(first: Path, second: Path, differences: bool) -> None:
    """Print the agreement of a second coding with the first coding of the same reports."""
    again = read_markup_folder(second)
    result = compare([read_markup(first / f"{report.id}.txt") for report in again], again)
    if differences:
        print(*result.differences, sep="\n")
    print(json.dumps({**result.figures, **result.support}, indent=2))
    print(f"{'dimension':14} primary kappa  label kappa  first  second")
    for name, row in result.per_dimension.items():
        kappas = f"{row['primary_kappa']:13.3f} {row['label_kappa']:12.3f}"
        print(f"{name:14} {kappas} {row['first']:6.0f} {row['second']:7.0f}")


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    take = commands.add_parser("blind")
    take.add_argument("reports", type=Path)
    take.add_argument("names", nargs="+")
    take.add_argument("--out", type=Path, required=True)
    weigh = commands.add_parser("compare")
    weigh.add_argument("first", type=Path)
    weigh.add_argument("second", type=Path)
    weigh.add_argument("--differences", action="store_true", help="list every difference")
    args = parser.parse_args()
    if args.command == "blind":
        blind(args.reports, args.names, args.out)
    else:
        agreement(args.first, args.second, args.differences)


if __name__ == "__main__":
    main()
