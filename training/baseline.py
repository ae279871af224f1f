"""What the encoder has to beat: words and their counts. `python training/baseline.py [--split test]`.

Primary dimension by logistic regression on TF-IDF of jieba's words, the paragraph's and, marked apart, those of its
headings; trained on the train split. `--no-headings` shows what the heading path is worth.
"""

import argparse
import logging
from pathlib import Path

import jieba
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline

from lawgov_nlp.dataset import SPLITS, Example, examples, load_splits

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Train, predict, print accuracy and macro-F1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--no-headings", action="store_true")
    args = parser.parse_args()
    jieba.setLogLevel(logging.WARNING)

    def words(example: Example) -> list[str]:
        headings = [] if args.no_headings else [f"#{w}" for h in example.unit.headings for w in jieba.cut(h)]
        return [*jieba.cut(example.unit.text), *headings]

    splits = load_splits(args.data)
    train, held_out = examples(splits["train"]).examples, examples(splits[args.split]).examples
    model = make_pipeline(
        TfidfVectorizer(analyzer=words, sublinear_tf=True, min_df=2),
        LogisticRegression(C=10.0, class_weight="balanced", max_iter=2000),
    )
    model.fit(train, [str(e.primary or "none") for e in train])
    want, got = [str(e.primary or "none") for e in held_out], model.predict(held_out)
    print(
        f"accuracy {accuracy_score(want, got):.4f}  macro-F1 {f1_score(want, got, average='macro'):.4f}  n {len(want)}"
    )


if __name__ == "__main__":
    main()
