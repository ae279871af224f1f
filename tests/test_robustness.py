"""Whole reports as careless people and machines would send them: `training/robustness.py`."""

import runpy

from lawgov_nlp.annotation.examples import gold_examples, parse_gold

from .conftest import ROOT

robustness = runpy.run_path(str(ROOT / "training" / "robustness.py"))


def test_varied_reports_keep_their_coding(gold):
    for change in (
        robustness["half_width_report"],
        robustness["misread_report"],
        robustness["other_digits_report"],
        robustness["other_units_report"],
        robustness["other_places_report"],
    ):
        varied = change(gold)
        assert [e.indicators for e in gold_examples(varied)] == [e.indicators for e in gold_examples(gold)]
        assert change(gold) == varied
    assert robustness["headless_report"](gold).text.count("\n") == gold.text.count("\n") - 3
    assert [u.text for u in parse_gold(robustness["unnumbered_report"](gold)).units if u.kind == "heading"] == [
        "主要做法",
        "存在的不足",
        "下一步打算",
    ]


def test_units_and_places_change_everywhere(gold):
    values = {u.text[slice(*i.value)] for u in robustness["other_units_report"](gold).units for i in u.indicators}
    assert values == {"4场", "12次", "36人", "302人次", "15册", "7216家", "1.9万人次"}
    moved = robustness["other_places_report"](gold)
    assert "望溪" in gold.text
    assert "望溪" not in moved.text
    assert "青柳" not in moved.text
    assert moved.units[-2].text[:2] == moved.units[0].text[3:5]  # the same town by the same new name


def test_headings_joined_to_their_text_keep_the_coding(gold):
    joined = robustness["run_in_report"](gold)
    assert len(joined.units) == len(gold.units) - 3
    before, after = map(gold_examples, (gold, joined))
    for a, b in zip(before, after, strict=True):
        assert (a.primary, a.secondary) == (b.primary, b.secondary)
        for i, j in zip(a.indicators, b.indicators, strict=True):
            assert a.unit.text[slice(*i.name)] == b.unit.text[slice(*j.name)]
    assert after[1].unit.text.startswith("一、主要做法。（一）加强组织领导。")
