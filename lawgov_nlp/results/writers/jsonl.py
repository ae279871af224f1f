"""Write tagged reports as jsonl: one complete line per report."""

from __future__ import annotations

import json
from pathlib import Path

from lawgov_nlp.atomic import StagedFiles
from lawgov_nlp.results.serialize import to_dict
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import Scheme


class JsonlSink:
    """Writes a line per report."""

    def __init__(self, place: StagedFiles, path: Path) -> None:
        self._file = place.claim(path.name).open("w", encoding="utf-8", newline="\n")

    def begin(self, scheme: Scheme) -> None:
        """Do nothing: every line holds its own labels."""

    def add(self, report: TaggedReport) -> None:
        self._file.write(json.dumps(to_dict(report), ensure_ascii=False, allow_nan=False) + "\n")

    def finish(self) -> None:
        self._file.close()

    release = finish
