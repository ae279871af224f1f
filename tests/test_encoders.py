"""Other encoders than the shipped one's: tiny and random, but laid out as the big ones are."""

import json

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.errors import ModelError
from lawgov_nlp.model.config import TaggerConfig
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.training.trainer import TrainConfig, train

SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


def bert_base_chinese(folder, text):
    """`vocab.txt` with WordPiece, a masked-language-model checkpoint with its head and pooler names."""
    pieces = [
        "[PAD]",
        "[unused1]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *sorted(set(text.lower() + "法治政府建设")),
        "##0",
    ]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    settings = {"do_lower_case": False, "model_max_length": 512, "tokenizer_class": "BertTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    BertForMaskedLM(BertConfig(vocab_size=len(pieces), max_position_embeddings=512, **SMALL)).save_pretrained(folder)


def xlm_roberta(folder, text):
    """SentencePiece unigram with its space piece in front, positions from 2, a single segment."""
    characters = sorted(set(text + "法治政府建设") - {" "})
    vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -3.0)]
    vocabulary += [(c, -6.0) for c in characters] + [("法治", -5.0), ("调解", -5.0), ("<mask>", 0.0)]
    core = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    core.normalizer = normalizers.NFKC()
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    special = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>"}
    PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>", mask_token="<mask>", **special).save_pretrained(
        folder
    )
    config = XLMRobertaConfig(
        vocab_size=len(vocabulary), max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, **SMALL
    )
    XLMRobertaModel(config).save_pretrained(folder)


def distilbert(folder, text):
    """Neither pooler nor segments."""
    bert_base_chinese(folder, text)
    vocabulary = len((folder / "vocab.txt").read_text(encoding="utf-8").split("\n")) - 1
    DistilBertModel(
        DistilBertConfig(vocab_size=vocabulary, dim=32, n_layers=1, n_heads=2, hidden_dim=32)
    ).save_pretrained(folder)


@pytest.mark.parametrize("layout", [bert_base_chinese, xlm_roberta, distilbert])
def test_any_encoder_can_be_trained_saved_loaded_and_used(tmp_path, gold, layout):
    torch.manual_seed(0)
    layout(tmp_path / "base", gold.text)
    config = TrainConfig(epochs=1, precision="float32")
    train([gold], [gold], base=tmp_path / "base", out=tmp_path / "out", config=config)
    tagger = Tagger.from_pretrained(tmp_path / "out", "cpu")
    assert tagger.model.config.window == TaggerConfig().window == 512
    report = parse_gold(gold)
    tagged = tagger.tag(report)
    assert len(tagged.paragraphs) == 7
    for p in tagged.paragraphs:
        for i in p.indicators:
            assert report.text[i.start : i.end] == i.text


def test_a_paragraph_as_long_as_the_positions_allow(tmp_path, gold):
    """RoBERTa's kin count positions from behind the padding token's id: 514 hold 512."""
    from lawgov_nlp import read_report

    xlm_roberta(tmp_path / "base", gold.text)
    config = TrainConfig(epochs=1, precision="float32")
    train([gold], [gold], base=tmp_path / "base", out=tmp_path / "out", config=config)
    text = "全年法律咨询302人次，群众反映良好。" * 100
    (paragraph,) = Tagger.from_pretrained(tmp_path / "out", "cpu").tag(read_report(text)).paragraphs
    assert paragraph.text == text


def test_no_encoder_keeps_its_dropout(tmp_path, gold):
    from torch import nn

    from lawgov_nlp.training.initialize import load_for_training

    for layout in (bert_base_chinese, distilbert):
        layout(tmp_path / layout.__name__, gold.text)
        model, _ = load_for_training(tmp_path / layout.__name__, "x", "", 0.2)
        assert {m.p for m in model.encoder.modules() if isinstance(m, nn.Dropout)} <= {0.0}
        assert model.dropout.p == 0.2


def test_decoders_and_nothing_at_all_are_refused(tmp_path, gold):
    from transformers import GPT2Config, GPT2Model

    GPT2Model(GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=100)).save_pretrained(tmp_path / "gpt")
    with pytest.raises(ModelError, match="isn't an encoder"):
        train([gold], [gold], base=tmp_path / "gpt", out=tmp_path / "out")
    with pytest.raises(ModelError, match="is no folder"):
        train([gold], [gold], base=tmp_path / "nowhere", out=tmp_path / "out")


def test_a_folder_without_safetensors_is_refused(tmp_path, gold):
    bert_base_chinese(tmp_path / "base", gold.text)
    (tmp_path / "base" / "model.safetensors").rename(tmp_path / "base" / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        train([gold], [gold], base=tmp_path / "base", out=tmp_path / "out")


def test_a_folder_of_half_an_encoder_is_refused(tmp_path, gold):
    from safetensors.torch import load_file, save_file

    bert_base_chinese(tmp_path / "base", gold.text)
    file = tmp_path / "base" / "model.safetensors"
    save_file({k: v for k, v in load_file(file).items() if "layer.0.attention" not in k}, file, {"format": "pt"})
    with pytest.raises(ModelError, match=r"attention.* … are missing"):
        train([gold], [gold], base=tmp_path / "base", out=tmp_path / "out")


def test_a_tokenizer_without_chinese_is_refused(tmp_path, gold):
    bert_base_chinese(tmp_path / "base", "abc")
    (tmp_path / "base" / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n")
    with pytest.raises(ModelError, match="no Chinese vocabulary"):
        train([gold], [gold], base=tmp_path / "base", out=tmp_path / "out")
