"""A student of fewer layers begins as some of its teacher's and comes nearer to it."""

import dataclasses
import json
import lzma
import runpy
import sys

import pytest
import torch

from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.model.checkpoints import load_tagger
from lawgov_nlp.model.config import TaggerConfig
from lawgov_nlp.model.modeling import TaggerModel
from lawgov_nlp.model.windows import WindowTokenizer
from lawgov_nlp.training.trainer import save_tagger

from .conftest import ROOT


@pytest.fixture
def distil(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "training"))  # as where it is run as a script
    return runpy.run_path(str(ROOT / "training" / "distil.py"))


@pytest.fixture
def teacher(encoder_config):
    """Four layers of weights so large that each of them changes the states."""
    torch.manual_seed(1)
    settings = {**encoder_config, "num_hidden_layers": 4}
    model = TaggerModel(TaggerConfig(encoder=settings, window=96, overlap=16, heading=24, pointer_size=16)).eval()
    for name, weight in model.encoder.named_parameters():
        if weight.dim() == 2 and ".layer." in name:
            torch.nn.init.normal_(weight, std=0.2)
    return model


@pytest.mark.parametrize(("layers", "taken"), [(1, [3]), (2, [1, 3]), (3, [0, 2, 3])])
def test_a_student_begins_as_layers_of_its_teacher(distil, teacher, layers, taken):
    student, began_as = distil["student_of"](teacher, layers)
    assert began_as == taken
    for own, theirs in zip(student.encoder.encoder.layer, taken, strict=True):
        want = teacher.encoder.encoder.layer[theirs].state_dict()
        assert all(torch.equal(weight, want[name]) for name, weight in own.state_dict().items())
    for name, weight in student.state_dict().items():
        if ".layer." not in name:
            assert torch.equal(weight, teacher.state_dict()[name]), name
    assert teacher.config.encoder["num_hidden_layers"] == 4  # the student's is a copy


def test_only_fewer_layers_make_a_student(distil, teacher):
    for layers in (0, 4, 5):
        with pytest.raises(ValueError, match="fewer than the teacher's 4"):
            distil["student_of"](teacher, layers)


def test_padding_has_no_part_in_the_loss_and_a_copy_has_none(distil, teacher, tokenizer, gold):
    coder = WindowTokenizer(tokenizer, window=96, overlap=16, heading=24)
    batch = coder.collate([w for code in coder.encode(parse_gold(gold).paragraphs[:3]) for w in code.windows])
    more = {name: torch.nn.functional.pad(tensor, (0, 7)) for name, tensor in vars(batch).items() if tensor.dim() == 2}
    more["input_ids"][:, -7:] = tokenizer.pad_token_id
    student, taken = distil["student_of"](teacher, 2)
    student.eval()
    loss = distil["loss_of"](student, teacher, taken, batch).item()
    assert loss > 1e-3
    padded = dataclasses.replace(batch, **more)
    assert distil["loss_of"](student, teacher, taken, padded).item() == pytest.approx(loss, rel=1e-4)
    assert distil["loss_of"](teacher, teacher, [0, 1, 2, 3], batch) < 1e-10


def test_the_whole_way_gives_a_tagger_nearer_to_its_teacher(distil, teacher, tokenizer, tmp_path, monkeypatch, capsys):
    save_tagger(teacher, tokenizer, tmp_path / "teacher", {})
    with lzma.open(tmp_path / "t.xz", "wt", encoding="utf-8") as out:
        for _ in range(60):
            out.write(
                json.dumps({"kind": "laws", "text": "全年法律咨询三百人次，化解矛盾纠纷，开展普法宣传。" * 40}) + "\n"
            )
    command = [
        "distil.py",
        "--teacher",
        tmp_path / "teacher",
        "--texts",
        tmp_path / "t.xz",
        "--layers",
        2,
        "--batch-tokens",
        512,
    ]
    lost = {}
    for steps in (2, 60):
        out = tmp_path / f"student-{steps}"
        monkeypatch.setattr(sys, "argv", [str(a) for a in (*command, "--steps", steps, "--out", out)])
        distil["main"]()
        model, _ = load_tagger(out)
        assert model.config.encoder["num_hidden_layers"] == 2
        lost[steps] = json.loads((out / "distil.json").read_text("utf-8"))["loss"]
    assert lost[60] < 0.95 * lost[2]  # of the last fifty steps, in which it still learns
    with pytest.raises(SystemExit):  # the folder is there
        distil["main"]()
    assert "is there already" in capsys.readouterr().err
