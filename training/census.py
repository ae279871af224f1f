"""Describe the annotated reports: counts over the grid, hard cases, and shared runs. Writes `data/CENSUS.md`.

    python training/census.py                                  # counts, tables, the picture data/census.png
    python training/census.py --check                          # whether data/CENSUS.md matches the present data
    python training/census.py --gazetteer jionlp-1.5.31.whl    # invented places whose names really exist

`--gazetteer` takes the wheel that `pip download --no-deps jionlp` fetches; it isn't installed.
"""

import argparse
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path

from lawgov_nlp.annotation.corpus import load_splits
from lawgov_nlp.annotation.examples import Example, examples
from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.report import LineKind
from lawgov_nlp.results.quantity import numeral_runs
from lawgov_nlp.scheme import TOPICS, Dimension

ROOT = Path(__file__).resolve().parents[1]
RUN = 20
"""The length in characters, without white space, of runs that two reports shouldn't share."""

LENGTHS = (1000, 2000, 3000, 4500, 6500)
FAR = 12
"""The number of characters between a value and its name from which they count as far apart."""

_PLAN = re.compile(r"^(?!.*(?:成效|情况|完成|做法)).*(?:计划|打算|下一?步|思路|安排|明年|今后|下一年|下年|展望)")
_LACK = re.compile(r"不足|问题|短板|差距|困难|原因")
_LACKING = re.compile(r"短板|薄弱|难题|不足|问题|瓶颈|堵点|痛点|漏洞|困难|弱项")
_INTENT = re.compile(r"下一步|今后|明年|力争|将[^近要]|计划|继续")
_CHINESE = re.compile(r"[一二两三四五六七八九十百千半]")
_CHANGE = re.compile(r"同比|环比|上年|去年|上升|下降|增长|提高|减少|增加|缩短|压减")
_RANGE = re.compile(r"\d\s*[-—–~～至到]\s*\d|[一二三四五六七八九]、?至[二三四五六七八九十]")


def section(example: Example) -> str:
    """Return the outermost heading above a paragraph."""
    return example.unit.headings[0] if example.unit.headings else ""


def _near_heading(example: Example) -> str:
    return example.unit.headings[-1] if example.unit.headings else ""


def _last_sentence(text: str) -> str:
    return next((s for s in reversed(re.split("[。！;；]", text)) if s.strip()), "")


def _gap(value: tuple[int, int], name: tuple[int, int]) -> int:
    return max(name[0] - value[1], value[0] - name[1])


LABEL_CASES: dict[str, Callable[[Example], bool]] = {
    "a plan outside the sections of plans": lambda e: (
        e.primary is Dimension.PLANS and not any(_PLAN.search(h) for h in e.unit.headings)
    ),
    "work done, or a deficiency, in a section of plans": lambda e: (
        e.primary not in (Dimension.PLANS, None) and bool(_PLAN.search(section(e))) and not _LACK.search(section(e))
    ),
    "work done, or a plan, in a section of deficiencies": lambda e: (
        e.primary not in (Dimension.SHORTCOMINGS, None) and bool(_LACK.search(section(e)))
    ),
    "a deficiency outside the sections of deficiencies": lambda e: (
        e.primary is Dimension.SHORTCOMINGS and not any(_LACK.search(h) for h in e.unit.headings)
    ),
    "words of deficiency in work done": lambda e: e.primary in TOPICS and bool(_LACKING.search(e.unit.text)),
    "work done that closes on an intention": lambda e: (
        e.primary in TOPICS and bool(_INTENT.search(_last_sentence(e.unit.text)))
    ),
    "officials taught under a heading of publicity": lambda e: (
        e.primary is Dimension.TRAINING and bool(re.search("宣传|普法", _near_heading(e)))
    ),
    "the public taught under a heading of training": lambda e: (
        e.primary is Dimension.PUBLICITY and bool(re.search("学法|培训|学习", _near_heading(e)))
    ),
    "training and publicity in one paragraph": lambda e: (
        {Dimension.TRAINING, Dimension.PUBLICITY} <= {e.primary, *e.secondary}
    ),
    "leadership behind a topic (first responsible person)": lambda e: (
        e.primary is not Dimension.LEADERSHIP
        and Dimension.LEADERSHIP in e.secondary
        and any(re.search("第一责任人|主要负责人", h) for h in e.unit.headings)
    ),
    "three topics or more": lambda e: len({e.primary, *e.secondary} & set(TOPICS)) >= 3,
}
"""Rules that find paragraphs which are easily labelled wrongly out of habit, by the kind of difficulty.

They use text, headings and labels.
"""


def number_cases(example: Example) -> Counter[str]:
    """Count the numbers of a paragraph that are easily marked wrongly out of habit, by the kind of difficulty."""
    text, found = example.unit.text, Counter()
    if not example.indicators:
        return found
    inside = {at for i in example.indicators for at in range(*i.value)}
    for start, end in numeral_runs(text):
        if start not in inside and not (re.fullmatch(r"(19|20)\d\d", text[start:end]) and text[end : end + 1] == "年"):
            found["a number that is no indicator, beside indicators"] += 1
    for _, values in groupby(sorted(example.indicators, key=lambda i: i.name), key=lambda i: i.name):
        found["one name, several values"] += len(list(values)) > 1
    for i in example.indicators:
        value, before = text[slice(*i.value)], text[max(0, i.value[0] - FAR) : i.value[0]]
        found["a part: 其中"] += "其中" in before
        found["a comparison with another year"] += bool(_CHANGE.search(before))
        found["money"] += value.endswith("元")
        found["a rate or points"] += value.endswith(("%", "％", "百分点", "成")) or "分之" in value
        found["a range"] += bool(_RANGE.search(value))
        found["a Chinese numeral"] += bool(_CHINESE.match(value))
        found["qualified: 余, 多, 近, 约, 以上 …"] += bool(
            re.search("[余多几]", value)
            or re.search("(?:近|约|超|逾|不足|不少于)$", before)
            or re.match("以上|以下|左右|以内", text[i.value[1] :])
        )
        found["the name behind the value"] += i.name[0] >= i.value[1]
        found[f"{FAR} characters or more between name and value"] += _gap(i.value, i.name) >= FAR
        found["topic other than the paragraph's"] += example.primary in TOPICS and i.dimension is not example.primary
        found["in a row of a table"] += "\t" in text
    return found


def squeezed(report: GoldReport) -> str:
    """Return the text of a report without white space."""
    return "".join(report.text.split())


def shared_runs(reports: Sequence[GoldReport], phrases: Sequence[str], run: int = RUN) -> tuple[float, float]:
    """Return the share of all runs of `run` characters that another report also has, and the share outside set phrases.

    A run counts as a set phrase if at least half of its characters are within matches of `phrases`.
    """
    owners: dict[str, set[str]] = {}
    for report in reports:
        text = squeezed(report)
        for at in range(len(text) - run + 1):
            owners.setdefault(text[at : at + run], set()).add(report.id)
    total = common = free = 0
    for report in reports:
        text = squeezed(report)
        set_phrase = bytearray(len(text))
        for phrase in phrases:
            for m in re.finditer(phrase, text):
                set_phrase[m.start() : m.end()] = b"\x01" * (m.end() - m.start())
        for at in range(len(text) - run + 1):
            total += 1
            if len(owners[text[at : at + run]]) > 1:
                common += 1
                free += sum(set_phrase[at : at + run]) < run / 2
    return common / total, free / total


def set_phrases(folder: Path) -> list[str]:
    """Read the set phrases of the genre from `set_phrases.txt`: one regular expression per line, with `#` comments."""
    lines = (folder / "set_phrases.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def own_places(report: GoldReport) -> list[str]:
    """Return the places that a report is about: those that its title and sign-off name, down to the township."""
    lines = [u.text for u in report.units if u.kind in (LineKind.TITLE, LineKind.SIGNOFF)]
    part = re.compile(r"[一-鿿]{2,8}?(?:自治县|街道|[省市州盟县区旗镇乡]|苏木)")
    return sorted(
        {m.group() for line in lines for m in part.finditer(re.sub("^(?:中共|关于)|人民政府", "", line.strip()))}
    )


def real_places(wheel: Path) -> set[str]:
    """Return the cities, counties and townships in jionlp's gazetteer (Apache-2.0).

    Names of provinces are left out, because the invented reports use real provinces as their setting.
    """
    with zipfile.ZipFile(wheel) as outer, outer.open("jionlp/dictionary/china_location.zip") as packed:
        inner = zipfile.ZipFile(packed)
        lines = inner.read(inner.namelist()[0]).decode("utf-8").splitlines()
    depth = [(len(line) - len(line.lstrip("\t")), line.strip().split("\t")[0]) for line in lines]
    provinces = {name for level, name in depth if level == 0}
    return {name for level, name in depth if 0 < level <= 3} - provinces


def table(title: str, counts: Counter[str] | dict[str, object], head: tuple[str, str] = ("", "")) -> str:
    """Return a Markdown table of counts."""
    rows = [f"| {key} | {value:,} |" for key, value in counts.items()]
    return "\n".join([f"## {title}", "", f"| {head[0]} | {head[1]} |", "| --- | ---: |", *rows, ""])


def _by_split(splits: dict[str, list[GoldReport]], key: Callable[[GoldReport], str], title: str) -> str:
    values = sorted({key(r) for s in splits.values() for r in s}, key=lambda v: (len(v) < 3, v))
    counts = {name: Counter(key(r) for r in reports) for name, reports in splits.items()}
    rows = [
        f"| {v} | {' | '.join(str(counts[s][v]) for s in splits)} | {sum(counts[s][v] for s in splits)} |"
        for v in values
    ]
    return "\n".join(
        [f"## {title}", "", "| | train | dev | test | all |", "| --- | ---: | ---: | ---: | ---: |", *rows, ""]
    )


def length_class(report: GoldReport) -> str:
    """Return the class of a report's length in characters, without white space."""
    size = len(squeezed(report))
    bounds = [0, *LENGTHS]
    low = max(b for b in bounds if b <= size)
    high = next((b for b in LENGTHS if b > size), None)
    return f"{low:04d}–{high - 1:04d}" if high else f"{low:04d} and more"


def census(folder: Path) -> str:
    """Return the whole page as Markdown."""
    splits = load_splits(folder)
    reports = [r for split in splits.values() for r in split]
    found = {name: examples(split).examples for name, split in splits.items()}
    every = [e for split in found.values() for e in split]
    primary = {name: Counter(str(e.primary or "none") for e in split) for name, split in found.items()}
    labels = Counter(str(d) for e in every for d in (e.primary, *e.secondary) if d)
    names = [*map(str, Dimension), "none"]
    topics = Counter(str(i.dimension) for e in every for i in e.indicators)
    hard = {case: sum(map(rule, every)) for case, rule in LABEL_CASES.items()}
    numbers: Counter[str] = sum((number_cases(e) for e in every), Counter())
    any_hard = sum(any(rule(e) for rule in LABEL_CASES.values()) for e in every)
    everything, free = shared_runs(reports, set_phrases(folder))
    total = ["| | reports | paragraphs | indicators | characters |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, split in (*splits.items(), ("all", reports)):
        some = found.get(name, every)
        total.append(
            f"| {name} | {len(split)} | {len(some):,} | {sum(len(e.indicators) for e in some):,} | "
            f"{sum(len(squeezed(r)) for r in split):,} |"
        )
    rows = [
        f"| {d} | {' | '.join(str(primary[s][d]) for s in splits)} | {sum(primary[s][d] for s in splits)} | "
        f"{labels[d]} | {topics[d]} |"
        for d in names
    ]
    return "\n".join(
        [
            "# What the annotated reports hold",
            "",
            "Written by `python training/census.py`; a test checks that it is what the data give.",
            "",
            *total,
            "",
            "## Dimensions",
            "",
            "| | primary: train | dev | test | all | primary or secondary | indicators |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            *rows,
            "",
            "![Dimensions, years, levels and lengths](census.png)",
            "",
            _by_split(splits, lambda r: r.meta["level"], "Level"),
            _by_split(splits, lambda r: r.meta["region"], "Region"),
            _by_split(splits, lambda r: r.meta["year"], "Year"),
            _by_split(splits, length_class, "Characters"),
            table(f"Paragraphs where habit misleads: {any_hard:,}", hard, ("what makes them hard", "paragraphs")),
            table("Numbers where habit misleads", dict(numbers.most_common()), ("what makes them hard", "cases")),
            "A case is found by rule (`training/census.py`) from text, headings and labels; a paragraph may count",
            "under several.",
            "",
            "## Runs that reports share",
            "",
            f"Of all runs of {RUN} characters, {everything:.2%} are in another report, too; outside the set phrases",
            f"that `set_phrases.txt` lists, {free:.2%}.",
            "",
        ]
    )


def picture(folder: Path, path: Path) -> None:
    """Draw bars of dimensions, years, levels and lengths by split."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    splits = load_splits(folder)
    found = {name: examples(split).examples for name, split in splits.items()}
    panels: list[tuple[str, dict[str, Iterable[str]]]] = [
        ("paragraphs by primary dimension", {s: [str(e.primary or "none") for e in found[s]] for s in splits}),
        ("reports by year", {s: [r.meta["year"] for r in splits[s]] for s in splits}),
        ("reports by level", {s: [r.meta["level"] for r in splits[s]] for s in splits}),
        ("reports by characters", {s: [length_class(r) for r in splits[s]] for s in splits}),
    ]
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 7), layout="constrained")
    for axis, (title, values) in zip(axes.flat, panels, strict=True):
        counts = {s: Counter(v) for s, v in values.items()}
        keys = sorted({k for c in counts.values() for k in c})
        if title.endswith("dimension"):
            keys = [*map(str, Dimension), "none"]
        base = [0] * len(keys)
        for colour, (split, count) in zip(("#4c78a8", "#f2b447", "#b5443c"), counts.items(), strict=True):
            heights = [count[k] for k in keys]
            axis.barh(keys, heights, left=base, label=split, color=colour)
            base = [a + b for a, b in zip(base, heights, strict=True)]
        axis.invert_yaxis()
        axis.set_title(title, loc="left", fontsize=11)
        axis.spines[["top", "right"]].set_visible(False)
        for at, width in enumerate(base):
            axis.text(width, at, f" {width}", va="center", fontsize=8)
    axes.flat[0].legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=110, metadata={"Software": None})


def main() -> int:
    """Write or check the census, or list invented places that really exist."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--gazetteer", type=Path, metavar="WHEEL")
    args = parser.parse_args()
    if args.gazetteer:
        real = real_places(args.gazetteer)
        reports = [r for split in load_splits(args.data).values() for r in split]
        hits = {r.id: both for r in reports if (both := sorted(real & set(own_places(r))))}
        for name, places in hits.items():
            print(f"{name}: {'、'.join(places)} is a real place")
        print(f"{len(reports)} reports, {len(hits)} with a name of the gazetteer's {len(real):,}")
        return int(bool(hits))  # A count of 256 would be an exit code of 0.
    page = census(args.data)
    target = args.data / "CENSUS.md"
    if args.check:
        return int(target.read_text(encoding="utf-8") != page)
    target.write_text(page, encoding="utf-8")
    picture(args.data, args.data / "census.png")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
