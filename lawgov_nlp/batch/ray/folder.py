"""A folder or bucket of reports tagged in parts on a cluster: what `lawgov_nlp.tag_folder` does, by many machines.

    tag_folder("s3://county/reports", Path("out"))
    tag_folder(Path("/shared/reports"), Path("out"), actors=16)

A row of the dataset is a part: the names of its files go out to an actor, which reads and tags them, and the bytes of
the part's files come back. No actor ever writes to `out`. This process alone does, a part after the other in their
order, each moved into place and then noted in the manifest; so that a part that was tagged twice, because an actor
died or a node was lost, is there once, and one that was broken off isn't there at all. The next part is made only as
the memory for objects allows: Ray holds the actors back where this process doesn't keep up.

The folder that comes of it is that of `lawgov_nlp.tag_folder`, to the byte where the processors round alike, and a run
that was begun with the one can go on with the other, where both are given the same `backend` by name: `auto` is what a
machine has.
"""

from __future__ import annotations

import dataclasses
import pickle
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lawgov_nlp.atomic import staged
from lawgov_nlp.batch.folder import (
    PART_SIZE,
    Progress,
    RunSummary,
    check_form,
    entry_of,
    header_of,
    resume_run,
    sync_and_hash,
    with_source,
)
from lawgov_nlp.batch.manifest import Entry, Header, Manifest
from lawgov_nlp.batch.ray.session import (
    GIVEN_UP,
    Share,
    attempt,
    connected,
    load_ray,
    my_name,
    new_attempts,
    on_all_nodes,
    on_this_node,
    quiet,
    reason,
    room,
    share,
)
from lawgov_nlp.batch.ray.store import Fetched, Place, SharedFolder, Store
from lawgov_nlp.batch.sources import Folder
from lawgov_nlp.errors import ClusterError, ModelError, OutputError
from lawgov_nlp.readers.load import ReadOutcome
from lawgov_nlp.readers.pool import ReadingPool
from lawgov_nlp.report import Report
from lawgov_nlp.results.writers import write_reports

if TYPE_CHECKING:
    from ray.actor import ActorHandle

_STEM = "part"
"""What the files of a part are called before it has its number."""


def tag_folder(
    folder: Path | str,
    out: Path,
    *,
    format: str = "parquet",
    model: Path | str | None = None,
    device: str = "auto",
    backend: str = "auto",
    actors: int | None = None,
    num_cpus: float = 1,
    num_gpus: float | None = None,
    workers: int = 1,
    timeout: float = 60.0,
    part_size: int = PART_SIZE,
    retry_failed: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> RunSummary:
    """Tag every report in and below a folder on a Ray cluster; called again, it goes on where it was broken off.

    It uses the Ray session of this process, the cluster at `RAY_ADDRESS`, or else starts one on this machine. An
    actor that dies is replaced, and its part done again by another one; a part at which three actors died is given up
    and listed among the failures, without an entry in the manifest, so that the next run tries it again.

    Args:
        folder: A `Path` is a folder that all nodes share; a `str` is the address of one in an object store
            (`s3://bucket/folder`; gs, hdfs, abfs and what else pyarrow knows).
        out: Folder of the results, on this machine: new, empty, or of an earlier run.
        format: jsonl, csv or parquet.
        model: Folder of another model than the shipped one, under the same path on all nodes, or `tiny`.
        device: `auto` (a GPU for each actor where the cluster has one), `cpu` or `cuda`.
        backend: What runs the encoder, as in `lawgov_nlp.tag_report`; `auto` is what each node has, so that nodes of
            different kinds round differently.
        actors: Processes that tag; each loads the model once. None takes as many as the nodes have room for.
        num_cpus: Cores that each takes.
        num_gpus: GPUs that each takes; several can share one with 0.5 or less.
        workers: Processes of each actor that read files; 0 reads in the actor, without a limit of time or memory.
        timeout: Seconds that a worker may take for a file.
        part_size: Files in a part: the unit of work that is done again where an actor dies.
        retry_failed: Read again what failed before, into further parts.
        overwrite: Begin anew: the parts and the manifest of an earlier run are deleted.
        on_progress: Called after each part.

    Raises:
        OutputError: As `lawgov_nlp.tag_folder`.
        ReadError: The folder of the reports isn't there or holds none.
        ModelError: The model isn't there; the device can't be had.
        ClusterError: Ray isn't installed, its cluster isn't there or has no room, a node has another model, or the
            tagging broke off. What is done stays.
        ValueError: A number makes no sense.
    """
    check_form(format, part_size)
    if actors is not None and actors < 1:
        raise ValueError(f"actors={actors}: expected the number of processes that tag, at least 1")
    ReadingPool(workers, timeout).close()  # refuses what makes no sense
    load_ray()
    inputs = Store(folder) if isinstance(folder, str) else Folder(folder)
    place: Place = inputs.place if isinstance(inputs, Store) else SharedFolder(Path(folder).resolve())

    def do(chunks: Sequence[Sequence[str]], manifest: Manifest) -> list[tuple[str, str]]:
        with connected():
            each = share(device, num_cpus, num_gpus)
            setting = Setting(
                place=place,
                model=on_all_nodes(model),
                header=manifest.header,
                share=each,
                workers=workers,
                timeout=timeout,
                attempts=new_attempts(),
            )
            many = min(actors or room(each), len(chunks))
            work = _Work(out, manifest, len(inputs.names), on_progress)
            with closing(results(chunks, setting, many)) as parts:
                return work.do(chunks, parts)

    return resume_run(
        inputs,
        out,
        do,
        format=format,
        model=model,
        backend=backend,
        part_size=part_size,
        retry_failed=retry_failed,
        overwrite=overwrite,
    )


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What every actor is told.

    Attributes:
        place: Where the files are.
        model: Folder of the model, or a shipped one's name; None for the first of these.
        header: What the run depends on.
        share: Its share of the cluster.
        workers: Processes that read.
        timeout: Seconds for a file.
        attempts: The counter of attempts.
    """

    place: Place
    model: Path | str | None
    header: Header
    share: Share
    workers: int
    timeout: float
    attempts: ActorHandle


@dataclass(frozen=True, kw_only=True)
class Result:
    """What an actor made of a part.

    Attributes:
        chunk: Which of the parts that were to do, from 0.
        entries: What each file came to; None where the part was given up.
        files: The content of the part's files, by the end of their names (`.parquet`, `-indicators.parquet`).
    """

    chunk: int
    entries: Sequence[Entry] | None
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)


def results(chunks: Sequence[Sequence[str]], setting: Setting, actors: int) -> Generator[Result, None, None]:
    """What comes of each part, in order, from so many actors.

    Raises:
        ClusterError: It can't go on.
    """
    ray = load_ray()
    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True  # the folder is then the same whoever was faster
    context.execution_no_progress_timeout_s = -1  # a large part on a slow processor may take longer than half an hour
    tasks = [{"task": pickle.dumps((number, list(names)))} for number, names in enumerate(chunks)]
    with ray.data.DataContext.current(context):
        dataset = ray.data.from_items(tasks, override_num_blocks=len(tasks)).map_batches(
            PartTagger,
            batch_size=1,
            # a part takes minutes: one that waits behind another is better off with the next actor that is free
            compute=ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=1),
            fn_constructor_kwargs={"setting": setting},
            num_cpus=setting.share.cpus,
            num_gpus=setting.share.gpus or None,
        )
    with quiet():
        try:
            for row in dataset.iter_rows():
                yield pickle.loads(row["result"])
        except ray.exceptions.RayError as error:
            raise ClusterError(f"the tagging broke off: {reason(error)}. What is done stays; run again") from error


class PartTagger:
    """An actor: loads the model once and makes parts of files.

    Raises:
        ModelError: This node hasn't the model of the run.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        here = header_of(setting.model, setting.header.backend, setting.header.format, setting.header.part_size)
        if here != setting.header:
            raise ModelError(
                f"a node has {here.package} with {here.model} ({here.model_sha256[:12]}), the run began with "
                f"{setting.header.package} with {setting.header.model} ({setting.header.model_sha256[:12]}); install "
                "the same on all nodes"
            )
        self._tagger = on_this_node(setting.model, setting.share, setting.header.backend)
        self._pool = ReadingPool(setting.workers, setting.timeout)
        self._name = my_name()

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        """A part: one row in, one row out."""
        number, names = pickle.loads(batch["task"][0])
        with attempt(self._setting.attempts, self._name, number) as go:
            result = self._part(number, names) if go else Result(chunk=number, entries=None)
        return {"result": [pickle.dumps(result)]}

    def _part(self, number: int, names: Sequence[str]) -> Result:
        entries: list[Entry] = []
        format = self._setting.header.format
        with tempfile.TemporaryDirectory(prefix="lawgov-") as folder, self._setting.place.fetch(names) as fetched:
            reports = self._tagger.tag_many(self._readable(fetched, entries))
            written = write_reports(
                reports, Path(folder) / f"{_STEM}.{format}", format, scheme=self._tagger.model.scheme
            )
            files = {path.name.removeprefix(_STEM): path.read_bytes() for path in written}
        return Result(chunk=number, entries=entries, files=files)

    def _readable(self, fetched: Iterator[Fetched], entries: list[Entry]) -> Iterator[Report]:
        """The reports among the files; `entries` gets what each file came to."""
        for file, reading in self._pool.read_tasks(((file, file.path) for file in fetched), identify=True):
            if reading is None:
                reading = ReadOutcome(error=file.error)
            elif file.mtime_ns is not None and reading.fingerprint is not None:
                known = dataclasses.replace(reading.fingerprint, mtime_ns=file.mtime_ns)
                reading = dataclasses.replace(reading, fingerprint=known)
            entries.append(entry_of(file.name, file.path or Path(file.name), reading))
            if reading.report is not None:
                yield with_source(reading.report, file.name)


class _Work:
    """What this process does with what comes back: the only one that writes."""

    def __init__(
        self, out: Path, manifest: Manifest, total: int, on_progress: Callable[[Progress], None] | None
    ) -> None:
        self._out, self._manifest, self._total, self._on_progress = out, manifest, total, on_progress
        self._paragraphs = 0

    def do(self, chunks: Sequence[Sequence[str]], results: Iterator[Result]) -> list[tuple[str, str]]:
        """Publish each result; returns the files of the parts that were given up, with the reason."""
        todo = {name for chunk in chunks for name in chunk}
        rest = [entry for name, entry in self._manifest.entries.items() if name not in todo]
        count, failed = len(rest), sum(entry.status == "failed" for entry in rest)
        self._show(count, failed)
        given_up: list[tuple[str, str]] = []
        for expected, names in enumerate(chunks):
            result = next(results, None)
            if result is None or result.chunk != expected:  # a promise of Ray's that all the rest stands on
                raise ClusterError(f"part {expected + 1} of {len(chunks)} didn't come back; run again to go on with it")
            if result.entries is None:
                given_up += ((name, GIVEN_UP + "run again, with fewer of them (--actors)") for name in names)
                failed += len(names)
            else:
                self._publish(result.entries, result.files)
                failed += sum(entry.status == "failed" for entry in result.entries)
                self._paragraphs += sum(entry.paragraphs or 0 for entry in result.entries)
            count += len(names)
            self._show(count, failed)
        if next(results, None) is not None:
            raise ClusterError(
                f"more came back than the {len(chunks)} parts; each is written once, the rest was dropped"
            )
        return given_up

    def _publish(self, entries: Sequence[Entry], files: dict[str, bytes]) -> None:
        """Move a part's files into place and note it in the record, which makes it valid."""
        part = self._manifest.parts
        outputs = {}
        try:
            with staged(self._out, overwrite=True) as files_to_be:
                for ending, content in files.items():
                    name = f"part-{part:05}{ending}"
                    grown = files_to_be.claim(name)
                    grown.write_bytes(content)
                    outputs[name] = sync_and_hash(grown)
                files_to_be.publish()  # an earlier file of that name is of a part that was never done
            self._manifest.commit([dataclasses.replace(entry, part=part) for entry in entries], outputs)
        except OSError as error:
            raise OutputError(f"{self._out}: can't be written ({error}); what is done stays, run again") from error

    def _show(self, files: int, failed: int) -> None:
        if self._on_progress is not None:
            self._on_progress(Progress(files=files, total=self._total, failed=failed, paragraphs=self._paragraphs))
