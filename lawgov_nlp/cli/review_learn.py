"""The process behind the learning button of `lawgov review`: `python -m lawgov_nlp.cli.review_learn ORDER.json`.

It does what `lawgov train` and `lawgov compare` do, and prints a JSON line for each step.
"""

from __future__ import annotations

import json
import logging
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lawgov_nlp.errors import LawgovError

if TYPE_CHECKING:
    from lawgov_nlp.training.retrain import BeforeAfter

_FLIPS = 200


def main() -> int:
    """Learn as the order says; the exit code is 1 where that failed."""
    try:
        order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        logging.getLogger("lawgov_nlp").addHandler(_Steps())
        logging.getLogger("lawgov_nlp").setLevel(logging.INFO)
        _tell(stage="reading")
        _tell(stage="done", result=_learn(order))
    except ImportError as error:
        _tell(
            stage="failed",
            message=f"{error.name or error} is missing; install it with: pip install 'lawgov-nlp[train]'",
        )
        return 1
    except (LawgovError, ValueError, OSError) as error:
        _tell(stage="failed", message=str(error))
        return 1
    return 0


def _learn(order: dict[str, Any]) -> dict[str, Any]:
    from transformers.utils import logging as transformers_logging

    from lawgov_nlp.annotation.examples import parse_gold
    from lawgov_nlp.annotation.markup import read_markup_folder
    from lawgov_nlp.evaluation.comparison import flips
    from lawgov_nlp.model.checkpoints import model_scheme, named_model
    from lawgov_nlp.model.devices import resolve_device
    from lawgov_nlp.model.tagger import Tagger
    from lawgov_nlp.training.retrain import default_config, retrain

    transformers_logging.disable_progress_bar()
    base = None if order["base"] is None else Path(order["base"])
    scheme = model_scheme(named_model(base))
    config = default_config(base)
    if order.get("epochs"):
        config = replace(config, epochs=int(order["epochs"]))
    reports = read_markup_folder(Path(order["labelled"]), scheme)
    device, out = str(resolve_device("auto")), Path(order["out"])
    # The page shows what was gained and lost, and a person decides whether the model is used.
    found = retrain(reports, out, base=base, scheme=scheme, config=config, device=device, beat_base=False)
    _tell(stage="comparing")
    held_out = [r for r in reports if r.id in found.held_out] or reports
    taggers = [Tagger.from_pretrained(folder, device) for folder in (Path(order["before"]), out)]
    sides = [list(tagger.tag_many(map(parse_gold, held_out))) for tagger in taggers]
    flipped = sorted(
        flips(zip(held_out, *sides, strict=True)), key=lambda f: ("broken", "other", "mended").index(f.change)
    )
    return {
        "learned": found.learned,
        "held_out": found.held_out,
        "own": _gains(found.own) if found.own else None,
        "shipped": _gains(found.shipped),
        "flips": [
            {
                "report": f.report,
                "change": f.change,
                "coded": f.coded,
                "before": f.before,
                "after": f.after,
                "text": f.text,
            }
            for f in flipped[:_FLIPS]
        ],
        "flip_counts": {c: sum(f.change == c for f in flipped) for c in ("mended", "broken", "other")},
    }


def _gains(measured: BeforeAfter) -> dict[str, Any]:
    """Each figure before and after, the gain and its interval, which of one or two reports is left out."""
    from lawgov_nlp.evaluation.figures import FEWEST, FIGURES

    after, before = measured.after, measured.before
    rows = []
    enough = after.support["reports"] >= FEWEST
    for name, (gain, low, high) in (after.gains(before) if before else {}).items():
        if not math.isnan(gain):
            told = {"name": name, "zh": FIGURES[name], "before": round(before.figures[name], 4)}  # type: ignore[union-attr]
            told |= {"after": round(after.figures[name], 4), "gain": gain}
            rows.append({**told, "low": round(low, 4) if enough else None, "high": round(high, 4) if enough else None})
    return {"rows": rows, "support": {k: after.support[k] for k in ("reports", "paragraphs", "indicators")}}


class _Steps(logging.Handler):
    """Tells the page of the training's steps."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of a step with its number, of all else in words."""
        args = record.args
        if str(record.msg).startswith("step %d of %d") and isinstance(args, tuple):
            _tell(stage="training", step=args[0], steps=args[1], minutes=round(float(args[2]), 1))  # type: ignore[arg-type]
        elif str(record.msg).startswith("pass %d on dev") and isinstance(args, tuple):
            _tell(stage="scoring", epoch=args[0])
        elif record.levelno >= logging.WARNING:
            _tell(stage="training", warning=record.getMessage())


def _tell(**step: object) -> None:
    sys.stdout.write(json.dumps(step, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
