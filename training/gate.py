"""Check the minimum scores of a shipped model on both test splits: `python training/gate.py [--model FOLDER]`.

    python training/gate.py                       # fail and list the figures that are below their floors
    python training/gate.py --update              # raise the floors to the model's scores minus MARGIN
    python training/gate.py --update --lower WHY  # allow floors to fall; the reason is kept in gate.json

The splits are those of the composed reports and of the passages modelled on real ones. Floors belong to one version
of a split. If its hash differs from the one on which they were measured, the gate fails until it is updated, so that
an easier test can't pass for a better model. `gate.json` holds floors of `lawgov-tiny`, too, which the tests check.
"""

import argparse
import json
import math
import sys
from pathlib import Path

from lawgov_nlp.annotation.corpus import MODELLED, data_hash, load_splits
from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.evaluation.scores import evaluate
from lawgov_nlp.model.tagger import Tagger

ROOT = Path(__file__).resolve().parents[1]
GATE = Path(__file__).with_name("gate.json")
MARGIN = 0.01
"""The distance of a floor from the measured score.

Other processors round differently, and a few of 364 paragraphs may change their label. One paragraph is 0.003 of the
accuracy and may be 0.005 of the macro-F1.
"""


def measure(folder: Path, model: Path | str | None) -> tuple[dict[str, float], str]:
    """Return the figures of a model on the test split of a folder, and the hash of that split."""
    gold, tagger = load_splits(folder)["test"], Tagger.from_pretrained(model, backend="torch:float32")
    return evaluate(zip(gold, tagger.tag_many(map(parse_gold, gold)), strict=True)).figures, data_hash(gold)


def fallen(figures: dict[str, float], test_hash: str, gate: dict) -> list[str]:
    """Return the reasons why a model doesn't pass, one per line."""
    if test_hash != gate["test_sha256"]:
        return ["the test split is not the one that the floors were measured on; run with --update"]
    return [
        f"{name} {figures[name]:.4f} is below its floor {floor:.4f}"
        for name, floor in gate["floors"].items()
        if figures[name] < floor
    ]


def updated(figures: dict[str, float], test_hash: str, gate: dict, why: str | None) -> dict:
    """Return the gate with floors from these figures.

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
    """Measure the scores, then check or update the floors; return the exit code, 1 if a floor isn't reached."""
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
    gates = json.loads(GATE.read_text(encoding="utf-8")) if GATE.exists() else {}
    faults = []
    for name, folder in {"composed": args.data, "modelled": args.data / MODELLED}.items():
        figures, test_hash = measure(folder, args.model)
        if args.update:
            try:
                gates[name] = updated(figures, test_hash, gates.get(name, {}), args.lower)
            except ValueError as error:
                print(f"{name}: {error}")
                return 1
        faults += [f"{name}: {fault}" for fault in fallen(figures, test_hash, gates[name])]
        for figure, value in figures.items():
            print(f"{name:9} {figure:20} {value:.4f}  floor {gates[name]['floors'].get(figure, 0.0):.4f}")
    if args.update:
        GATE.write_text(json.dumps(gates, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(*faults, sep="\n", end="\n" if faults else "")
    return int(bool(faults))  # A count of 256 would be an exit code of 0.


if __name__ == "__main__":
    sys.exit(main())
