"""Measure the cost of careless typing and scanning: `python training/robustness.py [--split test] [--model FOLDER …]`.

Each variation is applied to whole reports of a split, which are then read and tagged like any other. All except
`run_in_report` keep the offsets within a line: characters map one to one. `--model` may name several folders,
which are compared in one run.
"""

import argparse
import random
import re
from dataclasses import replace
from pathlib import Path

from lawgov_nlp.annotation.corpus import SPLITS, load_splits
from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.annotation.gold import GoldIndicator, GoldLine, GoldReport
from lawgov_nlp.evaluation.scores import evaluate
from lawgov_nlp.model.checkpoints import shipped_model
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.report import LineKind
from lawgov_nlp.training.augment import half_width, misread, other_digits, without_number

ROOT = Path(__file__).resolve().parents[1]
_UNITS = {
    a: b
    for pair in ("件起", "场次", "份册", "户家", "名人", "个处", "条项")
    for a, b in (tuple(pair), tuple(pair[::-1]))
}
"""Units that could replace each other."""

_PLACE = re.compile(r"([一-鿿]{2,3}?)(?:自治县|街道|[省市州盟县区旗镇乡]|苏木)")
_SYLLABLES = "青白清石临安云平新东南长宁桐柳杨松梅溪河塘湖岭坪泉峰桥集沟湾铺店庄"


def half_width_report(report: GoldReport) -> GoldReport:
    """Return the report with half-width punctuation throughout."""
    return replace(report, units=tuple(replace(u, text=half_width(u.text)) for u in report.units))


def misread_report(report: GoldReport, seed: int = 0, share: float = 0.1) -> GoldReport:
    """Return the report as a poor scan would give it: by default a tenth of the confusable characters is wrong."""
    rng = random.Random(f"{report.id} {seed}")
    return replace(report, units=tuple(replace(u, text=misread(u.text, rng, share)) for u in report.units))


def other_digits_report(report: GoldReport, seed: int = 0) -> GoldReport:
    """Return the report with other digits in its values."""
    rng = random.Random(f"{report.id} {seed}")
    return replace(
        report,
        units=tuple(replace(u, text=other_digits(u.text, (i.value for i in u.indicators), rng)) for u in report.units),
    )


def other_units_report(report: GoldReport) -> GoldReport:
    """Return the report with other units at the end of its values, such as 起 for 件 or 次 for 场."""

    def changed(unit: GoldLine) -> GoldLine:
        text = list(unit.text)
        for indicator in unit.indicators:
            last = indicator.value[1] - 1
            if unit.text[last - 1] not in "人户":  # 人次 and 户次 are units of their own
                text[last] = _UNITS.get(text[last], text[last])
        return replace(unit, text="".join(text))

    return replace(report, units=tuple(map(changed, report.units)))


def other_places_report(report: GoldReport, seed: int = 0) -> GoldReport:
    """Return the report with other names for the places in its title and sign-off, wherever these names occur."""
    rng = random.Random(f"{report.id} {seed}")
    lines = [u.text.strip() for u in report.units if u.kind in (LineKind.TITLE, LineKind.SIGNOFF)]
    found = [m[1] for line in lines for m in _PLACE.finditer(re.sub("^(?:中共|关于)|人民政府", "", line))]
    names = {name: "".join(rng.sample(_SYLLABLES, len(name))) for name in dict.fromkeys(found)}
    if not names:
        return report
    pattern = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))
    return replace(
        report, units=tuple(replace(u, text=pattern.sub(lambda m: names[m[0]], u.text)) for u in report.units)
    )


def run_in_report(report: GoldReport) -> GoldReport:
    """Return the report with each innermost heading joined to the paragraph below it, as a careless conversion does."""
    units: list[GoldLine] = []
    for unit in report.units:
        above = units[-1] if units else None
        if unit.kind is LineKind.BODY and above is not None and above.kind is LineKind.HEADING:
            units[-1] = _moved(unit, above.text.strip() + "。")
        else:
            units.append(unit)
    return replace(report, units=tuple(units))


def _moved(unit: GoldLine, before: str) -> GoldLine:
    """Return the line with text put in front; the spaces at its beginning are removed."""
    text = unit.text.lstrip()
    by = len(before) - (len(unit.text) - len(text))

    def shifted(span: tuple[int, int]) -> tuple[int, int]:
        return span[0] + by, span[1] + by

    indicators = tuple(
        GoldIndicator(value=shifted(i.value), name=shifted(i.name), dimension=i.dimension) for i in unit.indicators
    )
    return replace(unit, text=before + text, indicators=indicators)


def unnumbered_report(report: GoldReport) -> GoldReport:
    """Return the report without the numbers of its headings; run-in headings keep theirs."""
    return replace(
        report,
        units=tuple(
            replace(u, text=without_number(u.text.strip())) if u.kind is LineKind.HEADING else u for u in report.units
        ),
    )


def headless_report(report: GoldReport) -> GoldReport:
    """Return the report without its headings, except run-in headings."""
    return replace(report, units=tuple(u for u in report.units if u.kind is not LineKind.HEADING))


VARIATIONS = {
    "as written": lambda report: report,
    "half-width punctuation": half_width_report,
    "other figures": other_digits_report,
    "other units": other_units_report,
    "other places": other_places_report,
    "look-alike characters": misread_report,
    "headings joined to the text": run_in_report,
    "headings without numbers": unnumbered_report,
    "without headings": headless_report,
}
FIGURES = ("unit_f1", "primary_accuracy", "labels_micro_f1", "value_span_f1", "name_f1", "indicator_f1")


def main() -> None:
    """Tag each variation with each model and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--model", type=Path, nargs="*", help="other models than the shipped one")
    parser.add_argument("--backend", default="torch:float32", help="as for lawgov tag; the card gives float32's")
    args = parser.parse_args()
    reports = load_splits(args.data)[args.split]
    for folder in args.model or [shipped_model()]:
        tagger = Tagger.from_pretrained(folder, backend=args.backend)
        print(f"{folder.name:28}" + "".join(f"{name:>18}" for name in FIGURES))
        for name, change in VARIATIONS.items():
            gold = [change(report) for report in reports]
            scores = evaluate(zip(gold, tagger.tag_many(map(parse_gold, gold)), strict=True))
            print(f"{name:28}" + "".join(f"{scores.figures[f]:18.4f}" for f in FIGURES), flush=True)


if __name__ == "__main__":
    main()
