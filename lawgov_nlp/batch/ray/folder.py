"""Tag a folder or bucket of reports in parts on a cluster, as `lawgov_nlp.tag_folder` does on one machine.

    tag_folder("s3://county/reports", Path("out"))
    tag_folder(Path("/shared/reports"), Path("out"), actors=16)

Each row of the dataset is a part. An actor receives the names of its input files, reads and tags them, and returns the
bytes of the part's output files. Only this process writes to `out`: it handles one part after the other in order, moves
each into place and then records it in the manifest. A part that was tagged twice because an actor died or a node was
lost is therefore written once, and an interrupted part isn't written at all. Ray slows the actors down if this process
doesn't keep up, so that parts don't exceed the memory for objects.

The output folder is the same as that of `lawgov_nlp.tag_folder`, to the byte if the processors round alike. Either
function can resume a run of the other if both get the same explicit `backend`; with `auto`, the machine decides.
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
from lawgov_nlp.paths import check_path
from lawgov_nlp.readers.load import ReadOutcome
from lawgov_nlp.readers.pool import ReadingPool
from lawgov_nlp.report import Report
from lawgov_nlp.results.writers import write_reports

if TYPE_CHECKING:
    from ray.actor import ActorHandle

_STEM = "part"
"""The stem of a part's file names before the part has a number."""


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
    """Tag every report in and below a folder on a Ray cluster. A repeated call resumes an interrupted run.

    It uses the Ray session of this process, else the cluster at `RAY_ADDRESS`, else it starts one on this machine. An
    actor that dies is replaced, and another actor tags its part again. A part at which three actors died is given up
    and listed among the failures. It gets no entry in the manifest, so that the next run tries it again.

    Args:
        folder: A `Path` is a folder that all nodes share. A `str` is the address of a folder in an object store
            (`s3://bucket/folder`; gs, hdfs, abfs and others that pyarrow supports).
        out: The output folder on this machine: new, empty, or that of an earlier run.
        format: jsonl, csv or parquet.
        model: The folder of a model, under the same path on all nodes, or `tiny`.
        device: `auto` (a GPU for each actor if the cluster has one), `cpu` or `cuda`.
        backend: What runs the encoder, as in `lawgov_nlp.tag_report`. With `auto` each node chooses, so that nodes of
            different kinds round differently.
        actors: The number of processes that tag; each loads the model once. None takes as many as fit on the nodes.
        num_cpus: The cores of each actor.
        num_gpus: The GPUs of each actor; with 0.5 or less, several actors share one.
        workers: The number of processes of each actor that read files. With 0, the actor reads them without a limit of
            time or memory.
        timeout: The seconds that a worker may take for a file.
        part_size: The number of files in a part, which is tagged again as a whole if its actor dies.
        retry_failed: Whether to read files again that failed before; their reports go into further parts.
        overwrite: Whether to start anew and delete the parts and the manifest of an earlier run.
        on_progress: A function that is called after each part.

    Returns:
        The content of the output folder at the end.

    Raises:
        OutputError: As in `lawgov_nlp.tag_folder`.
        ReadError: The folder of the reports doesn't exist or holds no reports.
        ModelError: The model or the device isn't available.
        ClusterError: Ray isn't installed, the cluster isn't available or has no room, a node has another model, or the
            tagging was interrupted. Finished parts are kept.
        ValueError: A number is out of range, or `device` and `num_gpus` contradict each other.
    """
    check_path(out, "out")
    check_form(format, part_size)
    if actors is not None and actors < 1:
        raise ValueError(f"actors={actors}: expected the number of processes that tag, at least 1")
    ReadingPool(workers, timeout).close()  # This checks `workers` and `timeout`.
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
    """The settings of every actor.

    Attributes:
        place: The location of the files.
        model: The folder of the model or the name of a shipped one; None for the default one.
        header: The settings of the run.
        share: The actor's share of the cluster.
        workers: The number of processes that read files.
        timeout: The seconds that a worker may take for a file.
        attempts: The counter of failed attempts.
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
    """An actor's result for a part.

    Attributes:
        chunk: The number of the part among those of this call, from 0.
        entries: The entry of each input file; None if the part was given up.
        files: The contents of the part's output files by the ends of their names (`.parquet`, `-indicators.parquet`).
    """

    chunk: int
    entries: Sequence[Entry] | None
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)


def results(chunks: Sequence[Sequence[str]], setting: Setting, actors: int) -> Generator[Result, None, None]:
    """Tag the parts with a number of actors and yield their results in order.

    Raises:
        ClusterError: The tagging was interrupted.
    """
    ray = load_ray()
    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True  # The output must not depend on which actor is faster.
    context.execution_no_progress_timeout_s = -1  # A large part may take over half an hour.
    tasks = [{"task": pickle.dumps((number, list(names)))} for number, names in enumerate(chunks)]
    with ray.data.DataContext.current(context):
        dataset = ray.data.from_items(tasks, override_num_blocks=len(tasks)).map_batches(
            PartTagger,
            batch_size=1,
            # A part takes minutes, so it shouldn't wait for a busy actor but take the next one that is free.
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
    """An actor that loads the model once and tags files into parts.

    Raises:
        ModelError: This node doesn't have the model of the run.
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
        """Tag a part: the batch has one row with the task, and the output has one row with the result."""
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
                reports, Path(folder) / f"{_STEM}.{format}", format, scheme=self._tagger.model.scheme, codebook=False
            )
            files = {path.name.removeprefix(_STEM): path.read_bytes() for path in written}
        return Result(chunk=number, entries=entries, files=files)

    def _readable(self, fetched: Iterator[Fetched], entries: list[Entry]) -> Iterator[Report]:
        """Yield the readable reports among the files, and append the entry of each file to `entries`."""
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
    """Writes the results in this process, which is the only one that writes."""

    def __init__(
        self, out: Path, manifest: Manifest, total: int, on_progress: Callable[[Progress], None] | None
    ) -> None:
        self._out, self._manifest, self._total, self._on_progress = out, manifest, total, on_progress
        self._paragraphs = 0

    def do(self, chunks: Sequence[Sequence[str]], results: Iterator[Result]) -> list[tuple[str, str]]:
        """Publish each result, and return the files of the parts that were given up, with the reasons.

        Raises:
            ClusterError: A part is missing, out of order or superfluous.
            OutputError: A file can't be written.
        """
        todo = {name for chunk in chunks for name in chunk}
        rest = [entry for name, entry in self._manifest.entries.items() if name not in todo]
        count, failed = len(rest), sum(entry.status == "failed" for entry in rest)
        self._show(count, failed)
        given_up: list[tuple[str, str]] = []
        for expected, names in enumerate(chunks):
            result = next(results, None)
            if result is None or result.chunk != expected:  # Everything else relies on Ray's keeping the order.
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
        """Move a part's files into place and record the part, which makes it valid."""
        part = self._manifest.parts
        outputs = {}
        try:
            with staged(self._out, overwrite=True) as files_to_be:
                for ending, content in files.items():
                    name = f"part-{part:05}{ending}"
                    grown = files_to_be.claim(name)
                    grown.write_bytes(content)
                    outputs[name] = sync_and_hash(grown)
                files_to_be.publish()  # An existing file is of an unfinished part.
            self._manifest.commit([dataclasses.replace(entry, part=part) for entry in entries], outputs)
        except OSError as error:
            raise OutputError(f"{self._out}: can't be written ({error}); what is done stays, run again") from error

    def _show(self, files: int, failed: int) -> None:
        if self._on_progress is not None:
            self._on_progress(Progress(files=files, total=self._total, failed=failed, paragraphs=self._paragraphs))
