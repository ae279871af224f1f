"""Folders in which everything is wrong that can be: each good file is tagged, each bad one listed with its reason."""

import dataclasses
import os

import pytest
from typer.testing import CliRunner

from lawgov_nlp import find_reports, tag_reports
from lawgov_nlp.batch.folder import tag_folder
from lawgov_nlp.cli.main import app
from lawgov_nlp.readers import load
from tests import hostile
from tests.test_reading_pool import workers_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, pipes, signals")


@pytest.fixture(autouse=True)
def misbehaving(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(hostile.misbehaving(tmp_path / "python")), prepend=os.pathsep)


def check(failures: dict[str, str], wrong: dict) -> None:
    """Each broken file is listed, with the reason that was expected."""
    assert failures.keys() == {str(path) for path in wrong}
    for path, reason in wrong.items():
        assert reason in failures[str(path)], path


def test_all_kinds_in_one_folder(tmp_path, base):
    folder, kinds = tmp_path / "in", len(hostile.BROKEN)
    wrong = hostile.hostile_folder(folder, 60, kinds / 60)
    assert len(wrong) == kinds
    settings = {"model": base, "device": "cpu", "workers": 2, "timeout": 6, "part_size": 25}
    result = tag_folder(folder, tmp_path / "out", **settings)
    check({str(folder / name): reason for name, reason in result.failures}, wrong)
    assert (result.reports, len(result.parts)) == (60 - kinds, 3)
    assert workers_of(os.getpid()) == []
    assert tag_folder(folder, tmp_path / "out", **settings) == dataclasses.replace(result, added=0)


def test_tag_reports_and_the_command_go_on(tmp_path, base):
    folder = tmp_path / "in"
    quick = tuple(kind for kind in hostile.BROKEN if kind not in hostile.SLOW)
    wrong = hostile.hostile_folder(folder, 60, len(quick) / 60, kinds=quick)
    failed = {}

    def on_error(path, error):
        failed[str(path)] = str(error)

    tagged = list(tag_reports(find_reports(folder, on_error=on_error), on_error=on_error, model=base, workers=1))
    assert len(tagged) == 60 - len(quick)
    check(failed, wrong)
    args = ["tag", folder, "-o", tmp_path / "out.csv", "--model", base, "--device", "cpu", "--workers", 1]
    result = CliRunner().invoke(app, list(map(str, args)), env={"COLUMNS": "400"})
    assert result.exit_code == 1
    assert all(path.name in result.stderr for path in wrong)


def test_a_file_that_vanishes_meanwhile(tmp_path, base):
    folder = tmp_path / "in"
    hostile.hostile_folder(folder, 10, 0)
    path = find_reports(folder)[-1]
    out = tmp_path / "out"
    # the first call comes when the files are known and none is read
    result = tag_folder(folder, out, model=base, device="cpu", on_progress=lambda _: path.unlink(missing_ok=True))
    assert result.reports == 9
    [(name, reason)] = result.failures
    assert folder / name == path
    assert "no such file" in reason


def test_a_file_that_changes_meanwhile(tmp_path, monkeypatch):
    path = hostile.good(tmp_path, 1)
    assert load.read_safely(path, identify=True).report
    read = load.read_file

    def slowly(path):
        source = read(path)
        path.write_text("另一份报告", encoding="utf-8")
        return source

    monkeypatch.setattr(load, "read_file", slowly)
    assert "changed while it was read" in str(load.read_safely(path, identify=True).error)


def test_what_find_reports_does_with_what_is_no_file(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    wrong = {}
    for number, kind in enumerate(("link to itself", "link to nothing", "pipe", "device", "socket")):
        write, reason = hostile.BROKEN[kind]
        wrong[write(tmp_path, number)] = reason
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "folder.txt" / "b.txt").write_text("x")
    (tmp_path / "folder.txt" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "c.txt").symlink_to("a.txt")
    failed = {}
    found = find_reports(tmp_path, on_error=lambda path, error: failed.__setitem__(str(path), str(error)))
    assert [p.relative_to(tmp_path).as_posix() for p in found] == ["a.txt", "c.txt", "folder.txt/b.txt"]
    check(failed, wrong)
    assert find_reports(tmp_path) == found


@pytest.mark.skipif(hostile.reads_everything(), reason="root may open everything")
def test_a_shut_folder_is_listed(tmp_path, base):
    (tmp_path / "in" / "shut").mkdir(parents=True)
    hostile.good(tmp_path / "in", 1)
    (tmp_path / "in" / "shut").chmod(0)
    try:
        result = tag_folder(tmp_path / "in", tmp_path / "out", model=base, device="cpu")
    finally:
        (tmp_path / "in" / "shut").chmod(0o700)
    assert result.reports == 1
    assert [name for name, _ in result.failures] == ["shut"]


@pytest.mark.slow
def test_six_hundred_files_with_one_in_twenty_broken(tmp_path, base):
    folder = tmp_path / "in"
    wrong = hostile.hostile_folder(folder, 600, 0.05)
    result = tag_folder(
        folder, tmp_path / "out", model=base, device="cpu", workers=2, timeout=8, part_size=100, format="csv"
    )
    check({str(folder / name): reason for name, reason in result.failures}, wrong)
    assert (result.reports, len(result.parts)) == (570, 12)
    assert workers_of(os.getpid()) == []
