"""Schemes of labels: what a labels.json may say, what a model of another one begins with, what shipped reports teach."""

import json
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from lawgov_nlp.annotation.corpus import data_hash
from lawgov_nlp.annotation.examples import examples, gold_examples, parse_gold
from lawgov_nlp.annotation.markup import parse_markup, to_markup
from lawgov_nlp.annotation.relabel import can_relabel, relabel_gold, relabel_tagged, without_labels
from lawgov_nlp.errors import MarkupError, ModelError, SchemeError
from lawgov_nlp.evaluation.scores import evaluate
from lawgov_nlp.model.checkpoints import load_tagger as load_model
from lawgov_nlp.model.checkpoints import model_scheme
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.model.windows import WindowTokenizer
from lawgov_nlp.report import LineKind
from lawgov_nlp.scheme import CODEBOOK, DIMENSIONS, TOPICS, Dimension, Label, Scheme
from lawgov_nlp.training.batches import IGNORE, BatchDataset, collate
from lawgov_nlp.training.config import TrainConfig
from lawgov_nlp.training.initialize import load_for_training
from lawgov_nlp.training.loss import losses
from lawgov_nlp.training.resize_heads import rehead, source_rows
from lawgov_nlp.training.trainer import save_tagger

from .own_labels import MERGED, OWN, OWN_LABELS, OWN_MARKUP, own_gold, write_labels
from .sample_report import sample


def label(**fields):
    return {"name": "digital", "zh": "数字法治", **fields}


# the codebook


def test_the_codebook_is_what_it_was():
    assert [*Dimension] == [*DIMENSIONS] == [*CODEBOOK]
    assert [str(d) for d in Dimension] == [
        "leadership", "training", "mediation", "enforcement", "publicity", "shortcomings", "plans",
    ]  # fmt: skip
    assert CODEBOOK.topics == TOPICS
    plans = Dimension("plans")
    assert plans is Dimension.PLANS
    assert (plans.name, plans.value, plans.zh, plans.is_topic) == ("PLANS", "plans", "工作计划", False)
    assert (repr(plans), f"{plans}", type(plans.value)) == ("<Dimension.PLANS: 'plans'>", "plans", str)
    assert json.dumps({plans: plans}) == '{"plans": "plans"}'
    assert {plans: 1}["plans"] == 1
    with pytest.raises(ValueError, match="'plan' is not a valid"):
        Dimension("plan")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_labels_and_schemes_travel_between_processes(protocol):
    assert pickle.loads(pickle.dumps(Dimension.PLANS, protocol)) is Dimension.PLANS
    one = pickle.loads(pickle.dumps(OWN.label("services"), protocol))
    assert (one, one.zh, one.is_topic) == ("services", "法律服务", True)
    again = pickle.loads(pickle.dumps(OWN, protocol))
    assert (again, again.sources, again.topics) == (OWN, OWN.sources, OWN.topics)
    report = relabel_tagged(sample(), MERGED)
    assert pickle.loads(pickle.dumps(report, protocol)) == report


def test_schemes_are_light():
    code = "import sys, lawgov_nlp.scheme; sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# labels.json


def test_a_labels_json(tmp_path):
    scheme = Scheme.load(write_labels(tmp_path / "labels.json"))
    assert [*scheme] == ["leadership", "services", "digital", "plans"]
    assert [d.zh for d in scheme] == ["组织领导", "法律服务", "数字法治", "工作计划"]
    assert scheme.topics == ("leadership", "services", "digital")
    assert scheme.sources == (
        (Dimension.LEADERSHIP,), (Dimension.MEDIATION, Dimension.PUBLICITY), (), (Dimension.PLANS,),
    )  # fmt: skip
    assert scheme.heirs[Dimension.PUBLICITY] == "services"
    assert Dimension.TRAINING not in scheme.heirs
    assert not scheme.coarsens
    assert MERGED.coarsens
    assert CODEBOOK.coarsens
    assert scheme == OWN != MERGED
    assert Scheme.from_list(scheme.to_list()).sources == scheme.sources
    assert Scheme.from_list(CODEBOOK.to_list()) is CODEBOOK


def test_a_renamed_codebook_coarsens_and_a_split_one_does_not():
    renamed = [{"name": f"{d}x", "zh": d.zh, "topic": d.is_topic, "from": [d.value]} for d in Dimension]
    assert Scheme.from_list(renamed).coarsens
    split = [*CODEBOOK.to_list(), label(**{"from": ["mediation"]})]
    assert not Scheme.from_list(split).coarsens
    assert Dimension.MEDIATION not in Scheme.from_list(split).heirs
    emptied = [*CODEBOOK.to_list()[:-1], {**CODEBOOK.to_list()[-1], "from": []}]
    assert Scheme.from_list(emptied) == CODEBOOK
    assert not Scheme.from_list(emptied).coarsens


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({}, "expected a list of labels"),
        ([], "expected a list of labels"),
        (["digital"], "label 1: 'digital', expected an object such as"),
        ([{"zh": "数字法治"}], "label 1: 'name' is None, expected a word of the letters a to z"),
        ([label(name="Digital law")], "label 1: 'name' is 'Digital law'.*did you mean 'digitallaw'"),
        ([label(name="数字")], "'name' is '数字', expected a word of the letters a to z, such as"),
        ([label(name="none")], "stands for a paragraph without a label"),
        ([label(name="heading")], "stands for a kind of line in the markup"),
        ([label(name="body")], "stands for a kind of line in the markup"),
        ([label(name="value")], "stands for a span of an indicator"),
        ([label(name="?")], "'name' is '\\?'"),
        ([{"name": "digital"}], "'zh' is None, expected the Chinese name"),
        ([label(zh="")], "'zh' is '', expected the Chinese name"),
        ([label(zh="数字 法治")], "'zh' is '数字 法治', which has ' ' in it"),
        ([label(zh="数字、法治")], "which has '、' in it"),
        ([label(zh="无")], "'zh' is '无', which stands for a paragraph without a label"),
        ([label(zh="数值")], "which stands for a span"),
        ([label(topic="yes")], "'topic' is 'yes', expected true or false"),
        ([label(topics=True)], "label 1: 'topics' is unknown; did you mean 'topic'"),
        ([label(**{"from": "plans"})], "'from' is 'plans', expected a list"),
        ([label(**{"from": ["plan"]})], "'from' has 'plan'; did you mean 'plans'"),
        ([label(**{"from": ["plans", "plans"]})], "'from' names a dimension twice"),
        ([label(), label(zh="数字")], "label 2: 'name' 'digital' is that of label 1, too"),
        ([label(), label(name="online")], "label 2: 'zh' '数字法治' is that of label 1, too"),
        ([label(), label(name="online", zh="Digital")], "label 2: 'zh' 'Digital' is the name of label 1"),
        ([label(topic=False)], "no label is a topic"),
    ],
)
def test_wrong_labels_are_refused(tmp_path, labels, reason):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"labels": labels}), encoding="utf-8")
    with pytest.raises(SchemeError, match=reason) as caught:
        Scheme.load(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "not JSON"),
        ("数字".encode("gb18030"), "not UTF-8"),
        (b"[]", 'expected {"labels"'),
        (b'{"label": []}', 'expected {"labels"'),
        (b'{"labels": [{"name": "a", "zh": "b"}], "version": 1}', "'version' is unknown"),
    ],
)
def test_wrong_files_are_refused(tmp_path, content, reason):
    (tmp_path / "labels.json").write_bytes(content)
    with pytest.raises(SchemeError, match=reason):
        Scheme.load(tmp_path / "labels.json")
    with pytest.raises(SchemeError, match="can't be read"):
        Scheme.load(tmp_path / "nowhere.json")


# markup


def test_markup_with_other_labels():
    report = own_gold()
    assert [u.primary for u in report.units if u.kind is LineKind.BODY] == [
        None, "leadership", "digital", "services", "services", "plans",
    ]  # fmt: skip
    assert [d.zh for u in report.units for d in u.secondary] == ["数字法治", "法律服务"]
    assert to_markup(report) == OWN_MARKUP
    with pytest.raises(MarkupError, match="o01:9: unknown dimension 'digital'; expected one of leadership, training"):
        parse_markup(OWN_MARKUP, "o01")
    with pytest.raises(MarkupError, match="unknown dimension 'training'; expected one of leadership, services"):
        parse_markup("---\n[training] 学法12次", "x", scheme=OWN)
    with pytest.raises(MarkupError, match="unknown dimension 'digitl'; did you mean 'digital'"):
        parse_markup("---\n[digitl] 学法12次", "x", scheme=OWN)
    with pytest.raises(MarkupError, match="unknown dimension 'plans'"):
        parse_markup("---\n[none] <a:学法>{a:12次|plans}", "x", scheme=OWN)


# what shipped reports are by another scheme


def test_merged_labels_are_those_of_the_codebook(gold):
    found = relabel_gold(gold, MERGED)
    assert [u.primary for u in found.units if u.kind is LineKind.BODY] == [
        None, "leadership", "leadership", "services", "services", "outlook", "outlook",
    ]  # fmt: skip
    assert [d for u in found.units for d in u.secondary] == ["enforcement", "enforcement", "services"]
    assert {str(i.dimension) for u in found.units for i in u.indicators} == {"leadership", "services", "enforcement"}
    assert parse_markup(to_markup(found), found.id, scheme=MERGED) == found
    assert relabel_gold(gold, CODEBOOK) is gold


def test_a_topic_that_became_a_function_is_uncoded(gold):
    items = [{**item, "topic": item["name"] != "enforcement"} for item in MERGED.to_list()[:3]] + MERGED.to_list()[3:]
    scheme = Scheme.from_list(items)
    assert scheme.coarsens
    assert not can_relabel(scheme)
    found = [i for u in relabel_gold(gold, scheme).units for i in u.indicators]
    assert [i.dimension for i in found].count(None) == 1
    unit = next(u for u in relabel_gold(gold, scheme).units if u.primary == "services")
    assert unit.secondary == ()  # a function is never secondary
    with pytest.raises(ValueError, match="don't merge those of the codebook"):
        relabel_tagged(sample(), scheme)


def test_by_other_labels_nobody_coded_the_shipped_reports(gold):
    found = relabel_gold(gold, OWN)
    bodies = [u for u in found.units if u.kind is LineKind.BODY]
    assert not any(u.labels_coded for u in bodies)
    assert all(u.indicators_coded for u in bodies)
    assert [i.dimension for u in bodies for i in u.indicators] == [None] * 7
    assert [(i.value, i.name) for u in found.units for i in u.indicators] == [
        (i.value, i.name) for u in gold.units for i in u.indicators
    ]
    assert found == without_labels(gold)
    assert data_hash([found]) != data_hash([gold])


def test_a_tagged_report_in_merged_labels():
    report = relabel_tagged(sample(), MERGED)
    assert report.scheme == MERGED
    for old, new in zip(sample().paragraphs, report.paragraphs, strict=True):
        assert new.label == (MERGED.heirs[old.label] if old.label else None)
        assert sum(new.scores.values()) == pytest.approx(sum(old.scores.values()))
        assert [i.dimension for i in new.indicators] == [MERGED.heirs[i.dimension] for i in old.indicators]
        assert len(set(new.labels)) == len(new.labels)
    paragraph = sample().paragraphs[1]
    close = replace(  # two halves of one label are more than another one
        paragraph,
        label=Dimension.ENFORCEMENT,
        labels=(Dimension.ENFORCEMENT, Dimension.TRAINING),
        scores={Dimension.ENFORCEMENT: 0.4, Dimension.TRAINING: 0.3, Dimension.LEADERSHIP: 0.25},
    )
    tagged = (sample().tagged[0], close, *sample().tagged[2:])
    assert relabel_tagged(replace(sample(), tagged=tagged), MERGED).paragraphs[1].labels == (
        "leadership",
        "enforcement",
    )


# heads


def test_a_head_begins_with_what_the_base_knows(tiny_model):
    torch.manual_seed(1)
    new = rehead(tiny_model, OWN)
    old = {name: tensor.clone() for name, tensor in tiny_model.state_dict().items()}
    for head, none in (("primary", 1), ("mentions", 0)):
        mine, theirs = getattr(new, head), getattr(tiny_model, head)
        assert mine.weight.shape == (4 + none, 96)
        for part in ("weight", "bias"):
            rows, base = getattr(mine, part), getattr(theirs, part)
            assert torch.equal(rows[0], base[0])
            assert torch.allclose(rows[1], base[[2, 4]].mean(0))
            assert torch.equal(rows[3], base[6])
        assert mine.bias[2] == 0
        assert not any(torch.allclose(mine.weight[2], row) for row in theirs.weight)
    assert torch.equal(new.primary.weight[4], tiny_model.primary.weight[7])
    assert torch.equal(new.topic[-1].weight[0], tiny_model.topic[-1].weight[0])
    assert torch.allclose(new.topic[-1].weight[1], tiny_model.topic[-1].weight[[2, 4]].mean(0))
    assert new.topic[-1].weight.shape == (3, 32)
    for name, tensor in new.state_dict().items():
        if not name.startswith(("primary", "mentions", "topic.2")):
            assert torch.equal(tensor, old[name]), name
    assert all(torch.equal(tensor, old[name]) for name, tensor in tiny_model.state_dict().items())
    assert tiny_model.scheme == CODEBOOK


def test_origins_are_names_or_sources():
    other = Scheme.from_list([label(), {"name": "services", "zh": "服务"}, {"name": "plans", "zh": "计划"}])
    assert source_rows(OWN, CODEBOOK) == [[0], [2, 4], [], [6]]
    assert source_rows(OWN, other) == [[], [1], [0], [2]]  # without the sources the name counts
    assert source_rows(other, OWN, topics=True) == [[2], [1], []]  # plans was no topic
    seven = Scheme.from_list([{"name": "abcdefg"[k] * 3, "zh": f"标签{k}"} for k in range(7)])
    assert source_rows(seven, CODEBOOK) == [[]] * 7


def test_as_many_new_labels_as_old_ones_begin_anew(tiny_model):
    seven = Scheme.from_list([{"name": "abcdefg"[k] * 3, "zh": f"标签{k}"} for k in range(7)])
    new = rehead(tiny_model, seven)
    assert not torch.isclose(new.primary.weight[:7], tiny_model.primary.weight[:7]).all(1).any()
    assert torch.equal(new.primary.weight[7], tiny_model.primary.weight[7])


def test_a_model_keeps_its_scheme(tmp_path, tiny_model, tokenizer):
    model = rehead(tiny_model, OWN).eval()
    save_tagger(model, tokenizer, tmp_path / "own", {})
    again, _ = load_model(tmp_path / "own")
    assert again.scheme == model_scheme(tmp_path / "own") == OWN
    assert again.scheme.sources == OWN.sources
    tagged = Tagger.from_pretrained(tmp_path / "own", "cpu").tag(parse_gold(own_gold()))
    assert tagged.scheme == OWN
    for p in tagged.paragraphs:
        assert [*p.scores] == [*p.secondary_scores] == [*OWN]
        assert sum(p.scores.values()) + p.none_score == pytest.approx(1, abs=1e-4)
        assert p.label is None or p.label.zh in {d.zh for d in OWN}
    further, _ = load_for_training(tmp_path / "own", "x", "", 0.2)
    assert further.scheme == OWN
    back, _ = load_for_training(tmp_path / "own", "x", "", 0.2, CODEBOOK)
    assert back.config.dimensions == [d.value for d in Dimension]
    assert torch.equal(back.primary.weight[6], further.primary.weight[3])


def test_the_sources_of_the_new_labels_json_count(tmp_path, base):
    """A labels.json with the labels that the base has, but other sources, is what the new model has."""
    items = [*CODEBOOK.to_list()[:-1], {**CODEBOOK.to_list()[-1], "from": []}]
    model, _ = load_for_training(base, "x", "", 0.2, Scheme.from_list(items))
    assert model.scheme.sources[-1] == ()
    assert model.config.dimensions == items


@pytest.mark.parametrize(
    ("dimensions", "reason"),
    [
        (["leadership", "digital"], "trained for dimensions"),
        ([*reversed([d.value for d in Dimension])], "trained for dimensions"),
        ([{"name": "digital"}], "'zh' is None"),
        ({"digital": "数字"}, "expected a list of labels"),
        ([1, 2], "expected an object"),
    ],
)
def test_a_config_of_an_unknown_form_is_refused(tmp_path, tiny_model, tokenizer, dimensions, reason):
    save_tagger(tiny_model, tokenizer, tmp_path / "x", {})
    path = tmp_path / "x" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "dimensions": dimensions}), encoding="utf-8")
    with pytest.raises(ModelError, match=reason):
        load_model(tmp_path / "x")
    with pytest.raises(ModelError, match=reason):
        model_scheme(tmp_path / "x")


def test_a_folder_without_a_model_has_no_scheme(tmp_path):
    with pytest.raises(ModelError, match="expected the folder of a model"):
        model_scheme(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ModelError, match="another version"):
        model_scheme(tmp_path)


# training


@pytest.fixture
def coder(tiny_model, tokenizer):
    settings = tiny_model.config
    return WindowTokenizer(tokenizer, window=settings.window, overlap=settings.overlap, heading=settings.heading)


def test_uncoded_topics_teach_names_and_nothing_else(tiny_model, coder, gold):
    model = rehead(tiny_model, OWN).eval()
    found = examples([own_gold()]).examples[3:4]
    masked = [replace(e, indicators=tuple(replace(i, dimension=None) for i in e.indicators)) for e in found]

    def parts(data):
        batch, targets = collate(data, coder, scheme=OWN)
        with torch.inference_mode():
            return {k: float(v) for k, v in losses(model, model(batch), batch, targets).items()}, targets

    whole, targets = parts(found)
    assert targets.links[:, 5].tolist() == [1, 2]
    assert targets.primary.tolist() == [1]
    assert targets.mentions.tolist() == [[0, 1, 1, 0]]
    rest, targets = parts(masked)
    assert targets.links[:, 5].tolist() == [IGNORE, IGNORE]
    assert rest == pytest.approx({k: v for k, v in whole.items() if k != "topics"})
    one = [replace(found[0], indicators=(found[0].indicators[0], masked[0].indicators[1]))]
    assert parts(one)[0]["topics"] != pytest.approx(whole["topics"])
    shipped = examples([relabel_gold(gold, OWN)]).examples
    assert parts(shipped)[0].keys() == {"tags", "names"}


def test_paragraphs_become_plans_only_where_there_are_plans(coder, gold):
    config = TrainConfig(epochs=1, heading_swap=1.0, heading_dropout=0.0, digits=0, half_width=0, misreading=0)
    work = "[services] 我镇组织群众开展各项活动，成效明显，氛围浓厚。"
    report = parse_markup(f"{OWN_MARKUP}[heading] 三、其他做法\n{work}\n", "o02", scheme=OWN)
    data = examples([report]).examples

    def learned(scheme):
        targets = [batch["targets"] for batch in BatchDataset(data, [], coder, config, scheme)]
        return sorted(label for t in targets for label in t["primary"].tolist())

    plain = sorted(OWN.index(e.primary) if e.primary else 4 for e in data)
    swapped = [*plain, 3]
    swapped.remove(1)
    assert learned(OWN) == sorted(swapped)
    without = Scheme.from_list([*OWN.to_list()[:3], {"name": "plans", "zh": "工作计划", "topic": False, "from": []}])
    assert learned(without) == plain


def test_only_plans_that_speak_of_the_future_lose_their_heading(coder):
    config = TrainConfig(epochs=1, heading_swap=0, heading_dropout=1.0, digits=0, half_width=0, misreading=0)
    text = "level: township\n---\n[title] 某镇2023年法治政府建设年度报告\n[heading] 三、2024年工作安排\n[plans] {}\n"

    def alike(work):
        one, other = (
            BatchDataset(examples([parse_markup(t, "o03")]).examples, [], coder, config)[0]["batch"]["input_ids"]
            for t in (text.format(work), f"level: township\n---\n[plans] {work}\n")
        )
        return one.tolist() == other.tolist()

    assert not alike("规范行政执法程序，加强执法人员培训。")
    assert alike("下一步，规范行政执法程序，加强执法人员培训。")


# scores


def test_scores_follow_the_labels_of_the_model(tiny_model, tokenizer):
    tagger = Tagger(rehead(tiny_model, OWN).eval(), tokenizer)
    gold = own_gold()
    tagged = tagger.tag(parse_gold(gold))
    scores = evaluate([(gold, tagged)])
    assert scores.labels == ("leadership", "services", "digital", "plans", "none")
    assert scores.confusion.shape == (5, 6)
    assert scores.probabilities.shape == (6, 5)
    assert scores.per_dimension.keys() <= {*scores.labels}
    perfect = []
    for paragraph, example in zip(tagged.paragraphs, gold_examples(gold), strict=True):
        labels = (example.primary, *example.secondary) if example.primary else ()
        perfect.append(replace(paragraph, label=example.primary, labels=labels, indicators=()))
    figures = evaluate([(gold, replace(tagged, tagged=tuple(perfect)))]).figures
    assert figures["primary_accuracy"] == figures["labels_micro_f1"] == 1


def test_what_is_not_coded_by_a_scheme_has_no_figure(tiny, gold):
    tagged = tiny.tag(parse_gold(gold))
    whole, bare = evaluate([(gold, tagged)]), evaluate([(without_labels(gold), tagged)])
    nothing = {name for name, value in bare.figures.items() if value != value}
    assert nothing == {"primary_accuracy", "primary_macro_f1", "labels_micro_f1", "dimension_f1", "indicator_f1"}
    assert all(bare.figures[n] == whole.figures[n] for n in whole.figures.keys() - nothing)
    assert bare.support["indicators"] == 7
    gains = bare.gains(whole)
    assert gains["value_span_f1"][0] == 0
    assert gains["dimension_f1"][0] != gains["dimension_f1"][0]


def test_an_indicator_without_a_topic_counts_in_no_figure_of_topics(tiny, gold):
    """Seven values found as coded; the topic of one is uncoded, that of another wrong: five of six are right."""
    from tests.test_train import _indicators

    tagged = tiny.tag(parse_gold(gold))
    found = []
    for paragraph, example in zip(tagged.paragraphs, gold_examples(gold), strict=True):
        right = _indicators(paragraph, example)
        found.append(
            replace(
                paragraph, indicators=tuple(replace(i, dimension=Dimension.TRAINING) for i in right[:1]) + right[1:]
            )
        )
    report = replace(tagged, tagged=tuple(found))
    wrong = sum(p.indicators[0].dimension != e.indicators[0].dimension
                for p, e in zip(found, gold_examples(gold), strict=True) if e.indicators)  # fmt: skip
    assert evaluate([(gold, report)]).figures["dimension_f1"] == pytest.approx((7 - wrong) / 7, abs=1e-4)
    units = [replace(u, indicators=tuple(replace(i, dimension=None) for i in u.indicators[:1]) + u.indicators[1:])
             for u in gold.units]  # fmt: skip
    scores = evaluate([(replace(gold, units=tuple(units)), report)])
    assert scores.figures["dimension_f1"] == 1
    assert scores.figures["value_span_f1"] == 1


def test_scores_of_labels_that_the_model_lacks(tiny):
    gold = own_gold()
    with pytest.raises(SchemeError, match="o01 is coded with digital, but the model labels with leadership, training"):
        evaluate([(gold, tiny.tag(parse_gold(gold)))])


def test_scores_of_reports_with_different_labels(tiny, gold):
    tagged = tiny.tag(parse_gold(gold))
    other = replace(tagged, tagged=tuple(replace(p, indicators=()) for p in tagged.tagged))
    with pytest.raises(SchemeError, match="was tagged with the labels"):
        evaluate([(gold, other), (gold, relabel_tagged(other, MERGED))])


def test_a_report_has_only_labels_of_its_scheme():
    with pytest.raises(ValueError, match="label training isn't in the report's scheme: leadership, services"):
        replace(sample(), scheme=OWN)
    assert repr(Label("digital", "数字法治")) == "Label('digital', '数字法治', is_topic=True)"
    assert OWN_LABELS["labels"][1]["from"] == [d.value for d in OWN.sources[1]]
