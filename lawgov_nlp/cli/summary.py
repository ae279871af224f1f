"""What became of all files of a run, told at its end: read, passed over by suffix, not read, one text in two files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Console

from lawgov_nlp.cli.common import escape
from lawgov_nlp.results.tagged_report import TaggedReport

_SHOWN = 5


class Summary:
    """Counts the reports of a run as they pass by.

    Attributes:
        reports: The number of reports so far.
        paragraphs: The number of their paragraphs.
    """

    def __init__(self) -> None:
        self.reports = self.paragraphs = 0
        self._first: dict[str, str] = {}
        self._copies: list[tuple[str, str]] = []

    def watch(self, reports: Iterable[TaggedReport]) -> Iterator[TaggedReport]:
        """Yield the reports and count them."""
        for report in reports:
            self.reports += 1
            self.paragraphs += len(report.paragraphs)
            name = report.source or report.title or f"{self.reports}"
            text = "\n".join(unit.text for unit in report.units)  # the same report may be laid out in another way
            first = self._first.setdefault(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), name)
            if first != name:
                self._copies.append((name, first))
            yield report

    @property
    def copies(self) -> Sequence[tuple[str, str]]:
        """The reports whose lines are the same as those of an earlier one, each with that one's name."""
        return self._copies

    def show(self, notes: Console, failed: int, passed_over: Mapping[str, int]) -> None:
        """Print the summary in Chinese."""
        lines = [f"共读取 {self.reports:,} 份报告，{self.paragraphs:,} 段；未能读取 {failed:,} 份"]
        lines += passed_over_line(passed_over)
        if self._copies:
            pairs = "；".join(f"{name} 同 {first}" for name, first in self._copies[:_SHOWN])
            more = f" 等 {len(self._copies):,} 份" if len(self._copies) > _SHOWN else ""
            lines.append(f"正文重复 {len(self._copies):,} 份（仍在结果中）：{pairs}{more}")
        for line in lines:
            notes.print(escape(line), highlight=False, soft_wrap=True)


def passed_over_line(passed_over: Mapping[str, int]) -> list[str]:
    """Return a line that says how many files were passed over for their suffix; empty if none were."""
    if not passed_over:
        return []
    kinds = "、".join(f"{suffix or '无后缀'} {count:,}" for suffix, count in Counter(passed_over).most_common(10))
    return [f"按后缀略过 {sum(passed_over.values()):,} 个文件（不是报告的格式）：{kinds}"]
