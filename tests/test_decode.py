"""The searches of decoding against trying everything out."""

import itertools

import numpy as np
import pytest
import torch

from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.model import TAGS, decoding
from lawgov_nlp.model.windows import WindowTokenizer


def allowed(path):
    """Whether an inside label always continues a span of its kind."""
    before = ["O", *(TAGS[tag] for tag in path)]
    return all(
        not TAGS[tag].startswith("I-") or last in (TAGS[tag], f"B{TAGS[tag][1:]}")
        for last, tag in zip(before, path, strict=False)
    )


@pytest.mark.parametrize("spread", [1.0, 4.0])
def test_the_best_allowed_paths(spread):
    """Of paragraphs of different length at once: some whose likeliest labels are allowed as they stand, some not."""
    rng = np.random.default_rng(0)
    given = [rng.normal(scale=spread, size=(length, len(TAGS))) for length in [5] * 20 + [1, 2, 4] * 5]
    found = [tuple(path) for path in decoding._viterbi(given)]
    assert len(found) == len(given)
    for scores, path in zip(given, found, strict=True):
        paths = [p for p in itertools.product(range(len(TAGS)), repeat=len(scores)) if allowed(p)]
        assert path == max(paths, key=lambda path: sum(scores[t, tag] for t, tag in enumerate(path)))
    assert {allowed(scores.argmax(1)) for scores in given} == {True, False}
    assert decoding._viterbi([]) == []


def best_name(starts, ends, barred):
    """By trying all spans."""
    spans = [
        (first, last)
        for first in range(len(starts))
        for last in range(first, min(first + decoding.NAME_TOKENS, len(starts)))
        if not barred[first : last + 1].any() and starts[first] + ends[last] > -np.inf
    ]
    return max(spans, key=lambda span: starts[span[0]] + ends[span[1]], default=None)


@pytest.mark.parametrize("tokens", [1, 7, decoding.NAME_TOKENS + 20])
def test_the_best_names(tokens):
    rng = np.random.default_rng(tokens)
    starts, ends = rng.normal(size=(2, 50, tokens)).astype(np.float32)
    outside = rng.random(tokens) < 0.1  # of the paragraph: headings, padding
    starts[:, outside] = ends[:, outside] = -np.inf
    barred = rng.random((50, tokens)) < rng.choice([0.05, 0.5], size=(50, 1))
    barred[0] = True
    found = decoding._best_names(starts, ends, barred)
    assert found == [best_name(*row) for row in zip(starts, ends, barred, strict=True)]
    assert found[0] is None
    assert tokens == 1 or len({f for f in found if f}) > 5


def test_a_name_is_no_longer_than_it_may_be():
    starts, ends = np.full((2, 1, 60), -5.0)
    starts[0, 10], ends[0, 50], ends[0, 30] = 0, 0, -1  # the ends fit best 41 tokens apart, which is too far
    assert decoding._best_names(starts, ends, np.zeros((1, 60), dtype=bool)) == [(10, 30)]


@torch.inference_mode()
def test_where_a_name_is_doesnt_depend_on_the_values_beside(tiny_model, tokenizer, gold):
    coder = WindowTokenizer(tokenizer, window=96, overlap=16, heading=24)
    batch = coder.collate([w for code in coder.encode(parse_gold(gold).paragraphs[:4]) for w in code.windows])
    states = torch.randn(*batch.input_ids.shape, 32, generator=torch.Generator().manual_seed(0))
    body = [int(row.nonzero()[0]) for row in batch.body_mask]
    values = torch.tensor([(window, body[window] + k, body[window] + k + 1) for k, window in enumerate((3, 0, 3, 1))])
    together = tiny_model.name_logits(states, batch, values)
    for k in range(len(values)):
        for alone, beside in zip(tiny_model.name_logits(states, batch, values[k : k + 1]), together, strict=True):
            torch.testing.assert_close(alone[0], beside[k])
    assert all(found.shape == (0, states.shape[1]) for found in tiny_model.name_logits(states, batch, values[:0]))
