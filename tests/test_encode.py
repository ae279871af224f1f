import pytest
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from lawgov_nlp.errors import ModelError
from lawgov_nlp.model.windows import WindowTokenizer
from lawgov_nlp.report import Line, LineKind


def unit(text, headings=()):
    return Line(kind=LineKind.BODY, text=text, start=0, end=len(text), headings=headings)


@pytest.fixture
def encoder(tokenizer):
    return WindowTokenizer(tokenizer, window=64, overlap=8, heading=20)


def test_short_paragraph_is_one_window(encoder, tokenizer):
    text = "全年法律咨询302人次。"
    (encoded,) = encoder.encode([unit(text, ("一、主要做法",))])
    (window,) = encoded.windows
    tokens = tokenizer.convert_ids_to_tokens(window.input_ids)
    assert "".join(tokens) == f"<s>一、主要做法</s>{text}</s>"
    assert window.body == len("一、主要做法") + 2
    assert window.own == (0, len(text))
    assert [text[a:b] for a, b in encoded.offsets] == list(text)


@pytest.mark.parametrize("length", [1, 37, 60, 61, 62, 100, 1000, 20_000])
@pytest.mark.parametrize("headings", [(), ("一、主要做法", "（二）抓好干部学法，全年考试" * 3)])
def test_no_token_is_lost_or_decided_twice(encoder, length, headings):
    text = ("法律咨询" * length)[:length]
    (encoded,) = encoder.encode([unit(text, headings)])
    owned = [t for w in encoded.windows for t in range(*w.own)]
    assert owned == list(range(length)) == list(range(len(encoded.offsets)))
    for w in encoded.windows:
        inside = range(w.first, w.first + len(w.input_ids) - w.body - 1)
        assert len(w.input_ids) <= 64
        assert w.own[0] in inside
        assert w.own[1] - 1 in inside


def test_inner_headings_stay_of_a_long_path(encoder, tokenizer):
    (encoded,) = encoder.encode([unit("好", ("一、" + "青" * 50, "（二）抓好干部学法"))])
    assert "抓好干部学法" in "".join(tokenizer.convert_ids_to_tokens(encoded.windows[0].input_ids))


def test_nothing_gives_nothing(encoder):
    assert encoder.encode([]) == []


def test_padding_and_masks(encoder):
    encoded = encoder.encode([unit("法律咨询"), unit("法律")])
    batch = encoder.collate([w for e in encoded for w in e.windows])
    assert batch.input_ids.shape == batch.body_mask.shape == (2, 7)
    assert batch.body_mask.sum(1).tolist() == [4, 2]
    assert batch.attention_mask.sum(1).tolist() == [7, 5]
    assert batch.input_ids[1, 5:].tolist() == [encoder.tokenizer.pad_token_id] * 2
    assert batch.paragraph.tolist() == [0, 1]


def test_tokenizer_without_chinese_is_refused():
    core = Tokenizer(models.WordLevel({"<unk>": 0, "a": 1}, unk_token="<unk>"))
    special = dict.fromkeys(("unk_token", "pad_token", "cls_token", "sep_token"), "<unk>")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, **special)
    with pytest.raises(ModelError, match="no Chinese vocabulary"):
        WindowTokenizer(tokenizer, window=64, overlap=8, heading=20)


def test_window_without_room_is_refused(tokenizer):
    with pytest.raises(ValueError, match="leaves no room"):
        WindowTokenizer(tokenizer, window=32, overlap=8, heading=20)
