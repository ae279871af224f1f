"""What follows the labels of a model or of --labels: tables, page, terminal, files, tools, figures, commands."""

import csv
import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from openpyxl import load_workbook
from rich.console import Console
from typer.testing import CliRunner

from lawgov_nlp import Scheme, TaggedReport, tag_report
from lawgov_nlp.annotation.formats import WRITTEN, Options, from_gold, labelling_config, read_annotations
from lawgov_nlp.annotation.formats import write_annotations as write_documents
from lawgov_nlp.annotation.formats.label_names import Words
from lawgov_nlp.annotation.markup import parse_markup, read_markup_folder
from lawgov_nlp.annotation.records import to_dataset
from lawgov_nlp.annotation.relabel import relabel_tagged, without_labels
from lawgov_nlp.annotation.suggest import reason
from lawgov_nlp.cli.main import app
from lawgov_nlp.cli.terminal import agreement_table, report_table
from lawgov_nlp.errors import InterchangeError, OutputError, ReadError, TrainingError
from lawgov_nlp.evaluation.agreement import compare
from lawgov_nlp.model.checkpoints import load_tagger as load_model
from lawgov_nlp.results.page import entry, shares, to_html, to_index, to_notebook
from lawgov_nlp.results.serialize import to_dict
from lawgov_nlp.results.tables import COLUMNS, columns
from lawgov_nlp.results.writers import write_reports as write_tagged
from lawgov_nlp.scheme import Dimension
from lawgov_nlp.training.config import TrainConfig
from lawgov_nlp.training.retrain import hold_out, retrain

from .conftest import ROOT
from .own_labels import MERGED, OWN, OWN_MARKUP, own_gold, write_labels
from .sample_report import sample

MANY = Scheme.from_list([{"name": f"topic{chr(97 + k)}", "zh": f"主题{k}"} for k in range(15)])


def merged() -> TaggedReport:
    """The sample report in the labels of `MERGED`."""
    return relabel_tagged(sample(), MERGED)


def shown(renderable) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(renderable)
    return console.file.getvalue()


# tables, JSON, files


def test_columns_follow_the_scheme():
    names = [c.name for c in columns("paragraphs", MERGED)]
    assert [n for n in names if n.startswith("score_")] == [
        "score_leadership", "score_services", "score_enforcement", "score_outlook", "score_none",
    ]  # fmt: skip
    assert [n for n in names if not n.startswith("score_")] == [
        c.name for c in COLUMNS["paragraphs"] if not c.name.startswith("score_")
    ]
    about = {c.name: c.about for c in columns("paragraphs", MERGED)}
    assert about["score_outlook"] == "主维度为“不足与计划”的概率，0–1"
    assert about["score_none"].endswith("与前四项之和为 1")
    assert {c.name: c.about for c in COLUMNS["paragraphs"]}["score_none"].endswith("与前七项之和为 1")
    assert columns("paragraphs", MANY)[-4].about.endswith("与前 15 项之和为 1")
    frame = merged().to_frame()
    assert [*frame.columns] == names
    assert frame["label_zh"].tolist()[:3] == ["无", "组织与学习", "组织与学习"]
    assert merged().to_frame("indicators")["dimension_zh"].unique().tolist() == ["组织与学习", "执法", "法律服务"]


def test_json_says_what_its_labels_are():
    data = json.loads(json.dumps(to_dict(merged())))
    assert data["scheme"] == MERGED.to_list()
    again = TaggedReport.from_dict(data)
    assert again == merged()
    assert again.scheme.sources == MERGED.sources
    assert again.paragraphs[1].label.zh == "组织与学习"
    assert "scheme" not in to_dict(sample())
    with pytest.raises(ReadError, match=r"paragraphs\[0\].scores is 'leadership'; use one of: topica, topicb"):
        TaggedReport.from_dict({**data, "scheme": MANY.to_list()})
    with pytest.raises(ReadError, match="scheme: label 1: 'zh' is None"):
        TaggedReport.from_dict({**data, "scheme": [{"name": "digital"}]})
    with pytest.raises(ReadError, match="use one of: leadership, training"):
        TaggedReport.from_dict({key: value for key, value in data.items() if key != "scheme"})


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet"])
def test_tables_have_the_labels_of_their_reports(tmp_path, form):
    import pandas as pd

    def read_sheet(path):
        names = {c.zh: c.name for c in columns("paragraphs", MERGED)}
        return pd.read_excel(path, sheet_name="段落").rename(columns=names)

    path = tmp_path / f"x.{form}"
    write_tagged([merged(), merged()], path)
    read = {"csv": pd.read_csv, "xlsx": read_sheet, "parquet": pd.read_parquet}[form]
    frame = read(path)
    names = [c.name for c in columns("paragraphs", MERGED)]
    assert [*frame.columns] == (names if form != "xlsx" else sorted(names, key=[*frame.columns].index))
    assert set(frame["label"]) == {"none", *map(str, MERGED)}
    with pytest.raises(OutputError, match=r"has the labels leadership, training.* files of their own"):
        write_tagged([merged(), sample()], tmp_path / f"y.{form}")
    assert not (tmp_path / f"y.{form}").exists()
    write_tagged([], tmp_path / f"empty.{form}", scheme=MERGED)
    empty = read(tmp_path / f"empty.{form}")
    assert [*empty.columns] == [*frame.columns]


def test_jsonl_may_mix_labels(tmp_path):
    write_tagged([merged(), sample()], tmp_path / "x.jsonl")
    lines = (tmp_path / "x.jsonl").read_text("utf-8").splitlines()
    assert [TaggedReport.from_dict(json.loads(line)) for line in lines] == [merged(), sample()]


# page and terminal


def test_a_page_has_the_names_and_colours_of_its_labels():
    page = to_html(merged())
    filters = re.findall(r'class="filter d-(\w+)".*?<span class="zh">(.*?)</span>', page, re.DOTALL)
    assert filters == [*((d.value, d.zh) for d in MERGED), ("none", "无")]
    assert [s.key for s in shares(merged())] == [*MERGED, "none"]
    assert re.findall(r"^\.d-(\w+)\{", page, re.MULTILINE) == [*MERGED, "none"]
    assert "普法宣传</button>" not in page
    index = to_index([entry(merged(), "a.html")], MERGED)
    assert re.findall(r'<li class="d-(\w+)">', index) == [*MERGED, "none"]
    assert "组织与学习" in to_notebook(merged())


def test_more_labels_than_colours():
    page = to_html(TaggedReport(text="", units=(), tagged=(), scheme=MANY))
    colours = re.findall(r"^\.d-topic(\w)\{--c:(#\w+);--t:(#\w+)\}", page, re.MULTILINE)
    assert len(colours) == 15
    assert len({ground for _, ground, _ in colours[:12]}) == 12
    assert [c[1:] for c in colours[12:]] == [c[1:] for c in colours[:3]]
    for _, ground, text in colours:
        light = _luminance(ground), _luminance(text)
        assert (max(light) + 0.05) / (min(light) + 0.05) >= 4.5, ground  # WCAG AA


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_terminal_has_the_names_of_the_labels():
    table = shown(report_table(merged()))
    assert "组织与学习" in table
    assert "不足与计划 4" in table
    assert "学法培训" not in table
    many = TaggedReport(text="", units=(), tagged=(), scheme=MANY)
    assert "0 段" in shown(report_table(many))


# other tools


@pytest.mark.parametrize("form", WRITTEN)
def test_formats_hold_other_labels(tmp_path, form):
    gold = own_gold()
    path = tmp_path / ("folder" if form == "markup" else f"x.{form}")
    write_documents([from_gold(gold)], path, form, OWN)
    (back,) = read_annotations([path], form, Options(scheme=OWN)).gold
    bodies = [u for u in gold.units if u.kind == "body"]
    found = [u for u in back.units if u.kind == "body"]
    assert [(u.primary, u.secondary) for u in found] == [(u.primary, u.secondary) for u in bodies]
    if form not in ("csv", "xlsx"):
        assert [i.dimension for u in found for i in u.indicators] == [i.dimension for u in bodies for i in u.indicators]
    assert all(d.zh in {own.zh for own in OWN} for u in found for d in u.secondary)
    reading = read_annotations([path], form)
    with pytest.raises(InterchangeError, match=r"digital|数字法治"):
        reading.findings.check()


def test_labels_may_be_chinese(tmp_path):
    (tmp_path / "x.csv").write_text("report,正文,主维度,次要维度\na,线上办理,数字法治,法律服务\n", "utf-8")
    (gold,) = read_annotations([tmp_path / "x.csv"], options=Options(scheme=OWN)).gold
    assert (gold.units[0].primary, gold.units[0].secondary) == ("digital", ("services",))
    words = Words(OWN)
    assert words.span_label("VALUE-数字法治") == ("VALUE", "digital")
    assert words.span_label("digital") == ("VALUE", "digital")
    assert words.marked_labels(["plans", "services"]) == ("plans", ("services",))


def test_the_labelling_interface_has_the_labels():
    root = ElementTree.fromstring(labelling_config(OWN))
    choices = {
        c.get("name"): [(x.get("value"), x.get("alias"), x.get("hotkey")) for x in c.findall("Choice")]
        for c in root.findall("Choices")
    }
    assert choices["primary"] == [
        ("组织领导", "leadership", "1"), ("法律服务", "services", "2"), ("数字法治", "digital", "3"),
        ("工作计划", "plans", "4"), ("无", "none", "5"),
    ]  # fmt: skip
    assert choices["topic"] == choices["secondary"] == [(d.zh, d.value, None) for d in OWN.topics]
    many = ElementTree.fromstring(labelling_config(MANY))
    keys = [c.get("hotkey") for c in many.find("Choices").findall("Choice")]
    assert keys == [*map(str, range(1, 10)), *[None] * 7]
    quoted = Scheme.from_list([{"name": "rnd", "zh": 'R&D"研发"'}])
    assert ElementTree.fromstring(labelling_config(quoted)).find("Choices/Choice").get("value") == 'R&D"研发"'


def test_a_workbook_offers_the_labels(tmp_path):
    write_documents([from_gold(own_gold())], tmp_path / "x.xlsx", scheme=OWN)
    (choice,) = load_workbook(tmp_path / "x.xlsx").active.data_validations.dataValidation
    assert choice.formula1 == '"' + ",".join([*(label.zh for label in OWN), "无"]) + '"'
    long = Scheme.from_list(
        [{"name": f"{'abcdefghij'[k] * 40}", "zh": f"{'甲乙丙丁戊己庚辛壬癸'[k] * 40}"} for k in range(10)]
    )
    findings = write_documents([from_gold(parse_markup("---\n[none] 好", "x"))], tmp_path / "y.xlsx", scheme=long)
    assert any("没有主维度的下拉选项" in note for note in findings.notes)
    assert not load_workbook(tmp_path / "y.xlsx").active.data_validations.dataValidation


def test_tagged_reports_bring_their_labels(tmp_path):
    path = tmp_path / "tagged.jsonl"
    write_tagged([merged()], path)
    reading = read_annotations([path])
    assert reading.scheme == MERGED
    assert not reading.findings.problems
    assert {d for line in reading.documents[0].lines for d in line.labels} == {*MERGED}
    other = read_annotations([path], options=Options(scheme=OWN))
    with pytest.raises(InterchangeError, match="tagged with the labels leadership, services, enforcement, outlook"):
        other.findings.check()


# figures


def test_agreement_follows_the_labels():
    gold = own_gold()
    other = parse_markup(OWN_MARKUP.replace("[digital]", "[services]"), "o01", scheme=OWN)
    result = compare([gold], [other], OWN)
    assert [*result.per_dimension] == [*OWN]
    assert result.per_dimension["digital"]["first"] == 2
    assert result.per_dimension["digital"]["second"] == 1
    table = shown(agreement_table(result, "甲", "乙"))
    assert "数字法治" in table
    assert "学法培训" not in table


def test_records_have_a_schema_for_the_labels():
    data = to_dataset([own_gold()], OWN)
    assert data.features["primary"].names == ["leadership", "services", "digital", "plans", "none"]
    assert data.features["secondary"].feature.names == ["leadership", "services", "digital"]
    assert data[2]["primary"] == 2
    with pytest.raises(ValueError, match="digital"):
        to_dataset([own_gold()])


def test_reasons_name_the_labels():
    paragraph = merged().paragraphs[1]
    close = replace(paragraph, scores=dict.fromkeys(MERGED, 0.3))
    assert reason(close, "uncertainty", None, MERGED).startswith("主要标签没把握：组织与学习 0.30 / 法律服务 0.30")


# commands


@pytest.fixture
def labelled(tmp_path):
    folder = tmp_path / "labelled"
    folder.mkdir()
    for number in range(4):
        (folder / f"o{number}.txt").write_text(
            OWN_MARKUP.replace("我镇", f"我镇{'甲乙丙丁'[number]}"), encoding="utf-8"
        )
    return folder


def lawgov(*args, code=0):
    result = CliRunner().invoke(app, [str(a) for a in args], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result


def flat(text):
    return re.sub(r"\s*\n\s*", " ", text)


def test_from_labels_to_a_model_and_to_all_that_follows_it(tmp_path, base, corpus, labelled, monkeypatch):
    labels, mine, texts = write_labels(tmp_path / "labels.json"), tmp_path / "mine", ROOT / "data" / "sample_texts"
    monkeypatch.setattr("lawgov_nlp.model.checkpoints.shipped_model", lambda *_: base)  # the tiny one, of the codebook
    monkeypatch.setattr("lawgov_nlp.training.retrain.shipped_model", lambda: base)
    result = lawgov(
        "train", labelled, "-o", mine, "--labels", labels, "--epochs", 2, "--precision", "float32", "--device", "cpu"
    )
    assert "留出的新报告" in result.output
    assert "标签不同，只比数值与名称" in result.output
    assert "随包测试集（未按这些标签标注，只计数值与名称）" in result.output
    model, _ = load_model(mine)
    assert model.scheme == OWN
    assert json.loads((mine / "config.json").read_text("utf-8"))["dimensions"] == OWN.to_list()

    tagged = tag_report(next(texts.glob("*.txt")), model=mine, device="cpu")
    assert tagged.scheme == OWN
    assert [c for c in tagged.to_frame().columns if c.startswith("score_")] == [
        *(f"score_{d}" for d in OWN),
        "score_none",
    ]
    table = lawgov("tag", texts, "--model", mine).output
    assert any(d.zh in table for d in OWN)
    assert Dimension.MEDIATION.zh not in table
    for form in ("jsonl", "csv", "xlsx", "parquet"):
        lawgov("tag", texts, "--model", mine, "-o", tmp_path / f"t.{form}")
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as lines:
        assert {row["label"] for row in csv.DictReader(lines)} <= {"none", *OWN}
    reports = [TaggedReport.from_dict(json.loads(x)) for x in (tmp_path / "t.jsonl").read_text("utf-8").splitlines()]
    assert {r.scheme for r in reports} == {OWN}
    lawgov("tag", texts, "--model", mine, "-o", tmp_path / "pages", "--format", "html")
    assert "数字法治" in (tmp_path / "pages" / "index.html").read_text("utf-8")
    lawgov("tag", texts, "--model", mine, "-o", tmp_path / "parts", "--parts", "--format", "csv")
    head = (tmp_path / "parts" / "part-00000.csv").read_text("utf-8-sig").splitlines()[0]
    assert head == (tmp_path / "t.csv").read_text("utf-8-sig").splitlines()[0]

    scores = lawgov("evaluate", mine, labelled, "-o", tmp_path / "s.json", "--errors", "--with-learned").output
    assert "数字法治" in scores
    found = json.loads((tmp_path / "s.json").read_text("utf-8"))
    assert found["confusion"]["coded"] == [*OWN, "none"]
    lawgov("evaluate", mine, labelled, "-o", tmp_path / "s.html", "--with-learned")
    assert "数字法治" in (tmp_path / "s.html").read_text("utf-8")
    wrong = lawgov("evaluate", base, labelled, code=2).output
    assert "unknown dimension 'digital'" in flat(wrong)

    again = tmp_path / "again"
    config = TrainConfig(epochs=1, precision="float32")
    retrain(read_markup_folder(labelled, OWN), again, base=mine, config=config, beat_base=False)
    assert load_model(again)[0].scheme == OWN
    assert (
        "主维度变化" in lawgov("compare", mine, again, labelled, "-o", tmp_path / "flips.csv", "--with-learned").output
    )
    different = flat(lawgov("compare", base, mine, labelled, code=2).output)
    assert "labels with leadership, training, mediation" in different
    assert "lawgov evaluate" in different

    lawgov("suggest", texts, "-n", 5, "--model", mine, "--labelled", labelled, "-o", tmp_path / "to_label.json")
    tasks = json.loads((tmp_path / "to_label.json").read_text("utf-8"))
    chosen = [
        r["value"]["choices"] for t in tasks for r in t["predictions"][0]["result"] if r.get("from_name") == "primary"
    ]
    assert len(chosen) == 5
    assert {word for words in chosen for word in words} <= {"none", *OWN}
    lawgov("convert", tmp_path / "t.jsonl", "-o", tmp_path / "correct.json")  # knows its labels
    lawgov("convert", tmp_path / "t.jsonl", "-o", tmp_path / "correct.xlsx", "--labels", mine)


def test_label_studio_and_back_and_agreement(tmp_path, labelled):
    labels = write_labels(tmp_path / "labels.json")
    lawgov("convert", "--labelling-config", "-o", tmp_path / "config.xml", "--labels", labels)
    assert (tmp_path / "config.xml").read_text("utf-8") == labelling_config(OWN)
    lawgov("convert", labelled, "-o", tmp_path / "x.json", "--labels", labels)
    lawgov("convert", tmp_path / "x.json", "-o", tmp_path / "back", "--labels", labels)
    assert read_markup_folder(tmp_path / "back", OWN) == read_markup_folder(labelled, OWN)
    table = lawgov("agreement", labelled, tmp_path / "x.json", "--labels", labels).output
    assert "数字法治" in table
    assert "不同 0 处" in table
    for command in (("convert", labelled, "-o", tmp_path / "y.json"), ("agreement", labelled, labelled)):
        assert "unknown dimension 'digital'" in flat(lawgov(*command, code=2).output)
        assert "unknown dimension 'digital'" in flat(lawgov(*command, "--labels", "shipped", code=2).output)
    assert not (tmp_path / "y.json").exists()


def test_the_shipped_labels_by_name(tmp_path):
    reports = ROOT / "tests" / "exports" / "reports"
    lawgov("convert", reports, "-o", tmp_path / "x.json", "--labels", "shipped")
    lawgov("convert", reports, "-o", tmp_path / "y.json", "--labels", ROOT / "models" / "lawgov-small")
    assert (tmp_path / "x.json").read_bytes() == (tmp_path / "y.json").read_bytes()
    assert "学法培训" in lawgov("agreement", reports, tmp_path / "x.json", "--labels", "shipped").output


def test_wrong_labels_stop_a_command_at_once(tmp_path, base, labelled):
    path = tmp_path / "labels.json"
    path.write_text('{"labels": [{"name": "digital", "zh": "数字法治", "form": ["plans"]}]}', encoding="utf-8")
    for command in (
        ("train", labelled, "-o", tmp_path / "m", "--base", base),
        ("convert", labelled, "-o", tmp_path / "x.json"),
        ("agreement", labelled, labelled),
    ):
        out = flat(lawgov(*command, "--labels", path, code=2).output)
        assert "label 1: 'form' is unknown; did you mean 'from'?" in out
        assert "can't be read" in flat(lawgov(*command, "--labels", tmp_path / "nowhere.json", code=2).output)
        assert "folder of a model" in flat(lawgov(*command, "--labels", labelled, code=2).output)
    assert not (tmp_path / "m").exists()


def test_merged_labels_are_measured_on_the_shipped_reports(tmp_path, base, corpus, gold, caplog):
    from lawgov_nlp.annotation.relabel import relabel_gold

    config = TrainConfig(epochs=1, precision="float32")
    result = retrain(
        [relabel_gold(replace(gold, id="m0"), MERGED)], tmp_path / "m", base=base, scheme=MERGED, config=config
    )
    assert result.own is None
    assert result.shipped.labels_compare
    assert result.shipped.before.labels == result.shipped.after.labels == (*MERGED, "none")
    assert not any(value != value for value in result.shipped.after.figures.values())
    assert "the model won't know" not in caplog.text


def test_new_labels_need_a_report_to_choose_on(tmp_path, base, corpus, caplog):
    from lawgov_nlp.errors import TrainingError
    from lawgov_nlp.training.retrain import cross_validate, retrain

    config = TrainConfig(epochs=1, precision="float32")
    reports = [replace(own_gold(f"o{k}")) for k in range(3)]
    with pytest.raises(TrainingError, match="the shipped reports don't have these labels"):
        retrain(reports[:1], tmp_path / "m", base=base, scheme=OWN, config=config)
    items = [*OWN.to_list(), {"name": "other", "zh": "其他"}]
    result = retrain(reports[:2], tmp_path / "m", base=base, scheme=Scheme.from_list(items), config=config)
    assert (len(result.learned), len(result.held_out)) == (1, 1)
    assert "no paragraph to learn from has other" in caplog.text
    assert not result.own.labels_compare
    assert result.own.before.figures["value_span_f1"] >= 0
    assert result.own.after.figures["primary_accuracy"] >= 0
    measured = cross_validate(reports, 3, base=base, scheme=OWN, config=config)
    assert measured.after.support["paragraphs"] == 18
    assert measured.after.scheme == OWN


def test_a_run_is_resumed_with_the_same_labels_only(tmp_path, base):
    from lawgov_nlp.errors import TrainingError
    from lawgov_nlp.training.trainer import TrainConfig, train

    folder = tmp_path / ".m.training"
    (folder / "checkpoint-1").mkdir(parents=True)
    (folder / "checkpoint-1" / "trainer_state.json").write_text("{}")
    (folder / "run.json").write_text(json.dumps({"labels": MERGED.to_list()}))
    config, gold = TrainConfig(epochs=1, precision="float32"), [own_gold()]
    with pytest.raises(TrainingError, match="begun with another labels"):
        train(gold, gold, base=base, out=tmp_path / "m", scheme=OWN, config=config, resume=True)


def test_what_is_held_out_for_new_labels_has_labels(gold):
    """Of reports that were coded for indicators alone none can choose the pass."""
    bare = [replace(without_labels(gold), id=f"bare{k}") for k in range(3)]
    for seed in range(5):
        learned, held_out = hold_out([*bare, gold], seed, needed=True)
        assert held_out == [gold]
        assert learned == bare
    with pytest.raises(TrainingError, match="no paragraph has a coded label"):
        hold_out(bare, 0, needed=True)
