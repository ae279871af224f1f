import random

from lawgov_nlp.annotation.examples import examples
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
