#!/usr/bin/env bash
# The wheel carries the model: installed in an environment of its own, away from the source, `lawgov tag` works.
# usage: tests/wheel_check.sh PYTHON   (PYTHON needs network only for build and install)
set -euo pipefail
python=$(realpath -s "$1")
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$work/dist" "$root"
"$python" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --constraint "$root/constraints.txt" "$work"/dist/lawgov_nlp-*.whl
cp -r "$root/data/samples" "$work/reports"
cd "$work"
export HF_HUB_OFFLINE=1 PYTHONPATH=
"$work/venv/bin/python" -c '
import pathlib, sys, lawgov_nlp
assert pathlib.Path(lawgov_nlp.__file__).is_relative_to(sys.prefix), lawgov_nlp.__file__'
"$work/venv/bin/lawgov" tag reports -o found.jsonl
"$work/venv/bin/lawgov" tag reports --model tiny -o by_tiny.jsonl
"$work/venv/bin/lawgov" convert found.jsonl -o to_label.json --to label-studio
"$work/venv/bin/python" -c '
from lawgov_nlp.annotation.corpus import load_splits, shipped_corpus
splits = {name: len(reports) for name, reports in load_splits(shipped_corpus()).items()}
assert splits["test"] == 18 and sum(splits.values()) > 150, splits'
"$work/venv/bin/python" -c '
import json
reports = [json.loads(line) for line in open("found.jsonl", encoding="utf-8")]
assert len(reports) == 4, len(reports)
assert all(p["label"] or p["label"] is None for r in reports for p in r["paragraphs"])
assert sum(len(p["indicators"]) for r in reports for p in r["paragraphs"]) >= 20
print("wheel: 4 reports tagged away from the source")'
