"""What pretraining masks, and what it holds out."""

import json
import lzma
import runpy

import pytest
import torch

from .conftest import ROOT

pretrain = runpy.run_path(str(ROOT / "training" / "pretrain.py"))


@pytest.fixture(scope="module")
def group():
    """Forty blocks of 30 tokens: words of one, two and three tokens, a begin and an end."""
    words = [n for n in range(15) for _ in range(1 + n % 3)]
    return [([0, *range(100, 100 + len(words)), 2], [-1, *words, -1])] * 40


def test_whole_words_are_chosen_whole_and_the_ends_never(group):
    torch.manual_seed(0)
    ids, seen, chosen = pretrain["mask"](group, 1000, 999)
    assert not chosen[:, [0, -1]].any()
    for row in chosen:
        by_word = {}
        for word, hit in zip(group[0][1], row.tolist(), strict=True):
            by_word.setdefault(word, set()).add(hit)
        assert all(len(hits) == 1 for hits in by_word.values())
    assert (seen == ids)[~chosen].all()
    assert chosen[:, 1:-1].float().mean() == pytest.approx(pretrain["MASKED"], abs=0.05)
    assert (seen[chosen] == 999).float().mean() == pytest.approx(0.8, abs=0.1)


def test_every_fiftieth_text_is_held_out(tmp_path):
    with lzma.open(tmp_path / "t.xz", "wt", encoding="utf-8") as out:
        for number in range(120):
            out.write(json.dumps({"kind": "ab"[number % 2], "text": str(number)}) + "\n")
    seen, held_out = pretrain["load_texts"](tmp_path / "t.xz")
    assert held_out == {"a": ["0", "50", "100"]}
    assert sum(map(len, seen.values())) == 117


def test_blocks_are_whole_and_words_cover_their_tokens(tokenizer):
    text = "全年法律咨询三百人次，化解矛盾纠纷，开展普法宣传。" * 40
    (ids, words), *_ = (next(pretrain["blocks"](tokenizer, {"laws": [text]}, 0, words=True)) for _ in range(1))
    assert len(ids) == len(words) == pretrain["BLOCK"]
    inner = words[1:-1]
    assert inner == sorted(inner)
    assert 1 < len(inner) / len(set(inner)) < 4  # one token a character here, so words have several
