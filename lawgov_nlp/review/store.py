"""Keep the corrections of a report on disk: an edit log to which is only appended, and the resulting markup.

The log (`<id>.log.jsonl`) is authoritative. A change is appended to it and synced. Then the markup (`<id>.txt`), which
`lawgov train` reads, is replaced as a whole. If the process is killed in between, the next start repairs both. An
incomplete last line of the log is cut off; nobody was told that this change was saved. A markup that lacks the last
change is written again. Any other difference means that somebody else has edited the markup. It is then read and logged
as an external change, and never overwritten unread.

Several processes may work on one folder. Each change is made under a lock, after the changes of others have been read.
It names the version of the paragraph that it was made on. If the paragraph has another version by then, this is a
conflict, and nothing is written.
"""

from __future__ import annotations

import hashlib
import json
import os
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
from lawgov_nlp.atomic import append_durably, cut_durably, remove_growing, write_durably
from lawgov_nlp.errors import MarkupError, OutputError, ReviewError
from lawgov_nlp.report import LineKind
from lawgov_nlp.review.coding import Coding, from_dict, from_gold, to_gold
from lawgov_nlp.scheme import Scheme

LOG = ".log.jsonl"
LOCK_SECONDS = 10.0
ACTIONS = ("labels", "indicators", "confirm", "note", "undo", "settle", "reset")


class Conflict(ReviewError):
    """The paragraph has changed since the version that the change was made on; `current` is its coding now."""

    def __init__(self, current: Coding, who: str) -> None:
        super().__init__("conflict", f"the paragraph was changed by {who or 'someone'} in the meantime")
        self.current, self.who = current, who


@dataclass(frozen=True, kw_only=True)
class Source:
    """The report that is being corrected.

    Attributes:
        id: The name of its files.
        file: The name of the file it was read from, as shown to the user.
        lines: The kind and the text of each line.
        meta: The fields of the markup's header.
        model: The name of the model that tagged it.
        tagged: The model's coding of each paragraph.
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
        """The SHA-256 over the kinds and texts of the lines."""
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
        folder: The folder of the log and the markup.
        source: The report.
        scheme: The labels.
        who: The name of the coder for the log; may be empty.

    Attributes:
        codings: The current coding of each paragraph.
        locked: The reason why the report can't be corrected; None if it can.
        changed: The number of changes of each paragraph in the log.
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
        """The number of finished paragraphs."""
        return sum(c.done for c in self.codings)

    def refresh(self) -> None:
        """Read the changes of other processes, if there are any."""
        with self._thread:
            if self._stamp() != self._seen:
                with self._locked():
                    self._catch_up()

    def save(self, at: int, coding: Coding, base: str, what: str) -> Coding:
        """Change a paragraph. The change is on disk when this returns.

        Args:
            at: The index of the paragraph.
            coding: The new coding.
            base: The version of the paragraph that the change was made on.
            what: The kind of change, one of `ACTIONS`.

        Returns:
            The coding of the paragraph. If it already had this coding, nothing is written.

        Raises:
            Conflict: The paragraph has another version by now.
            ReviewError: The report is locked, or there is no such paragraph.
            OutputError: The change can't be written (the disk is full, no permission). Nothing has changed.
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
        """Undo the last change; return the index of the paragraph and its coding.

        Raises:
            ReviewError: There is no change to undo.
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
        """Return the report as the markup represents it."""
        return self._gold(self.codings)

    def retagged(self, source: Source) -> None:
        """Use the results of another model for the layers that nobody has decided on."""
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
        self._drafts: set[int] = set()  # the paragraphs with indicators that somebody has begun to change
        self._next, self._size, self._sha, self._before_sha = 0, 0, "", ""
        self.locked = None

    def _catch_up(self) -> None:
        """Make memory, log and markup agree. The caller holds the lock."""
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
        if len(whole) < len(raw):  # The line is incomplete, and nobody was told that it was saved.
            cut_durably(self.log, len(whole))
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
        # A layer that nobody has decided on follows the current model, not the one at the time of the change.
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
        """Write the markup that results from the log, unless somebody else has changed the markup."""
        remove_growing(self.markup)
        raw = self.markup.read_bytes() if self.markup.exists() else None
        if self._sha and (raw is None or _sha(raw) in (self._sha, self._before_sha)):
            if raw is None or _sha(raw) != self._sha:
                write_durably(self.markup, self._render(self.codings))
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
        """Log the changes that somebody else has made in the markup, which stays as it is."""
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
            write_durably(self.markup, content)
        except OSError as error:
            # Shrinking a file needs no room. If even that fails, the next start follows the log.
            with suppress(OSError):
                cut_durably(self.log, size)
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
        """Append an event and sync the log. Before the first event, write a line that identifies the text."""
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
        append_durably(self.log, raw, after=self._size)
        self._size += len(raw)
        self._next = event["n"] + 1

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
