"""The simulation of labelling, on made-up vectors."""

import runpy
import sys

import numpy as np
import pytest

from lawgov_nlp.annotation.corpus import data_hash, load_splits
from lawgov_nlp.annotation.examples import examples

from .conftest import ROOT


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT / "training"), *sys.path])
        return runpy.run_path(str(ROOT / "training" / "suggest_curve.py"))


@pytest.fixture(scope="module")
def simulation(script):
    """Vectors that give the label away but for some noise."""
    splits = load_splits(ROOT / "data")
    pool = [examples([report]).examples for report in splits["train"][:20]]
    held_out = examples(splits["dev"][:4]).examples
    rng = np.random.default_rng(0)
    labels = sorted({str(e.primary or "none") for report in pool for e in report})

    def vectors(some):
        hot = np.eye(len(labels))[[labels.index(str(e.primary or "none")) for e in some]]
        return (hot + rng.normal(scale=0.3, size=hot.shape)).astype(np.float32)

    flat = [e for report in pool for e in report]
    return script["Simulation"](pool, held_out, vectors(flat), vectors(held_out))


def test_every_way_starts_alike_and_learns(script, simulation, monkeypatch):
    monkeypatch.setitem(simulation.curve.__func__.__globals__, "ROUNDS", 3)
    curves = {way: simulation.curve(way, 0) for way in script["WAYS"]}
    assert {len(curve) for curve in curves.values()} == {4}
    assert len({curve[0] for curve in curves.values()}) == 1
    assert all(curve[-1] > 0.6 for curve in curves.values())
    assert simulation.curve("mixed", 0) == curves["mixed"]
    assert simulation.curve("mixed", 1) != curves["mixed"]


def test_labels_needed_lie_between_rounds(script):
    start, step = script["START"], script["ROUND"]
    mean = np.array([0.5, 0.7, 0.6, 0.8])
    assert script["needed"](mean, 0.4) == start
    assert script["needed"](mean, 0.6) == pytest.approx(start + step / 2)
    assert script["needed"](mean, 0.75) == pytest.approx(start + 2.75 * step)
    assert script["needed"](mean, 0.9) == float("inf")


def test_a_cache_of_other_vectors_is_refused(script, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    reports = load_splits(ROOT / "data")["dev"][:1]
    np.savez(tmp_path / "cache.npz", key="other", dev=np.zeros((1, 2)))
    with pytest.raises(SystemExit, match="another encoder or other data"):
        script["cached"](tmp_path / "cache.npz", tmp_path, {"dev": []}, data_hash(reports))
