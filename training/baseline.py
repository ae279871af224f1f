"""Print the baselines of the model in one table: `python training/baseline.py [--split test] [--model FOLDER]`.

- *words*: logistic regression on TF-IDF of jieba's words, both of the paragraph and, marked separately, of its
  headings.
- *words, no headings*: the same without headings. The difference shows the value of the heading path.
- *rules*: section words (不足, 下一步 …) decide on the function; otherwise the topic with most keyword
  matches wins.
- *encoder, frozen*: logistic regression on the encoder before fine-tuning, with separate averages of headings and
  paragraph; only with `--encoder FOLDER`.
- *numeral and unit*: a regular expression for values.
- *model*: the tagger.
"""

import argparse
import logging
import re
from collections.abc import Sequence
from pathlib import Path

import jieba
import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline
from transformers import BertModel, PreTrainedTokenizerFast

from lawgov_nlp.annotation.corpus import SPLITS, load_splits
from lawgov_nlp.annotation.examples import Example, examples
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.model.windows import WindowTokenizer

ROOT = Path(__file__).resolve().parents[1]

SECTIONS = {"shortcomings": "不足|问题|短板|差距|原因", "plans": "计划|打算|下一?步|思路|安排|明年"}
KEYWORDS = {
    "leadership": "领导|书记|第一责任人|决策|部署|考核|经费|述法|监督|人大|党委",
    "training": "学法|培训|学习|讲座|考试|旁听|中心组",
    "mediation": "调解|纠纷|矛盾|信访|法律援助|法律顾问|咨询|网格|平安|法律明白人",
    "enforcement": "执法|审批|公开|处罚|复议|诉讼|合同|规范性文件|营商|服务大厅|安全生产|应急",
    "publicity": "宣传|普法|宪法日|民法典|宣讲|资料|以案释法|阵地",
}
VALUE = re.compile(
    r"(?<![\d.〔第])\d[\d,]*(?:\.\d+)?[余多]?(?:万|亿)?[余多]?(?:%|个百分点|人次|户次|家次|万元|元|[个件份场次人名户条起家处期项部辆台支所座篇幅批套册块本宗例])"
)


def rules(example: Example) -> str:
    """Return the dimension according to section words, the preamble formula and keywords."""
    headings = " ".join(example.unit.headings)
    if re.search(r"现将.{0,40}(?:报告|汇报|总结)如下", example.unit.text):
        return "none"
    for name, words in SECTIONS.items():
        if re.search(words, example.unit.headings[0] if example.unit.headings else ""):
            return name
    counts = {
        name: len(re.findall(words, example.unit.text)) + 3 * len(re.findall(words, headings))
        for name, words in KEYWORDS.items()
    }
    return max(counts, key=counts.__getitem__) if any(counts.values()) else "none"


def linear(train: Sequence[Example], held_out: Sequence[Example], headings: bool) -> list[str]:
    """Predict dimensions with a linear model on words."""

    def words(example: Example) -> list[str]:
        above = [f"#{w}" for h in example.unit.headings for w in jieba.cut(h)] if headings else []
        return [*jieba.cut(example.unit.text), *above]

    model = make_pipeline(
        TfidfVectorizer(analyzer=words, sublinear_tf=True, min_df=2),
        LogisticRegression(C=10.0, class_weight="balanced", max_iter=2000),
    )
    model.fit(train, [str(e.primary or "none") for e in train])
    return [*model.predict(held_out)]


def frozen_vectors(folder: Path, data: Sequence[Example]) -> np.ndarray:
    """Return vectors of an encoder before fine-tuning, (examples, 2 * hidden): mean of headings, mean of paragraph."""
    coder = WindowTokenizer(PreTrainedTokenizerFast.from_pretrained(folder), window=512, overlap=64, heading=64)
    encoder = BertModel.from_pretrained(folder, add_pooling_layer=False).eval()

    @torch.inference_mode()
    def vector(example: Example) -> np.ndarray:
        batch = coder.collate(coder.encode([example.unit])[0].windows[:1])
        states = encoder(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask, token_type_ids=batch.token_type_ids
        ).last_hidden_state[0]
        return torch.cat([states[~batch.body_mask[0]].mean(0), states[batch.body_mask[0]].mean(0)]).numpy()

    return np.stack([vector(example) for example in data])


def frozen(folder: Path, train: Sequence[Example], held_out: Sequence[Example]) -> list[str]:
    """Predict dimensions with a linear model on the encoder before fine-tuning."""
    model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=5000)
    model.fit(frozen_vectors(folder, train), [str(e.primary or "none") for e in train])
    return [*model.predict(frozen_vectors(folder, held_out))]


def main() -> None:
    """Train the baselines, predict, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--model", type=Path, help="another model than the shipped one")
    parser.add_argument("--encoder", type=Path, help="folder of the encoder before fine-tuning")
    args = parser.parse_args()
    jieba.setLogLevel(logging.WARNING)
    splits = load_splits(args.data)
    train, held_out = examples(splits["train"]).examples, examples(splits[args.split]).examples
    tagged = Tagger.from_pretrained(args.model, backend="torch:float32").tag_paragraphs([e.unit for e in held_out])
    want = [str(e.primary or "none") for e in held_out]
    labels = {
        "words": linear(train, held_out, headings=True),
        "words, no headings": linear(train, held_out, headings=False),
        "rules": [rules(e) for e in held_out],
        "model": [str(p.label or "none") for p in tagged],
    }
    if args.encoder:
        labels["encoder, frozen"] = frozen(args.encoder, train, held_out)
    print(f"{'primary dimension':20} accuracy  macro-F1   n {len(want)}")
    for name, got in labels.items():
        print(f"{name:20} {accuracy_score(want, got):8.4f} {f1_score(want, got, average='macro'):9.4f}")
    gold = {(k, *i.value) for k, e in enumerate(held_out) for i in e.indicators}
    values = {
        "numeral and unit": {(k, *m.span()) for k, e in enumerate(held_out) for m in VALUE.finditer(e.unit.text)},
        "model": {(k, i.start - p.start, i.end - p.start) for k, p in enumerate(tagged) for i in p.indicators},
    }
    print(f"{'values':20} precision  recall      F1   n {len(gold)}")
    for name, found in values.items():
        both = len(gold & found)
        print(f"{name:20} {both / len(found):9.4f} {both / len(gold):7.4f} {2 * both / (len(gold) + len(found)):7.4f}")


if __name__ == "__main__":
    main()
