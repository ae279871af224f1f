"""Measure how fast reports are tagged on this machine, compared with a Hugging Face pipeline in a loop.

    python benchmarks/speed.py                      # the table, the ratios, and the growth of time and memory
    python benchmarks/speed.py --growth 10,100,1000,10000

Each row tags the paragraphs of the test split in one run, in its own process. All rows run in turn, `--repeats` times,
and the median counts. A pipeline only returns the label of a paragraph (`text-classification`) or its spans
(`token-classification`); `both` runs one after the other. The pipeline receives paragraphs that are already extracted,
without their headings. lawgov_nlp receives whole reports as text, and also finds the structure, names, numbers and
units. The pipelines use the weights of the shipped encoder with untrained heads, which take as long as trained ones.
`bert-base` is an encoder of that size with random weights. `encoder alone` runs the default backend on prepared
batches. Its share of the default's time is the part that the encoder takes.

The growth is measured with `tag_folder` on files, including reading processes and parts. The files are the same reports
repeated under different names.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from lawgov_nlp.model.tagger import Tagger
    from lawgov_nlp.model.windows import ArrayBatch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

PIPELINES = {
    "pipeline, labels": ("shipped", ("text-classification",), 1),
    "pipeline, both": ("shipped", ("text-classification", "token-classification"), 1),
    "pipeline of 16, both": ("shipped", ("text-classification", "token-classification"), 16),
    "bert-base pipeline, labels": ("base", ("text-classification",), 1),
    "bert-base pipeline, both": ("base", ("text-classification", "token-classification"), 1),
}
"""The encoder, the tasks and the batch size of each row for pipelines."""

OURS = {
    "torch:float32": ("shipped", "torch:float32"),
    "torch": ("shipped", "torch"),
    "openvino:float32": ("shipped", "openvino:float32"),
    "openvino": ("shipped", "openvino"),
    "tiny, torch": ("tiny", "torch"),
    "tiny, openvino": ("tiny", "openvino"),
}
"""The model and the backend of each row for lawgov_nlp."""

ALONE, READING = "encoder alone", "reading and structure"


def main() -> None:
    """Measure and print all rows, or run the single row that the parent process requests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--reports", type=int, default=18, help="the number of reports of the test split")
    parser.add_argument("--growth", default="10,100,1000", help="numbers of files; an empty string skips this part")
    parser.add_argument("--device", default="cpu", help="cpu or cuda; with cuda only torch is measured")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.folder:
        print(json.dumps(_grown(args.folder, args.device)))
    elif args.row:
        print(json.dumps(_row(args.row, args.reports, args.device)))
    else:
        _table(args.repeats, args.reports, args.device)
        if args.growth:
            _growth([int(n) for n in args.growth.split(",")], args.device)


def _table(repeats: int, reports: int, device: str) -> None:
    ours = [name for name, (_, backend) in OURS.items() if device == "cpu" or backend.startswith("torch")]
    rows: dict[str, list[dict[str, float]]] = {}
    for _ in range(repeats):
        for name in (*PIPELINES, *ours, ALONE, READING):
            run = _child("--row", name, "--reports", str(reports), "--device", device)
            rows.setdefault(name, []).append(run)
    seconds = {name: statistics.median(run["seconds"] for run in runs) for name, runs in rows.items()}
    best = min((name for name in ours if OURS[name][0] == "shipped"), key=seconds.__getitem__)
    paragraphs = rows[best][0]["paragraphs"]
    print(f"{paragraphs} paragraphs of {reports} reports, {os.cpu_count()} cores, median of {repeats}\n")
    print(f"| | resolved | paragraphs/s | times as long as {best} | peak MiB |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name, runs in rows.items():
        ratio = seconds[name] / seconds[best]
        peak = max(run["peak_mib"] for run in runs)
        print(f"| {name} | {runs[0]['what']} | {paragraphs / seconds[name]:.1f} | {ratio:.2f} | {peak:.0f} |")
    hours = 1e6 / paragraphs * seconds[best] / 3600
    print(f"\nA million such paragraphs take {hours:.1f} hours with {best}.")


def _growth(counts: list[int], device: str) -> None:
    print("\n| files | seconds | files/s | paragraphs/s | peak MiB, main process | with its readers |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            texts = _texts(None)
            (Path(folder) / "in").mkdir()
            for k in range(count):
                (Path(folder) / "in" / f"{k:06}.txt").write_text(texts[k % len(texts)], encoding="utf-8")
            run = _child("--folder", folder, "--device", device)
        took = run["seconds"]
        rates = f"{took:.1f} | {count / took:.1f} | {run['paragraphs'] / took:.1f}"
        print(f"| {count} | {rates} | {run['peak_mib']:.0f} | {run['all_mib']:.0f} |")


def _child(*arguments: str) -> dict[str, float]:
    """Run this script in a new process and return its measurements."""
    ran = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    if ran.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{ran.stderr}")
    return json.loads(ran.stdout.splitlines()[-1])


def _texts(reports: int | None) -> list[str]:
    from lawgov_nlp.annotation.corpus import load_splits, shipped_corpus

    return [report.text for report in load_splits(shipped_corpus())["test"][:reports]]


def _row(name: str, reports: int, device: str) -> dict[str, float | str]:
    """Measure one row, after a first report that isn't counted."""
    from lawgov_nlp import read_report

    texts = _texts(reports)
    paragraphs = sum(len(read_report(text).paragraphs) for text in texts)
    what, run = _pipelines(*PIPELINES[name], device) if name in PIPELINES else _ours(name, texts, device)
    run(texts[:1])
    began = time.perf_counter()
    run(texts)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return {"seconds": seconds, "paragraphs": paragraphs, "peak_mib": peak, "what": what}


def _ours(name: str, texts: list[str], device: str) -> tuple[str, Callable[[list[str]], object]]:
    """Return the resolved backend of a row for lawgov_nlp, and a function that runs it over texts."""
    from lawgov_nlp import read_report, tag_reports
    from lawgov_nlp.model.tagger import get_tagger

    if name == READING:
        return "", lambda texts: [read_report(text) for text in texts]
    if name == ALONE:
        loaded = get_tagger(None, device)
        batches = list(loaded.batches([p for text in texts for p in read_report(text).paragraphs]))
        return loaded.backend_name, lambda texts: _encode(loaded, batches[:1] if len(texts) == 1 else batches)
    model, backend = OURS[name]
    loaded = get_tagger(model, device, backend)
    return loaded.backend_name, lambda texts: list(tag_reports(texts, model=model, device=device, backend=backend))


def _encode(loaded: Tagger, batches: list[ArrayBatch]) -> None:
    for batch in batches:
        states = loaded.predictor.encode(batch)
    if loaded.predictor.kind == "cuda":  # A GPU runs asynchronously.
        states[0].last.cpu()


def _pipelines(
    encoder: str, tasks: tuple[str, ...], size: int, device: str
) -> tuple[str, Callable[[list[str]], object]]:
    """Build pipelines over the shipped encoder or one of BERT-base's size; return their backend and a run function."""
    from transformers import BertConfig, BertForSequenceClassification, BertForTokenClassification, pipeline
    from transformers.utils import logging

    from lawgov_nlp import read_report
    from lawgov_nlp.model import TAGS
    from lawgov_nlp.model.checkpoints import load_tagger, shipped_model
    from lawgov_nlp.scheme import DIMENSIONS

    logging.set_verbosity_error()
    model, tokenizer = load_tagger(shipped_model())
    config = model.encoder.config if encoder == "shipped" else BertConfig(vocab_size=len(tokenizer))
    heads = {"text-classification": BertForSequenceClassification, "token-classification": BertForTokenClassification}
    labels = {"text-classification": len(DIMENSIONS) + 1, "token-classification": len(TAGS)}
    built = []
    for task in tasks:
        own = copy.deepcopy(config)
        own.num_labels = labels[task]
        whole = heads[task](own).eval()
        if encoder == "shipped":
            whole.bert.load_state_dict(model.encoder.float().state_dict(), strict=False)
        tokenizer.model_max_length = 512
        built.append(pipeline(task, model=whole, tokenizer=tokenizer, device=device, batch_size=size))
    del model

    def run(texts: list[str]) -> None:
        paragraphs = [p.text for text in texts for p in read_report(text).paragraphs]
        for pipe in built:
            cut = {"truncation": True} if pipe.task == "text-classification" else {}
            if size == 1:
                for paragraph in paragraphs:
                    pipe(paragraph, **cut)
            else:
                for _ in pipe(_each(paragraphs), **cut):
                    pass

    return "torch:float32", run


def _each(paragraphs: list[str]) -> Iterator[str]:
    yield from paragraphs


def _grown(folder: Path, device: str) -> dict[str, float]:
    """Measure the seconds and the memory of a run over a folder."""
    from lawgov_nlp import tag_folder
    from lawgov_nlp.model.tagger import get_tagger

    get_tagger(None, device)  # Loading takes the same time for any number of files.
    me, most = psutil.Process(), 0.0

    def look(_: object) -> None:
        nonlocal most
        sizes = [me.memory_info().rss]
        for child in me.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # It may have ended.
                sizes.append(child.memory_info().rss)
        most = max(most, sum(sizes) / 2**20)

    began = time.perf_counter()
    run = tag_folder(folder / "in", folder / "out", device=device, on_progress=look)
    seconds = time.perf_counter() - began
    if run.failures:
        raise SystemExit(f"failed: {run.failures[:3]}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return {"seconds": seconds, "paragraphs": run.paragraphs, "peak_mib": peak, "all_mib": max(most, peak)}


if __name__ == "__main__":
    main()
