import pytest

from lawgov_nlp.annotation.gold import GoldIndicator, GoldLine, GoldReport
from lawgov_nlp.annotation.markup import parse_markup, to_markup
from lawgov_nlp.errors import MarkupError
from lawgov_nlp.report import LineKind
from lawgov_nlp.scheme import Dimension


def test_round_trip(gold):
    assert parse_markup(to_markup(gold), "t01") == gold


def test_offsets_point_into_the_plain_text(gold):
    unit = next(u for u in gold.units if u.primary is Dimension.MEDIATION)
    assert [(unit.text[slice(*i.value)], unit.text[slice(*i.name)], str(i.dimension)) for i in unit.indicators] == [
        ("302人次", "法律咨询", "mediation"),
        ("15份", "审查合同", "enforcement"),
    ]
    assert unit.secondary == (Dimension.ENFORCEMENT,)


def test_one_name_serves_several_values(gold):
    unit = next(u for u in gold.units if u.primary is Dimension.PUBLICITY)
    assert [unit.text[slice(*i.value)] for i in unit.indicators] == ["7216户", "1.9万人次"]
    assert len({i.name for i in unit.indicators}) == 1


def test_spaces_of_the_report_are_kept():
    unit = parse_markup("---\n[none] \u3000\u3000现将情况报告如下：", "x").units[0]
    assert unit.text == "\u3000\u3000现将情况报告如下："
    assert unit.kind is LineKind.BODY
    assert unit.primary is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("没有标记的一行", "a line begins with its kind or dimension"),
        ("[宣传] 文字", "a line begins with its kind or dimension"),
        ("[publicty] 文字", "did you mean 'publicity'"),
        ("[plans+plans] 文字", "names a dimension twice"),
        ("[plans] <a:宣传>{b:3场|publicity}", "points to name 'b'"),
        ("[plans] <a:宣传>没有数", "no value points to name"),
        ("[plans] <a:宣传>{a:3场|plans}", "unknown dimension 'plans'"),
        ("[plans] <a:宣传>{a:多场|publicity}", "has no numeral"),
        ("[plans] <a:宣传><a:讲座>{a:3场|publicity}", "two names are called 'a'"),
        ("[plans] <a:宣传>{a:3场}", "a mark that is not"),
        ("[heading] <a:宣传>{a:3场|publicity}", "carries no spans"),
        ("[?+plans] 文字", "a line begins with its kind or dimension"),
        ("[plans] <a:宣传>{a:3场|publicity}{?}", "nobody coded the indicators"),
        ("[plans] 宣传{?}3场", "a mark that is not"),
    ],
)
def test_what_does_not_fit_is_refused_with_file_line_and_reason(line, reason):
    with pytest.raises(MarkupError, match=reason) as caught:
        parse_markup(f"---\n[none] 好\n{line}", "r07")
    assert str(caught.value).startswith("r07:3: ")


@pytest.mark.parametrize(
    ("line", "labels", "indicators"),
    [
        ("[?] <a:走访>{a:3次|mediation}", False, True),
        ("[plans+mediation] 走访3次。{?}", True, False),
        ("[none] 走访3次。{?}", True, False),
        ("[?] 走访3次。{?}", False, False),
        ("[none] 走访3次。", True, True),
    ],
)
def test_what_nobody_coded_is_told_from_what_has_none(line, labels, indicators):
    report = parse_markup(f"---\n{line}", "x")
    unit = report.units[0]
    assert (unit.labels_coded, unit.indicators_coded) == (labels, indicators)
    assert unit.text == "走访3次。".removesuffix("" if "。" in line else "。")
    assert to_markup(report) == f"---\n{line}\n"


def test_a_unit_that_was_not_coded_has_no_coding():
    with pytest.raises(ValueError, match="labels_coded=False"):
        GoldLine(kind=LineKind.BODY, text="走访3次。", primary=Dimension.PLANS, labels_coded=False)
    indicator = GoldIndicator(value=(2, 4), name=(0, 2), dimension=Dimension.MEDIATION)
    with pytest.raises(ValueError, match="indicators_coded=False"):
        GoldLine(kind=LineKind.BODY, text="走访3次。", indicators=(indicator,), indicators_coded=False)


def test_header_and_body_are_needed():
    with pytest.raises(MarkupError, match="no '---' line"):
        parse_markup("level: town\nyear: 2023", "x")
    with pytest.raises(MarkupError, match="x:1: expected 'key: value'"):
        parse_markup("[title] 报告\n---", "x")
    with pytest.raises(MarkupError, match="no body paragraph"):
        parse_markup("---\n[title] 报告", "x")


def test_more_than_26_names_get_numbered_letters():
    spans = "，".join(
        f"<{chr(97 + k % 26)}{k // 26 or ''}:事项>{{{chr(97 + k % 26)}{k // 26 or ''}:{k}件|enforcement}}"
        for k in range(30)
    )
    report = parse_markup(f"---\n[enforcement] {spans}", "x")
    assert len(report.units[0].indicators) == 30
    assert parse_markup(to_markup(report), "x") == report


def test_three_hundred_names_in_a_line():
    spans = tuple(
        GoldIndicator(value=(4 * k + 2, 4 * k + 4), name=(4 * k, 4 * k + 2), dimension=Dimension.MEDIATION)
        for k in range(300)
    )
    unit = GoldLine(kind=LineKind.BODY, text="走访3次" * 300, primary=Dimension.MEDIATION, indicators=spans)
    report = GoldReport(id="x", meta={}, units=(unit,))
    assert parse_markup(to_markup(report), "x") == report
