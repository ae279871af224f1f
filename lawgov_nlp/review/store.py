"""One report's corrections on disk: an edit log that only grows, and the markup that it amounts to.

The log (`<id>.log.jsonl`) is the truth. A change is appended to it and synced; then the markup (`<id>.txt`), which
`lawgov train` reads, is written beside its old form and moved over it. What a kill leaves is mended at the next
start: a torn last line was never confirmed to anybody and is cut off, a markup that is one change behind is written
anew. A markup that is neither was edited by somebody else: it is read, logged as theirs, and never overwritten unread.

Several processes may work on one folder. Each change is made under a lock, after what others wrote has been read, and
names the version of the paragraph that it was made on; another version there is a conflict, and nothing is written.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lawgov_nlp.annotation import markup
from lawgov_nlp.annotation.gold import GoldLine, GoldReport
from lawgov_nlp.errors import MarkupError, OutputError, ReviewError
from lawgov_nlp.report import LineKind
from lawgov_nlp.review.coding import Coding, from_dict, from_gold, to_gold
from lawgov_nlp.scheme import Scheme

LOG = ".log.jsonl"
LOCK_SECONDS = 10.0
ACTIONS = ("labels", "indicators", "confirm", "note", "undo", "settle", "reset")


class Conflict(ReviewError):
    """The paragraph is another than the one that the change was made on; `current` is what it is now."""

    def __init__(self, current: Coding, who: str) -> None:
        super().__init__("conflict", f"the paragraph was changed by {who or 'someone'} in the meantime")
        self.current, self.who = current, who


@dataclass(frozen=True, kw_only=True)
class Source:
    """The report that is being corrected.

    Attributes:
        id: Name of its files.
        file: The file that it was read from, as the user knows it.
        lines: Kind and text of each line.
        meta: The header of the markup.
        model: What tagged it.
        tagged: What the model says of each paragraph.
    """

    id: str
    file: str
    lines: tuple[tuple[LineKind, str], ...]
    meta: Mapping[str, str]
    model: str
    tagged: tuple[Coding, ...]

    @property
    def paragraphs(self) -> list[str]:
        """The texts of the body lines."""
        return [text for kind, text in self.lines if kind is LineKind.BODY]

    @property
    def text_hash(self) -> str:
        """SHA-256 over the lines."""
        told = "\n".join(f"{kind}\t{text}" for kind, text in self.lines)
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class _Step:
    """A change that can be undone."""

    number: int
    at: int
    before: Coding


class Store:
    """The corrections of one report by one coder.

    Args:
        folder: Where log and markup are.
        source: The report.
        scheme: The labels.
        who: The coder's name, for the log; may be empty.

    Attributes:
        codings: Each paragraph as it is now.
        locked: Why the report can't be corrected, as a code and in words; None where it can.
        changed: How many changes of each paragraph the log holds.
    """

    def __init__(self, folder: Path, source: Source, scheme: Scheme, who: str = "") -> None:
        self.folder, self.source, self.scheme, self.who = folder, source, scheme, who
        self.log, self.markup = folder / f"{source.id}{LOG}", folder / f"{source.id}.txt"
        self._texts = source.paragraphs
        self._thread = threading.RLock()
        self._lock = FileLock(folder / ".lawgov-review.lock", timeout=LOCK_SECONDS)
        self.codings: list[Coding] = []
        self.changed: list[int] = []
        self.locked: ReviewError | None = None
        self._seen: tuple[Any, ...] | None = None
        self._forget()
        if os.path.lexists(self.log) or os.path.lexists(self.markup):
            with self._thread, self._locked():
                self._catch_up()
        else:
            self._check_text()

    @property
    def done(self) -> int:
        """How many paragraphs are done."""
        return sum(c.done for c in self.codings)

    def refresh(self) -> None:
        """Read what other processes wrote, if they did."""
        with self._thread:
            if self._stamp() != self._seen:
                with self._locked():
                    self._catch_up()

    def save(self, at: int, coding: Coding, base: str, what: str) -> Coding:
        """Make a change, on disk when this returns.

        Args:
            at: Which paragraph.
            coding: What it is to be.
            base: The version of the paragraph that the change was made on.
            what: One of `ACTIONS`.

        Returns:
            The paragraph as it is now. A change that is there already is none.

        Raises:
            Conflict: The paragraph is of another version by now.
            ReviewError: The report is locked, or there is no such paragraph.
            OutputError: It can't be written (a full disk, no permission); nothing has changed.
        """
        with self._thread, self._locked():
            self._catch_up()
            self._check_open(at)
            current = self.codings[at]
            if coding == current:
                return current
            if current.version != base:
                raise Conflict(current, self._by[at])
            self._append(at, coding, what, None)
            return self.codings[at]

    def undo(self) -> tuple[int, Coding]:
        """Take back the last change; give the paragraph and what it is again.

        Raises:
            ReviewError: There is nothing to take back.
            OutputError: As `save`.
        """
        with self._thread, self._locked():
            self._catch_up()
            self._check_open(0)
            if not self._steps:
                raise ReviewError("nothing-to-undo", "there is no change to take back in this report")
            step = self._steps[-1]
            self._append(step.at, step.before, "undo", step.number)
            return step.at, self.codings[step.at]

    def gold(self) -> GoldReport:
        """The report as the markup has it."""
        return self._gold(self.codings)

    def retagged(self, source: Source) -> None:
        """Take another model's labels for the layers that nobody decided on."""
        with self._thread:
            if source.text_hash != self.source.text_hash:
                raise ReviewError("source-changed", f"{self.source.file} has changed since it was read")
            self.source, self._seen = source, None
            self._forget()
            if self.log.exists() or self.markup.exists():
                with self._locked():
                    self._catch_up()

    # --- reading

    def _forget(self) -> None:
        self.codings = list(self.source.tagged)
        self.changed = [0] * len(self.codings)
        self._by = [""] * len(self.codings)
        self._steps: list[_Step] = []
        self._drafts: set[int] = set()  # paragraphs whose indicators somebody has begun to change
        self._next, self._size, self._sha, self._before_sha = 0, 0, "", ""
        self.locked = None

    def _catch_up(self) -> None:
        """Bring memory, log and markup together; the lock is held."""
        if self._stamp() == self._seen:
            return
        self._forget()
        try:
            for path in (self.log, self.markup):
                if path.is_symlink() or (path.exists() and not path.is_file()):
                    raise ReviewError("no-plain-file", f"{path} is a link or no file; move it away")
            self._replay()
            self._mend()
        except ReviewError as error:
            self.locked = error
        self._check_text()
        self._seen = self._stamp()

    def _replay(self) -> None:
        if not self.log.exists():
            return
        raw = self.log.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) < len(raw):  # a kill or a full disk tore it: nobody was told that it was saved
            with self.log.open("r+b") as out:
                out.truncate(len(whole))
                os.fsync(out.fileno())
        self._size = len(whole)
        for number, line in enumerate(whole.split(b"\n")[:-1], 1):
            try:
                event = json.loads(line)
                self._take(event)
            except (ValueError, KeyError, TypeError, IndexError) as error:
                if isinstance(error, ReviewError) and error.code == "source-changed":
                    raise
                raise ReviewError(
                    "log-damaged", f"{self.log}:{number}: the edit log is damaged ({error}); restore it from a copy"
                ) from None

    def _take(self, event: dict[str, Any]) -> None:
        self._next = event["n"] + 1
        if event["what"] == "begin":
            if event["text_sha256"] != self.source.text_hash:
                raise ReviewError(
                    "source-changed",
                    f"{self.source.file} isn't the text that was corrected in {self.log}; give the old file back, or "
                    "move the log and the markup away to begin anew",
                )
            return
        at = event["at"]
        text = self._texts[at]
        after = from_dict(event["after"], text, self.scheme)
        if event["what"] == "undo":
            if self._steps and self._steps[-1].number == event["undoes"]:
                self._steps.pop()
        elif event["what"] == "external":
            self._steps.clear()
        else:
            before = from_dict(event["before"], text, self.scheme)
            self._steps.append(_Step(number=event["n"], at=at, before=before))
        self._set(at, after, event["what"], event["who"])
        self._sha, self._before_sha = event["sha256"], event["before_sha256"]

    def _set(self, at: int, after: Coding, what: str, who: str) -> None:
        # where nobody decided on a layer it follows the model, also another one than at the time of the change
        mine, kept = self.source.tagged[at], after
        if what == "indicators":
            self._drafts.add(at)
        if not kept.labels_coded:
            kept = replace(kept, primary=mine.primary, secondary=mine.secondary)
        if not kept.indicators_coded and at not in self._drafts:
            kept = replace(kept, values=mine.values, names=mine.names)
        self.codings[at] = kept
        self.changed[at] += 1
        self._by[at] = who

    def _mend(self) -> None:
        """Let the markup be what the log amounts to, unless somebody else has changed it."""
        for left in self.folder.glob(f".{_escaped(self.source.id)}.*.growing"):
            with suppress(OSError):
                left.unlink()
        raw = self.markup.read_bytes() if self.markup.exists() else None
        if self._sha and (raw is None or _sha(raw) in (self._sha, self._before_sha)):
            if raw is None or _sha(raw) != self._sha:
                self._write_markup(self._render(self.codings))
            return
        if raw is None:
            return
        where = str(self.markup)
        try:
            theirs = markup.parse_markup(raw.decode("utf-8"), self.source.id, file=where, scheme=self.scheme)
        except (MarkupError, UnicodeDecodeError) as error:
            raise ReviewError("markup-damaged", f"{error}; mend it in an editor, or move it away") from None
        if [(u.kind, u.text) for u in theirs.units] != list(self.source.lines):
            raise ReviewError(
                "markup-differs",
                f"{where} holds other lines than {self.source.file}; move it away, or choose another folder with -o",
            )
        self._adopt([u for u in theirs.units if u.kind is LineKind.BODY], _sha(raw))

    def _adopt(self, units: Sequence[GoldLine], sha: str) -> None:
        """Log what somebody else wrote into the markup; the markup itself stays as it is."""
        before = self._sha
        for at, (unit, mine) in enumerate(zip(units, self.codings, strict=True)):
            if unit == to_gold(mine, unit.text):
                continue
            after = from_dict(from_gold(unit, mine).to_dict(), unit.text, self.scheme)
            self._log(self._event(at, mine, after, "external", None, sha, before))
            self._steps.clear()
            self._set(at, after, "external", "")
        self._sha, self._before_sha = sha, sha

    # --- writing

    def _append(self, at: int, after: Coding, what: str, undoes: int | None) -> None:
        before = self.codings[at]
        content = self._render([after if k == at else c for k, c in enumerate(self.codings)])
        size, upcoming = self._size, self._next
        event = self._event(at, before, after, what, undoes, _sha(content), self._sha)
        try:
            self._log(event)
            self._write_markup(content)
        except OSError as error:
            # shrinking a file needs no room; where even that fails the log is ahead, and the next start follows it
            with suppress(OSError), self.log.open("r+b") as out:
                out.truncate(size)
                os.fsync(out.fileno())
            self._size, self._next, self._seen = size, upcoming, None
            raise OutputError(
                f"{self.folder}: not saved ({error.strerror or error}); make room or check the rights"
            ) from None
        if what == "undo":
            self._steps.pop()
        else:
            self._steps.append(_Step(number=event["n"], at=at, before=before))
        self._set(at, after, what, self.who)
        self._before_sha, self._sha = self._sha, _sha(content)
        self._seen = self._stamp()

    def _event(
        self, at: int, before: Coding, after: Coding, what: str, undoes: int | None, sha: str, before_sha: str
    ) -> dict[str, Any]:
        return {
            "n": self._next + (self._next == 0),
            "when": _now(),
            "who": "" if what == "external" else self.who,
            "what": what,
            "at": at,
            **({} if undoes is None else {"undoes": undoes}),
            "before": before.to_dict(),
            "after": after.to_dict(),
            "before_sha256": before_sha,
            "sha256": sha,
        }

    def _log(self, event: dict[str, Any]) -> None:
        """Append an event, synced; the first one stands below a line that says of which text they are."""
        lines = [event]
        if not self._size:
            begin = {
                "n": 0,
                "when": event["when"],
                "who": self.who,
                "what": "begin",
                "report": self.source.id,
                "file": self.source.file,
                "model": self.source.model,
                "text_sha256": self.source.text_hash,
            }
            lines.insert(0, begin)
        raw = b"".join(json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n" for line in lines)
        with self.log.open("ab") as out:
            if out.tell() != self._size:  # what an append that failed has left
                out.truncate(self._size)
            out.write(raw)
            out.flush()
            os.fsync(out.fileno())
        self._size += len(raw)
        self._next = event["n"] + 1

    def _write_markup(self, content: bytes) -> None:
        growing = self.folder / f".{self.source.id}.{os.getpid()}.growing"
        try:
            with growing.open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            os.replace(growing, self.markup)
        except OSError:
            with suppress(OSError):
                growing.unlink()
            raise
        if os.name == "posix":  # so that the new name outlives a power cut, too
            handle = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def _render(self, codings: Sequence[Coding]) -> bytes:
        gold = self._gold(codings)
        told = markup.to_markup(gold)
        if _ordered(markup.parse_markup(told, gold.id, scheme=self.scheme)) != _ordered(gold):
            raise ReviewError("markup-differs", f"{gold.id}: the markup would read back as something else; not saved")
        return told.encode("utf-8")

    def _gold(self, codings: Sequence[Coding]) -> GoldReport:
        coded = iter(codings)
        units = tuple(
            to_gold(next(coded), text) if kind is LineKind.BODY else GoldLine(kind=kind, text=text)
            for kind, text in self.source.lines
        )
        meta = {**self.source.meta, **({"coder": self.who} if self.who else {})}
        return GoldReport(id=self.source.id, meta=meta, units=units)

    # --- the rest

    def _check_open(self, at: int) -> None:
        if self.locked:
            raise self.locked
        if not 0 <= at < len(self.codings):
            raise ReviewError("no-paragraph", f"{self.source.id} has {len(self.codings)} paragraphs, not one at {at}")

    def _check_text(self) -> None:
        for number, (_, text) in enumerate(self.source.lines, 1):
            if any("\ud800" <= c <= "\udfff" for c in text) and not self.locked:
                self.locked = ReviewError("half-character", f"line {number} of {self.source.file} has half a character")

    def _locked(self) -> FileLock:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            return self._lock.acquire()  # type: ignore[return-value]
        except Timeout:
            raise OutputError(f"{self.folder}: another process has held it for {LOCK_SECONDS:.0f} seconds") from None
        except OSError as error:
            raise OutputError(f"{self.folder}: can't be locked ({error.strerror or error})") from None

    def _stamp(self) -> tuple[Any, ...]:
        found: list[Any] = []
        for path in (self.log, self.markup):
            try:
                s = path.stat()
                found.append((s.st_size, s.st_mtime_ns, s.st_ino))
            except OSError:
                found.append(None)
        return tuple(found)


def _ordered(gold: GoldReport) -> GoldReport:
    return replace(
        gold,
        units=tuple(replace(u, indicators=tuple(sorted(u.indicators, key=lambda i: i.value))) for u in gold.units),
    )


def _sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)
