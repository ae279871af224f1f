"""Export the annotated reports as JSONL with character offsets: `python training/export_data.py --out FOLDER`.

This writes train.jsonl, dev.jsonl and test.jsonl, which `datasets.load_dataset("json", …)` reads with the schema of
`lawgov_nlp.annotation.records.features()`.
"""

import argparse
from pathlib import Path

from lawgov_nlp.annotation.corpus import load_splits
from lawgov_nlp.annotation.records import write_jsonl

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Write one file per split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for split, reports in load_splits(args.data).items():
        print(f"{split}.jsonl: {write_jsonl(reports, args.out / f'{split}.jsonl')} paragraphs")


if __name__ == "__main__":
    main()
