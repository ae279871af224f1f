from pathlib import Path

import pytest

from lawgov_nlp import LawgovError, find_reports, read_report, tag_report, tag_reports
from lawgov_nlp.errors import ReadError

TEXT = "一、普法宣传\n全年开展法治讲座28场，发放资料3000余份。\n二、存在不足\n一是执法力量薄弱。\n"


def test_text_path_and_report_give_the_same(tmp_path):
    path = tmp_path / "报告.txt"
    path.write_text(TEXT, encoding="utf-8")
    from_text, from_path = tag_report(TEXT), tag_report(path)
    assert from_path.source == str(path)
    assert from_text.paragraphs == from_path.paragraphs == tag_report(read_report(TEXT)).paragraphs


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n\u3000", "empty"),
        ("reports/2023.docx", r"give Path\('reports/2023.docx'\)"),
        ("全年\ud800开展", "lone surrogate .U.D800. at character 2"),
        ("法" * 2_000_001, "2,000,001 characters"),
    ],
)
def test_text_that_is_no_report(text, reason):
    with pytest.raises(ReadError, match=reason):
        tag_report(text)


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="got bytes"):
        read_report(TEXT.encode())


def test_a_bad_file_does_not_stop_the_others(tmp_path):
    good, bad = tmp_path / "a.txt", tmp_path / "b.docx"
    good.write_text(TEXT, encoding="utf-8")
    bad.write_bytes(b"PK\x03\x04 nothing")
    failed = []
    tagged = list(tag_reports([bad, good, tmp_path / "c.pdf", good], on_error=lambda s, e: failed.append((s, str(e)))))
    assert [t.source for t in tagged] == [str(good)] * 2
    assert [s for s, _ in failed] == [bad, tmp_path / "c.pdf"]
    assert all(str(s) in reason for s, reason in failed)


def test_without_on_error_the_first_is_raised(tmp_path):
    with pytest.raises(LawgovError):
        list(tag_reports([tmp_path / "c.pdf"]))


def test_sources_are_read_as_needed():
    assert list(tag_reports(iter([]))) == []


def test_find_reports(tmp_path):
    for name in ("b.txt", "a.docx", "notes.md", "~$a.docx", ".hidden.txt", "sub/c.PDF"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert [p.name for p in find_reports(tmp_path)] == ["a.docx", "b.txt", "c.PDF"]
    assert find_reports(tmp_path / "b.txt", tmp_path / "b.txt") == [tmp_path / "b.txt"]


def test_find_reports_says_what_is_wrong(tmp_path):
    with pytest.raises(ReadError, match="doesn't exist"):
        find_reports(tmp_path / "nowhere")
    with pytest.raises(ReadError, match="holds no reports"):
        find_reports(tmp_path)


def test_a_folder_is_no_report(tmp_path):
    with pytest.raises(ReadError, match=str(tmp_path)):
        tag_report(Path(tmp_path))
