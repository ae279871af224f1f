from pathlib import Path

import pytest

from lawgov_nlp import LawgovError, find_reports, read_report, tag_report, tag_reports
from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import pool

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


@pytest.mark.parametrize("workers", [0, 2])
def test_files_texts_and_reports_keep_their_order(tmp_path, tiny, monkeypatch, workers):
    monkeypatch.setattr("lawgov_nlp.model.tagger.get_tagger", lambda *_: tiny)
    sources = []
    for number in range(8):
        path = tmp_path / f"{number}.txt"
        path.write_text(f"云岭县第{number}镇2023年法治政府建设报告\n{TEXT}", encoding="utf-8")
        sources += [path, TEXT + f"全年检查{number}次。\n", "", read_report(TEXT), tmp_path / f"none-{number}.pdf"]
    failed = []
    tagged = list(tag_reports(sources, workers=workers, on_error=lambda source, error: failed.append(source)))
    assert failed == [s for s in sources if s == "" or (isinstance(s, Path) and s.name.startswith("none"))]
    expected = [read_report(s) for s in sources if s not in failed]
    assert [(t.source, t.text, t.units) for t in tagged] == [(r.source, r.text, r.units) for r in expected]
    with pytest.raises(TypeError, match="got bytes"):
        list(tag_reports([*sources[:2], TEXT.encode()], workers=workers))


def test_processes_start_for_many_files_only(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("lawgov_nlp.model.tagger.get_tagger", lambda *_: tiny)
    asked = []

    class Pool(pool.ReadingPool):
        def __init__(self, workers, timeout):
            asked.append(workers)
            super().__init__(workers, timeout)

    monkeypatch.setattr(pool, "ReadingPool", Pool)
    path = tmp_path / "a.txt"
    path.write_text(TEXT, encoding="utf-8")
    for count in (1, 15, 16, 100):
        assert len(list(tag_reports(path for _ in range(count)))) == count
    assert asked == [0, 0, pool.default_workers(), pool.default_workers()]


def test_senseless_settings_are_refused(tiny, monkeypatch):
    monkeypatch.setattr("lawgov_nlp.model.tagger.get_tagger", lambda *_: tiny)
    with pytest.raises(ValueError, match="workers=-1"):
        list(tag_reports([TEXT], workers=-1))
    with pytest.raises(ValueError, match="timeout=0"):
        list(tag_reports([TEXT], timeout=0))


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
