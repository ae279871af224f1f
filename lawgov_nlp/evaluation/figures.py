"""The names of a tagger's figures, and the choice of the confidence intervals that are shown."""

from __future__ import annotations

from lawgov_nlp.evaluation.scores import Scores
from lawgov_nlp.scheme import CODEBOOK, NONE, NONE_ZH, Scheme

FIGURES = {
    "unit_f1": "段落识别 F1",
    "primary_accuracy": "主维度准确率",
    "primary_macro_f1": "主维度宏平均 F1",
    "labels_micro_f1": "全部维度 F1",
    "value_span_f1": "数值范围 F1",
    "name_f1": "名称重叠过半 F1",
    "name_exact_f1": "名称完全相同 F1",
    "dimension_f1": "指标主题 F1",
    "indicator_f1": "整条指标 F1",
    "spans_strict_f1": "严格范围 F1 (seqeval)",
}
FEWEST = 3
"""The fewest reports for which bootstrap intervals are shown. With one or two reports they would look exact."""


def label_name(label: str, scheme: Scheme = CODEBOOK) -> str:
    """Return the Chinese name of a label or of `none`."""
    return NONE_ZH if label == NONE else scheme.label(label).zh


def support_line(scores: Scores) -> str:
    """Return a line with the numbers of reports, paragraphs and indicators behind the scores."""
    n = scores.support
    return f"{n['reports']} 份报告，{n['paragraphs']} 段有标注，{n['indicators']} 项指标"


def shown_intervals(scores: Scores) -> dict[str, tuple[float, float]]:
    """Return the bootstrap intervals that are worth showing."""
    return scores.intervals() if scores.support["reports"] >= FEWEST else {}
