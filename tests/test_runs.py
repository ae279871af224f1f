"""Runs over folders: parts, manifest, going on after a kill, what is refused. The tiny model tags."""

import csv
import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lawgov_nlp import TaggedReport
from lawgov_nlp.batch import folder as runs
from lawgov_nlp.batch.folder import tag_folder
from lawgov_nlp.batch.manifest import Manifest
from lawgov_nlp.cli.main import app
from lawgov_nlp.errors import ModelError, OutputError, ReadError
from tests import hostile
from tests.conftest import ROOT

posix = pytest.mark.skipif(os.name != "posix", reason="signals")


@pytest.fixture
def folder(tmp_path):
    """Eleven good files in two folders, and two broken ones."""
    folder = tmp_path / "in"
    (folder / "云岭县").mkdir(parents=True)
    for number in range(11):
        hostile.good(folder / "云岭县" if number % 2 else folder, number)
    (folder / "坏.docx").write_bytes(b"PK\x03\x04 nothing")
    (folder / "云岭县" / "空.txt").write_bytes(b"")
    return folder


@pytest.fixture
def run(base, tiny, monkeypatch):
    """`tag_folder` on the tiny model, in this process, four files a part."""
    monkeypatch.setattr("lawgov_nlp.model.tagger.get_tagger", lambda *_: tiny)
    return lambda folder, out, **kwargs: tag_folder(
        folder, out, **{"model": base, "device": "cpu", "part_size": 4, "workers": 0, **kwargs}
    )


def content(out: Path) -> dict[str, bytes]:
    """All that a run leaves, its lock aside."""
    return {p.name: p.read_bytes() for p in out.iterdir() if p.name != ".lock"}


def rows(out: Path) -> list[dict]:
    return [json.loads(line) for p in sorted(out.glob("part-*.jsonl")) for line in p.read_text("utf-8").splitlines()]


def manifest(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text("utf-8").splitlines()]


def test_parts_and_manifest(folder, tmp_path, run):
    seen = []
    result = run(folder, tmp_path / "out", on_progress=seen.append)
    assert sorted(content(tmp_path / "out")) == ["manifest.jsonl", *(f"part-0000{n}.jsonl" for n in range(4))]
    assert result.parts == tuple(tmp_path / "out" / f"part-0000{n}.jsonl" for n in range(4))
    names = sorted(p for p in folder.rglob("*.*") if p.is_file())
    relative = [p.relative_to(folder).as_posix() for p in names]
    header, *lines = manifest(tmp_path / "out")
    assert header["model"] == "tiny"
    entries = [line for line in lines if "path" in line]
    assert [e["path"] for e in entries if e["status"] == "failed"] == ["云岭县/空.txt", "坏.docx"]
    assert sorted(e["path"] for e in entries) == sorted(relative)
    assert all(e["size"] == (folder / e["path"]).stat().st_size for e in entries)
    reports = rows(tmp_path / "out")
    assert [r["source"] for r in reports] == [e["path"] for e in entries if e["status"] == "tagged"]
    assert [len(r["paragraphs"]) for r in reports] == [e["paragraphs"] for e in entries if e["status"] == "tagged"]
    assert all(TaggedReport.from_dict(r) for r in reports)
    assert (result.reports, result.added) == (11, 11)
    assert result.paragraphs == sum(len(r["paragraphs"]) for r in reports) == seen[-1].paragraphs
    assert (seen[0].files, seen[-1].files, seen[-1].total, seen[-1].failed) == (0, 13, 13, 2)
    assert [name for name, _ in result.failures] == ["云岭县/空.txt", "坏.docx"]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_tables_come_in_two_files_a_part(folder, tmp_path, run, format):
    result = run(folder, tmp_path / "out", format=format)
    assert len(result.parts) == 8
    if format == "csv":
        with (tmp_path / "out" / "part-00001.csv").open(encoding="utf-8-sig", newline="") as file:
            sources = {row["source"] for row in csv.DictReader(file)}
        assert sources == {e["path"] for e in manifest(tmp_path / "out") if e.get("part") == 1}


def test_workers_write_what_this_process_writes(folder, tmp_path, run):
    run(folder, tmp_path / "a")
    run(folder, tmp_path / "b", workers=2)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_a_second_run_has_nothing_to_do(folder, tmp_path, run, monkeypatch):
    first = run(folder, tmp_path / "out")
    before = content(tmp_path / "out")
    monkeypatch.setattr("lawgov_nlp.model.tagger.get_tagger", None)  # no model is needed
    again = run(folder, tmp_path / "out")
    assert again == dataclasses.replace(first, added=0)
    assert content(tmp_path / "out") == before


def test_a_run_goes_on_from_wherever_its_manifest_was_cut(folder, tmp_path, run):
    run(folder, tmp_path / "whole")
    whole = content(tmp_path / "whole")
    record = whole["manifest.jsonl"]
    header = record.index(b"\n") + 1
    cuts = [header, *random.Random(0).sample(range(header, len(record)), 12), len(record) - 1]
    for cut in cuts:
        out = tmp_path / f"cut-{cut}"
        shutil.copytree(tmp_path / "whole", out)
        (out / "manifest.jsonl").write_bytes(record[:cut])
        (out / ".lawgov-left").mkdir()
        (out / ".lawgov-left" / "part-00000.jsonl").write_text("half")
        run(folder, out)
        assert content(out) == whole


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from lawgov_nlp.batch import manifest, folder as runs; from lawgov_nlp.model import tagger
torch.set_num_threads(1)
folder, model, out, whole, format = sys.argv[1:]
settings = dict(format=format, model=Path(model), device="cpu", part_size=4)
# loaded in the children, not here: a forked child must not inherit torch's threads

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def child(out, arrange=lambda: None, **more):
    pid = os.fork()
    if pid == 0:
        try:
            arrange()
            runs.tag_folder(Path(folder), Path(out), **settings, **more)
        except BaseException as error:
            print(type(error), error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return pid

def ended(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def at_step(number):
    seen = iter(range(number))
    return lambda _: die() if next(seen, None) is None else None

def before_commit():
    runs.Manifest.commit = die

def between_renames():
    real, done = os.replace, []
    def replace(source, target):
        if "part-" in str(target):
            if done:
                die()
            done.append(target)
        real(source, target)
    os.replace = replace

def in_the_midst_of_a_part():
    real = runs.Manifest.commit
    def commit(self, entries, outputs):
        real(self, entries, outputs)
        with self.path.open("ab") as file:
            file.write(b'{"path": "torn')
        die()
    runs.Manifest.commit = commit

killed = 0
assert ended(child(whole)) == 0
for number in (0, 1, 6):
    killed += ended(child(out, workers=number % 2 + 1, on_progress=at_step(number))) == -9
for arrange in (before_commit, between_renames, in_the_midst_of_a_part):
    killed += ended(child(out, arrange, workers=0)) == -9
rng = random.Random(1)
for _ in range(3):
    pid = child(out)
    time.sleep(rng.uniform(0.1, 1.0))
    os.kill(pid, signal.SIGKILL)
    killed += ended(pid) == -9
assert ended(child(out)) == 0
print(killed)
"""


@posix
@pytest.mark.parametrize("format", ["csv", pytest.param("jsonl", marks=pytest.mark.slow)])
def test_killed_again_and_again_it_comes_to_the_same(folder, tmp_path, base, format):
    args = [folder, base, tmp_path / "out", tmp_path / "whole", format]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, args)], capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= (6 if format == "csv" else 5), done.stderr  # jsonl has no second file to rename
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_added_files_go_into_further_parts(folder, tmp_path, run):
    run(folder, tmp_path / "out")
    before = content(tmp_path / "out")
    hostile.good(folder, 50)
    result = run(folder, tmp_path / "out")
    after = content(tmp_path / "out")
    assert (result.reports, result.added) == (12, 1)
    assert after.keys() - before.keys() == {"part-00004.jsonl"}
    assert after["manifest.jsonl"].startswith(before["manifest.jsonl"])
    assert rows(tmp_path / "out")[-1]["source"] == "good-00050.txt"


def test_failed_files_are_listed_again_and_read_again_when_mended(folder, tmp_path, run):
    first = run(folder, tmp_path / "out")
    again = run(folder, tmp_path / "out")
    assert again.failures == first.failures
    hostile.write_txt(folder / "云岭县" / "空.txt", hostile.lines(60))
    result = run(folder, tmp_path / "out")
    assert (result.reports, result.added, result.changed) == (12, 1, ("云岭县/空.txt",))
    assert [name for name, _ in result.failures] == ["坏.docx"]
    assert [r["source"] for r in rows(tmp_path / "out")].count("云岭县/空.txt") == 1
    assert run(folder, tmp_path / "out", retry_failed=True).failures == result.failures
    (folder / "坏.docx").unlink()
    result = run(folder, tmp_path / "out")
    assert (result.failures, result.gone) == ((), ("坏.docx",))


def test_what_has_changed_is_said(folder, tmp_path, run, base, monkeypatch):
    out = tmp_path / "out"
    run(folder, out)
    before = content(out)
    for settings, reason in (
        ({"format": "csv"}, "format was 'jsonl', is 'csv'"),
        ({"part_size": 5}, "part_size was 4"),
    ):
        with pytest.raises(OutputError, match=reason):
            run(folder, out, **settings)
    other = tmp_path / "other"
    shutil.copytree(base, other)
    weights = bytearray((other / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (other / "model.safetensors").write_bytes(weights)
    with pytest.raises(OutputError, match=r"model_sha256 was .*--overwrite"):
        run(folder, out, model=other)
    monkeypatch.setattr("importlib.metadata.version", lambda _: "9.9")
    with pytest.raises(OutputError, match=r"package was '.*', is '9\.9'"):
        run(folder, out)
    assert content(out) == before


def test_an_edited_file_costs_its_part_alone(folder, tmp_path, run):
    """The result is that of a new run to the byte, but for the manifest, which tells the way."""
    out, path = tmp_path / "out", folder / "good-00002.txt"
    run(folder, out)
    before, data = content(out), path.read_bytes()
    os.utime(path, (1, 1))  # copied or touched, but the same
    assert run(folder, out).added == 0
    assert content(out) == before
    path.write_bytes(data.replace("讲座".encode(), "课堂".encode()))
    result = run(folder, out)
    assert (result.changed, result.gone, result.added) == (("good-00002.txt",), (), 0)
    run(folder, tmp_path / "new")
    after, new = content(out), content(tmp_path / "new")
    assert after.keys() == new.keys()
    assert {name for name in after if after[name] != before[name]} == {
        "manifest.jsonl",
        *parts_of(before, "good-00002"),
    }
    assert all(after[name] == new[name] for name in after if name.startswith("part-"))
    assert run(folder, out).changed == ()


def parts_of(files, word):
    return {name for name, data in files.items() if name.startswith("part-") and f'"source": "{word}'.encode() in data}


def test_a_deleted_file_leaves_the_parts_and_the_manifest(folder, tmp_path, run, monkeypatch):
    out, path = tmp_path / "out", folder / "good-00002.txt"
    first = run(folder, out)
    before = content(out)
    (part,) = parts_of(before, "good-00002")
    path.unlink()
    with monkeypatch.context() as patch:  # it is killed when the old part is dropped and the new one isn't written
        patch.setattr("lawgov_nlp.batch.folder._Work.do", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            run(folder, out)
    assert part not in content(out)
    (out / part).write_bytes(before[part])  # killed even before the old part was deleted
    result = run(folder, out)
    assert result.reports == first.reports - 1
    assert "good-00002.txt" not in {r["source"] for r in rows(out)}
    assert sorted(r["source"] for r in rows(out)) == sorted({r["source"] for r in rows(out)})
    after = content(out)
    assert {name for name in before if after.get(name) != before[name]} == {"manifest.jsonl", part}
    for left in [*folder.rglob("good-*.txt")]:
        if left.name != "good-00003.txt":
            left.unlink()
    result = run(folder, out)  # parts without any file are gone, too
    assert {r["source"].split("/")[-1] for r in rows(out)} >= {"good-00003.txt"}
    assert not [s for s in result.gone if s.endswith("good-00003.txt")]


def test_overwrite_deletes_its_own_files_only(folder, tmp_path, run):
    out = tmp_path / "out"
    run(folder, out, part_size=2)
    (out / "notes.txt").write_text("mine")
    result = run(folder, out, part_size=100, format="csv", overwrite=True)
    assert result.reports == 11
    assert sorted(content(out)) == ["manifest.jsonl", "notes.txt", "part-00000-indicators.csv", "part-00000.csv"]


def test_a_lost_part_is_noticed(folder, tmp_path, run):
    run(folder, tmp_path / "out")
    with (tmp_path / "out" / "part-00001.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(OutputError, match=r"part-00001.jsonl: gone or changed"):
        run(folder, tmp_path / "out")


def test_a_part_that_was_edited_is_noticed_even_at_the_same_size(folder, tmp_path, run):
    run(folder, tmp_path / "out")
    part = tmp_path / "out" / "part-00000.jsonl"
    whole = part.read_bytes()
    part.write_bytes(whole.replace(b"20", b"21", 1))
    assert len(part.read_bytes()) == len(whole)
    with pytest.raises(OutputError, match=r"part-00000.jsonl: gone or changed"):
        run(folder, tmp_path / "out")
    part.write_bytes(whole)
    assert run(folder, tmp_path / "out").added == 0


def test_a_damaged_manifest_is_refused_with_its_row(folder, tmp_path, run):
    run(folder, tmp_path / "out")
    path = tmp_path / "out" / "manifest.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for row, line in ((1, b"[]\n"), (1, b'{"lawgov_run": 7}\n'), (3, b"{half\n"), (3, b'{"path": "x"}\n')):
        path.write_bytes(b"".join([*lines[: row - 1], line, *lines[row:]]))
        with pytest.raises(OutputError, match=rf"manifest.jsonl:{row}: .*--overwrite"):
            run(folder, tmp_path / "out")
    path.write_bytes(b"")
    with pytest.raises(OutputError, match=r"manifest.jsonl:1: "):
        run(folder, tmp_path / "out")


def test_a_folder_of_others_is_left_alone(folder, tmp_path, run):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "part-00000.jsonl").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=r"no manifest\.jsonl"):
            run(folder, tmp_path / "out", overwrite=overwrite)
    assert (tmp_path / "out" / "part-00000.jsonl").read_text() == "mine"


def test_two_runs_at_once_are_refused(folder, tmp_path, run):
    refused = []

    def second(progress):
        if progress.files == 5:
            with pytest.raises(OutputError, match=rf"another run is writing here \(process {os.getpid()} on"):
                run(folder, tmp_path / "out")
            refused.append(progress)

    assert run(folder, tmp_path / "out", on_progress=second).reports == 11
    assert refused


@posix
def test_the_lock_of_a_dead_process_is_taken_over(folder, tmp_path, run):
    code = (
        "import os, signal, sys; from pathlib import Path; from lawgov_nlp.batch.folder import _locked\n"
        "with _locked(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "out" / ".lock-owner").exists()
    assert run(folder, tmp_path / "out").reports == 11


@pytest.mark.parametrize(
    ("settings", "error", "reason"),
    [
        ({"format": "xlsx"}, OutputError, "jsonl, csv, parquet"),
        ({"part_size": 0}, ValueError, "at least 1"),
        ({"workers": -1}, ValueError, "workers=-1"),
        ({"model": Path("nowhere")}, ModelError, "no folder nowhere"),
    ],
)
def test_senseless_settings_leave_nothing(folder, tmp_path, run, settings, error, reason):
    with pytest.raises(error, match=reason):
        run(folder, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_folders_that_are_none(folder, tmp_path, run):
    (tmp_path / "empty").mkdir()
    for wrong, reason in ((tmp_path / "nowhere", "no folder"), (tmp_path / "empty", "holds no reports")):
        with pytest.raises(ReadError, match=reason):
            run(wrong, tmp_path / "out")
    with pytest.raises(OutputError, match="folder"):
        run(folder, folder / "坏.docx")
    with pytest.raises(OutputError, match="folder"):
        run(folder, tmp_path / "no" / "such")


@posix
def test_a_name_that_is_no_utf8(folder, tmp_path, run):
    name = os.fsdecode("松坪镇.txt".encode("gb18030"))
    shutil.copy(folder / "good-00000.txt", folder / name)
    bad = os.fsdecode("坏.docx".encode("gb18030"))
    (folder / bad).write_bytes(b"")
    result = run(folder, tmp_path / "out", format="csv")
    assert result.reports == 12
    assert bad in dict(result.failures)
    assert run(folder, tmp_path / "out", format="csv").added == 0
    assert Manifest.open(tmp_path / "out" / "manifest.jsonl").entries[name].status == "tagged"


def lawgov(*args, code):
    result = CliRunner().invoke(app, ["tag", *map(str, args), "--device", "cpu"], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result


def test_the_command(folder, tmp_path, base):
    args = (folder, "-o", tmp_path / "out", "--model", base, "--parts", "--part-size", 5, "--workers", 0)
    result = lawgov(*args, code=1)
    assert "11 份报告" in result.stderr
    assert "坏.docx" in result.stderr
    assert "--retry-failed" in result.stderr
    assert len(rows(tmp_path / "out")) == 11
    (folder / "坏.docx").unlink()
    hostile.write_txt(folder / "云岭县" / "空.txt", hostile.lines(60))
    result = lawgov(*args, code=0)
    assert "12 份报告" in result.stderr
    assert "改过，已重新读取：云岭县/空.txt" in result.stderr
    assert "已不在，已从结果中去掉：坏.docx" in result.stderr
    assert "没有新的报告" in lawgov(*args, code=0).stderr
    assert "--overwrite" in lawgov(*args, "--format", "csv", code=2).stderr
    lawgov(*args, "--format", "csv", "--overwrite", code=0)
    assert len(list((tmp_path / "out").glob("part-*.csv"))) == 6


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("in", "in", "-o", "out", "--parts"), "one folder"),
        (("in", "--parts"), "-o FOLDER"),
        (("in", "-o", "out", "--parts", "--format", "xlsx"), "jsonl, csv, parquet"),
        (("in", "-o", "out.csv", "--retry-failed"), "--parts"),
        (("in", "-o", "out.csv", "--part-size", "7"), "--parts"),
    ],
)
def test_wrong_options_are_explained(folder, monkeypatch, args, reason):
    monkeypatch.chdir(folder.parent)
    assert reason in lawgov(*args, code=2).stderr


def test_an_interrupted_command_says_how_to_go_on(folder, tmp_path, base, monkeypatch):
    def interrupted(self, *args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runs._Work, "_counted", interrupted)
        result = lawgov(folder, "-o", tmp_path / "out", "--model", base, "--parts", code=130)
    assert "再运行同一命令" in result.stderr
    lawgov(folder, "-o", tmp_path / "out", "--model", base, "--parts", code=1)
    assert len(rows(tmp_path / "out")) == 11
