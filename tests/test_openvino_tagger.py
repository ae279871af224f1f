"""The graphs that are built from the weights against the same model in torch, and their cold start."""

import dataclasses
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.errors import ModelError
from lawgov_nlp.model.config import TaggerConfig
from lawgov_nlp.model.modeling import TaggerModel
from lawgov_nlp.model.openvino_tagger import OpenVINOTagger, load_openvino_tagger
from lawgov_nlp.model.pieces import Pieces
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.model.weights import TaggerSettings
from lawgov_nlp.training.trainer import save_tagger

pytest.importorskip("openvino")


@pytest.fixture(scope="module")
def made(tmp_path_factory, encoder_config, tokenizer):
    """A function that saves an untrained model, whose weights are so large that what they do can be seen."""

    def make(name, **own):
        torch.manual_seed(0)
        config = TaggerConfig(
            encoder=encoder_config | {"model_type": "bert"}, window=96, overlap=16, heading=24,
            primary_temperature=1.5, review_below=0.4, revision="tiny", **own,
        )  # fmt: skip
        model = TaggerModel(config).eval()
        for weight_name, weight in model.named_parameters():
            if "LayerNorm" not in weight_name:
                torch.nn.init.normal_(weight, std=0.25)
        place = tmp_path_factory.mktemp(name) / "model"
        save_tagger(model, tokenizer, place, {})
        return place

    return make


@pytest.fixture(scope="module")
def folder(made):
    """A model whose names a `ValueReader` finds."""
    return made("reader", reader_layers=1, reader_from=1)


@pytest.fixture(scope="module")
def pointing(made):
    """A model whose names the pointer finds."""
    return made("pointer", pointer_size=16)


@pytest.mark.parametrize("names", ["reader", "pointer"])
def test_built_and_torch_give_the_same_arrays(folder, pointing, gold, names):
    """For windows of different length, two windows of one paragraph, and values beside each other."""
    place = folder if names == "reader" else pointing
    torch_tagger, built = (Tagger.from_pretrained(place, "cpu", f"{e}:float32") for e in ("torch", "openvino"))
    assert isinstance(built.predictor, OpenVINOTagger)
    report = parse_gold(dataclasses.replace(gold, units=(*gold.units[:3], *gold.units[3:] * 3)))
    long = dataclasses.replace(report.paragraphs[1], text=report.paragraphs[1].text * 5, start=0, end=190)
    windows = [w for code in built.tokenizer.encode([*report.paragraphs[:4], long]) for w in code.windows]
    assert len(windows) > 5
    batch = built.tokenizer.arrays(windows)
    want, found = (t.predictor.output(t.predictor.encode(batch), batch) for t in (torch_tagger, built))
    for name in ("primary", "mentions", "tags", "paragraph"):
        np.testing.assert_allclose(getattr(found, name), getattr(want, name), atol=2e-5, rtol=1e-4, err_msg=name)
    body = batch.body_mask.argmax(1)
    values = np.array([(w, body[w] + k, body[w] + k + 1) for w, k in ((3, 2), (0, 5), (3, 9), (len(windows) - 1, 3))])
    names = values[:, 1:] - 1
    a, b = (output.read_values(values[:3], values) for output in (want, found))
    np.testing.assert_allclose(b.starts, a.starts, atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(b.ends, a.ends, atol=1e-4, rtol=1e-4)
    assert b.topics(names[:3]).tolist() == a.topics(names[:3]).tolist()


@pytest.mark.slow
def test_built_and_torch_tag_alike(shipped):
    """On annotated reports of both kinds, to the last field; probabilities to the fifth digit."""
    from lawgov_nlp import read_report
    from lawgov_nlp.annotation.corpus import MODELLED, load_splits, shipped_corpus

    built = Tagger.from_pretrained(device="cpu", backend="openvino:float32")
    assert isinstance(built.predictor, OpenVINOTagger)
    corpora = (shipped_corpus(), shipped_corpus() / MODELLED)
    reports = [read_report(r.text) for c in corpora for s in load_splits(c).values() for r in s[::25]]
    assert sum(len(r.paragraphs) for r in reports) > 100
    for want, found in zip(shipped.tag_many(reports), built.tag_many(reports), strict=True):
        for a, b in zip(want.tagged, found.tagged, strict=True):
            close = ("scores", "secondary_scores", "indicators")
            assert dataclasses.replace(b, **{name: getattr(a, name) for name in close}) == a
            assert [*b.scores.values()] == pytest.approx([*a.scores.values()], abs=1e-5)
            assert [*b.secondary_scores.values()] == pytest.approx([*a.secondary_scores.values()], abs=2e-4)
            assert [dataclasses.replace(i, score=0.0) for i in b.indicators] == [
                dataclasses.replace(i, score=0.0) for i in a.indicators
            ]


def test_a_cold_start_imports_neither_torch_nor_transformers(folder):
    code = (
        "import sys; from lawgov_nlp import tag_report;"
        "tag_report('一、普法\\n开展宣传3场。', model=sys.argv[1], device='cpu', backend='openvino:float32');"
        "print(sorted({'torch', 'transformers', 'pandas'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert (run.stdout.strip(), run.stderr) == ("[]", "")


def test_settings_are_those_of_the_configuration():
    """Names and defaults; what is read without transformers must not drift from what is stored with it."""
    config = TaggerConfig()
    for f in dataclasses.fields(TaggerSettings):
        if f.name == "scheme":
            continue
        default = f.default if f.default is not dataclasses.MISSING else f.default_factory()
        assert getattr(config, f.name) == default, f.name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tags.weight": None}, r"missing or left over: tags\.weight"),
        ({"pooler.weight": torch.zeros(2)}, r"left over: pooler\.weight"),
        ({"tags.bias": torch.zeros(9)}, r"left over: tags\.bias"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder, tmp_path, change, message):
    place = shutil.copytree(folder, tmp_path / "model")
    weights = load_file(place / "model.safetensors") | change
    save_file({n: t for n, t in weights.items() if t is not None}, place / "model.safetensors")
    with pytest.raises(ModelError, match=message):
        load_openvino_tagger(place, "float32")


def test_damaged_files_are_refused(folder, tmp_path):
    place = shutil.copytree(folder, tmp_path / "model")
    weights = place / "model.safetensors"
    whole = weights.read_bytes()
    for cut in (3, 500, len(whole) - 100):
        weights.write_bytes(whole[:cut])
        with pytest.raises(ModelError, match="could not be loaded"):
            load_openvino_tagger(place, "float32")
    weights.write_bytes(whole)
    (place / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="could not be loaded"):
        load_openvino_tagger(place, "float32")
    weights.unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_openvino_tagger(place, "float32")


@pytest.mark.parametrize("change", [{"model_type": "roberta"}, {"hidden_act": "relu"}])
def test_what_only_torch_can_build_is_left_to_it(folder, tmp_path, change):
    place = shutil.copytree(folder, tmp_path / "model")
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(config | {"encoder": config["encoder"] | change}))
    assert load_openvino_tagger(place, "float32") is None


def test_weights_in_bfloat16_are_left_to_torch(folder, tmp_path):
    place = shutil.copytree(folder, tmp_path / "model")
    weights = load_file(place / "model.safetensors")
    save_file({n: t.bfloat16() for n, t in weights.items()}, place / "model.safetensors")
    assert load_openvino_tagger(place, "float32") is None


def test_pieces_are_those_of_transformers(shipped):
    """From the files of the shipped model, with what its normalizer changes and what it doesn't know."""
    from lawgov_nlp.model.checkpoints import shipped_model

    texts = ["全年开展普法宣传７２１６户（次）。", "A  b　c\n①②③½", "", "𠮷野家 法治", "是" * 700]
    theirs = shipped.tokenizer.tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    pieces = Pieces.load(shipped_model())
    assert pieces.ids(texts) == theirs["input_ids"]
    found = pieces.ids_and_offsets(texts)
    assert [offsets for _, offsets in found] == [[*map(tuple, o)] for o in theirs["offset_mapping"]]
    assert pieces.size == len(shipped.tokenizer.tokenizer)


def test_states_that_are_not_numbers_are_refused(folder, monkeypatch):
    """As of a mask whose padding overflows in the processor's own precision."""
    monkeypatch.setattr("lawgov_nlp.model.openvino_tagger.MASKED", float("-inf"))
    with pytest.raises(ModelError, match="aren't numbers; take backend torch"):
        load_openvino_tagger(folder, "float32")
