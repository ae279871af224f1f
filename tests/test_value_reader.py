"""The second reading of each value's surroundings."""

import copy

import pytest
import torch

from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.model import value_reader
from lawgov_nlp.model.config import TaggerConfig
from lawgov_nlp.model.modeling import TaggerModel
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.model.value_reader import ReaderLayers
from lawgov_nlp.model.windows import WindowTokenizer
from lawgov_nlp.training.resize_heads import with_reader


@pytest.fixture(scope="module")
def reading_model(encoder_config):
    torch.manual_seed(0)
    config = TaggerConfig(
        encoder=encoder_config, window=96, overlap=16, heading=24, reader_layers=1, reader_from=1, revision="tiny"
    )
    model = TaggerModel(config).eval()
    for weight in model.reader.parameters():  # so large that what is added to the states can be seen
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.3)
    return model


@pytest.fixture(scope="module")
def batch(tokenizer, gold):
    coder = WindowTokenizer(tokenizer, window=96, overlap=16, heading=24)
    return coder.collate([w for code in coder.encode(parse_gold(gold).paragraphs[:4]) for w in code.windows])


def some_values(batch):
    """Three values in two windows, in the body: window, first and last token."""
    body = [int(row.nonzero()[0]) for row in batch.body_mask]
    return torch.tensor([(w, body[w] + k, body[w] + k + 1) for w, k in ((3, 2), (0, 5), (3, 9))])


@torch.inference_mode()
def test_a_reading_doesnt_depend_on_which_values_are_read_together(reading_model, batch):
    states, values = reading_model.encode(batch), some_values(batch)
    together = reading_model.read_values(states, batch, values, values)
    names = values[:, 1:] - 1
    for k in range(len(values)):
        alone = reading_model.read_values(states, batch, values[k : k + 1], values)
        torch.testing.assert_close(alone.starts[0], together.starts[k], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(alone.ends[0], together.ends[k], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(alone.topics(names[k : k + 1])[0], together.topics(names)[k], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_the_value_that_is_asked_for_and_those_beside_it_change_the_reading(reading_model, batch):
    states, values = reading_model.encode(batch), some_values(batch)
    first, _, last = reading_model.read_values(states, batch, values, values).starts
    inside = batch.body_mask[3]
    assert not torch.allclose(first[inside], last[inside])
    alone = reading_model.read_values(states, batch, values[:1], values[:1]).starts[0]
    assert not torch.allclose(first[inside], alone[inside])


@torch.inference_mode()
def test_names_are_looked_for_near_the_value_and_in_the_paragraph_only(reading_model, batch, monkeypatch):
    monkeypatch.setattr(value_reader, "BEFORE", 4)
    monkeypatch.setattr(value_reader, "BEHIND", 3)
    values = some_values(batch)
    reading = reading_model.read_values(reading_model.encode(batch), batch, values, values)
    for row, (window, first, last) in enumerate(values.tolist()):
        want = {t for t in range(first - 4, last + 4) if batch.body_mask[window, t]}
        for logits in (reading.starts[row], reading.ends[row]):
            assert {t for t, logit in enumerate(logits.tolist()) if logit > float("-inf")} == want


@torch.inference_mode()
def test_no_values_give_an_empty_reading(reading_model, batch):
    none = some_values(batch)[:0]
    reading = reading_model.read_values(reading_model.encode(batch), batch, none, none)
    assert reading.starts.shape == (0, batch.input_ids.shape[1])
    assert reading.topics(none[:, 1:]).shape == (0, len(reading_model.scheme.topics))


def test_a_tagger_is_given_a_reader_and_keeps_the_rest(tiny_model, tokenizer, gold):
    model = with_reader(tiny_model, 1)
    assert (model.config.reader_layers, model.config.reader_from) == (1, 1)
    kept = tiny_model.state_dict()
    own = model.state_dict()
    assert all(torch.equal(own[n], kept[n]) for n in kept if n.startswith(("encoder.", "primary.", "tags.")))
    upper = {n.removeprefix("encoder.encoder.layer.1."): t for n, t in kept.items() if ".layer.1." in n}
    reader = model.reader.layers.layer[0].state_dict()
    assert upper.keys() == reader.keys()
    assert all(torch.equal(reader[n], upper[n]) for n in upper)
    before, after = (Tagger(m.eval(), tokenizer).tag(parse_gold(gold)) for m in (tiny_model, model))
    assert [p.scores for p in before.tagged] == [p.scores for p in after.tagged]


@pytest.mark.parametrize("layers", [0, 2])
def test_a_reader_has_fewer_layers_than_the_encoder(tiny_model, layers):
    with pytest.raises(ValueError, match="fewer than the encoder's 2"):
        with_reader(tiny_model, layers)


def test_the_encoders_layers_are_copied_all_or_none(tiny_model):
    encoder = copy.deepcopy(tiny_model.encoder)
    settings = encoder.config
    hidden, inner = settings.hidden_size, settings.intermediate_size
    layers = ReaderLayers(hidden, settings.num_attention_heads, inner, 2)
    before = copy.deepcopy(layers.state_dict())
    whole = copy.deepcopy(encoder.encoder.layer[1])
    encoder.encoder.layer[1].output.dense = torch.nn.Linear(inner + 1, hidden)
    assert not layers.take_over(encoder, 0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in layers.state_dict().items())
    encoder.encoder.layer[1] = whole
    assert layers.take_over(encoder, 0)
    assert all(torch.equal(tensor, encoder.encoder.state_dict()[name]) for name, tensor in layers.state_dict().items())
