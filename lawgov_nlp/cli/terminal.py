"""Tables for the terminal: a tagged report, unreadable files, paragraphs to label, the agreement of two codings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lawgov_nlp.errors import LawgovError
from lawgov_nlp.results.paragraph import Indicator
from lawgov_nlp.results.quantity import Qualifier
from lawgov_nlp.results.tables import plain_number
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import Label, Scheme

if TYPE_CHECKING:
    from lawgov_nlp.annotation.suggest import Suggestion
    from lawgov_nlp.evaluation.agreement import Agreement

COLOURS = (
    "red", "yellow", "green", "blue", "magenta", "bright_black", "cyan",
    "bright_red", "bright_blue", "bright_yellow", "bright_magenta", "bright_green",
)  # fmt: skip
"""The colours of a scheme's labels in order. A terminal has no more, so they repeat; the names are shown as well."""

_SIGNS = {Qualifier.EXACT: "", Qualifier.AT_LEAST: "≥ ", Qualifier.ABOUT: "≈ ", Qualifier.AT_MOST: "≤ "}
_EXCERPT = 60
_FIGURES = {
    "primary_agreement": "主维度一致率",
    "primary_kappa": "主维度 Cohen κ",
    "primary_alpha": "主维度 Krippendorff α",
    "labels_micro_f1": "全部维度 F1",
    "value_span_f1": "数值范围 F1",
    "name_identical": "名称完全相同",
    "name_overlapping": "名称重叠过半",
    "topic_agreement": "主题一致率",
}


def report_table(report: TaggedReport) -> RenderableType:
    """Return a title, a table with a row per paragraph (its dimension and indicators), a summary and the warnings."""
    facts = [report.issuer, f"{report.year}年度" if report.year else None, report.doc_number, report.date]
    head = Text(report.title or report.source or "（无标题）", style="bold")
    head.append("\n" + " · ".join(f for f in facts if f), style="not bold dim")
    table = Table(show_lines=True, expand=True, border_style="bright_black")
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    # Use fold because Chinese has no spaces to break at, and rich would cut the line instead.
    table.add_column("维度", min_width=8, max_width=20, overflow="fold")
    table.add_column("段落", ratio=3, overflow="fold")
    table.add_column("指标", ratio=2, overflow="fold")
    scheme = report.scheme
    for number, paragraph in enumerate(report.paragraphs, 1):
        dimension = Text(paragraph.label.zh if paragraph.label else "—", style=_style(paragraph.label, scheme))
        if paragraph.needs_review:
            dimension.append("\n待复核", style="yellow")
        if paragraph.ocr is not None:
            dimension.append(f"\nOCR {paragraph.ocr:.0%}", style="dim")
        for other in paragraph.labels[1:]:
            dimension.append(f"\n+{other.zh}", style=f"{_style(other, scheme)} dim")
        heading = paragraph.headings[-1] if paragraph.headings else ""
        text = Text("" if paragraph.text.startswith(heading) else heading + "\n", style="dim")
        text.append(_excerpt(paragraph.text), style="not dim")
        indicators = Text("\n").join(_indicator(i, scheme) for i in paragraph.indicators)
        table.add_row(str(number), dimension, text, indicators)
    return Group(head, table, _summary(report))


def failure_table(failures: Iterable[tuple[str, LawgovError]]) -> RenderableType:
    """Return a table of the files that couldn't be read, each with the reason."""
    table = Table(title="未能读取", title_justify="left", border_style="red", show_lines=True)
    table.add_column("文件", overflow="fold")
    table.add_column("原因", overflow="fold")
    for name, error in failures:
        table.add_row(Text(name), Text(str(error)))
    return table


def suggestion_table(
    suggestions: Sequence[Suggestion], *, paragraphs: int, labelled: int, copies: int
) -> RenderableType:
    """Return a table of what to label next and why, below the numbers of paragraphs, labelled ones and copies."""
    head = Text(f"建议标注 {len(suggestions)} 段", style="bold")
    facts = [f"共 {paragraphs} 段"]
    facts += [f"已标 {labelled} 段"] if labelled else []
    facts += [f"与前面的段落只差数字或空白 {copies} 段"] if copies else []
    head.append("\n" + "，".join(facts), style="not bold dim")
    if not suggestions:
        return head
    table = Table(show_lines=True, expand=True, border_style="bright_black")
    table.add_column("序", justify="right", style="dim", no_wrap=True)
    table.add_column("报告", ratio=2, overflow="fold")
    table.add_column("段", justify="right", no_wrap=True)
    table.add_column("模型所标", min_width=8, max_width=20, overflow="fold")
    table.add_column("理由", ratio=3, overflow="fold")
    table.add_column("段落", ratio=4, overflow="fold")
    for rank, suggestion in enumerate(suggestions, 1):
        report, paragraph = suggestion.report, suggestion.paragraph
        label = Text(paragraph.label.zh if paragraph.label else "—", style=_style(paragraph.label, report.scheme))
        for other in paragraph.labels[1:]:
            label.append(f"\n+{other.zh}", style=f"{_style(other, report.scheme)} dim")
        name = PurePath(report.source).name if report.source else report.title or "（无标题）"
        why = Text("\n".join(suggestion.why.split("；")))
        table.add_row(str(rank), Text(name), str(suggestion.at + 1), label, why, Text(_excerpt(paragraph.text)))
    return Group(head, table)


def agreement_table(agreement: Agreement, first: str, second: str) -> RenderableType:
    """Return the overall figures and a table with a row per dimension; `first` and `second` name the codings."""
    n = agreement.support
    head = Text(f"标注一致性：{first} 与 {second}", style="bold")
    facts = f"{n['reports']} 份报告，{n['paragraphs']} 段；两边都标维度 {n['labelled']} 段，都标指标 {n['searched']} 段"
    head.append(f"\n{facts}，不同 {len(agreement.rows)} 处", style="not bold dim")
    figures = Table(border_style="bright_black")
    figures.add_column("总体", overflow="fold")
    figures.add_column("数值", justify="right")
    for key, value in agreement.figures.items():
        figures.add_row(_FIGURES[key], f"{value:.3f}")
    if not agreement.per_dimension:
        return Group(head, figures)
    table = Table(border_style="bright_black")
    table.add_column("维度", overflow="fold")
    for name in ("主维度 κ", "主维度 α", "全部 κ", "全部 α", "甲标", "乙标"):
        table.add_column(name, justify="right")
    for dimension in agreement.scheme:
        row = agreement.per_dimension[dimension.value]
        scores = (f"{row[key]:.3f}" for key in ("primary_kappa", "primary_alpha", "label_kappa", "label_alpha"))
        counts = (f"{row[key]:.0f}" for key in ("first", "second"))
        table.add_row(Text(dimension.zh, style=_style(dimension, agreement.scheme)), *scores, *counts)
    return Group(head, figures, table)


def _summary(report: TaggedReport) -> Text:
    counts = Counter(p.label for p in report.paragraphs)
    shares = [(f"{d.zh} {counts[d]}", _style(d, report.scheme)) for d in report.scheme if counts[d]]
    text = Text(f"{len(report.paragraphs)} 段，{len(report.indicators)} 项指标    ")
    text.append_text(Text("  ").join(Text(words, style=style) for words, style in shares))
    for warning in report.warnings:
        text.append(f"\n注意：{warning}", style="yellow")
    return text


def _indicator(indicator: Indicator, scheme: Scheme) -> Text:
    text = Text(f"{indicator.name or '？'}  ")
    number = "？" if indicator.number is None else plain_number(indicator.number)
    style = f"bold {_style(indicator.dimension, scheme)}"
    text.append(f"{_SIGNS[indicator.qualifier]}{number}{indicator.unit}", style=style)
    if indicator.needs_review:
        text.append(" 待复核", style="yellow")
    return text


def _excerpt(text: str) -> str:
    return text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"


def _style(label: Label | None, scheme: Scheme) -> str:
    return COLOURS[scheme.index(label) % len(COLOURS)] if label else "dim"
