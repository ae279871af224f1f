"""Figures against scikit-learn's, and the bootstrap against what it must give."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, classification_report, f1_score

from lawgov_nlp.annotation.examples import gold_examples, parse_gold
from lawgov_nlp.evaluation.scores import LABELS, evaluate
from lawgov_nlp.scheme import DIMENSIONS


@pytest.fixture(scope="module")
def tagged(tiny, gold):
    """Six copies of a report, tagged at random, each otherwise."""
    rng = np.random.default_rng(1)
    pairs = []
    for k in range(6):
        base = tiny.tag(parse_gold(gold))
        paragraphs = []
        for p, example in zip(base.paragraphs, gold_examples(gold), strict=True):
            label = example.primary if rng.random() < 0.6 else rng.choice([*DIMENSIONS, None])
            paragraphs.append(replace(p, label=label, labels=(label,) if label else ()))
        pairs.append((replace(gold, id=f"t{k}"), replace(base, tagged=tuple(paragraphs))))
    return pairs


def _right(gold, report):
    """The report with its primary labels as coded."""
    pairs = zip(report.tagged, gold_examples(gold), strict=True)
    return replace(
        report,
        tagged=tuple(replace(p, label=e.primary, labels=(e.primary,) if e.primary else ()) for p, e in pairs),
    )


def test_primary_figures_are_scikit_learns(tagged):
    want = [str(e.primary or "none") for gold, _ in tagged for e in gold_examples(gold)]
    got = [str(p.label or "none") for _, report in tagged for p in report.paragraphs]
    scores = evaluate(tagged)
    occurring = sorted({*want, *got})
    assert scores.figures["primary_accuracy"] == pytest.approx(accuracy_score(want, got), abs=1e-4)
    macro = f1_score(want, got, labels=occurring, average="macro", zero_division=0)
    assert scores.figures["primary_macro_f1"] == pytest.approx(macro, abs=1e-4)
    report = classification_report(want, got, labels=occurring, output_dict=True, zero_division=0)
    for label in occurring:
        assert scores.per_dimension[label] == pytest.approx(report[label], abs=1e-4)
    assert scores.confusion.sum() == len(want)
    assert scores.confusion[LABELS.index("plans"), :-1].sum() == want.count("plans")


def test_the_figure_lies_in_its_interval_and_more_reports_narrow_it(tagged):
    few, many = evaluate(tagged), evaluate(tagged * 8)
    for name, (low, high) in few.intervals().items():
        assert low <= few.figures[name] <= high
    width = [np.subtract(*s.intervals()["primary_accuracy"][::-1]) for s in (few, many)]
    assert 0 < width[1] < width[0] * 0.6
    assert few.intervals() == few.intervals()


def test_gains_are_paired(tagged):
    scores = evaluate(tagged)
    assert set(scores.gains(scores).values()) == {(0.0, 0.0, 0.0)}
    perfect = evaluate((gold, _right(gold, report)) for gold, report in tagged)
    difference, low, high = perfect.gains(scores)["primary_accuracy"]
    assert difference == pytest.approx(1 - scores.figures["primary_accuracy"], abs=1e-4)
    assert 0 < low < difference < high
    with pytest.raises(ValueError, match="different reports"):
        scores.gains(evaluate(tagged[:3]))


def test_one_report_gives_a_point(tagged):
    scores = evaluate(tagged[:1])
    assert all(low == high == scores.figures[name] for name, (low, high) in scores.intervals().items())


def test_nothing_to_compare_is_refused():
    with pytest.raises(ValueError, match="no annotated report"):
        evaluate([])


def test_what_nobody_coded_is_not_counted(tiny, gold):
    from lawgov_nlp.annotation.gold import GoldReport

    def bare(report: GoldReport, **layer) -> GoldReport:
        units = tuple(replace(u, **layer) if u.kind.value == "body" else u for u in report.units)
        return replace(report, units=units)

    tagged = tiny.tag(parse_gold(gold))
    no_labels = evaluate([(bare(gold, primary=None, secondary=(), labels_coded=False), tagged)])
    assert no_labels.confusion.sum() == 0
    assert len(no_labels.gold) == 0
    no_spans = evaluate([(bare(gold, indicators=(), indicators_coded=False), tagged)])
    assert no_spans.support["indicators"] == 0
    for figure in ("value_span_f1", "indicator_f1", "spans_strict_f1"):
        assert np.isnan(no_spans.figures[figure])
        assert not np.isnan(no_labels.figures[figure])
    assert np.isnan(no_labels.figures["primary_macro_f1"])
    assert np.isnan(no_labels.figures["labels_micro_f1"])
    assert no_spans.figures["primary_accuracy"] > 0
