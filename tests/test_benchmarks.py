"""The benchmark for a GPU, tried on the CPU with tiny sizes."""

import importlib.util
import subprocess
import sys

import pytest
import torch

from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.model.backends import TorchBackend, TorchPredictor

from .conftest import ROOT

GPU = ROOT / "benchmarks" / "gpu.py"


def test_unpadded_states_are_those_of_padded_windows(tiny, gold):
    spec = importlib.util.spec_from_file_location("gpu", GPU)
    gpu = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gpu)
    (batch,) = (b.tensors() for b in tiny.batches(parse_gold(gold).paragraphs))
    assert not batch.attention_mask.all()
    predictor = TorchPredictor(tiny.model, TorchBackend(tiny.model, "float32"))
    assert gpu._off(predictor, gpu.Unpadded(predictor), batch) < 1e-5
    with torch.inference_mode():
        assert len(gpu.Unpadded(predictor)(batch)) == batch.attention_mask.sum()


@pytest.mark.slow
def test_the_whole_path_runs_on_a_cpu(base):
    sizes = ["--paragraphs", "30,60", "--processes", "2", "--training", "2", "--minutes", "0.3", "--until", "600"]
    command = [sys.executable, GPU, "--device", "cpu", "--model", base, *sizes, "--compiler", "eager"]
    ran = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    rows = [line.split(" | ") for line in ran.stdout.splitlines() if line.startswith("| ")]
    names = [row[0].removeprefix("| ") for row in rows]
    for name in ("plain", "compiled", "unpadded", "2", "float32", "bfloat16"):
        assert name in names, ran.stdout
    assert sum(name.startswith("memory") for name in names) == sum(name.startswith("files") for name in names) == 2
    assert all(float(row[5]) < 1e-3 for row in rows if row[0].removeprefix("| ") in ("plain", "compiled", "unpadded"))
    assert "failed" not in ran.stdout
    assert "Not measured" not in ran.stdout
