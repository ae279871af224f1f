"""Time a panel of many reports, and count what its checks find on coded reports in which no fault is planted.

    python benchmarks/panel.py findings [--show]         # on the reports of data/, with the codings in a model's place
    python benchmarks/panel.py coded                     # names to codes and roles of numbers, on what is coded
    python benchmarks/panel.py time --reports 10000      # CPU time and peak memory; run it under taskset for one core

The reports of `time` repeat the coded ones under the names of other townships of the gazetteer, over ten years.
"""

import argparse
import csv
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lawgov_nlp import TaggedReport
from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.annotation.markup import read_markup
from lawgov_nlp.panel import build_panel
from lawgov_nlp.panel.gazetteer import gazetteer
from lawgov_nlp.panel.indicators import shipped_indicators
from lawgov_nlp.panel.sources import read_tagged
from lawgov_nlp.results.indicator_roles import with_roles
from lawgov_nlp.results.roles import Span, paragraph_roles

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.panel_reports import as_tagged  # noqa: E402 - the path must be set first

YEARS = range(2016, 2026)


def coded_reports() -> list[TaggedReport]:
    """The reports of `data/reports` and `data/modelled` that aren't in a test split, as if a model had tagged them."""
    found = []
    for folder in (ROOT / "data", ROOT / "data" / "modelled"):
        splits = json.loads((folder / "splits.json").read_text(encoding="utf-8"))
        for name in splits["train"] + splits["dev"]:
            found.append(tagged(read_markup(folder / "reports" / f"{name}.txt")))
    return found


def tagged(gold: GoldReport) -> TaggedReport:
    """A coded report as a tagged one, with the scores of a sure model, the year of its coding, and roles."""
    year = int(gold.meta.get("year") or 0) or None
    made = as_tagged(gold, f"{gold.id}.txt")
    return replace(made, year=year, tagged=tuple(with_roles(paragraph, year) for paragraph in made.tagged))


def show_findings(show: bool) -> None:
    """Print how often each check finds something, for a hundred reports."""
    reports = coded_reports()
    checks = build_panel(reports).checks
    if show:
        for row in checks.itertuples():
            print(row.check, row.source, row.finding, "|", row.sentence)
    counts = Counter(checks["check"])
    rate = 100 * len(checks) / len(reports)
    print(f"{len(reports)} reports, {len(checks)} findings, {rate:.2f} a hundred reports: {dict(counts)}")


def show_coded() -> None:
    """Print precision and recall of codes, and how many roles are right, for each part of what is coded."""
    with (ROOT / "data" / "panel_names.csv").open(encoding="utf-8") as file:
        names = [*csv.DictReader(file)]
    for part in ("development", "held_out"):
        for source in ("", "real", "modelled", "composed"):
            rows = [r for r in names if r["part"] == part and r["found_in"].startswith(source)]
            pairs = [(r["code"], shipped_indicators().match(r["name"], r["unit"], r["topic"]).code or "") for r in rows]
            right = sum(bool(got) and want == got for want, got in pairs)
            given, coded = sum(bool(got) for _, got in pairs), sum(bool(want) for want, _ in pairs)
            shown = f"precision {right / given:.3f}, recall {right / coded:.3f}"
            print(f"{part} {source or 'all'}: {len(rows)} names, {shown}")
    numbers = [json.loads(s) for s in (ROOT / "data" / "panel_roles.jsonl").read_text(encoding="utf-8").splitlines()]
    for part in ("development", "held_out"):
        right_of, all_of = Counter(), Counter()
        for row in (r for r in numbers if r["part"] == part):
            spans = [Span(*span) for span in row["spans"]]
            index = [span.start for span in spans].index(row["start"])
            roles = paragraph_roles(row["text"], spans, row["headings"], row["label"] or None, row["year"] or None)
            all_of[row["role"]] += 1
            right_of[row["role"]] += str(roles[index].role) == row["role"]
        shown = ", ".join(f"{role} {right_of[role]}/{count}" for role, count in all_of.items())
        print(f"{part}: {sum(right_of.values()) / sum(all_of.values()):.3f} of {sum(all_of.values())} roles; {shown}")


def repeated(count: int, path: Path) -> None:
    """Write `count` tagged reports to a jsonl file, each of another township and year."""
    models = [json.dumps(report.to_dict(), ensure_ascii=False) for report in coded_reports()]
    towns = [d for d in gazetteer().by_code.values() if d.level == "township" and d.current]
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            data = json.loads(models[number % len(models)])
            town = towns[(number // len(YEARS)) * 7 % len(towns)]
            above = gazetteer().by_code[town.code[:6]]
            data |= {
                "source": f"{number:05d}.txt",
                "issuer": f"{above.name}{town.name}人民政府",
                "year": YEARS[number % len(YEARS)],
            }
            file.write(json.dumps(data, ensure_ascii=False) + "\n")


def time_panel(count: int) -> None:
    """Print the CPU time of a panel from a file of tagged reports, and the most memory that the process had."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tagged.jsonl"
        repeated(count, path)
        megabytes = path.stat().st_size / 1e6
        wall, cpu = time.perf_counter(), time.process_time()
        panel = build_panel(_watched(read_tagged([path])))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} reports ({megabytes:.0f} MB), {len(panel.values)} numbers, {len(panel.long)} cells:")
    print(f"{cpu:.0f} s of CPU time, {wall:.0f} s on the clock, {peak:.0f} MiB at most")


def _watched(reports: Iterator[TaggedReport]) -> Iterator[TaggedReport]:
    for number, report in enumerate(reports, 1):
        if number % 1000 == 0:
            print(f"{number} read", flush=True)
        yield report


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("findings", "coded", "time"))
    parser.add_argument("--show", action="store_true", help="print each finding")
    parser.add_argument("--reports", type=int, default=10_000)
    options = parser.parse_args()
    if options.what == "findings":
        show_findings(options.show)
    elif options.what == "coded":
        show_coded()
    else:
        time_panel(options.reports)


if __name__ == "__main__":
    main()
