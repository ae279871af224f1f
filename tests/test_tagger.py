import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from lawgov_nlp import api, read_report, tag_folder
from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.errors import ModelError
from lawgov_nlp.model import checkpoints as shipped_module
from lawgov_nlp.model.checkpoints import load_tagger, shipped_model
from lawgov_nlp.model.decoding import relabel
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.readers.structure import parse_report
from lawgov_nlp.results.quantity import numeral_runs
from lawgov_nlp.scheme import DIMENSIONS, TOPICS
from lawgov_nlp.training.trainer import save_tagger
from tests.conftest import ROOT


def check(tagged):
    """What holds for every tagged report, whatever the weights."""
    assert [(p.start, p.end) for p in tagged.paragraphs] == [
        (u.start, u.end) for u in parse_report(tagged.text).paragraphs
    ]
    for p in tagged.paragraphs:
        assert tagged.text[p.start : p.end] == p.text
        assert set(p.scores) == set(DIMENSIONS)
        assert sum(p.scores.values()) <= 1.001
        assert p.labels[:1] == ((p.label,) if p.label else ())
        assert len(set(p.labels)) == len(p.labels)
        last, numerals = p.start, {p.start + start for start, _ in numeral_runs(p.text)}
        for i in p.indicators:
            assert i.start in numerals
            assert tagged.text[i.start : i.end] == i.text
            assert last <= i.start < i.end <= p.end
            last = i.end
            assert i.dimension in TOPICS
            if i.name is not None:
                assert tagged.text[i.name_start : i.name_end] == i.name
                assert p.start <= i.name_start < i.name_end <= p.end
                assert all(i.name_end <= v.start or i.name_start >= v.end for v in p.indicators)
                assert not set("，。；") & set(i.name)


def test_untrained_weights_give_a_consistent_report(tiny, gold):
    check(tiny.tag(parse_gold(gold)))


def test_values_are_tied_even_when_every_token_is_a_value(tiny_model, tokenizer, gold):
    """Forces spans on an untrained model, so that the second step runs on many odd values."""
    model = type(tiny_model)(tiny_model.config).eval()
    with torch.no_grad():
        model.tags.bias.copy_(torch.tensor([0.0, 0.05, 0.0, 0.0, 0.0]))
        model.query.weight.mul_(30)
        model.key.weight.mul_(30)
    tagger = Tagger(model, tokenizer)
    tagged = tagger.tag(parse_gold(gold))
    check(tagged)
    assert len(tagged.indicators) > 5
    many = tagger.tag(
        read_report("开展法律咨询302人次，走访宣传7216户。" * 40)
    )  # values on both sides of every window's edge
    check(many)
    assert len(many.indicators) > 20


def test_a_batch_gives_what_single_reports_give(tiny, gold):
    one = parse_gold(gold)
    other = read_report("一、普法\n" + "开展法律咨询302人次，走访宣传7216户。" * 40 + "\n二、打算\n继续推进。")
    batch = list(tiny.tag_many([one, other, one]))
    singles = [tiny.tag(r) for r in (one, other, one)]
    for together, alone in zip(batch, singles, strict=True):
        check(together)
        assert [p.labels for p in together.paragraphs] == [p.labels for p in alone.paragraphs]
        assert [(i.start, i.end, i.name_start) for i in together.indicators] == [
            (i.start, i.end, i.name_start) for i in alone.indicators
        ]
        for p, q in zip(together.paragraphs, alone.paragraphs, strict=True):
            assert p.scores == pytest.approx(q.scores, abs=2e-4)


def test_a_paragraph_of_20000_characters_is_windowed(tiny):
    tagged = tiny.tag(read_report("开展法律咨询302人次。" * 1700))
    check(tagged)
    assert len(tagged.paragraphs[0].text) > 20_000


def test_a_report_without_paragraphs(tiny):
    tagged = tiny.tag(read_report("关于2023年法治政府建设情况的报告"))
    check(tagged)


def test_relabel_moves_only_secondary_labels(tiny, gold):
    tagged = tiny.tag(parse_gold(gold))
    every, none = relabel(tagged, 0.0), relabel(tagged, 1.1)
    assert [p.label for p in every.paragraphs] == [p.label for p in none.paragraphs]
    assert all(len(p.labels) == (p.label is not None) for p in none.paragraphs)
    assert all(set(TOPICS) <= set(p.labels) for p in every.paragraphs if p.label)


def test_saved_and_loaded_weights_are_equal(tmp_path, tiny_model, tokenizer):
    tiny_model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert not list(tmp_path.glob("*.bin"))
    model, _ = load_tagger(tmp_path)
    for name, tensor in tiny_model.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name
    assert model.config.revision == "tiny"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(tmp_path, tiny_model, tokenizer, name):
    tiny_model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ModelError, match=name):
        load_tagger(tmp_path)


def test_weights_that_do_not_fit_are_refused(tmp_path, tiny_model, tokenizer):
    tiny_model.save_pretrained(
        tmp_path, state_dict={k: v for k, v in tiny_model.state_dict().items() if "tags" not in k}
    )
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"tags\.(weight|bias)"):
        load_tagger(tmp_path)


def test_truncated_weights_are_refused(tmp_path, tiny_model, tokenizer):
    tiny_model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelError, match="could not be loaded"):
        load_tagger(tmp_path)


def test_other_dimensions_are_refused(tmp_path, tiny_model, tokenizer):
    tiny_model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"dimensions": ["sports", *config["dimensions"][1:]]}))
    with pytest.raises(ModelError, match="sports"):
        load_tagger(tmp_path)


@pytest.mark.parametrize("device", ["tpu9", "mps", "cuda:99"])
def test_a_device_that_is_not_there(device):
    with pytest.raises(ModelError, match="device"):
        Tagger.from_pretrained(device=device)


def test_inference_loads_no_training_code(tmp_path):
    code = (
        "import sys; from lawgov_nlp import tag_report; tag_report('一、普法\\n开展宣传3场。', device='cpu');"
        "print(sorted(m for m in sys.modules if m.startswith(('sklearn', 'seqeval', 'datasets', 'lawgov_nlp.training.trainer',"
        " 'lawgov_nlp.annotation.examples', 'lawgov_nlp.evaluation.scores', 'transformers.trainer'))))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
    assert run.stderr == ""


def test_importing_loads_nothing_heavy():
    code = "import sys, lawgov_nlp; print(sorted({'torch', 'transformers', 'pandas', 'rich'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_shipped_model_reads_the_fixture(shipped, gold):
    """The sentences are easier than real reports; a model that misses these is broken, not weak."""
    tagged = shipped.tag(parse_gold(gold))
    check(tagged)
    assert [str(p.label or "none") for p in tagged.paragraphs] == [
        "none", "leadership", "training", "mediation", "publicity", "shortcomings", "plans",
    ]  # fmt: skip
    values = [i.text for i in tagged.indicators]
    assert values == ["4次", "12场", "36名", "302人次", "15份", "7216户", "1.9万人次"]
    found = {(i.name, i.text, str(i.dimension)) for i in tagged.indicators}
    assert {
        ("法律咨询", "302人次", "mediation"),
        ("执法人员", "36名", "training"),
        ("专题会议", "4次", "leadership"),
    } <= found


def test_the_models_that_come_along_have_names(tmp_path, monkeypatch, tiny_model, tokenizer):
    assert shipped_module.named_model(None) == shipped_module.named_model("shipped") == shipped_module.shipped_model()
    tagged = api.tag_report("一、普法\n开展宣传3场。", model="tiny", device="cpu")
    assert (tagged.model, tagged.tagged[0].label) == ("lawgov-tiny 0.1", "publicity")
    with pytest.raises(ModelError, match="no folder tny; the models that come along are called shipped, tiny"):
        api.tag_report("一、普法\n开展宣传3场。", model="tny", device="cpu")
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("in/a.txt").write_text("一、普法\n开展宣传3场。", encoding="utf-8")
    for added in (1, 0):  # the output is called as the model is, and is there when the run goes on
        assert tag_folder(Path("in"), Path("tiny"), model="tiny", device="cpu", workers=0).added == added
    assert json.loads(Path("tiny/manifest.jsonl").read_text("utf-8").splitlines()[0])["model"] == "lawgov-tiny 0.1"
    shutil.rmtree("tiny")
    save_tagger(tiny_model, tokenizer, Path("tiny"), {})  # a model in a folder of that name comes first
    assert api.tag_report("一、普法\n开展宣传3场。", model="tiny", device="cpu").model == "tiny"
    assert not shipped_module.is_shipped("tiny")


def test_threads_that_ask_at_once_are_given_one(base, monkeypatch):
    from lawgov_nlp.model import tagger as module

    monkeypatch.setattr(module, "_KEPT", {})
    loaded = []

    class Slow(Tagger):
        def __init__(self, *args):
            loaded.append(args)
            time.sleep(0.05)
            super().__init__(*args)

    monkeypatch.setattr(module, "Tagger", Slow)
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: module.get_tagger(base, "cpu", "torch:float32"), range(40)))
    assert (len(found), len(loaded)) == (1, 1)


def test_the_model_is_loaded_once():
    from lawgov_nlp.model.tagger import get_tagger

    loaded = get_tagger(None, "cpu")
    place = Path(os.path.relpath(shipped_model()))
    assert get_tagger(place, "cpu", loaded.backend_name) is loaded  # under other names, too
    assert (
        api.tag_report("一、普法\n开展宣传3场。", device="cpu").model == get_tagger(None, "cpu").model.config.revision
    )


def test_review_begins_below_the_models_threshold(tiny, gold):
    report, config = parse_gold(gold), tiny.model.config
    confidences = sorted(p.confidence for p in tiny.tag(report).paragraphs)
    config.review_below = (confidences[2] + confidences[3]) / 2
    try:
        flagged = [p for p in tiny.tag(report).paragraphs if p.needs_review]
    finally:
        config.review_below = 0.0
    assert sorted(p.confidence for p in flagged) == confidences[:3]


def test_temperature_changes_scores_and_no_label(tiny, gold):
    report, config = parse_gold(gold), tiny.model.config
    before = tiny.tag(report).paragraphs
    config.primary_temperature = 4.0
    try:
        after = tiny.tag(report).paragraphs
    finally:
        config.primary_temperature = 1.0
    assert [p.label for p in after] == [p.label for p in before]
    assert all(a.confidence < b.confidence for a, b in zip(after, before, strict=True))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("的成功率", "成功率"), ("等问题", "问题"), ("等候时间", "等候时间"), ("标的", "标的"), ("学法的", "学法"), (" 调解 ", "调解"), ("周边“", "周边"), ("、执行标的", "执行标的"), ("的执行标的", "执行标的"), ("执行标的、", "执行标的"), ("标的额", "标的额"),
        ("“学法用法示范户”", "学法用法示范户"), ("法律明白人”", "法律明白人"), ("“一件事”联办", "“一件事”联办"), ("的", "的"), ("”", "”"),
    ],
)  # fmt: skip
def test_a_name_is_trimmed_to_the_codebook(name, kept):
    from lawgov_nlp.model.decoding import _trimmed

    text = f"镇里{name}3件"
    assert text[slice(*_trimmed(text, 2, 2 + len(name)))] == kept


def test_no_coded_name_would_be_trimmed():
    from lawgov_nlp.annotation.markup import read_markup_folder
    from lawgov_nlp.model.decoding import _trimmed

    units = [u for report in read_markup_folder(ROOT / "data" / "reports") for u in report.units]
    assert [u.text for u in units for i in u.indicators if _trimmed(u.text, *i.name) != i.name] == []
