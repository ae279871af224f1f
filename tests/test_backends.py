"""The encoder by torch and by OpenVINO, in each precision: the same states, the same labels."""

import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from lawgov_nlp.annotation.corpus import load_splits, shipped_corpus
from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.errors import ModelError
from lawgov_nlp.model import devices, openvino_tagger
from lawgov_nlp.model import tagger as tagger_module
from lawgov_nlp.model.backends import OpenVINOBackend, TorchPredictor
from lawgov_nlp.model.checkpoints import load_tagger
from lawgov_nlp.model.devices import native_precision, resolve_backend
from lawgov_nlp.model.tagger import Tagger, get_tagger

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("onnx", "unknown backend 'onnx'; expected auto, torch, openvino, torch:float32"),
        ("auto:float32", "unknown backend"),
        ("torch:int8", "unknown backend"),
        ("openvino:float16", "has no float16; expected float32 or bfloat16"),
        ("torch:float16", "is for GPUs"),
    ],
)
def test_what_isnt_there_is_refused(name, message):
    with pytest.raises(ModelError, match=message):
        resolve_backend(name, CPU)


def test_what_auto_comes_to(monkeypatch):
    installed = {"openvino": False}
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: installed[name] or None)
    monkeypatch.setattr(devices, "_cpu_features", lambda: {"avx512_bf16"})
    assert resolve_backend("auto", CPU) == ("torch", "bfloat16")
    assert resolve_backend("torch:float32", CPU) == ("torch", "float32")
    with pytest.raises(ModelError, match=r"lawgov-nlp\[fast\]"):
        resolve_backend("openvino", CPU)
    installed["openvino"] = True
    assert resolve_backend("auto", CPU) == ("openvino", "bfloat16")
    monkeypatch.setattr(devices, "_cpu_features", set)
    assert resolve_backend("auto", CPU) == ("openvino", "float32")
    gpu = torch.device("cuda:0")
    for capability, precision in (((8, 0), "bfloat16"), ((7, 5), "float16")):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, c=capability: c)
        assert resolve_backend("auto", gpu) == ("torch", precision)
    with pytest.raises(ModelError, match="not on cuda"):
        resolve_backend("openvino", gpu)


@pytest.fixture(scope="module")
def sampled():
    """Some reports of the test split, read."""
    return [parse_gold(report) for report in load_splits(shipped_corpus())["test"][::6]]


def _decided(tagged):
    """What a reader sees of the paragraphs, without the probabilities."""
    spans = ("start", "end", "name_start", "name_end", "dimension", "number", "unit", "qualifier")
    return [
        (p.label, set(p.labels), [tuple(getattr(i, name) for name in spans) for i in p.indicators])
        for report in tagged
        for p in report.paragraphs
    ]


@pytest.mark.parametrize("backend", ["openvino:float32", "openvino:bfloat16", "torch:bfloat16"])
def test_all_decide_alike(shipped, sampled, backend):
    """float32 to the last span; 16 bits but for one paragraph in thirty, and no primary label. Probabilities follow."""
    if backend.startswith("openvino"):
        pytest.importorskip("openvino")
    other = Tagger.from_pretrained(device="cpu", backend=backend)
    assert other.backend_name == backend
    want, got = list(shipped.tag_many(sampled)), list(other.tag_many(sampled))
    pairs = list(zip(_decided(want), _decided(got), strict=True))
    assert len(pairs) > 50
    assert sum(a != b for a, b in pairs) <= (0 if backend.endswith("32") else len(pairs) // 30)
    assert all(a[0] == b[0] for a, b in pairs)
    most = 1e-3 if backend.endswith("32") else 0.05
    for a, b in zip((p for r in want for p in r.paragraphs), (p for r in got for p in r.paragraphs), strict=True):
        assert a.confidence == pytest.approx(b.confidence, abs=most)


@pytest.mark.parametrize("state", [0.0, float("nan")])
def test_a_conversion_that_gives_other_states_is_refused(tiny_model, monkeypatch, state):
    """As of an encoder whose mask the tracing took for a constant, or one whose mask overflows."""
    pytest.importorskip("openvino")
    import copy

    model = copy.deepcopy(tiny_model)
    monkeypatch.setattr(
        "lawgov_nlp.model.backends._Compiled.forward", lambda self, ids, *_: (torch.full((*ids.shape, 32), state),)
    )
    with pytest.raises(ModelError, match=r"are off by .*take backend torch"):
        OpenVINOBackend(model, "float32")
    assert all(p.device == CPU for p in model.encoder.parameters())


def test_other_encoders_are_converted_too(base, tiny, gold):
    pytest.importorskip("openvino")
    model, tokenizer = load_tagger(base)
    device = model.device
    converted = Tagger(TorchPredictor(model.eval(), OpenVINOBackend(model.eval(), "float32"), device), tokenizer)
    report = parse_gold(gold)
    assert _decided([converted.tag(report)]) == _decided([tiny.tag(report)])
    long = dataclasses.replace(gold, units=(*gold.units[:3], *gold.units[3:] * 40))  # more windows than one run takes
    report = parse_gold(long)
    assert _decided([converted.tag(report)]) == _decided([tiny.tag(report)])


def test_openvino_reports_to_nobody(base):
    """In a process of its own, since this one may have loaded it already."""
    pytest.importorskip("openvino")
    script = (
        "import socket, sys\n"
        "def no(*a, **k): raise SystemExit('the network was asked for')\n"
        "socket.socket.connect = socket.getaddrinfo = no\n"
        "from pathlib import Path\n"
        "from lawgov_nlp.model.tagger import Tagger\n"
        "Tagger.from_pretrained(Path(sys.argv[1]), 'cpu', 'openvino')\n"
        "from openvino.tools.ovc import telemetry_utils, convert_impl\n"
        "print(telemetry_utils.tm.__name__, convert_impl.tm.__name__)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, str(base)], capture_output=True, text=True, check=False)
    assert ran.stdout.split() == ["openvino.tools.ovc.telemetry_stub"] * 2, ran.stderr


def test_the_precision_of_this_machine_is_one_that_torch_has():
    assert native_precision(CPU) in ("float32", "bfloat16")


def test_threads_share_a_tagger(base, tiny, gold):
    """A server tags in several threads: none gets another one's states."""
    pytest.importorskip("openvino")
    converted = Tagger.from_pretrained(base, "cpu", "openvino:float32")
    reports = [parse_gold(dataclasses.replace(gold, units=gold.units[:3] + gold.units[k:])) for k in range(3, 11)] * 4
    want = [_decided([tiny.tag(report)]) for report in reports]
    with ThreadPoolExecutor(4) as threads:
        assert [_decided([tagged]) for tagged in threads.map(converted.tag, reports)] == want


def test_where_openvino_cant_take_an_encoder_torch_does(base, monkeypatch, caplog):
    pytest.importorskip("openvino")

    def broken():
        raise ImportError("libopenvino.so: cannot open shared object file")

    monkeypatch.setattr(openvino_tagger, "import_openvino", broken)
    for kept in ("_KEPT", "_CAME_TO"):
        monkeypatch.setattr(tagger_module, kept, {})
    loaded = get_tagger(base, "cpu")
    assert loaded.backend_name.startswith("torch:")
    assert "libopenvino.so" in caplog.text
    caplog.clear()
    assert get_tagger(base, "cpu") is get_tagger(base, "cpu", loaded.backend_name) is loaded
    for load in (Tagger.from_pretrained, get_tagger):
        with pytest.raises(ModelError, match=r"libopenvino\.so.*take backend torch"):
            load(base, "cpu", "openvino")
    assert not caplog.text
    monkeypatch.undo()
    assert get_tagger(base, "cpu", "openvino").backend_name.startswith("openvino:")  # what failed once is tried again
