import json

import pytest

from lawgov_nlp.annotation.markup import parse_markup
from lawgov_nlp.annotation.records import features, records, to_dataset, write_jsonl


def test_offsets_point_into_the_records_own_text(gold):
    rows = list(records([gold]))
    assert [row["primary"] for row in rows] == [str(u.primary or "none") for u in gold.units if u.kind == "body"]
    spans = [
        (row["text"][i["name_start"] : i["name_end"]], row["text"][i["value_start"] : i["value_end"]], i["number"])
        for row in rows
        for i in row["indicators"]
    ]
    assert spans[0] == ("专题会议", "4次", "4")
    assert ("走访宣传", "1.9万人次", "19000") in spans
    assert all(gold.text[row["start"] :].startswith(row["text"]) for row in rows)
    assert rows[1]["headings"][0] == "一、主要做法"


def test_a_dataset_holds_the_same(gold):
    dataset = to_dataset([gold])
    primary = features()["primary"]
    assert [primary.int2str(k) for k in dataset["primary"]] == [r["primary"] for r in records([gold])]
    assert dataset[1]["indicators"][0]["unit"] == "次"


def test_what_nobody_coded_is_null():
    report = parse_markup(
        "---\n[heading] 一、工作\n[?] <a:走访>{a:3次|mediation}。\n[plans] 再走访5次。{?}\n[none] 过渡。", "x"
    )
    rows = list(records([report]))
    assert [(r["primary"], r["indicators"] and len(r["indicators"])) for r in rows] == [
        (None, 1), ("plans", None), ("none", []),
    ]  # fmt: skip
    dataset = to_dataset([report])
    assert dataset["primary"][0] is None
    assert dataset["indicators"][1] is None


def test_jsonl_is_never_overwritten(gold, tmp_path):
    path = tmp_path / "train.jsonl"
    assert write_jsonl([gold], path) == 7
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == list(records([gold]))
    with pytest.raises(FileExistsError):
        write_jsonl([gold], path)
