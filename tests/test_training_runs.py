"""Whole runs of `train` on a tiny encoder: what they leave behind, and what goes wrong with a word."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lawgov_nlp.errors import NoBetterModelError, OutputError, TrainingError
from lawgov_nlp.model.checkpoints import shipped_model
from lawgov_nlp.training.loss import TaggerWithLoss
from lawgov_nlp.training.trainer import TrainConfig, saved_scores, train

CONFIG = TrainConfig(epochs=6, precision="float32", batch_tokens=150)


@pytest.fixture
def run(encoder_folder, gold):
    """Train on one report, the other half of the arguments as given."""

    def run(out, config=CONFIG, reports=(gold,), **more):
        train([*reports], [gold], base=encoder_folder, out=out, config=config, revision="tiny", **more)

    return run


def stop_at(monkeypatch, call, error):
    """Let the forward pass number `call` fail."""
    forward, calls = TaggerWithLoss.forward, []

    def failing(self, batch, targets):
        calls.append(1)
        if len(calls) == call:
            raise error
        return forward(self, batch, targets)

    monkeypatch.setattr(TaggerWithLoss, "forward", failing)


def interrupted(monkeypatch, call, begin):
    with monkeypatch.context() as patch:
        stop_at(patch, call, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            begin()


def test_a_run_leaves_the_model_and_its_record_and_nothing_else(tmp_path, run, gold):
    run(tmp_path / "out")
    scores = saved_scores(tmp_path / "out", [gold])
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    record = json.loads((tmp_path / "out" / "training.json").read_text("utf-8"))
    assert record["dev"] == scores.figures
    assert record["train"]["epochs"] == 6
    assert 3 <= record["epoch"] <= 6
    assert len(record["base_sha256"]) == 64


def test_the_curves_go_with_the_model(tmp_path, run, gold):
    """One for each part of the loss and each figure on dev; without TensorBoard there are none."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(tmp_path / "out")
    scores = saved_scores(tmp_path / "out", [gold])
    curves = EventAccumulator(str(tmp_path / "out" / "logs"))
    curves.Reload()
    names = curves.Tags()["scalars"]
    assert {"loss/primary", "loss/names", "loss/sum", *(f"dev/{name}" for name in scores.figures)} == {
        *(n for n in names if n.startswith("dev/")), "loss/primary", "loss/names", "loss/sum",
    }  # fmt: skip
    assert len(curves.Scalars("loss/sum")) > 6
    assert [point.value for point in curves.Scalars("dev/primary_accuracy")][-1] >= 0


def test_without_tensorboard_a_run_leaves_no_logs(tmp_path, run, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with caplog.at_level("INFO"):
        run(tmp_path / "out")
    assert not (tmp_path / "out" / "logs").exists()
    assert "pip install tensorboard" in caplog.text


def test_the_same_seed_gives_the_same_model_and_another_seed_another(tmp_path, run):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(tmp_path / name, replace(CONFIG, seed=seed))
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize("call", [3, 8, 15])
def test_an_interrupted_run_is_resumed_to_the_same_model(tmp_path, run, monkeypatch, call):
    run(tmp_path / "whole")
    interrupted(monkeypatch, call, lambda: run(tmp_path / "cut"))
    assert not (tmp_path / "cut").exists()
    with pytest.raises(OutputError, match="unfinished run"):
        run(tmp_path / "cut")
    run(tmp_path / "cut", resume=True)
    whole, cut = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut", "whole"]


def test_a_torn_checkpoint_is_passed_over(tmp_path, run, monkeypatch):
    """The disk fills up while a checkpoint is written: the one before it serves."""
    from transformers import Trainer

    run(tmp_path / "whole")
    save, calls = Trainer._save_checkpoint, []

    def torn(self, model, trial):
        calls.append(1)
        save(self, model, trial)
        if len(calls) == 4:
            newest = max((tmp_path / ".cut.training").glob("checkpoint-*"), key=lambda f: int(f.name.split("-")[1]))
            (newest / "trainer_state.json").unlink()
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_save_checkpoint", torn)
        with pytest.raises(TrainingError, match="the disk is full"):
            run(tmp_path / "cut")
    run(tmp_path / "cut", resume=True)
    whole, cut = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_a_run_that_had_stopped_early_stays_stopped(tmp_path, run, monkeypatch):
    config = replace(CONFIG, epochs=40, rate=1e-9, head_rate=1e-9, patience=2)
    run(tmp_path / "whole", config)
    with monkeypatch.context() as patch:
        patch.setattr(
            "pathlib.Path.rename",
            lambda self, to: (_ for _ in ()).throw(KeyboardInterrupt()) if to.name == "cut" else os.rename(self, to),
        )
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", config)
    run(tmp_path / "cut", config, resume=True)
    records = [json.loads((tmp_path / n / "training.json").read_text("utf-8")) for n in ("whole", "cut")]
    assert records[0]["epoch"] == records[1]["epoch"] == 20


def test_another_run_is_not_resumed(tmp_path, run, monkeypatch):
    interrupted(monkeypatch, 4, lambda: run(tmp_path / "out"))
    with pytest.raises(TrainingError, match="begun with another config"):
        run(tmp_path / "out", replace(CONFIG, rate=1e-5), resume=True)
    with pytest.raises(TrainingError, match="no interrupted run"):
        run(tmp_path / "elsewhere", resume=True)


def test_what_is_there_stays_unless_asked(tmp_path, run):
    run(tmp_path / "out")
    before = (tmp_path / "out" / "model.safetensors").read_bytes()
    with pytest.raises(OutputError, match="there already"):
        run(tmp_path / "out", replace(CONFIG, seed=1))
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == before
    run(tmp_path / "out", replace(CONFIG, seed=1), overwrite=True)
    assert (tmp_path / "out" / "model.safetensors").read_bytes() != before


def test_the_shipped_model_is_never_overwritten(run):
    with pytest.raises(OutputError, match="shipped model"):
        run(shipped_model(), overwrite=True)
    with pytest.raises(OutputError, match="shipped model"):
        run(shipped_model() / "mine", overwrite=True)
    with pytest.raises(OutputError, match="tiny is the name of a shipped model"):
        run(Path("tiny"))


def test_a_loss_that_is_no_number_ends_the_run(tmp_path, run):
    with pytest.raises(TrainingError, match="try a lower rate"):
        run(tmp_path / "out", replace(CONFIG, epochs=30, rate=1e30, head_rate=1e30))
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_told(tmp_path, run, monkeypatch):
    stop_at(monkeypatch, 3, OSError(28, "No space left on device"))
    with pytest.raises(TrainingError, match="the disk is full"):
        run(tmp_path / "out")


def test_nothing_to_learn_is_told(tmp_path, run):
    with pytest.raises(TrainingError, match="no paragraph to learn from"):
        run(tmp_path / "out", reports=())


def test_a_base_that_cannot_be_loaded_leaves_nothing_behind(tmp_path, gold):
    from lawgov_nlp.errors import ModelError

    (tmp_path / "base").mkdir()
    with pytest.raises(ModelError):
        train([gold], [gold], base=tmp_path / "base", out=tmp_path / "out", config=CONFIG)
    assert [p.name for p in tmp_path.iterdir()] == ["base"]


def test_dev_must_hold_something(tmp_path, gold, encoder_folder):
    with pytest.raises(TrainingError, match="no dev paragraph"):
        train([gold], [], base=encoder_folder, out=tmp_path / "out", config=CONFIG)


def test_training_goes_on_from_a_tagger_with_its_heads(tmp_path, gold, run):
    run(tmp_path / "first", replace(CONFIG, epochs=20, rate=3e-3, head_rate=3e-3))
    config = TrainConfig(epochs=1, rate=1e-9, head_rate=1e-9, precision="float32")
    train([gold], [gold], base=tmp_path / "first", out=tmp_path / "second", config=config, revision="second")
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("first", "second"))
    assert all(torch.allclose(first[name].float(), second[name].float(), atol=1e-3) for name in first)
    assert json.loads((tmp_path / "second" / "config.json").read_text("utf-8"))["revision"] == "second"


def test_replayed_reports_are_drawn_anew_each_pass(gold, tokenizer):
    from lawgov_nlp.annotation.examples import examples
    from lawgov_nlp.model.windows import WindowTokenizer
    from lawgov_nlp.training.batches import BatchDataset

    coder = WindowTokenizer(tokenizer, window=96, overlap=16, heading=24)
    data = examples([gold]).examples
    batches = BatchDataset(data[:2], data[2:], coder, TrainConfig(epochs=8, replay=1.0, batch_tokens=1))
    passes = [set() for _ in range(8)]
    for epoch, group in batches._groups:
        passes[epoch].update(group)
    assert all({0, 1} <= chosen and len(chosen) == 4 for chosen in passes)
    assert set().union(*passes) == set(range(len(data)))
    assert batches.ends == [4 * n for n in range(1, 9)]


LABELS_ONLY = TrainConfig(epochs=2, rate=3e-3, head_rate=3e-3, precision="float32", learn="auto")


def labels_only(gold):
    return replace(gold, units=tuple(replace(u, indicators=(), indicators_coded=u.kind != "body") for u in gold.units))


def test_what_nobody_coded_stays_as_it_is_to_the_bit(tmp_path, base, gold):
    no_labels = tuple(replace(u, primary=None, secondary=(), labels_coded=u.kind != "body") for u in gold.units)
    before = load_file(base / "model.safetensors")
    for name, report, heads in (
        ("labels", labels_only(gold), {"primary", "mentions"}),
        ("indicators", replace(gold, units=no_labels), {"tags", "query", "key", "distance", "clauses", "topic"}),
    ):
        train([report], [gold], base=base, out=tmp_path / name, replay=[gold], config=LABELS_ONLY)
        after = load_file(tmp_path / name / "model.safetensors")
        assert {k.partition(".")[0] for k in before if not torch.equal(before[k], after[k])} == heads
    settings = [json.loads((folder / "config.json").read_text("utf-8")) for folder in (base, tmp_path / "indicators")]
    for key in ("secondary_threshold", "primary_temperature", "review_below"):
        assert settings[0][key] == settings[1][key]


def test_enough_indicators_move_all(gold):
    from lawgov_nlp.annotation.examples import examples
    from lawgov_nlp.training.freeze import parts_to_learn

    data = examples([gold]).examples
    assert [parts_to_learn(data * n) for n in (1, 8)] == ["labels", "all"]


def test_without_a_gain_nothing_is_written(tmp_path, base, gold):
    """The rate is so small that the heads can't move."""
    config = replace(LABELS_ONLY, rate=1e-12, head_rate=1e-12)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text((base / "config.json").read_text("utf-8"), "utf-8")
    there = sorted(tmp_path.rglob("*"))
    for out, overwrite in (("out", False), ("mine", True)):
        with pytest.raises(NoBetterModelError, match="nothing was written"):
            train(
                [gold], [gold], own=[gold], beat_base=True, base=base, out=tmp_path / out, config=config,
                overwrite=overwrite,
            )  # fmt: skip
    assert sorted(tmp_path.rglob("*")) == there


def test_a_gain_counts_only_without_a_loss_on_the_shipped_reports(tmp_path, base, tiny, gold):
    """The shipped reports are coded as the base tags them, so that whatever is learned loses there."""
    from lawgov_nlp.annotation.examples import parse_gold

    said = iter(tiny.tag(parse_gold(gold)).paragraphs)
    units = [replace(u, primary=next(said).label, secondary=()) if u.kind == "body" else u for u in gold.units]
    shipped = replace(gold, id="shipped", units=tuple(units))
    config = replace(LABELS_ONLY, epochs=40)
    learn = {"own": [gold], "beat_base": True, "base": base, "config": config}
    train([labels_only(gold)], [gold], out=tmp_path / "gain", **learn)
    assert (tmp_path / "gain" / "model.safetensors").exists()
    with pytest.raises(NoBetterModelError, match="losing more than"):
        train([labels_only(gold)], [shipped], out=tmp_path / "loss", **learn)
    assert not (tmp_path / "loss").exists()


def test_advice_names_what_is_scarce(gold):
    from lawgov_nlp.scheme import CODEBOOK
    from lawgov_nlp.training.advice import advise

    advice = advise([gold], CODEBOOK)
    assert (advice.reports, advice.paragraphs, advice.indicators, advice.more) == (1, 7, 7, 93)
    assert advice.indicators_stay
    assert {*advice.scarce} == {*CODEBOOK}
    many = advise([gold] * 20, CODEBOOK)
    assert (many.more, many.scarce, many.indicators_stay) == (0, (), False)


def test_early_stopping(tmp_path, run, caplog):
    with caplog.at_level("INFO"):
        run(tmp_path / "out", replace(CONFIG, epochs=40, rate=1e-9, head_rate=1e-9, patience=2))
    assert "training stops" in caplog.text
    assert json.loads((tmp_path / "out" / "training.json").read_text("utf-8"))["epoch"] == 20
