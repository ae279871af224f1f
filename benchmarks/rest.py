"""Measure what a paragraph costs beside the encoder: the `ValueReader`, and all that is Python.

    taskset -c 1 python benchmarks/rest.py
    taskset -c 1 python benchmarks/rest.py --reports 40 --split test

The reports are tagged once with the encoder and the layers of the `ValueReader`, whose answers are kept, and then again
with a device that gives the kept answers without computing. What then is left is what one core can do for a GPU that
waits for nobody: reading, structure, tokens, batches, heads, decoding, numbers, objects. Times are processor seconds,
which don't count what other processes do; the best of some rounds counts.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


class Replayed:
    """A part of the device that computes in the first round and afterwards gives what it gave, in the same order.

    Args:
        part: The compiled graph.
    """

    def __init__(self, part: Callable[..., tuple[np.ndarray, ...]]) -> None:
        self._part, self._answers, self._next = part, [], 0
        self.seconds, self.tokens, self.replaying = 0.0, 0, False

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the outputs of the part."""
        if self.replaying:
            self._next += 1
            return self._answers[(self._next - 1) % len(self._answers)]
        began = time.process_time()
        self._answers.append(self._part(*arrays))
        self.seconds += time.process_time() - began
        self.tokens += arrays[0].shape[0] * arrays[0].shape[1]
        return self._answers[-1]


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=40, help="about half of them composed, half modelled")
    parser.add_argument("--split", default="test")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    from lawgov_nlp import read_report
    from lawgov_nlp.annotation.corpus import MODELLED, load_splits, shipped_corpus
    from lawgov_nlp.model import tagger as module
    from lawgov_nlp.model.openvino_tagger import OpenVINOTagger

    corpora = (shipped_corpus(), shipped_corpus() / MODELLED)
    texts = [r.text for corpus in corpora for r in load_splits(corpus)[args.split][: args.reports // 2]]
    tagger = module.Tagger.from_pretrained(device="cpu", backend="openvino:float32")
    predictor: Any = tagger.predictor
    assert isinstance(predictor, OpenVINOTagger)
    module.AHEAD = 0  # Encoder and reader answer in the order in which they are asked.
    encoder, reader = Replayed(predictor._encoder), Replayed(predictor._reader)
    predictor._encoder, predictor._reader = encoder, reader

    def run() -> tuple[float, float, float, int, int]:
        began = time.process_time()
        reports = [read_report(text) for text in texts]
        read = time.process_time()
        lines = [line for report in reports for line in report.paragraphs]
        tagger.tokenizer.encode(lines)
        tokens = time.process_time()
        values = sum(len(p.indicators) for tagged in tagger.tag_many(reports) for p in tagged.tagged)
        return read - began, tokens - read, time.process_time() - tokens, len(lines), values

    *_, paragraphs, values = run()
    encoder.replaying = reader.replaying = True
    rounds = [run() for _ in range(args.rounds)]
    read, tokens, tag = (min(seen[k] for seen in rounds) for k in range(3))
    print(f"{len(texts)} reports, {paragraphs} paragraphs, {values} values; one core, float32\n")
    print("| on the device | ms a paragraph | tokens a paragraph |\n| --- | ---: | ---: |")
    for name, part in (("encoder", encoder), ("value reader", reader)):
        print(f"| {name} | {1000 * part.seconds / paragraphs:.1f} | {part.tokens / paragraphs:.0f} |")
    print("\n| beside the device | ms a paragraph |\n| --- | ---: |")
    for name, seconds in (
        ("reading and structure", read),
        ("tokens", tokens),
        ("batches, heads, decoding", tag - tokens),
        ("all", read + tag),
    ):
        print(f"| {name} | {1000 * seconds / paragraphs:.2f} |")
    print(f"\nA device that answers at once would be given {paragraphs / (read + tag):,.0f} paragraphs/s by one core.")


if __name__ == "__main__":
    main()
