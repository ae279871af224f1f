"""The reports of a session with their corrections. They are read and tagged in the background and kept for later."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lawgov_nlp.annotation.suggest import uncertainty
from lawgov_nlp.atomic import write_durably
from lawgov_nlp.errors import LawgovError, ReviewError
from lawgov_nlp.model.checkpoints import model_scheme, named_model
from lawgov_nlp.readers.find import find_reports
from lawgov_nlp.readers.pool import read_reports
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.review.coding import from_model
from lawgov_nlp.review.store import LOG, Source, Store
from lawgov_nlp.scheme import Scheme

if TYPE_CHECKING:
    from lawgov_nlp.model.tagger import Tagger

logger = logging.getLogger(__name__)

HOUSEKEEPING = ".lawgov-review"
"""The folder in that of the corrections for tagged reports, settings, and models that were learned here."""

KEPT_REPORTS = 32
"""The number of tagged reports kept in memory. Others are read from disk again when they are opened."""

POOLED = 16
"""The number of files from which on they are read in a separate process."""

_NAME = re.compile(r"[^/\\:*?\"<>|\[\]\x00-\x1f]{1,100}")


@dataclass(kw_only=True)
class Entry:
    """The information about a report that doesn't require opening it.

    Attributes:
        id: The name of the report here and on disk.
        path: The file.
        file: The name of the file as shown, relative to the given folder.
        title: The title, or None; likewise `issuer` and `year`.
        warnings: Warnings from reading the file, for the user.
        texts: The texts of the paragraphs.
        doubts: For each paragraph the probability that the model is wrong in at least one layer, 0 to 1.
        review: For each paragraph whether its label is marked 待复核.
        lost: For each paragraph the number of the model's marks that the markup can't express.
        key: The name under which the tagged report is kept on disk.
    """

    id: str
    path: Path
    file: str
    title: str | None
    issuer: str | None
    year: int | None
    warnings: tuple[str, ...]
    texts: tuple[str, ...]
    doubts: tuple[float, ...]
    review: tuple[bool, ...]
    lost: tuple[int, ...]
    key: str


class Library:
    """The reports under review.

    Args:
        paths: Files and folders of reports; they are read and never written.
        out: Folder of the corrections; made when it is needed.
        model: Folder of a model, a name of a shipped one, or None: the one chosen here before, else the shipped one.
        coder: Name of one of several coders, who each have a folder of their own and don't see each other's.
        device: As for `lawgov_nlp.model.tagger.Tagger`.
        backend: The same.

    Raises:
        ReadError: A path doesn't exist, or a folder holds no report.
        ReviewError: The coder's name can't be a folder's, or the corrections lie among the reports.
        ModelError: There is no such model.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        out: Path,
        *,
        model: Path | str | None = None,
        coder: str = "",
        device: str = "auto",
        backend: str = "auto",
    ) -> None:
        self.out, self.coder = out.resolve(), check_coder(coder)
        self.folder = coder_folder(self.out, coder) if coder else self.out
        self.house = self.out / HOUSEKEEPING
        self.errors: list[tuple[str, str]] = []
        self._device, self._backend = device, backend
        self._files = self._find(paths)
        self.settings = _read_settings(self.house / "settings.json")
        self.model = self._first_model(model)
        self.scheme = model_scheme(self.model)
        self.entries: OrderedDict[str, Entry] = OrderedDict()
        self.stores: dict[str, Store] = {}
        self._tagged: OrderedDict[str, TaggedReport] = OrderedDict()
        self._lock = threading.RLock()
        self._wanted: list[str] = []
        self._generation = 0
        self._worker: threading.Thread | None = None
        self.failed = ""
        self.ids = self._name_all()

    # --- what the page asks for

    @property
    def total(self) -> int:
        """The number of files."""
        return len(self._files)

    @property
    def reading(self) -> bool:
        """Whether reports are still being read or tagged."""
        return self._worker is not None and self._worker.is_alive()

    def entry(self, name: str) -> Entry:
        """Return a report that is ready.

        Raises:
            ReviewError: There is no report of that name, or it isn't ready.
        """
        with self._lock:
            if name in self.entries:
                return self.entries[name]
            if name in self.ids.values():
                if name not in self._wanted:
                    self._wanted.insert(0, name)
                if not self.reading:
                    raise ReviewError("unreadable", f"{name} could not be read")
                raise ReviewError("not-ready", f"{name} is still being read")
        raise ReviewError("no-report", f"there is no report {name[:40]!r}")

    def store(self, name: str) -> Store:
        """Return the corrections of a report, including those that other processes have written.

        Raises:
            ReviewError: As `entry`.
        """
        self.entry(name)
        store = self.stores[name]
        store.refresh()
        return store

    def tagged(self, name: str) -> TaggedReport:
        """Return the model's results for a report.

        Raises:
            ReviewError: As `entry`.
        """
        entry = self.entry(name)
        with self._lock:
            if entry.id in self._tagged:
                self._tagged.move_to_end(entry.id)
                return self._tagged[entry.id]
        report = _load(self.house / "tagged" / f"{entry.key}.json")
        if report is None:
            raise ReviewError("not-ready", f"{name} is read again")
        self._keep(entry.id, report)
        return report

    def vectors(self, name: str) -> np.ndarray:
        """Return a vector for each paragraph of a report, (paragraphs, size)."""
        return np.load(self.house / "tagged" / f"{self.entry(name).key}.npy", allow_pickle=False)

    def use_model(self, model: Path | None) -> None:
        """Tag all reports again with another model, and use it in later sessions, too; None is the shipped one.

        Raises:
            ModelError: There is no such model.
            ReviewError: The model has other labels.
        """
        folder = named_model(model)
        if model_scheme(folder) != self.scheme:
            raise ReviewError("other-labels", f"{folder} has other labels than {self.model}; start lawgov review anew")
        with self._lock:
            self.model = folder
            self.settings["model"] = None if model is None else str(folder)
            write_json(self.house / "settings.json", self.settings)
        self.start()

    # --- reading and tagging

    def start(self) -> None:
        """Start to read and tag in the background. If this is already running, it starts again."""
        with self._lock:
            self._generation += 1
            self.errors = [e for e in self.errors if e[0] not in self.ids.values()]
            self._worker = threading.Thread(
                target=self._work, args=(self._generation,), name="lawgov-review-tag", daemon=True
            )
            self._worker.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until all reports are read and tagged, for at most `seconds`."""
        if self._worker is not None:
            self._worker.join(seconds)

    def _work(self, generation: int) -> None:
        try:
            for name in self._pending(generation):
                if generation != self._generation:
                    return
                self._prepare(name, generation)
        except Exception as error:  # The page shows it. Otherwise it would wait for a thread that has ended.
            logger.exception("reading the reports stopped")
            self.failed = f"{type(error).__name__}: {error}"

    def _pending(self, generation: int) -> Iterator[str]:
        """Yield the names of the reports. Those that somebody has opened come first."""
        left = dict.fromkeys(self.ids.values())
        while left and generation == self._generation:
            with self._lock:
                first = next((name for name in self._wanted if name in left), None)
                if first is not None:
                    self._wanted.remove(first)
            name = first or next(iter(left))
            del left[name]
            yield name

    def _prepare(self, name: str, generation: int) -> None:
        path, file = self._place[name]
        try:
            key = f"{_file_hash(path)[:32]}-{_model_key(self.model)}"
            place = self.house / "tagged" / f"{key}.json"
            report = _load(place) if place.with_suffix(".npy").is_file() else None
            if report is None:
                report = self._tag(path, place)
            self._register(name, path, file, key, report, generation)
        except (LawgovError, OSError) as error:
            with self._lock:
                self.errors.append((name, f"{file}: {error}"))

    def _tag(self, path: Path, place: Path) -> TaggedReport:
        problems: list[LawgovError] = []
        workers = 1 if len(self._files) >= POOLED else 0
        with closing(read_reports([path], lambda _, error: problems.append(error), workers=workers)) as found:
            reports = list(found)
        if problems:
            raise problems[0]
        report, vectors = next(self._tagger().tag_with_vectors(reports))
        place.parent.mkdir(parents=True, exist_ok=True)
        array = io.BytesIO()
        np.save(array, vectors)
        write_durably(place.with_suffix(".npy"), array.getvalue())
        write_json(place, report.to_dict())
        return report

    def _tagger(self) -> Tagger:
        from lawgov_nlp.model.tagger import get_tagger

        return get_tagger(self.model, self._device, self._backend)

    def _register(self, name: str, path: Path, file: str, key: str, report: TaggedReport, generation: int) -> None:
        pairs = [from_model(p) for p in report.paragraphs]
        meta = {"source": " ".join(file.split())}
        if report.year:
            meta["year"] = str(report.year)
        source = Source(
            id=name,
            file=file,
            lines=tuple((u.kind, u.text) for u in report.units),
            meta=meta,
            model=report.model,
            tagged=tuple(coding for coding, _ in pairs),
        )
        entry = Entry(
            id=name,
            path=path,
            file=file,
            title=report.title,
            issuer=report.issuer,
            year=report.year,
            warnings=report.warnings,
            texts=tuple(p.text for p in report.paragraphs),
            doubts=tuple(uncertainty(p, report.scheme) for p in report.paragraphs),
            review=tuple(p.needs_review for p in report.paragraphs),
            lost=tuple(lost for _, lost in pairs),
            key=key,
        )
        store = self.stores.get(name)
        if store is None:
            store = Store(self.folder, source, self.scheme, self.coder)
        else:
            store.retagged(source)
        with self._lock:
            if generation != self._generation:
                return
            self.stores[name], self.entries[name] = store, entry
            self._keep(name, report)

    def _keep(self, name: str, report: TaggedReport) -> None:
        with self._lock:
            self._tagged[name] = report
            self._tagged.move_to_end(name)
            while len(self._tagged) > KEPT_REPORTS:
                self._tagged.popitem(last=False)

    # --- names and places

    def _find(self, paths: Sequence[Path]) -> list[tuple[Path, str]]:
        """Return the files with the names to show."""
        found: dict[Path, str] = {}
        for path in paths:
            for file in find_reports(path, on_error=lambda where, error: self.errors.append((str(where), str(error)))):
                if self.out in (path.resolve(), file.resolve().parent):
                    raise ReviewError(
                        "out-among-reports",
                        f"the corrections can't go to {self.out}, where reports are; choose another folder with -o",
                    )
                if path.resolve() in self.out.parents and self.out in file.resolve().parents:
                    continue  # The folder of corrections lies in that of the reports.
                shown = f"{path.resolve().name}/{file.relative_to(path).as_posix()}" if path.is_dir() else file.name
                found.setdefault(file, shown)
        if not found:
            raise ReviewError("no-reports", f"no report in {', '.join(map(str, paths))}")
        return list(found.items())

    def _name_all(self) -> dict[Path, str]:
        """Choose a name for each file: that of earlier corrections, or else its own, with a number if it is taken."""
        known = _known_names([self.out, *coder_folders(self.out)])
        taken, out, place = set(known.values()), {}, {}
        for file, shown in self._files:
            name = known.get(shown)
            if name is None:
                stem = re.sub(r"[/\\:*?\"<>|\[\]{}\x00-\x1f]", "_", file.stem).strip(". ")[:80] or "report"
                name, k = stem, 2
                while name in taken:
                    name, k = f"{stem}-{k}", k + 1
                taken.add(name)
            out[file], place[name] = name, (file, shown)
        self._place = place
        return out

    def _first_model(self, model: Path | str | None) -> Path:
        chosen = self.settings.get("model")
        if model is None and isinstance(chosen, str):
            if Path(chosen).is_dir():
                return Path(chosen)
            logger.warning("%s, the model that was chosen before, is gone; taking the shipped one", chosen)
        return named_model(model)


def check_coder(name: str) -> str:
    """Return the name of a coder if a folder can have this name.

    Raises:
        ReviewError: A folder can't have this name.
    """
    if name and (not _NAME.fullmatch(name) or name.strip(". ") != name or len(name) > 40):
        raise ReviewError("bad-coder", f"coder {name[:40]!r} can't be the name of a folder; use letters and digits")
    return name


def coder_folder(out: Path, coder: str) -> Path:
    """Return the folder of a coder's corrections."""
    return out / "coders" / check_coder(coder)


def coder_folders(out: Path) -> list[Path]:
    """Return the folders of all coders who have begun."""
    return sorted(p for p in (out / "coders").glob("*") if p.is_dir())


def write_json(path: Path, data: object) -> None:
    """Write a JSON file completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def read_json(path: Path) -> object:
    """Return the content of a JSON file, or None if it is missing or incomplete."""
    try:
        return json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
    except (OSError, ValueError):
        return None


def _read_settings(path: Path) -> dict[str, object]:
    found = read_json(path)
    return found if isinstance(found, dict) else {}


def _known_names(folders: Sequence[Path]) -> dict[str, str]:
    """Return the names under which files were corrected before, from the first line of each log."""
    out: dict[str, str] = {}
    for folder in folders:
        for log in sorted(folder.glob(f"*{LOG}")):
            with suppress(OSError, ValueError, KeyError, TypeError), log.open("rb") as lines:
                begin = json.loads(lines.readline())
                out.setdefault(str(begin["file"]), str(begin["report"]))
    return out


def _load(path: Path) -> TaggedReport | None:
    """Load a stored tagged report; None if it is missing or has another version."""
    data = read_json(path)
    if not isinstance(data, dict):
        return None
    try:
        return TaggedReport.from_dict(data)
    except (LawgovError, ValueError):
        return None


def _file_hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while part := source.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def _model_key(folder: Path) -> str:
    """Return a key that changes with the model. Of the weights it only uses size and time, since hashing takes long."""
    told = (folder / "config.json").read_bytes()
    weights = (folder / "model.safetensors").stat()
    return hashlib.sha256(told + f"{weights.st_size} {weights.st_mtime_ns}".encode()).hexdigest()[:16]


def scheme_rows(scheme: Scheme) -> list[dict[str, object]]:
    """Return the labels for the page: name, Chinese name, whether it is a topic, and its key on the keyboard."""
    return [
        {"name": label.value, "zh": label.zh, "topic": label.is_topic, "key": str(k) if k <= 9 else ""}
        for k, label in enumerate(scheme, 1)
    ]
