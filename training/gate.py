"""The floors that a shipped model must hold on the test split: `python training/gate.py [--model FOLDER]`.

    python training/gate.py                       # exit 1 and say what fell, where a figure is below its floor
    python training/gate.py --update              # raise the floors to what the model reaches, less MARGIN
    python training/gate.py --update --lower WHY  # allow floors to fall; the reason is kept in gate.json

Floors belong to one state of the test split. If its hash differs from the one that they were measured on, the gate
fails until it is updated, so that an easier test can't pass for a better model.
"""

import argparse
import json
import math
import sys
from pathlib import Path

from lawgov_nlp.annotation.corpus import data_hash, load_splits
from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.evaluation.scores import evaluate
from lawgov_nlp.model.tagger import Tagger

ROOT = Path(__file__).resolve().parents[1]
GATE = Path(__file__).with_name("gate.json")
MARGIN = 0.01
"""Below what was measured: other processors round differently, and of 364 paragraphs a few may flip; one is 0.003 of
the accuracy and may be 0.005 of the macro-F1."""


def measure(data: Path, model: Path | str | None) -> tuple[dict[str, float], str]:
    """The figures of a model on the test split, and that split's hash."""
    gold, tagger = load_splits(data)["test"], Tagger.from_pretrained(model, backend="torch:float32")
    return evaluate(zip(gold, tagger.tag_many(map(parse_gold, gold)), strict=True)).figures, data_hash(gold)


def fallen(figures: dict[str, float], test_hash: str, gate: dict) -> list[str]:
    """What keeps a model from passing, a line each."""
    if test_hash != gate["test_sha256"]:
        return ["the test split is not the one that the floors were measured on; run with --update"]
    return [
        f"{name} {figures[name]:.4f} is below its floor {floor:.4f}"
        for name, floor in gate["floors"].items()
        if figures[name] < floor
    ]


def updated(figures: dict[str, float], test_hash: str, gate: dict, why: str | None) -> dict:
    """The gate with floors from these figures.

    Raises:
        ValueError: A floor would fall, and no reason was given.
    """
    floors = {name: max(0.0, math.floor((value - MARGIN) * 1e4) / 1e4) for name, value in figures.items()}
    lower = [n for n, floor in gate.get("floors", {}).items() if floors.get(n, 0.0) < floor]
    if lower and not why:
        raise ValueError(f"floors would fall: {', '.join(lower)}; say why with --lower")
    kept = {n: max(floor, gate.get("floors", {}).get(n, 0.0)) for n, floor in floors.items()} if not why else floors
    lowered = [*gate.get("lowered", []), {"why": why, "figures": lower}] if lower else gate.get("lowered", [])
    return {"test_sha256": test_hash, "floors": kept, "lowered": lowered}


def main() -> int:
    """Measure, then check or update."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--model", type=Path, help="another model than the shipped one")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--lower", metavar="WHY", help="reason for floors that fall")
    args = parser.parse_args()
    if args.lower and not args.update:
        parser.error("--lower goes with --update")
    if not GATE.exists() and not args.update:
        parser.error(f"there is no {GATE.name}; make it with --update")
    gate = json.loads(GATE.read_text(encoding="utf-8")) if GATE.exists() else {}
    figures, test_hash = measure(args.data, args.model)
    if args.update:
        try:
            gate = updated(figures, test_hash, gate, args.lower)
        except ValueError as error:
            print(error)
            return 1
        GATE.write_text(json.dumps(gate, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    faults = fallen(figures, test_hash, gate)
    for name, value in figures.items():
        print(f"{name:20} {value:.4f}  floor {gate['floors'].get(name, 0.0):.4f}")
    print(*faults, sep="\n", end="\n" if faults else "")
    return len(faults)


if __name__ == "__main__":
    sys.exit(main())
