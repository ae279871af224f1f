import json
import math
from dataclasses import replace

import pytest

from lawgov_nlp.annotation.corpus import SplitError, data_hash, load_splits
from lawgov_nlp.annotation.examples import examples, gold_examples, parse_gold
from lawgov_nlp.annotation.markup import parse_markup
from lawgov_nlp.evaluation.scores import evaluate
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.scheme import Dimension
from lawgov_nlp.training.trainer import TrainConfig, saved_scores, train


def test_examples_carry_the_gold_labels_on_read_units(gold):
    found = examples([gold])
    assert found.misread == 0
    assert [e.unit.headings for e in found.examples][2] == ("一、主要做法", "（二）抓好干部学法")
    for example in found.examples:
        for indicator in example.indicators:
            assert example.unit.text[slice(*indicator.value)][0].isdigit()


def test_spaces_in_front_of_a_line_move_the_offsets():
    report = parse_markup("---\n[publicity] \u3000\u3000<a:宣传>{a:3场|publicity}，群众反映良好，氛围浓厚。", "x")
    (example,) = gold_examples(report)
    assert [example.unit.text[slice(*i.value)] for i in example.indicators] == ["3场"]


def test_a_perfect_tagger_scores_one(tiny, gold):
    tagged = tiny.tag(parse_gold(gold))
    perfect = []
    for paragraph, example in zip(tagged.paragraphs, gold_examples(gold), strict=True):
        labels = (example.primary, *example.secondary) if example.primary else ()
        perfect.append(
            replace(paragraph, label=example.primary, labels=labels, indicators=_indicators(paragraph, example))
        )
    scores = evaluate([(gold, replace(tagged, tagged=tuple(perfect)))])
    assert set(scores.figures.values()) == {1.0}
    assert scores.errors == []
    assert scores.support == {"reports": 1, "paragraphs": 7, "indicators": 7}


def test_errors_are_counted_and_told(tiny, gold):
    tagged = tiny.tag(parse_gold(gold))
    wrong = tuple(
        replace(p, label=Dimension.PLANS, labels=(Dimension.PLANS,), indicators=()) for p in tagged.paragraphs
    )
    scores = evaluate([(gold, replace(tagged, tagged=wrong))])
    assert scores.figures["primary_accuracy"] == pytest.approx(1 / 7, abs=1e-4)
    assert scores.figures["value_span_f1"] == scores.figures["spans_strict_f1"] == 0
    assert any("training tagged plans" in e for e in scores.errors)
    assert sum("missed value" in e for e in scores.errors) == 7


def test_what_nobody_coded_or_nobody_found_counts_nowhere(tiny, gold):
    """Only one paragraph is coded, for labels, with a wrong secondary label."""
    units = [
        u
        if u.primary == Dimension.MEDIATION or u.kind != "body"
        else replace(u, primary=None, secondary=(), indicators=(), labels_coded=False, indicators_coded=False)
        for u in gold.units
    ]
    tagged = tiny.tag(parse_gold(gold))
    said = tuple(
        replace(p, label=Dimension.MEDIATION, labels=(Dimension.MEDIATION,), indicators=()) for p in tagged.paragraphs
    )
    units = [replace(u, indicators=()) if u.kind == "body" else u for u in units]
    scores = evaluate([(replace(gold, units=tuple(units)), replace(tagged, tagged=said))])
    assert scores.support == {"reports": 1, "paragraphs": 1, "indicators": 0}
    assert scores.figures["primary_accuracy"] == 1
    assert all(math.isnan(scores.figures[n]) for n in ("value_span_f1", "name_f1", "indicator_f1", "spans_strict_f1"))
    (error,) = scores.errors
    assert "mediation+enforcement tagged mediation:" in error


def _indicators(paragraph, example):
    from decimal import Decimal

    from lawgov_nlp.results.paragraph import Indicator
    from lawgov_nlp.results.quantity import Qualifier

    text, at = example.unit.text, paragraph.start
    return tuple(
        Indicator(
            text=text[slice(*i.value)], start=at + i.value[0], end=at + i.value[1],
            name=text[slice(*i.name)], name_start=at + i.name[0], name_end=at + i.name[1],
            number=Decimal(1), unit="", qualifier=Qualifier.EXACT, dimension=i.dimension,
        )
        for i in example.indicators
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_memorises_one_report(tmp_path, encoder_folder, gold, precision):
    """From random weights: if heads, targets, windows or decoding disagreed, this could not reach 1."""
    config = TrainConfig(epochs=150, rate=3e-3, head_rate=3e-3, heading_dropout=0.0, warmup=0.02, precision=precision)
    train([gold], [gold], base=encoder_folder, out=tmp_path / "out", config=config, revision="memory")
    scores = saved_scores(tmp_path / "out", [gold])
    assert scores.figures["primary_accuracy"] == 1
    assert scores.figures["indicator_f1"] == 1
    assert scores.figures["name_exact_f1"] == 1
    again = Tagger.from_pretrained(tmp_path / "out", "cpu")
    assert json.loads((tmp_path / "out" / "config.json").read_text("utf-8"))["data_hash"] == data_hash([gold])
    reloaded = evaluate([(gold, again.tag(parse_gold(gold)))])
    assert reloaded.figures == scores.figures


def test_splits_are_checked(tmp_path, gold):
    import json

    from lawgov_nlp.annotation.markup import to_markup

    (tmp_path / "reports").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "reports" / f"{name}.txt").write_text(to_markup(gold), encoding="utf-8")
    hashed = data_hash([replace(gold, id="c")])
    good = {"train": ["a"], "dev": ["b"], "test": ["c"], "test_sha256": hashed}
    splits = tmp_path / "splits.json"
    splits.write_text(json.dumps(good))
    assert [r.id for r in load_splits(tmp_path)["test"]] == ["c"]
    splits.write_text(json.dumps(good | {"dev": []}))
    with pytest.raises(SplitError, match=r"\['b'\]"):
        load_splits(tmp_path)
    splits.write_text(json.dumps(good | {"test_sha256": "0" * 64}))
    with pytest.raises(SplitError, match="a test report has changed"):
        load_splits(tmp_path)


def test_an_unknown_precision_is_refused(tmp_path, encoder_folder, gold):
    with pytest.raises(ValueError, match="unknown precision 'fp8'"):
        train([gold], [gold], base=encoder_folder, out=tmp_path / "out", config=TrainConfig(precision="fp8"))


def test_what_nobody_coded_teaches_nothing(tiny_model, tokenizer, gold):
    """Labels of one paragraph and indicators of another: the loss is that of the two parts, and no NaN."""
    import torch

    from lawgov_nlp.model.windows import WindowTokenizer
    from lawgov_nlp.training.batches import collate
    from lawgov_nlp.training.loss import losses as parts

    settings = tiny_model.config
    coder = WindowTokenizer(tokenizer, window=settings.window, overlap=settings.overlap, heading=settings.heading)
    whole = next(e for e in examples([gold]).examples if "法律咨询" in e.unit.text)

    def losses(*data, weights=None):
        batch, targets = collate(data, coder, weights)
        with torch.inference_mode():
            return {k: float(v) for k, v in parts(tiny_model, tiny_model(batch), batch, targets).items()}

    labels, indicators = replace(whole, indicators_coded=False, indicators=()), replace(whole, labels_coded=False)
    both, only_labels, only_indicators = losses(whole), losses(labels), losses(indicators)
    assert both.keys() == {"primary", "mentions", "tags", "names", "topics"}
    assert only_labels == pytest.approx({k: both[k] for k in ("primary", "mentions")}, abs=1e-5)
    assert only_indicators == pytest.approx({k: both[k] for k in ("tags", "names", "topics")}, abs=1e-5)
    wrong = replace(labels, primary=Dimension.PLANS, labels_coded=False)  # what stands there isn't looked at
    assert losses(wrong) == {}
    assert losses(labels, indicators) == pytest.approx(both, abs=1e-5)


def test_a_weight_counts_in_every_part_of_the_loss(tiny_model, tokenizer, gold):
    import torch

    from lawgov_nlp.model.windows import WindowTokenizer
    from lawgov_nlp.training.batches import collate
    from lawgov_nlp.training.loss import losses as parts

    settings = tiny_model.config
    coder = WindowTokenizer(tokenizer, window=settings.window, overlap=settings.overlap, heading=settings.heading)
    data = examples([gold]).examples[2:4]

    def losses(data, weights):
        batch, targets = collate(data, coder, weights)
        with torch.inference_mode():
            return {k: float(v) for k, v in parts(tiny_model, tiny_model(batch), batch, targets).items()}

    one, other, both = losses(data[:1], [1.0]), losses(data[1:], [1.0]), losses(data, [1.0, 0.25])
    counts = {
        "primary": (1, 1), "mentions": (1, 1), "topics": (2, 2), "names": (2, 2),
        "tags": [len(code.offsets) for code in coder.encode([e.unit for e in data])],
    }  # fmt: skip
    assert [len(e.indicators) for e in data] == [2, 2]
    for name, (n, m) in counts.items():
        assert both[name] == pytest.approx((n * one[name] + 0.25 * m * other[name]) / (n + m), rel=1e-4), name
