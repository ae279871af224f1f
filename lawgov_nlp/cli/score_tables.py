"""Tables of scores for the terminal: the figures of a model, the scores of each label, two models side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lawgov_nlp.evaluation.comparison import Flip
from lawgov_nlp.evaluation.figures import FEWEST, FIGURES, label_name, shown_intervals, support_line
from lawgov_nlp.evaluation.scores import Scores
from lawgov_nlp.scheme import CODEBOOK, Scheme

CHANGES = {"mended": ("改对", "green"), "broken": ("改错", "red"), "other": ("换一种错", "yellow")}
_EXCERPT = 48


def scores_table(scores: Scores, title: str, review_below: float | None = None) -> RenderableType:
    """Return the figures with their intervals, a table with a row per label and its confusions, and the calibration."""
    head = Text(title, style="bold")
    head.append(f"\n{support_line(scores)}", style="not bold dim")
    figures = Table(border_style="bright_black")
    figures.add_column("指标", overflow="fold")
    figures.add_column("得分", justify="right")
    figures.add_column("95% 区间", justify="right")
    intervals = shown_intervals(scores)
    for name, value in scores.figures.items():
        if math.isnan(value):
            figures.add_row(FIGURES[name], "–", "")
            continue
        bounds = "{:.3f}–{:.3f}".format(*intervals[name]) if name in intervals else ""
        figures.add_row(FIGURES[name], f"{value:.3f}", bounds)
    return Group(head, figures, _labels(scores), _calibration(scores, review_below))


def gains_table(before: Scores, after: Scores, title: str) -> RenderableType:
    """Return a table of each figure before and after, the difference, and the interval of the difference."""
    head = Text(title, style="bold")
    head.append(f"\n{support_line(after)}", style="not bold dim")
    table = Table(border_style="bright_black")
    table.add_column("指标", overflow="fold")
    for name in ("原先", "现在", "差", "差的 95% 区间"):
        table.add_column(name, justify="right")
    enough = after.support["reports"] >= FEWEST
    for name, (gain, low, high) in after.gains(before).items():
        if math.isnan(gain):
            continue  # Nobody coded what the figure measures.
        style = "green" if enough and low > 0 else "red" if enough and high < 0 else ""
        values = (f"{before.figures[name]:.3f}", f"{after.figures[name]:.3f}")
        bounds = f"{low:+.3f} – {high:+.3f}" if enough else "报告太少"
        table.add_row(FIGURES[name], *values, Text(f"{gain:+.3f}", style=style), bounds)
    return Group(head, table)


def flips_table(flips: Sequence[Flip], scheme: Scheme = CODEBOOK, most: int = 30) -> RenderableType:
    """Return a table of the paragraphs whose primary label changed, newly wrong ones first, with labels of `scheme`."""
    counts = {change: sum(f.change == change for f in flips) for change in CHANGES}
    words = "，".join(f"{CHANGES[c][0]} {n} 段" for c, n in counts.items())
    head = Text(f"主维度变化：{words}", style="bold")
    if not flips:
        return head
    table = Table(border_style="bright_black", expand=True)
    for name in ("", "报告", "行", "应为", "原先", "现在"):
        table.add_column(name, no_wrap=name == "行")
    table.add_column("段落", ratio=1, overflow="fold")
    for flip in sorted(flips, key=lambda f: ("broken", "other", "mended").index(f.change))[:most]:
        word, style = CHANGES[flip.change]
        excerpt = flip.text if len(flip.text) <= _EXCERPT else flip.text[:_EXCERPT] + "…"
        labels = (label_name(label, scheme) for label in (flip.coded, flip.before, flip.after))
        table.add_row(Text(word, style=style), flip.report, str(flip.unit), *labels, Text(excerpt))
    more = [Text(f"另有 {len(flips) - most} 段未列出；-o 写出全部", style="dim")] if len(flips) > most else []
    return Group(head, table, *more)


def _labels(scores: Scores) -> Table:
    table = Table(border_style="bright_black")
    table.add_column("主维度", overflow="fold")
    for name in ("查准", "查全", "F1", "段数"):
        table.add_column(name, justify="right")
    table.add_column("错标为", overflow="fold")
    for label, row in scores.per_dimension.items():
        at = scores.labels.index(label)
        wrong = sorted(((int(n), k) for k, n in enumerate(scores.confusion[at]) if n and k != at), reverse=True)
        names = [*(label_name(other, scores.scheme) for other in scores.labels), "未识别为段落"]
        behind = (scores.confusion[:, at].sum(), row["support"], 1)  # without any case a score says nothing
        keys = ("precision", "recall", "f1-score")
        values = (f"{row[key]:.3f}" if cases else "–" for key, cases in zip(keys, behind, strict=True))
        table.add_row(names[at], *values, f"{row['support']:.0f}", "，".join(f"{names[k]} {n}" for n, k in wrong))
    return table


def _calibration(scores: Scores, review_below: float | None) -> Text:
    if not len(scores.gold):
        return Text("没有标注过维度的段落，无法检验置信度", style="dim")
    text = Text(f"置信度与准确率平均相差 {scores.calibration_error:.3f}", style="dim")
    if review_below is not None:
        sure = scores.confidence >= review_below
        right = f"，其中 {scores.right[sure].mean():.1%} 正确" if sure.any() else ""
        text.append(f"；置信度达到 {review_below:.2f} 的段落占 {sure.mean():.1%}{right}")
    return text
