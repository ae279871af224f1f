"""Tagging on a cluster. What needs Ray runs on a real one of several nodes on this machine, with the tiny model."""

import dataclasses
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psutil
import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from lawgov_nlp import read_report, tag_reports
from lawgov_nlp.batch import folder as runs
from lawgov_nlp.batch.manifest import Entry, Header, Manifest
from lawgov_nlp.batch.ray import dataset as datasets
from lawgov_nlp.batch.ray import folder as folders
from lawgov_nlp.batch.ray import session, tag_dataset, tag_folder
from lawgov_nlp.batch.ray.store import SharedFolder, Store
from lawgov_nlp.batch.sources import Folder
from lawgov_nlp.cli.main import app
from lawgov_nlp.errors import ClusterError, ModelError, OutputError, ReadError
from lawgov_nlp.readers.load import fingerprint
from lawgov_nlp.results.tables import COLUMNS
from tests import hostile
from tests.conftest import ROOT

HEADER = Header(package="0", model="m", model_sha256="0", backend="torch:float32", format="jsonl", part_size=2)


def reports(folder: Path, count: int, prefix: str = "") -> Path:
    """A folder of so many good files, every third one in a folder below."""
    (folder / "云岭县").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = hostile.good(folder if number % 3 else folder / "云岭县", number)
        path.rename(path.with_name(f"{prefix}{path.name}"))
    return folder


def content(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in out.iterdir() if p.name != ".lock"}


# Without Ray: the store, the columns, who writes what.


@pytest.fixture
def store(tmp_path):
    folder = reports(tmp_path / "in", 4)
    (folder / ".hidden").mkdir()
    hostile.good(folder / ".hidden", 90)
    (folder / "~$报告.docx").write_bytes(b"lock")
    (folder / "notes.csv").write_text("no report")
    return Store(folder.as_uri())


def test_a_store_lists_what_a_folder_lists(store, tmp_path):
    assert store.names == Folder(tmp_path / "in").names
    assert store.has("good-00001.txt")
    assert not store.has("good-00090.txt")


def test_a_store_knows_what_has_changed(store, tmp_path):
    path = tmp_path / "in" / "good-00001.txt"
    known = fingerprint(path)
    entry = Entry(path="good-00001.txt", status="tagged", part=0, **dataclasses.asdict(known))
    assert store.unchanged(entry)
    os.utime(path, (1, 1))
    assert Store((tmp_path / "in").as_uri()).unchanged(entry)  # copied anew, but the same
    path.write_bytes(path.read_bytes()[::-1])
    assert not Store((tmp_path / "in").as_uri()).unchanged(entry)


def test_a_store_hands_out_copies_and_takes_them_away(store, tmp_path):
    (tmp_path / "in" / "good-00002.txt").unlink()
    with (tmp_path / "in" / "good-00001.txt").open("r+b") as file:
        file.truncate(200_000_000)
    place = pickle.loads(pickle.dumps(store.place))
    with place.fetch(store.names) as files:
        gone = list(files)
        good = [file for file in gone if file.path is not None]
        assert [file.name for file in good] == ["云岭县/good-00000.txt", "云岭县/good-00003.txt"]
        for file in good:
            original = tmp_path / "in" / file.name
            assert file.path.read_bytes() == original.read_bytes()
            assert file.mtime_ns == original.stat().st_mtime_ns
        reasons = {file.name: str(file.error) for file in gone if file.path is None}
        assert "200 MB" in reasons["good-00001.txt"]
        assert "no such file" in reasons["good-00002.txt"]
    assert not any(file.path.exists() for file in good)


def test_what_is_no_store_is_said(tmp_path):
    with pytest.raises(ReadError, match="credentials"):
        Store("nowhere://bucket/reports")
    with pytest.raises(ReadError, match=r"^nowhere://…@bucket/reports: ") as raised:
        Store("nowhere://key:secret@bucket/reports")
    assert "secret" not in str(raised.value)
    with pytest.raises(ReadError, match="holds no reports"):
        Store(tmp_path.as_uri())


def test_a_folder_that_a_node_lacks_is_no_fault_of_its_files(tmp_path):
    with pytest.raises(ClusterError, match="every node"), SharedFolder(tmp_path / "gone").fetch(["a.txt"]):
        pass


def test_columns_are_checked():
    with pytest.raises(ReadError, match="without path_column"):
        datasets.Columns(text=None, path=None, bytes="bytes", keep=(), own=frozenset())
    with pytest.raises(OutputError, match="called title"):
        datasets.Columns(text="text", path=None, bytes=None, keep=("id", "title"), own=frozenset({"title"}))
    columns = datasets.Columns(text="text", path=None, bytes=None, keep=("id",), own=frozenset())
    with pytest.raises(ReadError, match="no column 'id', only 'text'"):
        columns.check_names(["text"])
    with pytest.raises(ReadError, match="'text' holds int64, expected texts"):
        columns.check_types(pa.table({"text": [1], "id": [1]}))
    columns.check_types(pa.table({"text": pa.nulls(1), "id": [1]}))


def test_rows_of_a_report(tiny, gold):
    report = next(tiny.tag_many([read_report(gold.text)]))
    rows = datasets.paragraph_rows(report)
    table = pa.Table.from_pylist(rows, schema=datasets.schema())
    assert table.num_rows == len(report.paragraphs)
    assert set(table.column_names) == {*(c.name for c in COLUMNS["paragraphs"]), "warnings", "error"}
    assert [len(r["indicators"]) for r in rows] == [len(p.indicators) for p in report.paragraphs]
    empty = dataclasses.replace(report, units=(), tagged=())
    (row,) = datasets.paragraph_rows(empty)
    assert (row["title"], row.get("paragraph"), row.get("text"), row["indicators"]) == (report.title, None, None, [])


def test_each_result_is_written_once_in_order(tmp_path):
    manifest = Manifest.begin(tmp_path / "manifest.jsonl", HEADER)
    seen = []

    def result(chunk, *names, status="tagged"):
        entries = [Entry(path=name, status=status, part=-1, paragraphs=3) for name in names]
        return folders.Result(chunk=chunk, entries=entries, files={".jsonl": f"{names}".encode()})

    chunks = [["a", "b"], ["c"], ["d"]]
    lost = folders.Result(chunk=1, entries=None)
    work = folders._Work(tmp_path, manifest, 4, seen.append)
    given_up = work.do(chunks, iter([result(0, "a", "b"), lost, result(2, "d")]))
    assert [name for name, _ in given_up] == ["c"]
    assert sorted(content(tmp_path)) == ["manifest.jsonl", "part-00000.jsonl", "part-00001.jsonl"]
    again = Manifest.open(tmp_path / "manifest.jsonl")
    assert {name: entry.part for name, entry in again.entries.items()} == {"a": 0, "b": 0, "d": 1}
    assert (seen[-1].files, seen[-1].failed, seen[-1].paragraphs) == (4, 1, 9)


@pytest.mark.parametrize("order", [[0], [1, 0], [0, 0], [0, 1, 1]])
def test_a_result_too_many_or_too_few_breaks_off(tmp_path, order):
    manifest = Manifest.begin(tmp_path / "manifest.jsonl", HEADER)
    results = (folders.Result(chunk=k, entries=[], files={}) for k in order)
    with pytest.raises(ClusterError, match=r"c[oa]me back"):
        folders._Work(tmp_path, manifest, 2, None).do([["a"], ["b"]], results)


def test_attempts_count_the_dead_and_nobody_else():
    attempts = session.Attempts()
    assert [attempts.begin(actor, "x") for actor in "abc"] == [0, 0, 0]  # equal batches, at the same time
    assert [attempts.begin("a", "x"), attempts.begin("b", "y"), attempts.begin("d", "x")] == [1, 0, 2]
    attempts.end("d")
    assert [attempts.begin("d", "x"), attempts.begin("d", "y")] == [0, 0]
    assert attempts.begin("e", "x") == 1


def test_the_reason_is_found_in_what_ray_makes_of_it():
    text = "The actor died\n  File x\n    raise ModelError(\nlawgov_nlp.errors.ModelError: a node has 1"
    died = RuntimeError(text)
    died.__cause__ = RuntimeError()
    assert session.reason(died) == "a node has 1"
    wrapped = RuntimeError("a task failed\n in a node")
    wrapped.cause = ValueError("no room")
    assert session.reason(wrapped) == "no room"
    assert session.reason(MemoryError()) == "MemoryError"


def test_shares():
    assert session.share("cpu", 2, None) == session.Share(cpus=2, gpus=0)
    assert session.share("cuda", 1, 0.5).device == "cuda"
    with pytest.raises(ModelError, match="Ray says which"):
        session.share("cuda:1", 1, None)
    for device, cpus, gpus in (("cpu", 1, 1), ("cuda", 1, 0), ("cpu", 0, None), ("cuda", 1, -1)):
        with pytest.raises(ValueError, match="num_gpus"):
            session.share(device, cpus, gpus)


def run(*args, code=0):
    result = CliRunner().invoke(app, ["tag", *map(str, args)])
    assert result.exit_code == code, result.output
    return result


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("in", "--engine", "ray"), "needs a folder to write to"),
        (("in", "in", "-o", "out", "--engine", "ray"), "takes one folder, not 2 paths"),
        (("in", "-o", "out", "--engine", "ray", "--format", "xlsx"), "expected one of jsonl, csv, parquet"),
        (("in", "-o", "out", "--engine", "ray", "--device", "cuda:0", "--model", "none"), "no folder none"),
        (("nowhere", "-o", "out", "--engine", "ray"), "nowhere is no folder"),
        (("in", "--actors", "2"), "--actors belongs to --engine ray"),
        (("in", "-o", "out", "--parts", "--gpus-each", "0.5"), "--gpus-each belongs to --engine ray"),
        (("in", "-o", "out", "--engine", "ray", "--gpus-each", "0.5", "--device", "cpu"), "contradict each other"),
        (("in", "-o", "out", "--engine", "ray", "--gpus-each", "2"), "less than or equal to 1"),
        (("s3://bucket/in", "-o", "out", "--parts"), "add --engine ray"),
        (("in", "-o", "out", "--engine", "spark"), "'local', 'ray'"),
    ],
)
def test_wrong_options_are_explained(tmp_path, monkeypatch, options, reason):
    reports(tmp_path / "in", 1)
    monkeypatch.chdir(tmp_path)
    assert reason in " ".join(run(*options, code=2).stderr.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_actors_share_a_gpu_as_they_are_told(tmp_path, monkeypatch):
    asked = {}

    def tag(_folder, _out, **settings):
        asked.update(settings)
        raise ClusterError("no cluster here")

    monkeypatch.setattr("lawgov_nlp.batch.ray.tag_folder", tag)
    options = ("--engine", "ray", "--actors", 4, "--gpus-each", 0.25)
    assert "no cluster here" in run(tmp_path, "-o", tmp_path / "out", *options, code=2).stderr
    assert (asked["actors"], asked["num_gpus"], asked["device"]) == (4, 0.25, "auto")


@pytest.mark.parametrize(
    ("cpus", "gpus", "actors"),
    [
        (1, 0, 16),
        (0.1, 0, 160),
        (3, 0, 4),
        (1, 1, 2),
        (1, 0.2, 10),
        (1, 0.1, 16),
        (1, 0.6, 2),
        (1, 0.4, 4),
        (8, 0.5, 2),
    ],
)
def test_as_many_actors_as_there_is_room_for(monkeypatch, cpus, gpus, actors):
    """On two nodes of eight cores, each with a GPU."""
    node = {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 1.0}}
    ray = SimpleNamespace(nodes=lambda: [node, node, {"Alive": False, "Resources": {"CPU": 99.0}}])
    monkeypatch.setattr(session, "load_ray", lambda: ray)
    assert session.room(session.Share(cpus=cpus, gpus=gpus)) == actors


def test_without_ray_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray.data", None)
    reports(tmp_path / "in", 1)
    assert (
        'pip install "lawgov-nlp[ray]"'
        in run(tmp_path / "in", "-o", tmp_path / "out", "--engine", "ray", code=2).stderr
    )


def test_ray_is_loaded_by_who_needs_it():
    code = (
        "import sys, lawgov_nlp.cli.main, lawgov_nlp.batch.ray; print({'ray', 'torch', 'pyarrow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# On a cluster.


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two nodes of one core; readers misbehave on files that are called so."""
    import ray
    from ray.cluster_utils import Cluster

    behaviour = hostile.misbehaving(tmp_path_factory.mktemp("site") / "site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (behaviour, ROOT))))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("OMP_NUM_THREADS", "1")
        node = {"num_cpus": 1, "object_store_memory": 80 << 20}
        cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        try:
            cluster.add_node(**node)
            ray.init(address=cluster.address, log_to_driver=False)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()


@pytest.fixture
def tag(base):
    """`batch.ray.tag_folder` with the tiny model, two files a part."""
    return lambda folder, out, **options: tag_folder(
        folder,
        out,
        **{"model": base, "device": "cpu", "backend": "torch:float32", "part_size": 2, "timeout": 30, **options},
    )


@pytest.fixture
def tag_here(base):
    """The local engine with the same settings; it reads in this process, where no reader misbehaves."""
    return lambda folder, out, **options: runs.tag_folder(
        folder,
        out,
        **{
            "model": base,
            "device": "cpu",
            "backend": "torch:float32",
            "part_size": 2,
            "workers": 0,
            "format": "parquet",
            **options,
        },
    )


def actors(name: str) -> list[psutil.Process]:
    """The processes of this test's cluster that tag."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if name in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


@contextmanager
def killing(name: str, times: int):
    """Meanwhile, kills an actor so many times, each time another one that is there, a second after the last."""
    killed, over = [], threading.Event()

    def kill():
        while len(killed) < times and not over.wait(1.5):
            for process in [p for p in actors(name) if p.pid not in killed][:1]:
                process.send_signal(signal.SIGKILL)
                killed.append(process.pid)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


@pytest.mark.slow
def test_a_cluster_writes_what_this_machine_writes(cluster, tmp_path, tag, tag_here):
    folder = reports(tmp_path / "in", 7)
    (folder / "坏.docx").write_bytes(b"PK\x03\x04 nothing")
    shutil.copy(folder / "good-00001.txt", folder / "hangs-asleep.txt")
    result = tag(folder, tmp_path / "out", timeout=2)
    assert (result.reports, result.added) == (7, 7)
    assert [name for name, _ in result.failures] == ["hangs-asleep.txt", "坏.docx"]
    assert "took more than 2 s" in result.failures[0][1]
    (folder / "hangs-asleep.txt").unlink()  # it doesn't hang here
    (folder / "坏.docx").unlink()
    here = tag_here(folder, tmp_path / "here")
    assert sum(map(rows_of, result.parts)) == sum(map(rows_of, here.parts))
    again = tag_here(folder, tmp_path / "out")  # the other engine goes on with it: nothing is left to do
    assert again.added == 0
    assert again.reports == 7


def rows_of(path: Path) -> int:
    return parquet.read_table(path).num_rows


@pytest.mark.slow
def test_actors_are_killed_and_everything_is_there_once(cluster, tmp_path, tag, tag_here):
    folder = reports(tmp_path / "in", 40, prefix="is-slow-")
    with killing("PartTagger", 2) as killed:
        result = tag(folder, tmp_path / "out")
    assert len(killed) == 2
    assert result.failures == ()
    tag_here(folder, tmp_path / "here")
    assert content(tmp_path / "out") == content(tmp_path / "here")


@pytest.mark.slow
def test_a_node_is_lost_and_everything_is_there_once(cluster, tmp_path, tag, tag_here):
    folder = reports(tmp_path / "in", 30, prefix="is-slow-")
    extra = cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    lost = []

    def lose(progress):
        if progress.files >= 4 and not lost:
            lost.append(cluster.remove_node(extra, allow_graceful=False))

    result = tag(folder, tmp_path / "out", actors=3, on_progress=lose)
    assert lost
    assert result.failures == ()
    tag_here(folder, tmp_path / "here")
    assert content(tmp_path / "out") == content(tmp_path / "here")


DRIVER = """
import os, signal, sys
from pathlib import Path
from lawgov_nlp.batch.ray import tag_folder

def die(progress):
    if progress.files >= 6:
        os.kill(os.getpid(), signal.SIGKILL)

folder, model, out = map(Path, sys.argv[1:])
tag_folder(folder, out, model=model, device="cpu", backend="torch:float32", part_size=2, on_progress=die)
"""


@pytest.mark.slow
def test_the_whole_program_is_killed_and_goes_on(cluster, tmp_path, base, tag, tag_here):
    folder = reports(tmp_path / "in", 14)
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, folder, base, tmp_path / "out"],
        env={**os.environ, "RAY_ADDRESS": cluster.address},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    result = tag(folder, tmp_path / "out")
    assert 0 < result.added < result.reports == 14
    tag_here(folder, tmp_path / "here")
    assert content(tmp_path / "out") == content(tmp_path / "here")


@pytest.mark.slow
def test_a_part_that_kills_whoever_takes_it_is_given_up(cluster, tmp_path, tag):
    folder = reports(tmp_path / "in", 7)
    shutil.copy(folder / "good-00001.txt", folder / "is-killed.txt")
    result = tag(folder, tmp_path / "out", workers=0, actors=1)  # without a process of its own for reading
    (lost, reason), (other, _) = result.failures
    assert {lost, other} > {"is-killed.txt"}
    assert "died 3 times" in reason
    assert result.reports == 6
    again = tag(folder, tmp_path / "out")
    assert (again.reports, again.added) == (7, 1)
    ((name, reason),) = again.failures
    assert name == "is-killed.txt"
    assert "SIGKILL" in reason


@pytest.mark.slow
def test_a_node_with_another_model_stops_the_run(cluster, tmp_path, base):
    each = session.share("cpu", 1, None)
    setting = folders.Setting(
        place=SharedFolder(tmp_path), model=base, header=HEADER, share=each, workers=0, timeout=1.0, attempts=None
    )
    with pytest.raises(ClusterError, match="install the same on all nodes"):
        list(folders.results([["a.txt"]], setting, 1))


@pytest.mark.slow
def test_no_room_for_an_actor_is_said_at_once(cluster, tmp_path, tag):
    with pytest.raises(ClusterError, match="takes 64 CPU"):
        tag(reports(tmp_path / "in", 1), tmp_path / "out", num_cpus=64)


@pytest.mark.slow
def test_the_command(cluster, tmp_path, base):
    folder = reports(tmp_path / "in", 3)
    (folder / "空.txt").write_bytes(b"")
    options = ("--engine", "ray", "--actors", 1, "--device", "cpu", "--model", base)
    result = run(folder, "-o", tmp_path / "out", *options, code=1)
    assert "3 份报告" in result.stderr
    assert "空.txt" in result.stderr
    assert rows_of(tmp_path / "out" / "part-00000.parquet") == 9
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    assert "not of such a run" in run(folder, "-o", tmp_path / "mine", *options, code=2).stderr


@pytest.mark.slow
def test_a_dataset_of_files_comes_to_what_tag_reports_gives(cluster, tmp_path, base):
    import ray

    folder = reports(tmp_path / "in", 5)
    (folder / "坏.docx").write_bytes(b"PK\x03\x04 nothing")
    paths = sorted(p for p in folder.rglob("*.*") if p.is_file())
    expected = list(tag_reports(paths, model=base, device="cpu", backend="torch:float32", on_error=lambda *_: None))
    files = ray.data.read_binary_files([str(p) for p in paths], include_paths=True)
    options = {"path_column": "path", "keep": (), "model": base, "device": "cpu", "backend": "torch:float32"}
    options |= {"batch_size": 2, "concurrency": 1}
    for dataset in (
        tag_dataset(files, bytes_column="bytes", **options),
        tag_dataset(ray.data.from_items([{"path": str(p)} for p in paths]), **options),
    ):
        found = pa.concat_tables(ray.get(dataset.to_arrow_refs())).to_pylist()
        failed = [row for row in found if row["error"]]
        assert [Path(row["source"]).name for row in failed] == ["坏.docx"]
        assert "坏.docx" not in failed[0]["error"]
        good = sorted((r for r in found if not r["error"]), key=lambda r: (r["source"], r["paragraph"]))
        want = sorted(
            (r for e in expected for r in datasets.paragraph_rows(e)), key=lambda r: (r["source"], r["paragraph"])
        )
        assert [{k: v for k, v in row.items() if k != "error"} for row in good] == list(map(trimmed, want))


def trimmed(row):
    """A row as it comes back from Arrow: of its indicators only the columns that are theirs."""
    names = {field.name for field in datasets.schema().field("indicators").type.value_type}
    return {**row, "indicators": [{k: v for k, v in i.items() if k in names} for i in row["indicators"]]}


@pytest.mark.slow
def test_a_batch_that_kills_whoever_takes_it_is_given_up(cluster, tmp_path, base):
    import ray

    folder = reports(tmp_path / "in", 3)
    shutil.copy(folder / "good-00001.txt", folder / "is-killed.txt")
    paths = sorted(str(p) for p in folder.rglob("*.txt"))
    dataset = ray.data.from_items([{"path": p} for p in paths], override_num_blocks=1)
    options = {
        "path_column": "path",
        "keep": (),
        "model": base,
        "device": "cpu",
        "backend": "torch:float32",
        "workers": 0,
    }
    found = tag_dataset(dataset, batch_size=1, concurrency=1, **options).take_all()
    assert {row["source"] for row in found} == set(paths)
    ((name, reason),) = [(Path(row["source"]).name, row["error"]) for row in found if row["error"]]
    assert name == "is-killed.txt"
    assert "died 3 times" in reason


@pytest.mark.slow
def test_a_dataset_is_written_once_though_actors_are_killed(cluster, tmp_path, base):
    import ray

    texts = [{"id": k, "text": "\n".join(hostile.lines(k))} for k in range(400)]
    parquet.write_table(pa.Table.from_pylist([*texts, {"id": 400, "text": None}]), tmp_path / "texts.parquet")
    dataset = ray.data.read_parquet(str(tmp_path / "texts.parquet"), override_num_blocks=20)
    # a reading that takes its time, so that there is something to kill
    slow = dataset.map_batches(lambda batch: time.sleep(0.3) or batch, batch_size=20)
    options = {"model": base, "device": "cpu", "backend": "torch:float32"}
    tagged = tag_dataset(slow, batch_size=5, concurrency=1, **options)  # the other core reads and writes
    with killing("ReportTagger", 2) as killed:
        tagged.write_parquet(str(tmp_path / "out"))
    assert len(killed) == 2
    found = parquet.read_table(tmp_path / "out").select(["id", "paragraph", "text", "error"]).to_pylist()
    expected = [
        (number, k, p.text)
        for number, report in enumerate(
            tag_reports([t["text"] for t in texts], model=base, device="cpu", backend="torch:float32")
        )
        for k, p in enumerate(report.paragraphs)
    ]
    assert sorted((r["id"], r["paragraph"], r["text"]) for r in found if not r["error"]) == expected
    assert [(r["id"], r["error"]) for r in found if r["error"]] == [(400, "the row has no text")]


@pytest.mark.slow
def test_columns_that_arent_there_are_said_before_anything_runs(cluster, tmp_path):
    import ray

    parquet.write_table(pa.table({"number": [1], "text": ["x"]}), tmp_path / "t.parquet")
    with pytest.raises(ReadError, match="no column 'id'"):
        tag_dataset(ray.data.read_parquet(str(tmp_path / "t.parquet")), device="cpu")
