"""Coverage-guided fuzzing: `python -m tests.fuzz docx --seconds 300`; `--replay FILE` runs a find again.

Needs atheris (the extra `fuzz`). The corpus grows in out/fuzz/<target>/corpus and is taken up by the next run; what
fails or hangs lies beside it as crash-… or timeout-…, and the run ends with it. libFuzzer's last lines say how many
inputs ran and how many features of the code they reached (`ft`).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

SECONDS_AN_INPUT = 5
"""Of the processor: on a busy machine the clock finds slow inputs that are none."""
HANGS = 120
"""Seconds by the clock after which an input is given up."""
MEGABYTES = 2500


def main() -> None:
    """Fuzz one target, or replay a find."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"))
    parser.add_argument("--replay", type=Path)
    args = parser.parse_args()
    if args.replay:
        from tests.fuzz.targets import TARGETS

        TARGETS[args.target].run(args.replay.read_bytes())
        return
    _fuzz(args.target, args.seconds, args.out / args.target)


def _fuzz(name: str, seconds: int, folder: Path) -> None:
    import atheris

    # the modules are rewritten while they are imported, so nothing of them may be in memory yet
    with atheris.instrument_imports(include=["lawgov_nlp"]):
        import lawgov_nlp.readers.csv
        import lawgov_nlp.readers.docx
        import lawgov_nlp.readers.html
        import lawgov_nlp.readers.office
        import lawgov_nlp.readers.pdf
        import lawgov_nlp.readers.txt
        import lawgov_nlp.readers.xlsx  # noqa: F401
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number:02}").write_bytes(seed)

    def mutate(data: bytes, size: int, seed: int) -> bytes:
        def raw(part: bytes) -> bytes:
            return atheris.Mutate(part, max(len(part) + 64, 64))

        return target.mutate(bytes(data), random.Random(seed), raw)[:size]

    def run(data: bytes) -> None:
        begin = time.process_time()
        target.run(data)
        took = time.process_time() - begin
        assert took < SECONDS_AN_INPUT, f"took {took:.1f} s of the processor"

    settings = {
        "max_total_time": seconds, "max_len": target.longest, "timeout": HANGS, "rss_limit_mb": MEGABYTES,
        "artifact_prefix": f"{folder}/", "print_final_stats": 1, "len_control": 0, "report_slow_units": HANGS,
    }  # fmt: skip
    options = [f"-{key}={value}" for key, value in settings.items()]
    atheris.Setup([sys.argv[0], *options, str(corpus)], run, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
