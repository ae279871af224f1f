"""Corrections on disk: nothing is lost by a kill, a full disk or an editor, and nothing is overwritten in silence."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lawgov_nlp.annotation import markup
from lawgov_nlp.atomic import write_durably
from lawgov_nlp.errors import OutputError, ReviewError
from lawgov_nlp.report import LineKind
from lawgov_nlp.review.coding import Coding, Mark, from_dict, from_gold, from_model, readings
from lawgov_nlp.review.store import Conflict, Source, Store
from lawgov_nlp.scheme import CODEBOOK, Dimension
from tests.conftest import MARKUP, ROOT
from tests.own_labels import OWN, own_gold
from tests.sample_report import sample

EMPTY = Coding(primary=None)


@pytest.fixture
def source(gold) -> Source:
    """The report of conftest with what a model might say of it: no label anywhere."""
    bodies = [u for u in gold.units if u.kind is LineKind.BODY]
    return Source(
        id="t01",
        file="reports/t01.docx",
        lines=tuple((u.kind, u.text) for u in gold.units),
        meta={"source": "reports/t01.docx", "year": "2023"},
        model="tiny",
        tagged=tuple(EMPTY for _ in bodies),
    )


def right(gold, at: int) -> Coding:
    """What the coder of conftest's report says of a paragraph."""
    return from_gold([u for u in gold.units if u.kind is LineKind.BODY][at], EMPTY)


def opened(folder: Path, source: Source, who: str = "") -> Store:
    folder.mkdir(exist_ok=True)
    return Store(folder, source, CODEBOOK, who)


def save(store: Store, at: int, coding: Coding, what: str = "confirm") -> Coding:
    return store.save(at, coding, store.codings[at].version, what)


def events(store: Store) -> list[dict]:
    return [json.loads(line) for line in store.log.read_text("utf-8").splitlines()]


def test_what_is_saved_is_the_markup_that_training_reads(tmp_path, source, gold):
    store = opened(tmp_path / "out", source, "张三")
    for at in range(len(source.tagged)):
        save(store, at, right(gold, at))
    saved = markup.read_markup(store.markup)
    assert saved.units == gold.units
    assert saved.meta == {"source": "reports/t01.docx", "year": "2023", "coder": "张三"}
    assert [e["what"] for e in events(store)] == ["begin", *["confirm"] * len(source.tagged)]
    assert {e["who"] for e in events(store)} == {"张三"}
    assert opened(tmp_path / "out", source).codings == store.codings


def test_what_nobody_decided_on_is_marked_as_uncoded(tmp_path, source):
    store = opened(tmp_path / "out", source)
    save(store, 1, replace(EMPTY, primary=Dimension.LEADERSHIP, labels_coded=True), "labels")
    lines = store.markup.read_text("utf-8").split("\n")
    bodies = [line for line in lines if line.startswith(("[?]", "[leadership]"))]
    assert len(bodies) == len(source.tagged)
    assert bodies[1].startswith("[leadership] ")
    assert all(line.endswith("{?}") for line in bodies)


def test_a_value_without_a_name_is_kept_in_the_log_alone(tmp_path, source):
    store = opened(tmp_path / "out", source)
    start = source.paragraphs[1].index("4次")
    draft = replace(EMPTY, values=(Mark(span=(start, start + 2), name=None, topic=Dimension.LEADERSHIP),))
    save(store, 1, draft, "indicators")
    assert "4次" in store.markup.read_text("utf-8")
    assert "{a:4次" not in store.markup.read_text("utf-8")
    assert opened(tmp_path / "out", source).codings[1] == draft


def test_undo_takes_back_one_change_after_the_other_also_after_a_restart(tmp_path, source, gold):
    store = opened(tmp_path / "out", source)
    for at in (0, 1, 2):
        save(store, at, right(gold, at))
    store = opened(tmp_path / "out", source)
    assert store.undo() == (2, EMPTY)
    store = opened(tmp_path / "out", source)
    assert store.undo() == (1, EMPTY)
    save(store, 3, right(gold, 3))
    assert store.undo() == (3, EMPTY)
    assert store.undo() == (0, EMPTY)
    with pytest.raises(ReviewError, match="no change to take back"):
        store.undo()
    assert markup.read_markup(store.markup).units[3].labels_coded is False
    assert len(events(store)) == 1 + 4 + 4  # nothing is ever taken out of the log


def test_a_change_on_an_old_version_is_a_conflict_and_changes_nothing(tmp_path, source, gold):
    one, two = opened(tmp_path / "out", source, "张三"), opened(tmp_path / "out", source, "李四")
    old = two.codings[1].version
    save(one, 1, right(gold, 1))
    before = one.markup.read_bytes(), one.log.read_bytes()
    with pytest.raises(Conflict) as caught:
        two.save(1, replace(EMPTY, labels_coded=True), old, "labels")
    assert caught.value.current == right(gold, 1)
    assert caught.value.who == "张三"
    assert (one.markup.read_bytes(), one.log.read_bytes()) == before
    two.save(2, right(gold, 2), EMPTY.version, "confirm")  # another paragraph is no conflict
    one.refresh()
    assert one.codings[2] == right(gold, 2)
    assert one.save(2, right(gold, 2), "anything", "confirm") == right(gold, 2)  # what is there already is no conflict


@pytest.mark.parametrize("cut", [1, 5, 200])
def test_a_torn_last_line_is_cut_off(tmp_path, source, gold, cut):
    store = opened(tmp_path / "out", source)
    save(store, 0, right(gold, 0))
    save(store, 1, right(gold, 1))
    whole, earlier = store.log.read_bytes(), store.markup.read_bytes()
    save(store, 2, right(gold, 2))
    # killed while the log was written: part of the line is there, the markup is the old one
    store.log.write_bytes(whole + store.log.read_bytes()[len(whole) : len(whole) + cut])
    store.markup.write_bytes(earlier)
    again = opened(tmp_path / "out", source)
    assert again.codings[:3] == [right(gold, 0), right(gold, 1), EMPTY]
    assert again.log.read_bytes() == whole
    assert again.markup.read_bytes() == earlier
    save(again, 2, right(gold, 2))
    assert opened(tmp_path / "out", source).codings[2] == right(gold, 2)


class KilledError(BaseException):
    """Stands for the end of the process: nothing that catches errors catches it."""


def killed(*_):
    raise KilledError


@pytest.mark.parametrize("first", [True, False])
def test_a_markup_that_is_one_change_behind_is_written_anew(tmp_path, source, gold, first, monkeypatch):
    store = opened(tmp_path / "out", source)
    if not first:
        save(store, 0, right(gold, 0))
    earlier = None if first else store.markup.read_bytes()
    save(store, 1, right(gold, 1))
    wanted = store.markup.read_bytes()
    if earlier is None:
        store.markup.unlink()
    else:
        store.markup.write_bytes(earlier)
    with monkeypatch.context() as patched:
        patched.setattr("os.replace", killed)
        with pytest.raises(KilledError):
            write_durably(store.markup, b"half")
    (left,) = (tmp_path / "out").glob(".lawgov-*-*")
    again = opened(tmp_path / "out", source)
    assert again.markup.read_bytes() == wanted
    assert not left.exists()
    assert again.codings[1] == right(gold, 1)


def test_what_an_editor_wrote_is_read_and_logged_and_not_overwritten(tmp_path, source, gold):
    store = opened(tmp_path / "out", source, "张三")
    save(store, 1, right(gold, 1))
    mine = store.codings[1].version
    text = store.markup.read_text("utf-8").replace("[leadership]", "[plans+leadership]")
    store.markup.write_text(text, encoding="utf-8")
    with pytest.raises(Conflict) as caught:  # also without a restart
        store.save(1, EMPTY, mine, "reset")
    assert caught.value.current.primary is Dimension.PLANS
    assert store.markup.read_text("utf-8") == text
    assert [e["what"] for e in events(store)] == ["begin", "confirm", "external"]
    save(store, 2, right(gold, 2))
    assert markup.read_markup(store.markup).units[5].primary is Dimension.PLANS
    store.undo()
    with pytest.raises(ReviewError, match="no change"):  # what an editor did isn't ours to take back
        store.undo()


def test_labelled_reports_that_have_no_log_are_taken_as_they_are(tmp_path, source, gold):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "t01.txt").write_text(MARKUP, encoding="utf-8")
    store = opened(tmp_path / "out", source)
    assert store.done == len(source.tagged)
    assert (tmp_path / "out" / "t01.txt").read_text("utf-8") == MARKUP


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace("[leadership]", "[leader]"), "markup-damaged"),
        (lambda text: text.replace("[leadership] ", "[leadership] 又"), "markup-differs"),
        (lambda text: text.encode("gb18030"), "markup-damaged"),
    ],
)
def test_a_markup_that_does_not_fit_locks_the_report(tmp_path, source, gold, change, code):
    store = opened(tmp_path / "out", source)
    save(store, 1, right(gold, 1))
    spoilt = change(store.markup.read_text("utf-8"))
    spoilt = spoilt if isinstance(spoilt, bytes) else spoilt.encode()
    store.markup.write_bytes(spoilt)
    for again in (opened(tmp_path / "out", source), store):
        with pytest.raises(ReviewError) as caught:
            again.save(2, right(gold, 2), EMPTY.version, "confirm")
        assert caught.value.code == code
        assert store.markup.read_bytes() == spoilt
    assert store.codings[1] == right(gold, 1)  # shown all the same


def test_another_text_locks_the_report(tmp_path, source, gold):
    save(opened(tmp_path / "out", source), 1, right(gold, 1))
    before = (tmp_path / "out" / "t01.txt").read_bytes()
    lines = list(source.lines)
    lines[3] = (lines[3][0], lines[3][1] + "又。")
    other = opened(tmp_path / "out", replace(source, lines=tuple(lines)))
    assert other.locked is not None
    assert other.locked.code == "source-changed"
    with pytest.raises(ReviewError, match=r"t01\.docx"):
        save(other, 2, right(gold, 2))
    assert (tmp_path / "out" / "t01.txt").read_bytes() == before


@pytest.mark.parametrize("sign", "<>{}|")
def test_a_text_with_a_sign_of_the_markup_is_saved_and_read_back(tmp_path, source, gold, sign):
    lines = list(source.lines)
    lines[0] = (lines[0][0], f"望溪县{sign}青柳镇")
    store = opened(tmp_path / "out", replace(source, lines=tuple(lines)))
    assert store.locked is None
    save(store, 1, right(gold, 1))
    back = markup.read_markup(tmp_path / "out" / "t01.txt")
    assert back.units[0].text == f"望溪县{sign}青柳镇"
    assert opened(tmp_path / "out", replace(source, lines=tuple(lines))).locked is None


def test_a_damaged_log_locks_the_report_and_is_left_alone(tmp_path, source, gold):
    store = opened(tmp_path / "out", source)
    save(store, 0, right(gold, 0))
    save(store, 1, right(gold, 1))
    lines = store.log.read_bytes().split(b"\n")
    spoilt = b"\n".join([lines[0], b"{nonsense", *lines[2:]])
    store.log.write_bytes(spoilt)
    again = opened(tmp_path / "out", source)
    assert again.locked is not None
    assert again.locked.code == "log-damaged"
    assert again.log.read_bytes() == spoilt


def test_a_full_disk_leaves_all_as_it_was(tmp_path, source, gold, monkeypatch):
    store = opened(tmp_path / "out", source)
    save(store, 1, right(gold, 1))
    before = store.log.read_bytes(), store.markup.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(f"os.{name}", full)
            with pytest.raises(OutputError, match="No space left"):
                save(store, 2, right(gold, 2))
        assert (store.log.read_bytes(), store.markup.read_bytes()) == before
        assert not list((tmp_path / "out").glob(".lawgov-*-*"))
    save(store, 2, right(gold, 2))
    assert opened(tmp_path / "out", source).codings[2] == right(gold, 2)


@pytest.mark.parametrize("room", [0, 100, 900])
def test_a_really_full_disk_loses_nothing_and_is_told(tmp_path, source, gold, room):
    resource = pytest.importorskip("resource")
    store = opened(tmp_path / "out", source)
    save(store, 1, right(gold, 1))
    before = store.log.read_bytes(), store.markup.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before[0]) + room, hard))  # the write breaks off in its middle
    try:
        with pytest.raises(OutputError, match=r"not saved \(File too large\)"):
            save(store, 2, replace(right(gold, 2), note="长" * 1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (store.log.read_bytes(), store.markup.read_bytes()) == before
    save(store, 2, right(gold, 2))
    assert opened(tmp_path / "out", source).codings[2] == right(gold, 2)


@pytest.mark.parametrize("which", ["log", "markup"])
def test_what_is_no_plain_file_is_never_opened(tmp_path, source, which):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / {"log": "t01.log.jsonl", "markup": "t01.txt"}[which]).symlink_to("/dev/zero")
    store = opened(folder, source)
    assert store.locked is not None
    assert store.locked.code == "no-plain-file"


def test_another_model_changes_only_what_nobody_decided_on(tmp_path, source, gold):
    store = opened(tmp_path / "out", source)
    save(store, 1, right(gold, 1))
    save(store, 2, replace(EMPTY, primary=Dimension.PLANS, labels_coded=True), "labels")
    start = source.paragraphs[2].index("12场")
    mark = Mark(span=(start, start + 3), name=(start - 4, start), topic=Dimension.TRAINING)
    new = Coding(primary=Dimension.PUBLICITY, values=())
    tagged = tuple(replace(new, values=(mark,)) if at == 2 else new for at in range(len(source.tagged)))
    for now in (store, opened(tmp_path / "out", replace(source, tagged=tagged))):
        if now is store:
            now.retagged(replace(source, tagged=tagged))
        assert now.codings[0].primary is Dimension.PUBLICITY
        assert now.codings[1] == right(gold, 1)
        assert now.codings[2].primary is Dimension.PLANS
        assert now.codings[2].values == (mark,)


def test_labels_of_ones_own(tmp_path):
    gold = own_gold()
    bodies = [u for u in gold.units if u.kind is LineKind.BODY]
    source = Source(
        id="o01", file="o01.txt", lines=tuple((u.kind, u.text) for u in gold.units), meta={}, model="",
        tagged=tuple(EMPTY for _ in bodies),
    )  # fmt: skip
    (tmp_path / "out").mkdir()
    store = Store(tmp_path / "out", source, OWN)
    for at, unit in enumerate(bodies):
        store.save(at, from_gold(unit, EMPTY), store.codings[at].version, "confirm")
    assert markup.read_markup(store.markup, OWN).units == gold.units


def test_a_models_marks_that_overlap_are_left_out_and_counted():
    (p,) = (p for p in sample().paragraphs if len(p.indicators) > 2 and p.text.startswith("镇党委"))
    first = p.indicators[0]
    crossing = replace(first, end=first.end + 1, text=sample().text[first.start : first.end + 1])
    coding, lost = from_model(replace(p, indicators=(*p.indicators, crossing)))
    assert lost == 1
    assert len(coding.values) == len(p.indicators)
    assert from_dict(coding.to_dict(), p.text, CODEBOOK) == coding
    assert readings(coding, p.text)[-1] == {"number": "23", "unit": "份", "qualifier": "exact"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"primary": "leader"}, "unknown-label"),
        ({"primary": "plans", "secondary": ["shortcomings"]}, "unknown-label"),
        ({"primary": "training", "secondary": ["training"]}, "label-twice"),
        ({"primary": None, "secondary": ["training"]}, "no-primary"),
        ({"values": [{"span": [0, 99999], "name": None, "topic": "training"}]}, "bad-span"),
        ({"values": [{"span": [3, 3], "name": None, "topic": "training"}]}, "bad-span"),
        ({"values": [{"span": [True, 3], "name": None, "topic": "training"}]}, "bad-span"),
        ({"values": [{"span": ["0", 3], "name": None, "topic": "training"}]}, "bad-span"),
        ({"values": [{"span": [3, 5], "name": None, "topic": "training"}]}, "no-numeral"),
        ({"values": [{"span": [20, 23], "name": [22, 25], "topic": "training"}]}, "overlap"),
        ({"names": [[0, 3]], "indicators_coded": True}, "incomplete"),
        ({"names": [[0, 3], [0, 3]]}, "bad-request"),
        ({"names": [[0, 3]] * 501}, "bad-request"),
        ({"note": "长" * 2001}, "note-too-long"),
        ({"note": 5}, "note-too-long"),
        ({"values": "x"}, "bad-request"),
    ],
)
def test_what_the_page_may_not_send(source, change, code):
    text = source.paragraphs[1]
    with pytest.raises(ReviewError) as caught:
        from_dict(EMPTY.to_dict() | change, text, CODEBOOK)
    assert caught.value.code == code


def test_offsets_count_characters_also_beyond_the_basic_plane(tmp_path):
    text = "𠮷𠮷村调解纠纷3件。"
    coding = Coding(
        primary=Dimension.MEDIATION, labels_coded=True, indicators_coded=True,
        values=(Mark(span=(7, 9), name=(3, 7), topic=Dimension.MEDIATION),),
    )  # fmt: skip
    source = Source(id="a", file="a", lines=((LineKind.BODY, text),), meta={}, model="", tagged=(EMPTY,))
    store = opened(tmp_path / "out", source)
    save(store, 0, coding)
    assert "𠮷𠮷村<a:调解纠纷>{a:3件|mediation}。" in store.markup.read_text("utf-8")


WRITER = """
import json, sys
from pathlib import Path
from dataclasses import replace
from lawgov_nlp.annotation.markup import parse_markup
from lawgov_nlp.report import LineKind
from lawgov_nlp.review.coding import Coding
from lawgov_nlp.review.store import Source, Store
from lawgov_nlp.scheme import CODEBOOK
gold = parse_markup(Path(sys.argv[2]).read_text("utf-8"), "t01")
empty = Coding(primary=None)
source = Source(id="t01", file="f", lines=tuple((u.kind, u.text) for u in gold.units), meta={}, model="",
                tagged=tuple(empty for u in gold.units if u.kind is LineKind.BODY))
store = Store(Path(sys.argv[1]), source, CODEBOOK)
n = 0
while True:
    at = n % len(source.tagged)
    store.save(at, replace(empty, note=f"{n}", primary=CODEBOOK.labels[n % 7], labels_coded=True), store.codings[at].version, "labels")
    print(n, flush=True)  # what a person is told is saved
    n += 1
"""


def test_kill_9_at_ten_moments_loses_nothing_that_was_confirmed(tmp_path, source, gold):
    folder, text = tmp_path / "out", tmp_path / "gold.txt"
    text.write_text(MARKUP, encoding="utf-8")
    source = replace(source, file="f", meta={})
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    told_before = -1
    for moment in range(10):
        folder.mkdir(exist_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), str(text)], stdout=subprocess.PIPE, env=environment, text=True
        )
        assert process.stdout is not None
        told = int(process.stdout.readline())
        time.sleep(0.03 + 0.017 * moment)
        process.send_signal(signal.SIGKILL)
        told = max([told, *(int(line) for line in process.stdout.read().split("\n")[:-1])])
        process.wait()
        store = opened(folder, source)
        assert store.locked is None
        notes = [int(c.note) for c in store.codings if c.note]
        assert max(notes) in (told, told + 1)  # the last change may be saved though nobody was told
        assert len(notes) == min(max(notes) + 1, len(source.tagged))
        numbers = [e["n"] for e in events(store)]
        assert numbers == list(range(len(numbers)))
        saved = markup.read_markup(store.markup)
        assert [u.primary for u in saved.units if u.kind is LineKind.BODY] == [c.primary for c in store.codings]
        assert told >= 0 > told_before
        for file in folder.iterdir():  # from the start again, so that the first write is hit too
            file.unlink()
