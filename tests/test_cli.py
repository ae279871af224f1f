import csv
import io
import json
import shutil

import pytest
from typer.testing import CliRunner

from lawgov_nlp.cli.main import app

from .conftest import SAMPLES

TEXT = "青柳镇2023年法治政府建设报告\n一、普法宣传\n全年开展法治讲座28场，发放资料3000余份。\n二、存在不足\n一是执法力量薄弱。\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "甲.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


def run(*args, code=0):
    result = CliRunner().invoke(app, ["tag", *map(str, args), "--device", "cpu"])
    assert result.exit_code == code, result.output
    return result


def test_table_in_the_terminal(folder):
    out = run(folder / "in").stdout
    assert "青柳镇2023年法治政府建设报告" in out
    assert "普法宣传" in out
    assert "28场" in out
    assert "≥ 3,000份" in out


def test_jsonl_on_stdout_without_a_file(folder):
    rows = [json.loads(line) for line in run(folder / "in", "--format", "jsonl").stdout.splitlines()]
    assert [r["year"] for r in rows] == [2023]


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv", "r.xlsx", "r.parquet", "r.html"])
def test_every_format_from_the_ending(folder, name):
    run(folder / "in", "-o", folder / name)
    assert (folder / name).stat().st_size > 100


def test_pages_in_a_folder(folder):
    shutil.copy(folder / "in" / "甲.txt", folder / "in" / "乙.txt")
    run(folder / "in", "-o", folder / "pages", "--format", "html")
    assert len(list((folder / "pages").glob("*.html"))) == 3


def test_nothing_is_overwritten_unasked(folder):
    out = folder / "r.csv"
    out.write_text("mine")
    result = run(folder / "in", "-o", out, code=2)
    assert "exists" in result.stderr
    assert out.read_text() == "mine"
    run(folder / "in", "-o", out, "--overwrite")
    with out.open(encoding="utf-8-sig") as lines:
        assert [row["label"] for row in csv.DictReader(lines)] == ["publicity", "shortcomings"]


def test_bad_files_are_listed_and_the_others_go_on(folder):
    (folder / "in" / "坏.docx").write_bytes(b"PK\x03\x04 nothing")
    (folder / "in" / "空.txt").write_bytes(b"")
    result = run(folder / "in", folder / "nowhere", "--format", "jsonl", code=1)
    assert len(result.stdout.splitlines()) == 1
    for name in ("坏.docx", "空.txt", "nowhere"):
        assert name in result.stderr.replace("\n", "")


def test_what_is_no_file_is_listed(folder):
    (folder / "in" / "断.docx").symlink_to("nowhere.docx")
    result = run(folder / "in", "--format", "jsonl", "--workers", 1, "--timeout", 30, code=1)
    assert len(result.stdout.splitlines()) == 1
    assert "断.docx" in result.stderr.replace("\n", "")


def test_only_bad_files_write_nothing(folder):
    run(folder / "nowhere", "-o", folder / "r.csv", code=1)
    assert not (folder / "r.csv").exists()


def test_unreadable_files_leave_earlier_results_alone(folder):
    (folder / "空.txt").write_bytes(b"")
    (folder / "r.csv").write_text("mine")
    run(folder / "空.txt", "-o", folder / "r.csv", "--overwrite", code=1)
    assert (folder / "r.csv").read_text() == "mine"


def test_a_report_is_never_overwritten_by_its_page(folder):
    page = folder / "web" / "a.html"
    page.parent.mkdir()
    page.write_text("<html><body><article>" + f"<p>{TEXT * 3}</p>" + "</article></body></html>", encoding="utf-8")
    before = page.read_bytes()
    result = run(folder / "web", "-o", folder / "web", "--format", "html", "--overwrite", code=2)
    assert "one of the reports" in result.stderr
    assert page.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--format", "xlsx"), "needs a place to write to"),
        (("-o", "x.doc"), "x.doc"),
        (("-o", "x", "--format", "word"), "word"),
        (("--model", "nowhere"), "no folder nowhere"),
        (("--workers", "-1"), "--workers"),
        (("--timeout", "0"), "--timeout"),
    ],
)
def test_wrong_options_are_explained(folder, monkeypatch, options, reason):
    monkeypatch.chdir(folder)
    assert reason in run(folder / "in", *options, code=2).stderr


def test_samples_give_a_table_each():
    out = run(SAMPLES).stdout
    assert out.count("项指标") == 4


def test_a_summary_tells_of_every_file(base, tmp_path):
    """Two files with one text, one that can't be read, and three that no reader is for."""
    folder = tmp_path / "in"
    (folder / "x").mkdir(parents=True)
    text = "青柳镇2023年法治政府建设报告\n一、普法宣传\n全年开展法治讲座28场，发放资料3000余份。\n"
    (folder / "甲.txt").write_text(text, "utf-8")
    (folder / "x" / "乙.txt").write_text(text.replace("\n", "\n\n"), "utf-8")
    (folder / "空.txt").write_text("", "utf-8")
    for name in ("a.rar", "x/b.RAR", "c.jpg", ".hidden.rar"):
        (folder / name).write_bytes(b"x")
    args = ["tag", str(folder), "--model", str(base), "--device", "cpu", "-o"]
    result = CliRunner().invoke(app, [*args, str(tmp_path / "x.csv")], env={"COLUMNS": "200"})
    assert result.exit_code == 1
    assert "共读取 2 份报告，2 段；未能读取 1 份" in result.stderr
    assert "按后缀略过 3 个文件（不是报告的格式）：.rar 2、.jpg 1" in result.stderr
    assert "正文重复 1 份" in result.stderr
    assert "甲.txt 同 " in result.stderr
    result = CliRunner().invoke(app, [*args, str(tmp_path / "parts"), "--parts", "--workers", "0"])
    assert "按后缀略过 3 个文件" in result.stderr


@pytest.mark.parametrize("command", ["tag", "suggest", "convert"])
def test_an_interruption_says_what_is_left(command, tmp_path, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("lawgov_nlp.cli.tag.find_files", interrupted)
    monkeypatch.setattr("lawgov_nlp.cli.suggest.find_files", interrupted)
    monkeypatch.setattr("lawgov_nlp.annotation.formats.read_annotations", interrupted)
    result = CliRunner().invoke(app, [command, str(tmp_path), "-o", str(tmp_path / "x.xlsx")])
    assert result.exit_code == 130
    assert "已中断" in result.stderr
    assert "再运行同一命令" in result.stderr
    assert not (tmp_path / "x.xlsx").exists()


def test_a_sign_turns_on_a_terminal_and_nowhere_else():
    from rich.console import Console

    from lawgov_nlp.batch.folder import Progress
    from lawgov_nlp.cli.progress import TaggingBar, working

    for terminal in (True, False):
        out = io.StringIO()
        notes = Console(file=out, force_terminal=terminal, width=120)
        with working(notes, "评测中"):
            pass
        with TaggingBar(notes) as bar:
            bar.show(Progress(files=0, total=1, failed=0, paragraphs=0))  # even a single file may take long
        assert ("评测中" in out.getvalue()) == ("已用" in out.getvalue()) == terminal
