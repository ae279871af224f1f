"""Fixtures: a real tiny tagger (two layers, width 32), built in a moment and trained on nothing."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from lawgov_nlp import read_report
from lawgov_nlp.annotation.corpus import data_hash, load_splits
from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.annotation.markup import parse_markup, to_markup
from lawgov_nlp.model.config import TaggerConfig
from lawgov_nlp.model.modeling import TaggerModel
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.training.trainer import save_tagger
from tests.files import write_pdf

os.environ["LAWGOV_LANG"] = "zh"  # the tests read Chinese, whatever the machine speaks
ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "data" / "samples"
TEXTS = ROOT / "data" / "sample_texts"

MARKUP = """level: township
year: 2023
---
[title] 望溪县青柳镇人民政府
[title] 关于2023年法治政府建设情况的报告
[salutation] 县人民政府：
[none] 2023年，我镇围绕依法治镇做了一些工作，现将有关情况报告如下：
[heading] 一、主要做法
[leadership] （一）加强组织领导。镇长任组长，召开<a:专题会议>{a:4次|leadership}，研究部署依法治镇各项工作。
[training] （二）抓好干部学法。全年<a:干部学法>{a:12场|training}，{b:36名|training}<b:执法人员>参加考试。
[mediation+enforcement] （三）化解矛盾纠纷。<a:法律咨询>{a:302人次|mediation}，<b:审查合同>{b:15份|enforcement}，件件有回音。
[publicity] （四）开展普法宣传。{a:7216户|publicity}{a:1.9万人次|publicity}<a:走访宣传>，群众知晓率不断提高。
[heading] 二、存在的不足
[shortcomings+enforcement] 一是执法力量薄弱，专业人员偏少。
[heading] 三、下一步打算
[plans+publicity] 2024年，我镇将继续开展法律进乡村活动。
[signoff] 青柳镇人民政府
[signoff] 2024年1月8日
"""


@pytest.fixture(scope="session")
def chinese_font(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The pdfs drawn here name a font that is not in the file, as office programs' do; servers often have none."""
    path = tmp_path_factory.mktemp("font") / "probe.pdf"
    write_pdf(path, ["镇里把人员、经费、场地逐项落实，全年开展各类活动。"])
    if any("Chinese font" in warning for warning in read_report(path).warnings):
        pytest.skip("no Chinese font on this machine; Debian's fonts-noto-cjk has one")


@pytest.fixture(scope="session")
def gold() -> GoldReport:
    return parse_markup(MARKUP, "t01")


@pytest.fixture(scope="session")
def tokenizer(gold: GoldReport) -> PreTrainedTokenizerFast:
    """One token a character."""
    characters = ["<s>", "<pad>", "</s>", "<unk>", *sorted(set(gold.text + "法治政府建设，"))]
    core = Tokenizer(models.WordLevel({c: k for k, c in enumerate(characters)}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    special = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>"}
    return PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>", **special)


@pytest.fixture(scope="session")
def encoder_config(tokenizer: PreTrainedTokenizerFast) -> dict:
    return {
        "vocab_size": len(tokenizer), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 64, "max_position_embeddings": 512, "pad_token_id": 1,
    }  # fmt: skip


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory, tokenizer, encoder_config) -> Path:
    """An untrained encoder as `training/build_encoder.py` writes one."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("encoder")
    BertModel(BertConfig(**encoder_config), add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(encoder_config) -> TaggerModel:
    torch.manual_seed(0)
    config = TaggerConfig(encoder=encoder_config, window=96, overlap=16, heading=24, pointer_size=16, revision="tiny")
    return TaggerModel(config).eval()


@pytest.fixture(scope="session")
def base(tmp_path_factory, tiny_model, tokenizer) -> Path:
    """The tiny tagger as a folder; no test may change it."""
    folder = tmp_path_factory.mktemp("tiny") / "base"
    save_tagger(tiny_model, tokenizer, folder, {})
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_model, tokenizer) -> Tagger:
    return Tagger(tiny_model, tokenizer)


@pytest.fixture(scope="session")
def shipped() -> Tagger:
    return Tagger.from_pretrained(device="cpu", backend="torch:float32")


@pytest.fixture
def corpus(tmp_path: Path, gold: GoldReport, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shipped corpus of three reports, so that what is retrained is measured in a moment."""
    folder = tmp_path / "corpus"
    (folder / "reports").mkdir(parents=True)
    for name in "abc":
        (folder / "reports" / f"{name}.txt").write_text(to_markup(gold), encoding="utf-8")
    splits = {"train": ["a"], "dev": ["b"], "test": ["c"], "test_sha256": data_hash([replace(gold, id="c")])}
    (folder / "splits.json").write_text(json.dumps(splits))
    monkeypatch.setattr("lawgov_nlp.training.retrain.load_shipped_splits", lambda: load_splits(folder))
    return folder
