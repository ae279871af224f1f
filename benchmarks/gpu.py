"""Measure how well a GPU is kept busy. Runs alone and prints a table for each question, as soon as it is answered.

    python benchmarks/gpu.py                               # ten minutes on one GPU
    python benchmarks/gpu.py --minutes 3 --until 5         # the same with less time for each row
    python benchmarks/gpu.py --device cpu --paragraphs 40 --training 2 --model tiny   # the whole path, as its test does

Each row is a process of its own, so that its memory is its own. A row that has no time left stops between two groups of
reports and counts what it did; rows that couldn't begin are named at the end.

end to end   whole reports, as texts in memory (`tag_reports`) and as files on disk (`tag_folder`): reading, structure,
             tokens, encoder, values and their names, and for files the reading processes and the parts
several      as many processes as said share the device, each with its own reports in memory
forward      the encoder alone on full batches that are ready on the device: in each precision, compiled
             (`torch.compile`), and unpadded (varlen attention: tokens of all windows in one row, without padding)
labels       what differs from float32 in the results for the annotated reports of the test split
training     one pass over some reports, in float32 and in bfloat16

The share is paragraphs/s end to end divided by paragraphs/s of the plain forward pass in the same precision.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from lawgov_nlp.model.backends import TorchPredictor
    from lawgov_nlp.model.tagger import Tagger
    from lawgov_nlp.model.windows import Batch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SHARES = {"end": 0.45, "several": 0.2, "forward": 0.15, "labels": 0.05, "training": 0.15}
"""The share of the time that each question may take."""

FORWARDS = {"plain": (), "compiled": ("compiled",), "unpadded": ("unpadded",)}

Row = dict[str, Any]


def main() -> None:
    """Measure and print all rows, or run the single row that the parent process requests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N, or cpu to try the path")
    parser.add_argument("--model", help="a folder or tiny; default: the shipped model")
    parser.add_argument("--paragraphs", default="100000,1000000", help="paragraphs end to end, a run for each number")
    parser.add_argument("--processes", default="1,2,4,8", help="numbers of processes that share the device")
    parser.add_argument("--precisions", help="default: bfloat16,float16,float32 on a GPU, float32 on a CPU")
    parser.add_argument("--training", type=int, default=60, help="reports to train on")
    parser.add_argument("--minutes", type=float, default=6, help="of measuring, for all rows together")
    parser.add_argument("--until", type=float, default=9, help="minutes after which no row begins; loading takes some")
    parser.add_argument("--compiler", default="inductor", help="backend of torch.compile; eager only traces")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.row:
        settings = json.loads(args.row)
        print(json.dumps(ROWS[settings["what"]](settings)))
        return
    kind = args.device.partition(":")[0]
    precisions = (args.precisions or ("bfloat16,float16,float32" if kind == "cuda" else "float32")).split(",")
    _All(args, precisions).run()


class _All:
    """Runs all rows in turn and prints them."""

    def __init__(self, args: argparse.Namespace, precisions: list[str]) -> None:
        self._args, self._precisions = args, precisions
        self._common = {"device": args.device, "model": args.model, "compiler": args.compiler}
        self._ends = time.monotonic() + 60 * args.until
        self._left_out: list[str] = []

    def run(self) -> None:
        first = self._precisions[0]
        plain = self._forward()
        counts = [int(n) for n in self._args.paragraphs.split(",")]
        runs = [(what, n) for n in counts for what in ("memory", "files")]
        print("\n## End to end\n")
        self._head("", "paragraphs", "seconds", "paragraphs/s", "share of plain", "device MiB", "process MiB")
        for what, count in runs:
            row = self._row("end", len(runs), what=what, count=count, precision=first)
            if row:
                rate = row["paragraphs"] / row["seconds"]
                share = f"{rate / plain:.2f}" if plain else "–"
                name = what if row["paragraphs"] >= count else f"{what} (of {count:,}, time was up)"
                self._cells(name, f"{row['paragraphs']:,}", row["seconds"], rate, share, *_memory(row))
        self._several(counts[0], first, plain)
        self._labels()
        self._training()
        for name in self._left_out:
            print(f"\nNot measured: {name}")

    def _forward(self) -> float | None:
        """Return paragraphs/s of the plain forward pass in the first precision."""
        print("## The forward pass on full batches\n")
        self._head("", "precision", "paragraphs/s", "tokens/s", "padding", "off", "device MiB", "process MiB")
        plain = None
        for precision in self._precisions:
            for name in FORWARDS:
                number = len(self._precisions) * len(FORWARDS)
                row = self._row("forward", number, way=name, precision=precision)
                if not row:
                    continue
                if "refused" in row:
                    self._cells(name, precision, "–", "–", "–", row["refused"], "–", "–")
                    continue
                rate = row["paragraphs"] / row["seconds"]
                if plain is None and name == "plain":
                    plain = rate
                padding, off = f"{row['padding']:.3f}", f"{row['off']:.4f}"
                self._cells(name, precision, rate, row["tokens"] / row["seconds"], padding, off, *_memory(row))
        print("\nOff: the largest difference between a state and that of the plain pass in float32.")
        return plain

    def _several(self, count: int, precision: str, plain: float | None) -> None:
        print("\n## Several processes on the device, texts in memory\n")
        self._head("processes", "paragraphs/s", "share of plain", "device MiB, all", "process MiB, each")
        numbers = [int(n) for n in self._args.processes.split(",")]
        for number in numbers:
            each = {"what": "memory", "count": -(-count // number), "precision": precision}
            rows = self._rows("several", [each] * number, len(numbers))
            if not rows:
                continue
            seconds = max(row["ended"] for row in rows) - min(row["began"] for row in rows)
            rate = sum(row["paragraphs"] for row in rows) / seconds
            share = f"{rate / plain:.2f}" if plain else "–"
            device, process = sum(row["device_mib"] for row in rows), max(row["process_mib"] for row in rows)
            self._cells(number, rate, share, f"{device:,.0f}", f"{process:,.0f}")

    def _labels(self) -> None:
        print("\n## What differs from float32\n")
        self._head("precision", "paragraphs", "primary labels", "any labels", "indicators", "values, names or topics")
        for precision in self._precisions:
            row = self._row("labels", len(self._precisions), precision=precision)
            if row:
                names = ("paragraphs", "primary", "labels", "indicators", "spans")
                self._cells(precision, *(f"{row[name]:,}" for name in names))

    def _training(self) -> None:
        print("\n## Training, one pass\n")
        self._head("precision", "reports", "seconds", "labels, micro-F1", "indicators, F1", "device MiB", "process MiB")
        for precision in ("float32", "bfloat16"):
            row = self._row("training", 2, precision=precision, reports=self._args.training)
            if row:
                scores = f"{row['labels']:.3f}", f"{row['indicators']:.3f}"
                self._cells(precision, row["reports"], row["seconds"], *scores, *_memory(row))

    def _row(self, question: str, rows: int, **settings: object) -> Row | None:
        found = self._rows(question, [{"what": question} | settings], rows)
        return found[0] if found else None

    def _rows(self, question: str, all_settings: list[dict[str, Any]], rows: int) -> list[Row]:
        """Run processes side by side for one row of a question with so many rows; empty where no time is left."""
        seconds = 60 * self._args.minutes * SHARES[question] / rows
        if time.monotonic() >= self._ends:
            self._left_out.append(f"{question} {json.dumps(all_settings[0])}")
            return []
        running = []
        for settings in all_settings:
            row = json.dumps({**self._common, **settings, "seconds": seconds})
            command = [sys.executable, __file__, "--row", row]
            running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT))
        answers = [process.communicate()[0] for process in running]
        if any(process.returncode for process in running):
            print(f"{question} {all_settings[0]} failed; the reason stands above", flush=True)
            return []
        return [json.loads(answer.splitlines()[-1]) for answer in answers]

    def _head(self, *names: str) -> None:
        print("| " + " | ".join(names) + " |")
        print("| --- |" + " ---: |" * (len(names) - 1), flush=True)

    def _cells(self, *cells: object) -> None:
        shown = (f"{cell:,.1f}" if isinstance(cell, float) else str(cell) for cell in cells)
        print("| " + " | ".join(shown) + " |", flush=True)


def _memory(row: Row) -> tuple[str, str]:
    return f"{row['device_mib']:,.0f}", f"{row['process_mib']:,.0f}"


def _used(device: str) -> Row:
    """Return the peak memory of the device, as torch holds it, and of this process."""
    import torch

    gpu = torch.cuda.max_memory_reserved(device) / 2**20 if device.startswith("cuda") else 0.0
    return {"device_mib": gpu, "process_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10}


def _texts(split: str = "test") -> list[str]:
    from lawgov_nlp.annotation.corpus import load_splits, shipped_corpus

    return [report.text for report in load_splits(shipped_corpus())[split]]


def _loaded(settings: Row) -> Tagger:
    """Load the model, and tag one report, which isn't counted: the first pass compiles kernels."""
    from lawgov_nlp import read_report
    from lawgov_nlp.model.tagger import get_tagger

    loaded = get_tagger(settings["model"], settings["device"], f"torch:{settings['precision']}")
    loaded.tag(read_report(_texts()[0]))
    return loaded


def _in_memory(settings: Row) -> Row:
    from lawgov_nlp import tag_reports

    _loaded(settings)
    texts = _texts()
    choice = {key: settings[key] for key in ("model", "device")} | {"backend": f"torch:{settings['precision']}"}
    began, clock, paragraphs = time.time(), time.monotonic(), 0
    for report in tag_reports(cycle(texts), workers=0, **choice):
        paragraphs += len(report.paragraphs)
        if paragraphs >= settings["count"] or time.monotonic() - clock > settings["seconds"]:
            break
    seconds = time.monotonic() - clock
    return {"paragraphs": paragraphs, "seconds": seconds, "began": began, "ended": time.time()} | _used(
        settings["device"]
    )


class _TimeIsUpError(Exception):
    """Ends a run over a folder; what is tagged is counted."""


def _of_files(settings: Row) -> Row:
    from lawgov_nlp import read_report, tag_folder

    _loaded(settings)
    texts = _texts()
    sizes = [len(read_report(text).paragraphs) for text in texts]
    done = 0

    def look(progress: Any) -> None:  # noqa: ANN401
        nonlocal done
        done = progress.paragraphs
        if time.monotonic() - clock > settings["seconds"]:
            raise _TimeIsUpError

    with tempfile.TemporaryDirectory() as place:
        folder, planned, number = Path(place, "in"), 0, 0
        folder.mkdir()
        while planned < settings["count"]:
            (folder / f"{number:06}.txt").write_text(texts[number % len(texts)], encoding="utf-8")
            planned += sizes[number % len(texts)]
            number += 1
        choice = {key: settings[key] for key in ("model", "device")} | {"backend": f"torch:{settings['precision']}"}
        clock = time.monotonic()
        with contextlib.suppress(_TimeIsUpError):
            done = tag_folder(folder, Path(place, "out"), on_progress=look, **choice).paragraphs
        return {"paragraphs": done, "seconds": time.monotonic() - clock} | _used(settings["device"])


def _forward_pass(settings: Row) -> Row:
    """Run the encoder on full batches that are ready on the device, for as long as is given."""
    import torch

    from lawgov_nlp import read_report

    precision, way = settings["precision"], settings["way"]
    if way == "unpadded" and settings["device"].startswith("cuda") and precision == "float32":
        return {"refused": "varlen attention takes 16 bits"}
    loaded = _loaded(settings)
    predictor: Any = loaded.predictor
    lines = [line for text in _texts() for line in read_report(text).paragraphs]
    if settings["device"].startswith("cuda"):
        lines *= 8  # Of 364 paragraphs there would be one full batch.
    batches = [batch.tensors().to(predictor.device) for batch in loaded.batches(lines)]
    step = _step(predictor, way, settings["compiler"])
    off = _off(predictor, step, batches[-1])
    wait: Callable[[], None] = torch.cuda.synchronize if settings["device"].startswith("cuda") else (lambda: None)
    with torch.inference_mode():
        for batch in batches:  # Every shape once: kernels and graphs are made here.
            step(batch)
        wait()
        began, passes = time.monotonic(), 0
        while not passes or time.monotonic() - began < settings["seconds"] / 3:
            for batch in batches:
                step(batch)
            wait()
            passes += 1
        seconds = time.monotonic() - began
    seen = sum(int(batch.attention_mask.sum()) for batch in batches)
    places = sum(batch.input_ids.numel() for batch in batches)
    counted = {"paragraphs": len(lines) * passes, "tokens": seen * passes, "seconds": seconds}
    return counted | {"padding": 1 - seen / places, "off": off} | _used(settings["device"])


def _step(predictor: TorchPredictor, way: str, compiler: str) -> Callable[[Batch], torch.Tensor]:
    """Return a function from a batch to the last states, (windows, tokens, hidden) or, unpadded, (tokens, hidden)."""
    import torch

    if way == "unpadded":
        return Unpadded(predictor)
    if way == "compiled":
        predictor.model.encoder = torch.compile(predictor.model.encoder, backend=compiler, dynamic=True)
    return lambda batch: predictor.backend(batch).last


def _off(predictor: TorchPredictor, step: Callable[[Batch], torch.Tensor], batch: Batch) -> float:
    """Return the largest difference of the states of tokens from those of the plain pass in float32."""
    import torch

    encoder = predictor.model.encoder
    plain = getattr(encoder, "_orig_mod", encoder)
    with torch.inference_mode():
        found = step(batch).float()
        segments = {"token_type_ids": batch.token_type_ids} if predictor.model.segments else {}
        want = plain(input_ids=batch.input_ids, attention_mask=batch.attention_mask, **segments).last_hidden_state
    seen = batch.attention_mask.bool()
    return float((found - want[seen] if found.ndim == 2 else (found - want)[seen]).abs().max())


class Unpadded:
    """The encoder of BERT's architecture over the tokens of all windows in one row, without padding.

    On a GPU torch's varlen attention keeps the windows apart; elsewhere each window is attended to on its own, which is
    slow and only shows that the rest is right.

    Args:
        predictor: The model, whose precision is the backend's.
    """

    def __init__(self, predictor: TorchPredictor) -> None:
        import torch

        self._encoder: Any = predictor.model.encoder
        self._type = getattr(torch, predictor.name.partition(":")[2])
        self._heads = predictor.model.encoder.config.num_attention_heads

    def __call__(self, batch: Batch) -> torch.Tensor:
        """Return the last states of all tokens, (tokens, hidden)."""
        import torch

        seen = batch.attention_mask.bool()
        lengths = batch.attention_mask.sum(1)
        ends = torch.nn.functional.pad(lengths.cumsum(0), (1, 0)).to(torch.int32)
        places = torch.arange(seen.shape[1], device=seen.device).expand_as(seen)[seen]
        tables = self._encoder.embeddings
        states = tables.word_embeddings(batch.input_ids[seen]) + tables.position_embeddings(places)
        states = tables.LayerNorm(states + tables.token_type_embeddings(batch.token_type_ids[seen]))
        with torch.autocast(states.device.type, self._type, enabled=self._type is not torch.float32):
            for layer in self._encoder.encoder.layer:
                own = layer.attention.self
                parts = (linear(states).unflatten(1, (self._heads, -1)) for linear in (own.query, own.key, own.value))
                attended = self._attend(*parts, ends, int(batch.input_ids.shape[1])).flatten(1)
                attended = layer.attention.output(attended, states)
                states = layer.output(layer.intermediate(attended), attended)
        return states

    def _attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, ends: torch.Tensor, longest: int
    ) -> torch.Tensor:
        import torch

        if query.device.type == "cuda":
            from torch.nn.attention.varlen import varlen_attn

            query, key, value = (t.to(self._type) for t in (query, key, value))
            return varlen_attn(query, key, value, ends, ends, longest, longest)
        attend = torch.nn.functional.scaled_dot_product_attention
        windows = zip(*(t.tensor_split(ends[1:-1].cpu().long()) for t in (query, key, value)), strict=True)
        return torch.cat([attend(*(t.transpose(0, 1)[None] for t in w))[0].transpose(0, 1) for w in windows])


def _labels(settings: Row) -> Row:
    """Count what a precision changes on the test split, against float32 on the same device."""
    from lawgov_nlp import read_report

    reports = [read_report(text) for text in _texts()]
    want, found = (
        [p for tagged in _loaded({**settings, "precision": precision}).tag_many(reports) for p in tagged.tagged]
        for precision in ("float32", settings["precision"])
    )
    pairs = list(zip(want, found, strict=True))

    def spans(paragraph: Any) -> list[tuple[object, ...]]:  # noqa: ANN401
        return [(i.start, i.end, i.name_start, i.name_end, i.dimension) for i in paragraph.indicators]

    return {
        "paragraphs": len(pairs),
        "primary": sum(a.label != b.label for a, b in pairs),
        "labels": sum(set(a.labels) != set(b.labels) for a, b in pairs),
        "indicators": sum(len(a.indicators) for a in want),
        "spans": sum(len(set(spans(a)) ^ set(spans(b))) for a, b in pairs),
    }


def _trained(settings: Row) -> Row:
    """Train for one pass over some reports, from the model."""
    from lawgov_nlp.annotation.corpus import load_splits, shipped_corpus
    from lawgov_nlp.model.checkpoints import named_model
    from lawgov_nlp.training.config import TrainConfig
    from lawgov_nlp.training.trainer import saved_scores, train

    splits = load_splits(shipped_corpus())
    reports, dev = splits["train"][: settings["reports"]], splits["dev"][:2]
    config = TrainConfig(epochs=1, precision=settings["precision"])
    with tempfile.TemporaryDirectory() as place:
        began = time.monotonic()
        train(
            reports, dev, base=named_model(settings["model"]), out=Path(place, "model"), config=config,
            device=settings["device"], revision="benchmark",
        )  # fmt: skip
        seconds = time.monotonic() - began
        figures = saved_scores(Path(place, "model"), dev).figures
    found = {"labels": figures["labels_micro_f1"], "indicators": figures["indicator_f1"]}
    return {"reports": len(reports), "seconds": seconds} | found | _used(settings["device"])


ROWS: dict[str, Callable[[Row], Row]] = {
    "memory": _in_memory,
    "files": _of_files,
    "forward": _forward_pass,
    "labels": _labels,
    "training": _trained,
}
"""What a process of its own measures, by the name in its settings."""


if __name__ == "__main__":
    main()
