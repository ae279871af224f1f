"""Agreement of two codings, on codings small enough to reckon by hand."""

import pytest
from sklearn.metrics import cohen_kappa_score

from lawgov_nlp.agreement import CodingError, compare
from lawgov_nlp.annotation import parse, write


def coding(*lines, name="x"):
    return parse("\n".join(["---", "[heading] 一、工作", *lines]), name)


FIRST = [
    "[mediation+enforcement] <a:法律咨询>{a:302人次|mediation}，<b:审查合同>{b:12份|enforcement}。",
    "[publicity] 发放<a:宣传资料>{a:3000余份|publicity}。",
    "[training] 班子学法。",
    "[plans+publicity] 继续普法。",
]
SECOND = [
    "[mediation] 法律<a:咨询>{a:302人次|mediation}，审查<b:合同>{b:12份|leadership}。",
    "[publicity] 发放宣传资料3000余份。",
    "[publicity] 班子学法。",
    "[plans+publicity] 继续普法。",
]


def test_a_coding_agrees_with_itself(gold):
    same = compare([gold], [parse(write(gold), gold.id)])
    assert set(same.figures.values()) == {1.0}
    assert same.differences == []
    assert same.support == {"reports": 1, "paragraphs": 7, "labelled": 7, "searched": 7, "indicators": 7}


@pytest.mark.parametrize("line", ["[training] 班子学法。", "[none] 现将情况报告如下："])
def test_nothing_to_find_is_agreement(line):
    assert set(compare([coding(line)], [coding(line)]).figures.values()) == {1.0}


def test_figures_by_hand():
    got = compare([coding(*FIRST)], [coding(*SECOND)])
    primary = (["mediation", "publicity", "training", "plans"], ["mediation", "publicity", "publicity", "plans"])
    assert got.figures["primary_agreement"] == 0.75
    assert got.figures["primary_kappa"] == pytest.approx(cohen_kappa_score(*primary), abs=1e-4)
    assert got.figures["labels_micro_f1"] == pytest.approx(2 * 4 / (6 + 5), abs=1e-4)
    assert got.figures["value_span_f1"] == pytest.approx(2 * 2 / (3 + 2), abs=1e-4)
    assert got.figures["name_identical"] == 0
    assert got.figures["name_overlapping"] == 1
    assert got.figures["topic_agreement"] == 0.5
    assert got.per_dimension["training"]["first"] == 1
    assert got.per_dimension["training"]["second"] == 0
    assert got.per_dimension["plans"]["label_kappa"] == 1


def test_every_difference_is_told_with_its_line():
    lines = compare([coding(*FIRST)], [coding(*SECOND)]).differences
    assert [line.split(":")[0] for line in lines] == ["x, unit 2"] * 3 + ["x, unit 3", "x, unit 4"]
    assert "mediation+enforcement against mediation" in lines[0]
    assert "法律咨询/mediation against 咨询/mediation" in lines[1]
    assert "only the first coder has the value '3000余份'" in lines[3]


def test_the_order_of_the_coders_changes_no_figure():
    assert compare([coding(*FIRST)], [coding(*SECOND)]).figures == compare([coding(*SECOND)], [coding(*FIRST)]).figures


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ([coding(*FIRST)], [coding(*FIRST, name="y")], "only one coder has"),
        ([coding(*FIRST)], [coding(*FIRST[:3])], "5 lines in one coding, 4 in the other"),
        ([coding(*FIRST)], [coding(*FIRST[:3], "[plans] 不再普法。")], "unit 5"),
        ([], [], "no paragraph"),
    ],
)
def test_codings_of_other_texts_are_refused(first, second, reason):
    with pytest.raises(CodingError, match=reason):
        compare(first, second)
