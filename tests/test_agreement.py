"""Agreement of two codings, on codings small enough to reckon by hand."""

import pytest
from sklearn.metrics import cohen_kappa_score

from lawgov_nlp.annotation.markup import parse_markup, to_markup
from lawgov_nlp.evaluation.agreement import CodingError, compare, krippendorff_alpha, paragraphs_only


def coding(*lines, name="x"):
    return parse_markup("\n".join(["---", "[heading] 一、工作", *lines]), name)


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
    same = compare([gold], [parse_markup(to_markup(gold), gold.id)])
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


def by_unit(*coders):
    return [[None if c == "." else c for c in unit] for unit in zip(*coders, strict=True)]


@pytest.mark.parametrize(
    ("units", "alpha"),
    [
        (by_unit("0100000010", "1110010000"), 0.095),
        (by_unit("aabbdcccedda", "babbbccceddd"), 0.692),
        (by_unit("123321412...", "1233224125.3", ".3332342251.", "12332441251."), 0.743),
    ],
    ids=["two values", "five values", "four coders with gaps"],
)
def test_alpha_of_krippendorffs_worked_examples(units, alpha):
    # K. Krippendorff, Computing Krippendorff's alpha-reliability (2011), parts A, B and C
    assert krippendorff_alpha(units) == pytest.approx(alpha, abs=0.0005)


def test_alpha_where_nothing_varies_or_nothing_is_paired():
    assert krippendorff_alpha([["a", "a"], ["a", "a"]]) == 1.0
    assert krippendorff_alpha([["a", None], [None, "b"]]) == 1.0
    assert krippendorff_alpha([["a", "b"], ["b", "a"]]) == pytest.approx(-0.5)


def test_alpha_of_a_comparison():
    got = compare([coding(*FIRST)], [coding(*SECOND)])
    primary = by_unit("mptl", "mppl")
    assert got.figures["primary_alpha"] == pytest.approx(krippendorff_alpha(primary), abs=1e-4)
    assert got.per_dimension["plans"]["primary_alpha"] == 1
    assert got.per_dimension["training"]["label_alpha"] < got.per_dimension["publicity"]["label_alpha"] < 1


def test_what_one_coder_left_out_counts_in_no_figure():
    first = coding("[mediation] <a:走访>{a:3次|mediation}", "[plans] 宣传5场。{?}", "[training] 学法。")
    second = coding("[?] <a:走访>{a:3次|mediation}", "[plans] <a:宣传>{a:5场|publicity}。", "[publicity] 学法。{?}")
    got = compare([first], [second])
    assert got.support == {"reports": 1, "paragraphs": 3, "labelled": 2, "searched": 1, "indicators": 1}
    assert got.figures["primary_agreement"] == 0.5
    assert got.figures["value_span_f1"] == 1
    assert got.differences == ["x, unit 4: training against publicity: 学法。"]
    only = compare([coding("[plans] 宣传。{?}")], [coding("[plans] 宣传。")])
    assert "value_span_f1" not in only.figures
    with pytest.raises(CodingError, match="of both coders"):
        compare([coding("[plans] 宣传。{?}")], [coding("[?] 宣传。")])


def test_paragraphs_only():
    report = parse_markup(
        "---\n[title] 报告\n[plans] \u3000\u3000开展<a:宣传>{a:5场|publicity}。 \n[signoff] 镇政府", "x"
    )
    (unit,) = paragraphs_only(report).units
    assert unit.text == "开展宣传5场。"
    assert [(unit.text[slice(*i.value)], unit.text[slice(*i.name)]) for i in unit.indicators] == [("5场", "宣传")]
