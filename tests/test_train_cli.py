"""`lawgov train`, `evaluate` and `compare` as a user types them, on a tiny model."""

import csv
import json

import pytest
from typer.testing import CliRunner

from lawgov_nlp.annotation.corpus import load_splits
from lawgov_nlp.annotation.learned import paragraph_hash
from lawgov_nlp.annotation.markup import parse_markup, read_markup, to_markup
from lawgov_nlp.cli.main import app
from lawgov_nlp.model.checkpoints import load_tagger as load_model
from tests.conftest import ROOT


@pytest.fixture
def labelled(tmp_path, gold):
    folder = tmp_path / "labelled"
    folder.mkdir()
    for number in range(6):
        (folder / f"n{number}.txt").write_text(to_markup(gold).replace("青柳镇", f"青柳{number}镇"), encoding="utf-8")
    return folder


def lawgov(*args):
    return CliRunner().invoke(app, [str(a) for a in args], env={"COLUMNS": "200"})


def test_train_then_evaluate_then_compare_then_tag(tmp_path, base, corpus, labelled):
    out = tmp_path / "mine"
    result = lawgov(
        "train", labelled, "-o", out, "--base", base, "--epochs", 12, "--rate", 0.003, "--learn", "all",
        "--precision", "float32", "--device", "cpu",
    )  # fmt: skip
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    assert "留出的新报告" in result.output
    assert "随包测试集" in result.output
    model, _ = load_model(out)
    assert model.config.revision == "mine (from tiny)"
    record = json.loads((out / "training.json").read_text("utf-8"))
    assert record["train"]["epochs"] == 12
    result = lawgov("evaluate", out, labelled)
    assert result.exit_code == 2  # the six reports are alike, so that it learned every paragraph
    assert "all 42 coded paragraphs" in result.output
    assert "didn't learn" in result.output
    assert {paragraph_hash(u.text) for u in read_markup(labelled / "n0.txt").units if u.kind == "body"} == set(
        record["learned"]
    )
    other = to_markup(read_markup(labelled / "n0.txt")).replace("执法力量薄弱", "执法装备不足")
    (tmp_path / "other.txt").write_text(other, encoding="utf-8")
    result = lawgov("evaluate", out, tmp_path / "other.txt")
    assert "6 段是模型学过的，不计入得分，余 1 段" in result.output
    assert "1 段有标注" in result.output
    result = lawgov("evaluate", out, labelled, "-o", tmp_path / "s.json", "--errors", "--with-learned")
    assert result.exit_code == 0, result.output
    assert "主维度准确率" in result.output
    scores = json.loads((tmp_path / "s.json").read_text("utf-8"))
    assert scores["support"] == {"reports": 6, "paragraphs": 42, "indicators": 42}
    assert scores["figures"].keys() - {"spans_strict_f1"} == scores["intervals"].keys()
    assert all(line in result.output for line in scores["errors"][:3])
    assert lawgov("evaluate", out, labelled, "-o", tmp_path / "s.html", "--with-learned").exit_code == 0
    page = (tmp_path / "s.html").read_text("utf-8")
    assert page.count("data:image/png") == 2
    assert "://" not in page
    assert "didn't learn" in lawgov("compare", base, out, labelled).output
    result = lawgov("compare", base, out, labelled, "-o", tmp_path / "flips.csv", "--with-learned")
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader((tmp_path / "flips.csv").read_text("utf-8-sig").splitlines()))
    gold_lines = [u.text for u in read_markup(labelled / "n0.txt").units]
    for row in rows:
        assert row["before"] != row["after"]
        if row["report"] == "n0":
            assert gold_lines[int(row["unit"]) - 1].strip() == row["text"]
    assert lawgov("tag", ROOT / "data" / "sample_texts", "--model", out).exit_code == 0


def test_no_better_model_has_an_exit_code_and_advice_of_its_own(tmp_path, base, corpus, labelled):
    result = lawgov(
        "train",
        labelled,
        "-o",
        tmp_path / "mine",
        "--base",
        base,
        "--epochs",
        1,
        "--rate",
        1e-12,
        "--learn",
        "indicators",
        "--device",
        "cpu",
    )
    assert result.exit_code == 3, result.output
    assert "没有更好的模型" in result.output
    assert f"-n 58 --labelled {labelled} -o 待标.xlsx" in result.output.replace("\n", "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["corpus", "labelled"]


def test_an_existing_model_and_unknown_paths_are_refused(tmp_path, base, corpus, labelled):
    (tmp_path / "mine").mkdir()
    result = lawgov("train", labelled, "-o", tmp_path / "mine", "--base", base)
    assert result.exit_code == 2
    assert "there already" in result.output
    assert lawgov("train", tmp_path / "nowhere", "-o", tmp_path / "x").exit_code == 2
    assert lawgov("evaluate", tmp_path / "nowhere", labelled).exit_code == 2
    assert lawgov("evaluate", base, labelled, "-o", tmp_path / "s.pdf").exit_code == 2
    for command in (("evaluate", base, labelled), ("compare", base, base, labelled), ("suggest", labelled, "-n", 3)):
        result = lawgov(*command, "--backend", "tensorflow")
        assert result.exit_code == 2
        assert "unknown backend 'tensorflow'" in result.output
    assert lawgov("train", labelled, "-o", tmp_path / "y", "--base", base, "--epochs", 0).exit_code == 2
    assert lawgov("train", labelled, "-o", tmp_path / "y", "--base", base, "--device", "tpu").exit_code == 2


def test_nothing_but_a_model_is_overwritten(tmp_path, base, corpus, labelled):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "a.txt").write_text("mine")
    result = lawgov("train", labelled, "-o", precious, "--base", base, "--overwrite")
    assert result.exit_code == 2
    assert "no model of ours" in result.output
    assert (precious / "a.txt").read_text() == "mine"
    result = lawgov("train", labelled, "-o", base, "--base", base, "--overwrite")
    assert "the model to start from" in result.output
    result = lawgov("train", labelled, "-o", tmp_path / "x", "--base", base, "--replay", 2)
    assert "nothing to replay" in result.output
    result = lawgov("train", labelled, "-o", tmp_path / "x", "--base", base, "--dev", labelled)
    assert "to be held out at once" in result.output
    assert not (tmp_path / "x").exists()


def test_contradicting_codings_are_refused(tmp_path, base, corpus, labelled):
    text = (labelled / "n0.txt").read_text("utf-8").replace("[training]", "[publicity]")
    (labelled / "n9.txt").write_text(text, encoding="utf-8")
    result = lawgov("train", labelled, "-o", tmp_path / "mine", "--base", base)
    assert result.exit_code == 2
    assert "training in n0 and publicity in n9" in result.output


def test_one_label_alone_is_refused(tmp_path, base, corpus):
    folder = tmp_path / "one"
    folder.mkdir()
    report = parse_markup("---\n[heading] 一、普法\n[publicity] 普法宣传氛围浓厚，群众反映良好，成效明显。", "x")
    (folder / "x.txt").write_text(to_markup(report), encoding="utf-8")
    result = lawgov("train", folder, "-o", tmp_path / "mine", "--base", base)
    assert result.exit_code == 2
    assert "every labelled paragraph is publicity" in result.output


def test_the_shipped_splits_are_found_beside_the_package():
    from lawgov_nlp.annotation.corpus import shipped_corpus

    assert {name: len(reports) for name, reports in load_splits(shipped_corpus()).items()}["test"] == 18


def test_folds_hold_out_every_report_once(tmp_path, base, corpus, labelled):
    from lawgov_nlp.annotation.markup import read_markup_folder
    from lawgov_nlp.errors import TrainingError
    from lawgov_nlp.training.retrain import cross_validate
    from lawgov_nlp.training.trainer import TrainConfig

    reports = read_markup_folder(labelled)
    config = TrainConfig(epochs=1, precision="float32")
    measured = cross_validate(reports, 3, base=base, config=config)
    assert measured.before.support == measured.after.support == {"reports": 6, "paragraphs": 42, "indicators": 42}
    with pytest.raises(TrainingError, match="7 folds of 6"):
        cross_validate(reports, 7, base=base)
