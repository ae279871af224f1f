"""Learn from the corrections in a separate process, which the page starts, watches and cancels.

The caller passes the command of the process (`lawgov_nlp.cli.review_learn`), so that this room doesn't depend on the
training. The process writes a JSON line for each step. The new model is kept beside the corrections and is only used
after somebody chooses it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from lawgov_nlp.errors import ReviewError
from lawgov_nlp.review.library import HOUSEKEEPING, Library, read_json, write_json

CANCEL_SECONDS = 10.0


class Learning:
    """Runs one learning process at a time.

    Args:
        library: The reports with the corrections to learn from.
        command: The command that learns. The path of a file with its settings is added as the last argument.
        base: The folder of the model to start from; None is the shipped one.
    """

    def __init__(self, library: Library, command: Sequence[str], base: Path | None) -> None:
        self.library, self.command, self.base = library, [*command], base
        self.models = library.out / HOUSEKEEPING / "models"
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._name = ""
        self._cancelled = False

    def start(self, epochs: int | None = None) -> str:
        """Start learning, and return the name of the new model.

        Raises:
            ReviewError: A process is already learning, or nothing has been corrected.
        """
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                raise ReviewError("learning", "a model is learning already; wait for it, or cancel it")
            if not any(self.library.folder.glob("*.txt")):
                raise ReviewError("nothing-to-learn", "nothing has been corrected yet")
            self.models.mkdir(parents=True, exist_ok=True)
            name = datetime.now().strftime("%Y%m%d-%H%M%S")
            while (self.models / name).exists() or (self.models / f"{name}.order.json").exists():
                name += "x"
            order = {
                "labelled": str(self.library.folder),
                "out": str(self.models / name),
                "base": None if self.base is None else str(self.base),
                "before": str(self.library.model),
                "epochs": epochs,
            }
            write_json(self.models / f"{name}.order.json", order)
            self._log = (self.models / f"{name}.errors.txt").open("wb")
            self._name, self._cancelled = name, False
            with self._progress(name).open("wb") as out:
                self._process = subprocess.Popen(
                    [*self.command, str(self.models / f"{name}.order.json")],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=self._log,
                    start_new_session=os.name == "posix",
                    creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                )
            return name

    def cancel(self) -> bool:
        """End the process, delete its unfinished model, and return whether there was a process."""
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                return False
            self._cancelled = True
            self._signal(process, kill=False)
            try:
                process.wait(CANCEL_SECONDS)
            except subprocess.TimeoutExpired:
                self._signal(process, kill=True)
                process.wait()
            shutil.rmtree(self.models / f".{self._name}.training", ignore_errors=True)
            return True

    def status(self) -> dict[str, Any]:
        """Return the progress; `state` is `idle`, `running`, `done`, `failed` or `cancelled`."""
        with self._lock:
            if self._process is None:
                return {"state": "idle"}
            code = self._process.poll()
            steps = self._steps()
            last = steps[-1] if steps else {}
            out: dict[str, Any] = {"name": self._name, "last": {k: v for k, v in last.items() if k != "result"}}
            if code is None:
                return {"state": "running", **out}
            if self._cancelled:
                return {"state": "cancelled", **out}
            if code == 0 and "result" in last and (self.models / self._name / "config.json").is_file():
                write_json(self.models / f"{self._name}.result.json", last["result"])
                return {"state": "done", **out, "result": last["result"]}
            if self._log is not None:
                self._log.close()
            told = (self.models / f"{self._name}.errors.txt").read_text("utf-8", errors="replace").strip()
            message = last.get("message") or told[-400:] or f"exit code {code}"
            return {"state": "failed", **out, "message": message}

    def known(self) -> list[dict[str, Any]]:
        """Return the models that were learned here, the latest first."""
        out = []
        for folder in sorted(self.models.glob("*"), reverse=True):
            if (folder / "config.json").is_file() and not folder.name.startswith("."):
                result = read_json(self.models / f"{folder.name}.result.json")
                out.append({"name": folder.name, "folder": str(folder), "result": result})
        return out

    def folder(self, name: str) -> Path:
        """Return the folder of a model that was learned here.

        Raises:
            ReviewError: There is no model of that name.
        """
        for model in self.known():
            if model["name"] == name:
                return Path(model["folder"])
        raise ReviewError("no-model", f"no model was learned here that is called {name[:40]!r}")

    def _signal(self, process: subprocess.Popen[bytes], *, kill: bool) -> None:
        """Send a signal to the process and its children, which form a process group."""
        try:
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL if kill else signal.SIGTERM)
            elif kill:
                process.kill()
            else:
                process.terminate()
        except ProcessLookupError:
            pass

    def _progress(self, name: str) -> Path:
        return self.models / f"{name}.progress.jsonl"

    def _steps(self) -> list[dict[str, Any]]:
        out = []
        for line in self._progress(self._name).read_text("utf-8", errors="replace").split("\n"):
            if line.startswith("{"):
                try:
                    out.append(json.loads(line))
                except ValueError:
                    continue  # the last line may be incomplete
        return out
