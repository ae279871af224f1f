"""Worker processes that read: order, time limits, deaths, and that none of them is left."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from lawgov_nlp import tag_reports
from lawgov_nlp.errors import LawgovError
from lawgov_nlp.readers import pool as reading_pool
from lawgov_nlp.readers.load import read_path
from lawgov_nlp.readers.pool import WINDOW, ReadingPool
from tests import hostile
from tests.conftest import SAMPLES

posix = pytest.mark.skipif(os.name != "posix", reason="signals, pipes")


@pytest.fixture
def misbehaving(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(hostile.misbehaving(tmp_path / "python")))


def workers_of(pid: int) -> list[int]:
    """The living reading workers among the descendants of a process."""
    import psutil

    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [child.pid for child in children if child.status() != psutil.STATUS_ZOMBIE]


def gone(pids: list[int], seconds: float = 15) -> bool:
    """Whether the processes end within so long."""
    import psutil

    until = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_read_what_this_process_reads_in_order(tmp_path, workers):
    paths = [*sorted(SAMPLES.iterdir()), *(hostile.good(tmp_path, n) for n in range(20)), tmp_path / "none.pdf"]
    with ReadingPool(workers) as pool:
        readings = list(pool.read(paths))
    assert [r.report for r in readings[:-1]] == [read_path(p) for p in paths[:-1]]
    assert "no such file" in str(readings[-1].error)
    assert workers_of(os.getpid()) == []


def test_paths_are_taken_as_needed(tmp_path):
    path, taken = hostile.good(tmp_path, 1), 0

    def paths():
        nonlocal taken
        for taken in range(1, 1001):  # noqa: B007 - read by the test
            yield path

    with ReadingPool(1) as pool:
        readings = pool.read(paths())
        for _ in range(3):
            next(readings)
        assert taken == WINDOW + 3


@posix
@pytest.mark.usefixtures("misbehaving")
def test_a_lost_worker_costs_its_own_file(tmp_path):
    kinds = ("hangs asleep", "crashes", "is killed", "eats memory", "has a bug", "hangs busy", "hangs in C")
    paths, reasons = [], []
    for number, kind in enumerate(kinds):
        write, reason = hostile.BROKEN[kind]
        paths += [write(tmp_path, number), hostile.good(tmp_path, number)]
        reasons.append(reason)
    prints = hostile.good(tmp_path, 99).rename(tmp_path / "prints.txt")
    started = time.monotonic()
    with ReadingPool(2, timeout=2) as pool:
        readings = list(pool.read([*paths, prints]))
    assert time.monotonic() - started < 60
    for path, reading, reason in zip(paths[::2], readings[::2], reasons, strict=False):
        assert reason in str(reading.error)
        assert str(reading.error).startswith(str(path))
    assert all(reading.report for reading in [*readings[1::2], readings[-1]])
    assert workers_of(os.getpid()) == []


@pytest.mark.skipif(not shutil.which("soffice"), reason="needs LibreOffice")
def test_libreoffice_has_the_memory_it_wants(tmp_path):
    body = "".join(f"\\u{ord(c)}?" for c in "一、普法宣传。全年开展法治讲座28场。")
    (tmp_path / "a.rtf").write_text(f"{{\\rtf1\\ansi {body}}}")
    with ReadingPool(1) as pool:
        [reading] = pool.read([tmp_path / "a.rtf"])
    assert "法治讲座28场" in reading.report.text


@posix
@pytest.mark.usefixtures("misbehaving")
def test_libreoffice_ends_with_its_worker(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "soffice"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nsleep 1000\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "a.doc").write_bytes(b"{\\rtf1 x}")
    with ReadingPool(1, timeout=3) as pool:
        [reading] = pool.read([tmp_path / "a.doc"])
    assert "took more than 3 s" in str(reading.error)
    assert gone([int((tmp_path / "pid").read_text())])
    assert list((tmp_path / "temporary").iterdir()) == []


@posix
@pytest.mark.usefixtures("misbehaving")
def test_a_generator_closed_early_leaves_no_process(tmp_path):
    hanging = hostile.BROKEN["hangs busy"][0](tmp_path, 1)
    goods = [hostile.good(tmp_path, n) for n in range(3)]
    with ReadingPool(2, timeout=100) as pool:
        readings = pool.read([*goods, *[hanging] * 100])
        next(readings)
        before = workers_of(os.getpid())
        assert before
    assert workers_of(os.getpid()) == []


def test_an_error_of_the_consumer_leaves_no_process(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("lawgov_nlp.model.tagger.get_tagger", lambda *_: tiny)
    paths = [hostile.good(tmp_path, n) for n in range(30)]
    generator = tag_reports(paths, workers=2)
    next(generator)
    with pytest.raises(RuntimeError, match="mine"):
        generator.throw(RuntimeError("mine"))
    assert workers_of(os.getpid()) == []

    def fails(paragraphs):
        assert workers_of(os.getpid())
        raise RuntimeError("in the model")

    monkeypatch.setattr(tiny, "_tag_paragraphs", fails)
    monkeypatch.setattr("lawgov_nlp.model.tagger.GROUP_PARAGRAPHS", 4)
    with pytest.raises(RuntimeError, match="in the model") as caught:
        list(tag_reports(paths, workers=2))
    assert workers_of(os.getpid()) == []  # though `caught` still holds every frame
    assert caught.traceback


SCRIPT = """
import sys
from pathlib import Path
from lawgov_nlp.readers.pool import ReadingPool
with ReadingPool(2, 1000) as pool:
    for reading in pool.read([Path(p) for p in sys.argv[1:]]):
        print("read", flush=True)
"""


@posix
@pytest.mark.usefixtures("misbehaving")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_plain_script_that_is_ended_leaves_no_process(tmp_path, how):
    (tmp_path / "queue.py").write_text("raise RuntimeError('not the standard library')")
    asleep = hostile.BROKEN["hangs asleep"][0](tmp_path, 1)
    goods = [hostile.good(tmp_path, n) for n in range(WINDOW + 2)]
    script = tmp_path / "script" / "script.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, script, goods[0], asleep, *goods],  # `read` is said when all are handed out
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
    )
    assert process.stdout.readline() == "read\n"
    workers = workers_of(process.pid)
    assert len(workers) == 2
    process.send_signal(how)
    process.wait(20)
    assert gone(workers)


def test_workers_load_no_model_libraries(tmp_path):
    code = (
        "import sys, pathlib; from lawgov_nlp.readers.load import read_safely; import lawgov_nlp.readers.worker\n"
        "assert all(read_safely(p).report for p in map(pathlib.Path, sys.argv[1:]))\n"
        "print(sorted({'torch', 'transformers', 'tokenizers', 'pandas', 'rich', 'typer'} & set(sys.modules)))"
    )
    paths = [str(p) for p in SAMPLES.iterdir()]
    out = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="macOS has no such limit")
def test_a_docx_too_large_for_the_memory_is_not_called_damaged(tmp_path):
    path = tmp_path / "a.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("_rels/.rels", hostile.RELS)
        archive.writestr("word/document.xml", b"<a>" + b'<b c="1"/>' * 1_000_000 + b"</a>")
    code = (
        "import resource, sys, pathlib, psutil; from lawgov_nlp.readers.load import read_safely; from lawgov_nlp.readers import docx\n"
        "most = psutil.Process().memory_info().vms + 60_000_000\n"
        "resource.setrlimit(resource.RLIMIT_AS, (most, most))\n"
        "print(read_safely(pathlib.Path(sys.argv[1])).error)"
    )
    out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "more memory" in out.stdout


def test_a_process_that_cannot_start_is_said_once(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(reading_pool, "_BOOT", "import sys; sys.exit('no such thing')")
    with ReadingPool(1) as pool, pytest.raises(LawgovError, match="workers=0"):
        list(pool.read([hostile.good(tmp_path, 1)] * 3))
    assert "no such thing" in capfd.readouterr().err


@pytest.mark.parametrize("wrong", [{"workers": -1}, {"workers": 1, "timeout": 0}, {"workers": 1, "timeout": -5.0}])
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        ReadingPool(**wrong)


def test_a_python_without_an_executable_reads_in_this_process(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert reading_pool.default_workers() == 0
    with pytest.raises(ValueError, match="workers=0"):
        ReadingPool(2)


def test_relative_paths_keep_their_meaning(tmp_path, monkeypatch):
    hostile.good(tmp_path, 1)
    monkeypatch.chdir(tmp_path)
    with ReadingPool(1) as pool:
        monkeypatch.chdir("/")
        [reading] = pool.read([Path("good-00001.txt")])
    assert reading.report.source == "good-00001.txt"
