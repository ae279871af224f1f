"""From tagged reports to a panel: one value a cell, nothing lost, the same in any order, files, commands, checks."""

import csv
import random
import runpy

import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

from lawgov_nlp.cli.main import app
from lawgov_nlp.errors import OutputError, PanelError
from lawgov_nlp.panel import build_panel
from lawgov_nlp.panel.files import write_panel
from lawgov_nlp.panel.place_table import load_places
from lawgov_nlp.results.writers import write_reports
from lawgov_nlp.results.writers.csv import csv_bytes
from tests.conftest import ROOT
from tests.panel_reports import report

TOWN, SHA, SHAQU = "婺源县紫阳镇人民政府", "沙县人民政府", "沙县区人民政府"


@pytest.fixture
def reports():
    return [
        report(
            TOWN,
            2020,
            "mediation 全年[排查矛盾纠纷]{200件}，[化解]{190余件}，其中[婚姻家庭纠纷]{20件}。",
            "publicity [发放资料]{300份}。[宣传资料]{3000份}。",
            "plans 明年[普法活动]{20场|publicity}。",
            "shortcomings 只有[执法人员]{3名}。",
        ),
        report(TOWN, 2022, "mediation [排查矛盾纠纷]{210件}，同比增长{5%}。", "enforcement 添置[奇怪的东西]{3台}。"),
        report(SHA, 2020, "enforcement [行政复议案件]{50件}。"),
        report(SHAQU, 2021, "enforcement [行政复议案件]{40件}，同比增长{25%}。"),
    ]


def test_one_row_a_place_and_year_one_column_an_indicator(reports):
    wide = build_panel(reports).wide.set_index(["county", "year"])
    assert len(wide) == 4
    assert wide.loc[("婺源县", 2020), "disputes_screened"] == 200
    assert wide.loc[("婺源县", 2020), "disputes_resolved"] == 190
    assert "enforcement_officers" not in wide  # told among the deficiencies only
    assert "publicity_events" not in wide  # planned only
    assert pd.isna(wide.loc[("婺源县", 2022), "disputes_resolved"])  # silent isn't nought


def test_a_renamed_county_is_one_place(reports):
    wide = build_panel(reports).wide
    sha = wide[wide["county"].eq("沙县区")].sort_values("year")
    assert sha["place_id"].nunique() == 1
    assert [*sha["code_then"]] == ["350427000000", "350405000000"]
    assert [*sha["name_then"]] == ["沙县", "沙县区"]


def test_every_cell_has_its_sentence(reports):
    texts = {r.source: r.text for r in reports}
    for row in build_panel(reports).long.itertuples():
        assert texts[row.source][row.value_start : row.value_end] == row.value
        assert row.value in row.sentence


def test_bounds_and_conflicts(reports):
    panel = build_panel(reports)
    cells = panel.long.set_index(["code", "year"])
    assert cells.loc[("disputes_resolved", 2020), "low"] == 190
    assert pd.isna(cells.loc[("disputes_resolved", 2020), "high"])
    materials = cells.loc[("publicity_materials", 2020)]
    assert (materials["number"], materials["candidates"], materials["conflict"]) == (3000, 2, 1)
    assert sorted(panel.conflicts["number"]) == [300, 3000]


def test_nothing_is_lost(reports):
    panel = build_panel(reports)
    assert sum(panel.counts.values()) == sum(len(r.indicators) for r in reports) == len(panel.values)
    assert set(panel.values["status"]) == {"cell", "conflict", "role", "unmatched"}
    assert [*panel.unmatched["name"]] == ["奇怪的东西"]


def test_the_order_of_files_doesnt_matter(reports):
    first = build_panel(reports)
    shuffled = random.Random(1).sample(reports, len(reports))
    second = build_panel(iter(shuffled))
    for name in ("long", "wide", "coverage", "conflicts", "checks", "unmatched", "values", "codebook"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))
    assert first.notes == second.notes


def test_coverage_tells_missing_from_silent(reports):
    coverage = build_panel(reports).coverage.set_index(["county", "year"])
    assert coverage.loc[("婺源县", 2021), "status"] == "missing"
    assert coverage.loc[("沙县区", 2022), "status"] == "outside"
    assert "disputes_resolved" in coverage.loc[("婺源县", 2022), "silent"].split()


def test_of_two_reports_the_later_counts_and_the_other_is_listed(reports):
    revised = report(TOWN, 2020, "mediation [排查矛盾纠纷]{222件}。", source="修订.txt", date="2021年3月1日")
    panel = build_panel([*reports, revised])
    row = panel.coverage[panel.coverage["source"].eq("修订.txt")].iloc[0]
    assert row["others"] == f"{TOWN}2020.txt"
    assert (panel.values["status"] == "other_report").sum() == 7
    assert any("有 2 份报告" in note for note in panel.notes)


def test_a_report_without_place_or_year_is_told(reports):
    import dataclasses

    nowhere = dataclasses.replace(
        report("县司法局", 2020, "publicity [普法活动]{3场}。"), issuer=None, source="x/1.txt"
    )
    undated = dataclasses.replace(report(TOWN, 2021, "publicity [普法活动]{3场}。", source="2.txt"), year=None)
    panel = build_panel([*reports, nowhere, undated])
    assert (panel.values["status"] == "no_year").sum() == 1
    assert any("2.txt" in note and "年度" in note for note in panel.notes)
    assert any("x/1.txt" in note and "地方未定" in note for note in panel.notes)


def test_no_reports_and_twins_are_refused(reports):
    with pytest.raises(PanelError, match="no tagged reports"):
        build_panel([])
    with pytest.raises(PanelError, match="comes 2 times"):
        build_panel([reports[0], reports[0]])
    with pytest.raises(TypeError, match="tag it first"):
        build_panel(["text"])


def kinds(*reports):
    return {(row.check, row.year) for row in build_panel(reports).checks.itertuples()}


def test_stated_growth_against_last_year(reports):
    assert ("growth", 2021) in kinds(*reports)  # 50 to 40 is no rise of 25 %


def test_planted_faults_are_found_and_sound_reports_pass():
    sound = (
        "mediation [排查矛盾纠纷]{200件}，[化解]{190件}，[化解率]{95%}，其中[婚姻家庭纠纷]{20件}、[邻里纠纷]{30件}。"
    )
    assert kinds(report(TOWN, 2020, sound)) == set()
    assert kinds(report(TOWN, 2020, sound.replace("95%", "85%"))) == {("rate", 2020)}
    # 其中 follows the rate here, so that nothing says what the parts are of
    parts = "mediation [化解]{190件}，其中[婚姻家庭纠纷]{120件}、[邻里纠纷]{130件}。"
    assert kinds(report(TOWN, 2020, parts)) == {("part_whole", 2020)}
    assert kinds(report(TOWN, 2020, "training [合格率]{120%}。")) == {("impossible", 2020)}


@pytest.mark.parametrize(
    "line",
    [
        "enforcement [行政诉讼案件]{94宗}，其中[一审]{57宗}、[二审]{37宗}，[败诉]{5宗}。",
        "enforcement [行政复议答复]{57宗}、[行政应诉案件]{14宗}，其中[维持]{41宗}。",
        "mediation [人民调解员]{67名}，其中[少数民族]{41名}，[双语调解员]{38名}。",
        "mediation [矛盾纠纷]{417件}，[当场化解]{263件}，[化解率]{96.4%}。",
        "mediation [排查矛盾]{2310件}，[化解]{2254件}，[民转刑案件]{2起}，[包案化解]{14件}，[化解率]{93.3%}。",
    ],
)
def test_what_reports_say_soundly_is_no_finding(line):
    assert kinds(report(TOWN, 2020, line)) == set()


def test_copied_reports_and_a_slipped_unit():
    lines = [
        f"publicity {word}期间，在各村开展了内容丰富的宣传，共[发放资料]{{{n}份}}。"
        for word, n in zip("春夏秋冬年节", range(311, 317), strict=True)
    ]
    found = kinds(report(TOWN, 2020, *lines), report("婺源县秋口镇人民政府", 2020, *lines))
    assert ("copied", 2020) in found
    series = [
        report(TOWN, year, f"publicity [宣传资料]{{{n}份}}。")
        for year, n in ((2019, 3000), (2020, 3200), (2021, 31000), (2022, 3100))
    ]
    assert kinds(*series) == {("series", 2021)}


@pytest.mark.parametrize("name", ["p.csv", "p.xlsx", "p.dta", "p.parquet", "p.html"])
def test_every_format(reports, tmp_path, name):
    panel = build_panel(reports)
    written = write_panel(panel, tmp_path / name)
    assert tmp_path / name in written
    assert not [*tmp_path.glob(".*")]
    with pytest.raises(OutputError, match="exists"):
        write_panel(panel, tmp_path / name)
    write_panel(panel, tmp_path / name, overwrite=True)
    if name.endswith(".csv"):
        assert len(pd.read_csv(tmp_path / name)) == 4
        assert (tmp_path / "p-codebook.csv").exists()
    elif name.endswith(".parquet"):
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / name), panel.wide)
    elif name.endswith(".xlsx"):
        assert [*pd.read_excel(tmp_path / name, sheet_name=None)][:2] == ["wide", "long"]


def test_stata_has_labels(reports, tmp_path):
    write_panel(build_panel(reports), tmp_path / "p.dta")
    with pd.io.stata.StataReader(tmp_path / "p.dta") as file:
        assert file.variable_labels()["disputes_screened"].startswith("排查矛盾纠纷（件） Disputes found")
        assert "乡级 township" in file.value_labels()["level"].values()
    assert (tmp_path / "p.dta").read_bytes()[:50].find(b"<release>118") >= 0


def test_text_is_no_formula_and_no_markup(tmp_path):
    bad = report(TOWN, 2020, "publicity =HYPERLINK(1)，[普法活动]{3场}。", source="=cmd.txt")
    panel = build_panel([bad])
    write_panel(panel, tmp_path / "p.csv")
    with (tmp_path / "p-long.csv").open(encoding="utf-8-sig") as file:
        row = next(csv.DictReader(file))
    assert row["source"].startswith("'=")
    assert row["sentence"].startswith("'=")
    write_panel(panel, tmp_path / "p.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "p.xlsx")["long"]
    (cell,) = (c for c in sheet[2] if c.value == "=cmd.txt")
    assert cell.data_type == "s"
    assert cell.quotePrefix


def test_a_workbook_holds_what_a_cell_can_and_the_log_says_what_was_lost(tmp_path, caplog):
    panel = build_panel([report(TOWN, 2020, "publicity [普法活动]{3场}" + "𠮷" * 20_000 + "。")])
    write_panel(panel, tmp_path / "p.xlsx")
    assert "超出 Excel 单元格上限" in caplog.text
    cells = [cell.value for cell in openpyxl.load_workbook(tmp_path / "p.xlsx")["long"][2]]
    (sentence,) = (value for value in cells if isinstance(value, str) and "𠮷" in value)
    assert len(sentence.encode("utf-16-le")) // 2 == 32_766  # one more, and half a character would be left


def test_a_source_like_a_formula_comes_back_from_the_places(tmp_path):
    (tmp_path / "places.csv").write_bytes(csv_bytes(("source", "code"), [("=cmd.txt", "361130")]))
    place = load_places(tmp_path / "places.csv").place(report(TOWN, 2020, "none 略。", source="=cmd.txt"))
    assert place.code == "361130000000"


def test_the_page_escapes_what_reports_say(reports):
    import dataclasses

    from lawgov_nlp.panel.page import panel_page

    page = panel_page(build_panel([dataclasses.replace(reports[0], source="<img src=x onerror=alert(1)>")]))
    assert "<img" not in page
    assert "&lt;img" in page
    assert "http-equiv" in page
    assert "<script" not in page


def run(*args, code=0):
    result = CliRunner().invoke(app, [*map(str, args)])
    assert result.exit_code == code, result.output
    return result


def test_commands(reports, tmp_path):
    write_reports(reports, tmp_path / "tagged.jsonl")
    run("places", tmp_path / "tagged.jsonl", "-o", tmp_path / "places.csv")
    assert len((tmp_path / "places.csv").read_text(encoding="utf-8-sig").splitlines()) == 4
    out = run("panel", tmp_path / "tagged.jsonl", "-o", tmp_path / "out", "--places", tmp_path / "places.csv").stdout
    assert "2 个地方，4 份报告" in out
    assert {p.suffix for p in (tmp_path / "out").iterdir()} == {".csv", ".xlsx", ".dta", ".parquet", ".html"}


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("panel", "nowhere", "-o", "x.csv"), "no tagged reports"),
        (("panel", "t.jsonl", "-o", "x.doc"), "unknown ending"),
        (("panel", "bad.jsonl", "-o", "x.csv"), "bad.jsonl:1: no tagged report"),
        (("panel", "t.jsonl", "-o", "x.csv", "--places", "none.csv"), "can't be read"),
    ],
)
def test_bad_input_is_explained(reports, tmp_path, monkeypatch, args, reason):
    monkeypatch.chdir(tmp_path)
    write_reports(reports, tmp_path / "t.jsonl")
    (tmp_path / "bad.jsonl").write_text("{}\n")
    result = run(*args, code=2)
    assert reason in result.stderr.replace("\n", " ")
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.slow
def test_the_demo_is_read_whole_and_its_faults_are_found():
    from lawgov_nlp import find_reports, tag_reports

    faults = runpy.run_path(str(ROOT / "training" / "make_panel_samples.py"))["FAULTS"]
    folder = ROOT / "data" / "panel"
    panel = build_panel(tag_reports(find_reports(folder), device="cpu"), places=folder / "places.csv")
    assert len(panel.wide) == 24
    assert panel.wide["place_id"].nunique() == 7
    assert set(panel.wide["place_status"]) == {"by_hand"}
    assert [*panel.coverage.loc[panel.coverage["status"].eq("missing"), "place"]] == ["望溪县松坪镇"]
    found = {(row.check, row.place, row.year) for row in panel.checks.itertuples()}
    for check, at, year, _ in faults:
        assert any(c == check and place.endswith(at) and y == year for c, place, y in found), (check, at)
    assert len(found) <= len(faults) + 1
