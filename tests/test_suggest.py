"""Which paragraphs are suggested for labelling, and the way of a suggestion through a tool and home."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from lawgov_nlp import read_report
from lawgov_nlp.annotation.examples import examples
from lawgov_nlp.annotation.formats import (
    WRITTEN,
    Options,
    from_gold,
    mark_requested,
    read_annotations,
    render_annotations,
    to_gold,
    write_annotations,
)
from lawgov_nlp.annotation.formats.document import CodedLine, Document
from lawgov_nlp.annotation.formats.issues import Issues
from lawgov_nlp.annotation.formats.predictions import from_tagged
from lawgov_nlp.annotation.markup import read_markup, read_markup_folder
from lawgov_nlp.annotation.markup import to_markup as write_markup
from lawgov_nlp.annotation.suggest import (
    BY,
    Labelled,
    SuggestError,
    candidates,
    choose,
    fold,
    reason,
    suggest,
    uncertainty,
)
from lawgov_nlp.atomic import check_new
from lawgov_nlp.cli.main import app
from lawgov_nlp.errors import OutputError
from lawgov_nlp.report import LineKind
from lawgov_nlp.results.paragraph import TaggedParagraph
from lawgov_nlp.scheme import DIMENSIONS

from .conftest import ROOT, TEXTS
from .sample_report import sample

L, T, M, E, P, S, N = DIMENSIONS
REPORTS = ROOT / "data" / "reports"


def texts(n, seed=0):
    """Texts of which no two are alike."""
    rng = np.random.default_rng(seed)
    return ["".join(chr(0x4E00 + int(c)) for c in rng.integers(0, 5000, 40)) for _ in range(n)]


def points(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 8)).astype(np.float32)


def at(choices):
    return [choice.at for choice in choices]


# how sure


def paragraph(scores, secondary=None, indicators=(), label=L):
    return TaggedParagraph(
        text="甲", start=0, end=1, label=label, labels=(label,) if label else (), scores=scores,
        secondary_scores=secondary or {}, indicators=indicators,
    )  # fmt: skip


def test_doubt_of_the_primary_label_is_what_confidence_leaves():
    assert uncertainty(paragraph({L: 0.9, T: 0.1})) == pytest.approx(0.1)
    assert uncertainty(paragraph({L: 0.2, T: 0.1}, label=None)) == pytest.approx(0.3)


def test_a_secondary_label_is_most_doubtful_in_the_middle():
    doubts = [uncertainty(paragraph({L: 1.0}, {L: 1.0, P: p, S: 0.5})) for p in (0.02, 0.3, 0.5, 0.7, 0.98)]
    assert doubts == pytest.approx([0.02, 0.3, 0.5, 0.3, 0.02])
    assert uncertainty(paragraph({}, {P: 0.5}, label=None)) == 0.0  # without a primary label there are none


def test_the_least_sure_indicator_counts_and_a_nameless_one():
    (report,) = [sample()]
    named = next(i for p in report.paragraphs for i in p.indicators if i.name)
    two = (replace(named, score=0.99), replace(named, score=0.6))
    assert uncertainty(paragraph({L: 1.0}, indicators=two)) == pytest.approx(0.4)
    nameless = replace(named, name=None, name_start=None, name_end=None, score=1.0)
    assert uncertainty(paragraph({L: 1.0}, indicators=(nameless,))) == pytest.approx(0.5)
    assert "没有找到名称" in reason(paragraph({L: 1.0}, indicators=(nameless,)), "uncertainty", None)


def test_layers_add_up_as_chances():
    assert uncertainty(paragraph({L: 0.5, T: 0.5}, {P: 0.5})) == pytest.approx(0.75)


def test_the_reason_names_the_most_doubtful_first():
    doubtful = paragraph({M: 0.48, E: 0.41}, {P: 0.7}, label=M)
    said = "主要标签没把握：纠纷化解与法律服务 0.48 / 依法行政与执法 0.41；次要标签没把握：普法宣传 0.70"
    assert reason(doubtful, "uncertainty", None) == said
    assert reason(doubtful, "mixed", 0.314) == said + "；与已标、已选段落的最高相似度 0.31"
    assert "没把握" not in reason(doubtful, "diversity", 0.3)
    assert reason(doubtful, "random", 0.3) == "随机抽取"
    assert reason(paragraph({L: 0.99}), "uncertainty", None) == "模型较有把握"


# which are chosen


def test_by_uncertainty_the_least_sure_come_first():
    doubt = np.random.default_rng(1).random(30)
    assert at(choose(texts(30), None, doubt, 30, by="uncertainty")) == [*np.argsort(-doubt)]


def test_at_equal_distance_the_uncertain_are_drawn_before_the_certain():
    doubt = np.array([0.05] * 10 + [0.5] * 10)
    spread = np.eye(20, dtype=np.float32)  # each as far from every other
    for seed in range(10):
        assert sorted(at(choose(texts(20), spread, doubt, 10, seed=seed))) == [*range(10, 20)]
        assert all(k >= 10 for k in at(choose(texts(20), spread, doubt, 2, seed=seed)))
        assert sorted(at(choose(texts(20), spread, doubt, 12, seed=seed)))[2:] == [*range(10, 20)]


def test_at_equal_uncertainty_all_clusters_come_before_a_second_of_one():
    middles = np.eye(6, dtype=np.float32)
    near = np.repeat(middles, 20, axis=0) + 0.001 * points(120)[:, :6]
    for seed in range(10):
        found = at(choose(texts(120), near, np.full(120, 0.3), 6, by="diversity", seed=seed))
        assert sorted(k // 20 for k in found) == [*range(6)]
        unsure = np.where(np.arange(120) % 5 == 0, 0.3, 0.1)  # four of each cluster, all 24 on the shortlist
        found = at(choose(texts(120), near, unsure, 6, seed=seed))
        assert sorted(k // 20 for k in found) == [*range(6)]
        assert all(k % 5 == 0 for k in found)


def test_what_is_labelled_counts_as_covered():
    near = np.repeat(np.eye(6, dtype=np.float32), 20, axis=0) + 0.001 * points(120)[:, :6]
    done = Labelled(texts=texts(2, seed=9), vectors=np.eye(6, dtype=np.float32)[:2])
    for seed in range(10):
        unsure = np.where(np.arange(120) % 5 == 0, 0.3, 0.1)
        found = choose(texts(120), near, unsure, 6, labelled=done, seed=seed)[:4]
        assert sorted(k // 20 for k in at(found)) == [2, 3, 4, 5]
        assert all(choice.similarity < 0.9 for choice in found)


@pytest.mark.parametrize("by", BY)
def test_a_seed_gives_the_same_choice_and_another_one_another(by):
    doubt = np.full(200, 0.5)  # by uncertainty alone ties are broken by the seed
    found = [at(choose(texts(200), points(200), doubt, 20, by=by, seed=seed)) for seed in (3, 3, 4)]
    assert found[0] == found[1] != found[2]
    assert len(set(found[0])) == 20


@pytest.mark.parametrize("by", BY)
def test_more_than_there_is_gives_all(by):
    assert sorted(at(choose(texts(7), points(7), np.zeros(7), 50, by=by))) == [*range(7)]
    assert choose([], None, np.zeros(0), 5, by=by) == []
    same = choose(texts(5), np.ones((5, 8), dtype=np.float32), np.full(5, 0.5), 5, by=by)  # no distance at all
    assert sorted(at(same)) == [*range(5)]


TEXT = "全年开展法治讲座28场，发放宣传资料3000余份，接受群众咨询302人次，青柳镇村民的法治意识明显提高，办事依法、遇事找法的氛围日渐浓厚。"


@pytest.mark.parametrize(
    "copy",
    [
        TEXT.replace("28", "31").replace("3000", "12,000"),
        TEXT.replace("28", "二十八").replace("302", "３０２"),
        "　　" + TEXT.replace("，", "， "),
        TEXT.replace("青柳镇", "云岫县松石镇"),
    ],
)
@pytest.mark.parametrize("by", BY)
def test_copies_are_suggested_once_and_not_at_all_where_labelled(copy, by):
    others = texts(8)
    pool = [TEXT, *others, copy]
    found = at(choose(pool, points(10), np.full(10, 0.5), 10, by=by))
    assert len(found) == 9
    assert len({0, 9} & set(found)) == 1
    done = Labelled(texts=[copy], vectors=points(1, seed=5))
    assert sorted(at(choose(pool, points(10), np.full(10, 0.5), 10, by=by, labelled=done))) == [*range(1, 9)]


def test_what_only_resembles_is_no_copy():
    other = "全年开展法治讲座28场，调解矛盾纠纷56件，成功率98%，法律援助受理12件，群众遇事找法的氛围日渐浓厚。"
    assert len(choose([TEXT, other], points(2), np.full(2, 0.5), 2)) == 2
    assert candidates([TEXT, other, TEXT.replace("28", "29")], [other]) == [0]
    assert fold("共 １２３ 件，三百 件") == "共0件,0件"


def test_wrong_requests_say_what_is_expected():
    doubt = np.zeros(3)
    with pytest.raises(SuggestError, match="expected one of mixed, uncertainty"):
        choose(texts(3), points(3), doubt, 1, by="best")
    with pytest.raises(SuggestError, match="at least 1"):
        choose(texts(3), points(3), doubt, 0)
    with pytest.raises(SuggestError, match=r"tag_with_vectors, or by='uncertainty'"):
        choose(texts(3), None, doubt, 1)
    with pytest.raises(SuggestError, match="as many vectors"):
        choose(texts(3), points(2), doubt, 1)
    with pytest.raises(SuggestError, match="finite"):
        choose(texts(3), np.full((3, 8), np.nan), doubt, 1)
    with pytest.raises(SuggestError, match=r"need vectors of shape \(2, 8\), got None"):
        choose(texts(3), points(3), doubt, 1, labelled=Labelled(texts=texts(2)))
    with pytest.raises(SuggestError, match="an array for each report"):
        suggest([sample()], 1, vectors=[points(2)])


def test_suggestions_of_tagged_reports(tiny):
    reports = [read_report(path) for path in sorted(TEXTS.glob("*.txt"))]
    pairs = list(tiny.tag_with_vectors(reports))
    found = suggest([r for r, _ in pairs], 9, vectors=[v for _, v in pairs])
    assert len(found) == 9
    for s in found:
        assert s.report.paragraphs[s.at] == s.paragraph
        assert s.uncertainty == uncertainty(s.paragraph)
    assert found[0].similarity is None
    assert "尚无" in found[0].why
    assert all(-1.001 <= s.similarity <= 1.001 for s in found[1:])
    assert suggest([], 3) == []


def test_the_vectors_are_those_of_the_paragraphs(tiny, gold):
    reports = [read_report(path) for path in sorted(TEXTS.glob("*.txt"))]
    pairs = list(tiny.tag_with_vectors(reports))
    assert [r for r, _ in pairs] == list(tiny.tag_many(reports))
    for report, vectors in pairs:
        assert vectors.shape == (len(report.paragraphs), 3 * 32)
        np.testing.assert_allclose(vectors, tiny.vectors(report.paragraphs), atol=1e-4)
    alone = np.concatenate([tiny.vectors([p]) for p in reports[0].paragraphs])
    np.testing.assert_allclose(pairs[0][1], alone, atol=1e-4)
    assert tiny.vectors([]).shape == (0, 96)


def test_importing_loads_no_torch():
    code = "import sys, lawgov_nlp.annotation.suggest, lawgov_nlp.cli.suggest; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# a part of a report there and back

WHY = "主要标签没把握：纠纷化解与法律服务 0.48 / 依法行政与执法 0.41"


def part(gold, chosen):
    """A report of which only some paragraphs are asked for, as a model would have labelled it."""
    return replace(mark_requested(from_gold(gold), dict.fromkeys(chosen, WHY)), model="tiny-1")


def bodies(gold):
    return [u for u in gold.units if u.kind is LineKind.BODY]


def label(tasks):
    """What a labeller does who finds the model right."""
    for task in tasks:
        (prediction,) = task.pop("predictions")
        task["annotations"] = [{"result": prediction["result"]}]
    return tasks


def labelled(path, *documents):
    """A Label Studio export in which every suggested paragraph is labelled."""
    tasks = json.loads(render_annotations(documents, "label-studio", Issues()))
    path.write_text(json.dumps(label(tasks), ensure_ascii=False), "utf-8")
    return path


CHOSEN = (2, 3, 7)


@pytest.fixture(scope="module", params=["a01", "c05", "h03"])
def whole(request):
    return read_markup(REPORTS / f"{request.param}.txt")


def check_part(back, whole, chosen):
    assert back.text == whole.text
    assert [u.kind for u in back.units] == [u.kind for u in whole.units]
    for k, (got, want) in enumerate(zip(bodies(back), bodies(whole), strict=True)):
        if k in chosen:
            assert got == want
        else:
            assert (got.labels_coded, got.indicators_coded, got.primary, got.indicators) == (False, False, None, ())
    assert [e.unit for e in examples([back]).examples] == [e.unit for e in examples([whole]).examples]


def test_only_what_is_suggested_is_a_task_and_the_rest_comes_home_uncoded(whole, tmp_path):
    export = labelled(tmp_path / "export.json", part(whole, CHOSEN))
    tasks = json.loads(export.read_text("utf-8"))
    assert len(tasks) == len(CHOSEN)
    assert all(task["data"]["why"] == WHY for task in tasks)
    out = CliRunner().invoke(app, ["convert", str(export), "-o", str(tmp_path / "home")])
    assert out.exit_code == 0, out.output
    (back,) = read_markup_folder(tmp_path / "home")
    check_part(back, whole, CHOSEN)
    assert any(e.unit.headings for e in examples([back]).examples if e.labels_coded)


@pytest.mark.parametrize("form", ["doccano", "conll", "markup"])
def test_other_formats_bring_the_whole_report_home_too(whole, form, tmp_path):
    document = replace(part(whole, CHOSEN), model="")  # as if a coder had done it
    path = tmp_path / ("x" if form == "markup" else "x.jsonl" if form == "doccano" else "x.conll")
    write_annotations([document], path, form)
    (back,) = read_annotations([path]).gold
    if form == "conll":  # which ties each value to the nearest name
        assert back.text == whole.text
        assert [u.labels_coded for u in bodies(back)] == [k in CHOSEN for k in range(len(bodies(back)))]
        assert [u.indicators_coded for u in bodies(back)] == [k in CHOSEN for k in range(len(bodies(back)))]
        assert f"# why = {WHY}" in path.read_text("utf-8")
    elif form == "doccano":
        assert [json.loads(row)["why"] for row in path.read_text("utf-8").splitlines()] == [WHY] * len(CHOSEN)
        order = [replace(u, secondary=tuple(sorted(u.secondary))) for u in back.units]
        want = [replace(u, secondary=tuple(sorted(u.secondary))) for u in whole.units]
        check_part(replace(back, units=tuple(order)), replace(whole, units=tuple(want)), CHOSEN)
    else:
        check_part(back, whole, CHOSEN)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_tables_hold_the_reason_and_count_what_they_leave_out(whole, ending, tmp_path):
    path = tmp_path / f"x.{ending}"
    notes = write_annotations([part(whole, CHOSEN)], path).notes
    left = len(bodies(whole)) - len(CHOSEN)
    assert f"{ending}：{left} 段不在待标之列，未写出" in notes
    (back,) = read_annotations([path]).gold
    assert [u.text for u in bodies(back)] == [bodies(whole)[k].text.strip() for k in CHOSEN]
    headings = {e.unit.text: e.unit.headings for e in examples([whole]).examples}
    assert all(e.unit.headings == headings[e.unit.text] for e in examples([back]).examples)
    if ending == "csv":
        assert path.read_text("utf-8-sig").count(WHY) == len(CHOSEN)


def test_formats_without_room_for_the_reason_say_so(whole, tmp_path):
    for form in ("markup", "jsonl"):
        findings = Issues()
        render_annotations([part(whole, CHOSEN)], form, findings)
        assert f"{form}：3 条建议标注的理由未写出" in findings.notes


def test_two_rounds_of_one_report_fit_together(whole, tmp_path):
    rounds = [(2, 7), (3, 4), (1,)]
    exports = [labelled(tmp_path / f"{k}.json", part(whole, chosen)) for k, chosen in enumerate(rounds)]
    both = Options(layers=("labels", "indicators"))  # a round without a single span would be taken for labels only
    reading = read_annotations(exports, options=both)
    reading.findings.check()
    check_part(reading.gold[0], whole, {1, 2, 3, 4, 7})
    write_annotations(reading.documents, tmp_path / "home")  # and a later round to what was brought home before
    last = labelled(tmp_path / "last.json", part(whole, (0, 5)))
    again = read_annotations([tmp_path / "home", last], options=both)
    again.findings.check()
    check_part(again.gold[0], whole, {0, 1, 2, 3, 4, 5, 7})


def test_two_reports_of_one_name_are_told_apart(tmp_path):
    one, two = read_markup(REPORTS / "a01.txt"), replace(read_markup(REPORTS / "c05.txt"), id="a01")
    exports = [labelled(tmp_path / "1.json", part(one, (2,))), labelled(tmp_path / "2.json", part(two, (3,)))]
    problems = [str(p) for p in read_annotations(exports).findings.problems]
    assert any("are two reports called 'a01'?" in p for p in problems)


def test_a_task_that_was_thrown_away_leaves_a_gap(whole, tmp_path):
    export = labelled(tmp_path / "x.json", part(whole, CHOSEN))
    tasks = json.loads(export.read_text("utf-8"))
    export.write_text(json.dumps([tasks[0], tasks[2]], ensure_ascii=False), "utf-8")
    assert any("missing between the tasks" in str(p) for p in read_annotations([export]).findings.problems)


def test_asking_counts_paragraphs_and_drops_the_other_coding():
    line = CodedLine(kind=LineKind.BODY, text="甲", primary=L)
    document = Document(id="x", meta={}, lines=(CodedLine(kind=LineKind.HEADING, text="一、"), line, line))
    asked = mark_requested(document, {1: "因为"})
    assert [(x.asked, x.why, x.coded) for x in asked.lines[1:]] == [
        (False, "", ()),
        (True, "因为", ("labels", "indicators")),
    ]
    assert "[?] 甲{?}\n[leadership] 甲" in write_markup(to_gold(asked))


def test_a_model_without_a_name_is_no_coder():
    assert from_tagged(replace(sample(), model=""), "x").model == "unknown"


# the command


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny_model, tokenizer):
    folder = tmp_path_factory.mktemp("model")
    tiny_model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def run(model):
    def invoke(*args, code=0):
        args = ["suggest", *map(str, args), "--model", str(model), "--device", "cpu"]
        result = CliRunner().invoke(app, args)
        assert result.exit_code == code, result.output
        return result

    return invoke


def squeezed(text):
    return "".join(text.split())


def test_the_command_shows_what_and_why(run):
    out = squeezed(run(TEXTS, "-n", 5).stdout)
    assert "建议标注5段" in out
    assert "没把握" in out
    assert "共48段" in out


def test_the_command_there_and_back(run, tmp_path):
    out = run(TEXTS, "-n", 6, "-o", tmp_path / "to_label.json")
    assert "中的 6 段，附模型所标，请核对" in out.stderr.replace("\n", "")
    tasks = json.loads((tmp_path / "to_label.json").read_text("utf-8"))
    assert len(tasks) == 6
    assert all(task["data"]["why"] and task["predictions"][0]["model_version"] == "tiny" for task in tasks)
    for task in label(tasks):  # the tiny model leaves values without a name, which no coder may
        result = task["annotations"][0]["result"]
        task["annotations"][0]["result"] = [r for r in result if r.get("from_name") in ("primary", "secondary")]
    (tmp_path / "export.json").write_text(json.dumps(tasks, ensure_ascii=False), "utf-8")
    args = ["convert", str(tmp_path / "export.json"), "-o", str(tmp_path / "home"), "--layers", "labels"]
    assert CliRunner().invoke(app, args).exit_code == 0
    gold = read_markup_folder(tmp_path / "home")
    found = examples(gold)
    assert found.misread == 0
    assert sum(e.labels_coded for e in found.examples) == 6
    paths = {e.unit.text: e.unit.headings for e in found.examples}
    for report in map(read_report, TEXTS.glob("*.txt")):
        if any(g.id == report.source.split("/")[-1].removesuffix(".txt") for g in gold):
            assert all(paths[p.text] == p.headings for p in report.paragraphs)

    # the next round leaves them out, whichever way it is told of them
    for done in (tmp_path / "home", tmp_path / "export.json"):
        more = run(TEXTS, "-n", 100, "--labelled", done, "-o", tmp_path / f"more-{done.name}.json")
        assert "已标6段" in squeezed(more.stdout)
        again = json.loads((tmp_path / f"more-{done.name}.json").read_text("utf-8"))
        assert not {t["data"]["text"] for t in again} & {t["data"]["text"] for t in tasks}


@pytest.mark.parametrize("form", WRITTEN)
def test_the_command_writes_every_format(run, form, tmp_path):
    out = run(TEXTS, "-n", 4, "-o", tmp_path / "x", "--format", form, "--by", "uncertainty")
    assert (tmp_path / "x").exists()
    if form in ("csv", "xlsx", "jsonl"):
        assert "44 段不在待标之列" in out.stderr or "段不在待标之列" in out.stderr
    if form not in ("label-studio", "csv", "xlsx"):
        assert "出自模型" in out.stderr


def test_a_broken_file_is_listed_and_the_others_go_on(run, tmp_path):
    folder = tmp_path / "in"
    shutil.copytree(TEXTS, folder)
    (folder / "坏.docx").write_bytes(b"PK\x03\x04 not a docx")
    out = run(folder, "-n", 3, "-o", tmp_path / "x.json", code=1)
    assert "坏.docx" in squeezed(out.stderr)
    assert len(json.loads((tmp_path / "x.json").read_text("utf-8"))) == 3


def test_an_empty_folder_writes_nothing(run, tmp_path):
    (tmp_path / "in").mkdir()
    out = run(tmp_path / "in", "-o", tmp_path / "x.json", code=1)
    assert "holdsnoreports" in squeezed(out.stderr).replace("│", "")
    assert not (tmp_path / "x.json").exists()


def test_when_all_is_labelled_nothing_is_written(run, tmp_path):
    source = next(iter(sorted(TEXTS.glob("h*.txt"))))
    report = read_report(source)
    lines = tuple(CodedLine(kind=u.kind, text=u.text) for u in report.units)
    write_annotations([Document(id="h", meta={"year": "2023"}, lines=lines)], tmp_path / "done")
    out = run(source, "--labelled", tmp_path / "done", "-o", tmp_path / "x.json")
    assert "没有可建议的段落" in out.stderr.replace("\n", "")
    assert not (tmp_path / "x.json").exists()


def test_signs_of_the_markup_come_home_from_labelling(run, tmp_path):
    text = "青柳镇2023年法治政府建设报告\n一、普法宣传\n全年开展<法治>讲座28场，发放资料3000余份。\n"
    (tmp_path / "甲.txt").write_text(text, "utf-8")
    run(tmp_path / "甲.txt", "-o", tmp_path / "folder")
    assert "<法治>讲座" in read_markup_folder(tmp_path / "folder")[0].text


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_of_a_table_only_changed_and_checked_rows_count(ending, run, tmp_path):
    from openpyxl import load_workbook

    path, scheme = tmp_path / f"x.{ending}", ("无", *(label.zh for label in DIMENSIONS))
    run(TEXTS, "-n", 5, "-o", path)
    reading = read_annotations([path])
    assert [e.labels_coded for e in bodies_of(reading)] == [False] * 5
    assert any("5 段仍是模型所标" in note for note in reading.findings.notes)
    if ending == "csv":
        return
    book = load_workbook(path)
    sheet = book.active
    at = {cell.value: cell.column for cell in sheet[1]}
    assert {"已核对", "模型所标", "理由", "主维度"} <= at.keys()
    was = [sheet.cell(row, at["主维度"]).value for row in range(2, 7)]
    assert set(was) <= set(scheme)
    sheet.cell(2, at["已核对"]).value = "是"
    sheet.cell(3, at["主维度"]).value = "无" if was[1] != "无" else "普法宣传"
    sheet.cell(3, at["次要维度"]).value = ""
    sheet.cell(4, at["主维度"]).value = ""
    sheet.cell(4, at["次要维度"]).value = ""
    sheet.cell(5, at["已核对"]).value = "也许"
    book.save(tmp_path / "done.xlsx")
    reading = read_annotations([tmp_path / "done.xlsx"])
    assert {e.text for e in bodies_of(reading) if e.labels_coded} == {sheet.cell(r, at["正文"]).value for r in (2, 3)}
    (problem,) = reading.findings.problems
    assert "checked is '也许'" in problem.reason
    for name in ("已核对", "模型所标"):  # a file of an earlier version
        sheet.cell(1, at[name]).value = None
    book.save(tmp_path / "old.xlsx")
    reading = read_annotations([tmp_path / "old.xlsx"])
    assert sum(e.labels_coded for e in bodies_of(reading)) == 4
    assert any("suggest 的旧表" in note for note in reading.findings.notes)


@pytest.mark.parametrize("form", ["xlsx", "label-studio", "doccano", "jsonl", "markup"])
def test_blank_suggestions_say_nothing_of_the_model(form, run, tmp_path):
    path = tmp_path / ("x.xlsx" if form == "xlsx" else "x")
    out = run(TEXTS, "-n", 4, "-o", path, "--format", form, "--blank")
    assert "不附模型所标" in out.stderr
    reading = read_annotations([path], form, Options(layers=("labels",)))
    assert not any(e.labels_coded for e in bodies_of(reading))
    if form not in ("xlsx", "markup"):
        assert "没把握" not in (path).read_text("utf-8")
        assert '"predictions"' not in (path).read_text("utf-8")


def bodies_of(reading):
    return [u for gold in reading.gold for u in bodies(gold)]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--by", "best"), "--by best is unknown; expected one of mixed"),
        (("--format", "csv"), "needs a place to write to"),
        (("--format", "pdf", "-o", "x"), "--format pdf is unknown; expected one of markup"),
        (("-o", "x.jsonl"), "both jsonl and doccano"),
        (("--labelled", "nowhere"), "nowhere: there is no such file or folder"),
    ],
)
def test_wrong_options_end_before_anything_slow(run, args, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in " ".join(run(TEXTS, *args, code=2).stderr.split())
    assert not any(tmp_path.iterdir())


def test_nothing_is_overwritten(run, tmp_path):
    (tmp_path / "x.json").write_text("mine")
    assert "exists" in run(TEXTS, "-o", tmp_path / "x.json", code=2).stderr
    assert (tmp_path / "x.json").read_text() == "mine"
    with pytest.raises(OutputError, match="create it first"):
        check_new(tmp_path / "no" / "x.json")


def test_a_models_labels_are_no_labels(run, tmp_path):
    (tmp_path / "t.jsonl").write_text(json.dumps(sample().to_dict(), ensure_ascii=False) + "\n", "utf-8")
    out = run(TEXTS, "--labelled", tmp_path / "t.jsonl", code=2)
    assert "holds a model's labels" in " ".join(out.stderr.split())
