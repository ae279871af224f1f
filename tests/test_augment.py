import random

from lawgov_nlp.annotation.examples import examples, gold_examples, parse_gold
from lawgov_nlp.training import augment


def test_variations_keep_every_offset(gold):
    rng = random.Random(0)
    for example in examples([gold]).examples:
        varied = augment.vary(example, rng, half=1, digits=1, misreading=1)
        assert len(varied.unit.text) == len(example.unit.text)
        for a, b in zip(example.unit.text, varied.unit.text, strict=True):
            assert a == b or (a.isdigit() and b.isdigit()) or b in augment.half_width(a) or {a, b} <= {*augment._PAIRS}


def test_probability_zero_changes_nothing(gold):
    rng = random.Random(0)
    for example in examples([gold]).examples:
        assert augment.vary(example, rng, half=0, digits=0, misreading=0) == example


def test_digits_change_in_values_alone():
    text = "2023年普法300余场、1.9万人次，10起"
    got = augment.other_digits(text, [(7, 12), (13, 19), (20, 23)], random.Random(1))
    assert got != text
    assert (got[:7], got[10:13], got[14], got[16:20], got[22:]) == ("2023年普法", "余场、", ".", "万人次，", "起")
    assert all(got[at] in "123456789" for at in (7, 13, 20))


def test_punctuation_and_look_alikes():
    assert augment.half_width("一是普法（3场）：好；再。") == "一是普法(3场):好;再."
    assert augment.misread("未办已结", random.Random(0), share=1) == "末办己结"
    assert augment.misread("未办已结", random.Random(0), share=0) == "未办已结"


def test_numbers_of_headings():
    assert augment.without_number("一、主要做法") == "主要做法"
    assert augment.without_number("（二）普法") == augment.without_number("2.普法") == "普法"
    assert augment.without_number("第一部分 普法") == augment.without_number("（1）普法") == "普法"
    for unnumbered in ("一站式服务", "1.1强化引领", "12.4国家宪法日"):
        assert augment.without_number(unnumbered) == unnumbered


def test_varied_reports_keep_their_coding(gold):
    for change in (
        augment.half_width_report,
        augment.misread_report,
        augment.other_digits_report,
        augment.other_units_report,
        augment.other_places_report,
    ):
        varied = change(gold)
        assert [e.indicators for e in gold_examples(varied)] == [e.indicators for e in gold_examples(gold)]
        assert change(gold) == varied
    assert augment.headless_report(gold).text.count("\n") == gold.text.count("\n") - 3
    assert [u.text for u in parse_gold(augment.unnumbered_report(gold)).units if u.kind == "heading"] == [
        "主要做法",
        "存在的不足",
        "下一步打算",
    ]


def test_units_and_places_change_everywhere(gold):
    values = {u.text[slice(*i.value)] for u in augment.other_units_report(gold).units for i in u.indicators}
    assert values == {"4场", "12次", "36人", "302人次", "15册", "7216家", "1.9万人次"}
    moved = augment.other_places_report(gold)
    assert "望溪" in gold.text
    assert "望溪" not in moved.text
    assert "青柳" not in moved.text
    assert moved.units[-2].text[:2] == moved.units[0].text[3:5]  # the same town by the same new name


def test_headings_joined_to_their_text_keep_the_coding(gold):
    joined = augment.run_in_report(gold)
    assert len(joined.units) == len(gold.units) - 3
    before, after = map(gold_examples, (gold, joined))
    for a, b in zip(before, after, strict=True):
        assert (a.primary, a.secondary) == (b.primary, b.secondary)
        for i, j in zip(a.indicators, b.indicators, strict=True):
            assert a.unit.text[slice(*i.name)] == b.unit.text[slice(*j.name)]
    assert after[1].unit.text.startswith("一、主要做法。（一）加强组织领导。")
