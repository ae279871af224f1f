"""Codings of texts that are kept elsewhere."""

import hashlib
import json
import lzma
import runpy

import pytest

from lawgov_nlp.scheme import Dimension

from .conftest import ROOT

read_real_passages = runpy.run_path(str(ROOT / "training" / "real_passages.py"))["read_real_passages"]
TEXT = "全年调解纠纷32件，培训干部两期。"


def written(tmp_path, *, topic="mediation", value=(6, 9), text=TEXT):
    """A coding of one passage, with its text and that of another one."""
    row = {
        "id": "a",
        "sha256": hashlib.sha256(TEXT.encode()).hexdigest(),
        "labels": ["mediation", "training"],
        "indicators": [[*value, 2, 6, topic]],
    }
    codes, texts = tmp_path / "codes.jsonl", tmp_path / "texts.jsonl.xz"
    codes.write_text("".join(json.dumps({**row, "id": name}) + "\n" for name in ("a", "b")), encoding="utf-8")
    with lzma.open(texts, "wt", encoding="utf-8") as file:
        file.writelines(
            json.dumps({"id": i, "text": t}, ensure_ascii=False) + "\n" for i, t in (("a", text), ("c", ""))
        )
    return texts, codes


def test_a_coding_is_joined_to_its_text(tmp_path):
    found = read_real_passages(*written(tmp_path))
    assert found.missing == ("b",)
    assert found.changed == ()
    (line,) = found.reports[0].units
    (indicator,) = line.indicators
    assert (line.primary, line.secondary) == (Dimension.MEDIATION, (Dimension.TRAINING,))
    assert (line.text[slice(*indicator.value)], line.text[slice(*indicator.name)]) == ("32件", "调解纠纷")


def test_another_text_than_the_coded_one_is_told_and_not_taken(tmp_path):
    found = read_real_passages(*written(tmp_path, text=TEXT + "另有一句。"))
    assert found.changed == ("a",)
    assert found.reports == ()


@pytest.mark.parametrize(
    ("wrong", "message"), [({"topic": "law"}, "unknown label 'law'"), ({"value": (6, 99)}, "outside its 17 characters")]
)
def test_a_wrong_coding_is_refused(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        read_real_passages(*written(tmp_path, **wrong))


def test_the_repository_holds_codings_and_no_text():
    rows = [json.loads(line) for line in (ROOT / "data" / "real" / "codes.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) >= 700
    assert {key for row in rows for key in row} == {"id", "sha256", "labels", "indicators"}
    assert not any(ord(c) > 127 for row in rows for c in json.dumps(row, ensure_ascii=False))
