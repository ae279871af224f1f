"""Files appear whole or not at all, whoever writes them and whatever breaks off."""

from __future__ import annotations

import threading

import pytest

from lawgov_nlp.atomic import append_durably, cut_durably, remove_growing, write_durably


class KilledError(BaseException):
    """Stands for the end of the process: nothing that catches errors catches it."""


def killed(*_):
    raise KilledError


def full(*_):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_file_that_cant_be_replaced_stays_and_nothing_lies_beside_it(tmp_path, monkeypatch, step):
    path = tmp_path / "a.json"
    write_durably(path, b"old")
    monkeypatch.setattr(f"os.{step}", full)
    with pytest.raises(OSError, match="No space"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]


def test_what_a_killed_writer_leaves_is_removed_and_nothing_else(tmp_path, monkeypatch):
    path, other = tmp_path / "a.json", tmp_path / "b.json"
    monkeypatch.setattr("os.replace", killed)
    for target in (path, other):
        with pytest.raises(KilledError):
            write_durably(target, b"half")
    remove_growing(path)
    assert len([*tmp_path.iterdir()]) == 1
    remove_growing(other)
    assert not [*tmp_path.iterdir()]


def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path):
    path = tmp_path / ("报" * 83 + ".txt")
    write_durably(path, b"x")
    assert path.read_bytes() == b"x"


def test_several_threads_write_one_file(tmp_path):
    path = tmp_path / "a.json"
    contents = [bytes([65 + k]) * 1000 for k in range(8)]
    threads = [threading.Thread(target=write_durably, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert [*tmp_path.iterdir()] == [path]


def test_an_append_cuts_off_what_a_failed_one_has_left(tmp_path):
    path = tmp_path / "log"
    append_durably(path, b"one\n", after=0)
    append_durably(path, b"tw")
    append_durably(path, b"two\n", after=4)
    assert path.read_bytes() == b"one\ntwo\n"
    cut_durably(path, 4)
    assert path.read_bytes() == b"one\n"
