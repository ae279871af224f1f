"""Files that version 0.1 wrote still load, and say what they said."""

import json
import os
import shutil

import numpy as np
import pytest

from lawgov_nlp import TaggedReport, read_report, tag_folder
from lawgov_nlp.annotation.markup import read_markup, read_markup_folder, to_markup
from lawgov_nlp.annotation.records import records
from lawgov_nlp.batch.manifest import Manifest
from lawgov_nlp.model.checkpoints import model_scheme
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.scheme import CODEBOOK, Scheme
from tests.conftest import ROOT

FILES = ROOT / "tests" / "fixtures" / "v0_1"
OWN = Scheme.load(FILES / "labels.json")


@pytest.mark.parametrize(("suffix", "scheme"), [("", CODEBOOK), ("_own_labels", OWN)])
def test_checkpoint_tags_as_it_did(suffix, scheme):
    """Names of weights, keys of config.json, and the dictionary of a tagged report."""
    folder = FILES / f"model{suffix}"
    assert model_scheme(folder).labels == scheme.labels
    then = TaggedReport.from_dict(json.loads((FILES / f"tagged{suffix}.json").read_text(encoding="utf-8")))
    now = Tagger.from_pretrained(folder, device="cpu", backend="torch:float32").tag(read_report(then.text))
    assert (now.units, now.model, now.scheme.labels) == (then.units, then.model, scheme.labels)
    for a, b in zip(now.paragraphs, then.paragraphs, strict=True):
        assert (a.label, a.labels) == (b.label, b.labels)
        assert [(i.text, i.name, i.number, i.dimension) for i in a.indicators] == [
            (i.text, i.name, i.number, i.dimension) for i in b.indicators
        ]
        assert a.scores.keys() == b.scores.keys()
        np.testing.assert_allclose([*a.scores.values()], [*b.scores.values()], atol=1e-5)


@pytest.mark.parametrize("name", ["sample", "tagged", "tagged_own_labels"])
def test_dictionaries_come_back_unchanged(name):
    data = json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))
    assert as_far_as(data, TaggedReport.from_dict(data).to_dict()) == data


def as_far_as(old, new):
    """What a new dictionary says of the fields that an old one has; fields may have been added since."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {key: as_far_as(value, new[key]) for key, value in old.items() if key in new}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [as_far_as(a, b) for a, b in zip(old, new, strict=True)]
    return new


@pytest.mark.parametrize(("suffix", "scheme"), [("", CODEBOOK), ("_own_labels", OWN)])
def test_markup_comes_back_unchanged(suffix, scheme):
    path = FILES / f"markup{suffix}.txt"
    assert to_markup(read_markup(path, scheme)) == path.read_text(encoding="utf-8")


def test_records_keep_their_keys(tmp_path):
    shutil.copy(FILES / "markup.txt", tmp_path / "t01.txt")
    was = [json.loads(line) for line in (FILES / "records.jsonl").read_text(encoding="utf-8").splitlines()]
    assert json.loads(json.dumps(list(records(read_markup_folder(tmp_path))))) == was


def test_a_run_goes_on_from_its_manifest(tmp_path):
    """The manifest names the model by its hash and the files by their times and contents."""
    shutil.copytree(FILES / "in", tmp_path / "in")
    shutil.copytree(FILES / "parts", tmp_path / "parts")
    lines = (FILES / "parts" / "manifest.jsonl").read_bytes()
    was = Manifest.open(tmp_path / "parts" / "manifest.jsonl")
    for name, entry in was.entries.items():
        os.utime(tmp_path / "in" / name, ns=(entry.mtime_ns, entry.mtime_ns))
    run = tag_folder(
        tmp_path / "in",
        tmp_path / "parts",
        model=FILES / "model",
        device="cpu",
        backend="torch:float32",
        part_size=1,
        workers=0,
    )
    assert (run.reports, run.added, len(run.failures)) == (2, 0, 1)
    assert (tmp_path / "parts" / "manifest.jsonl").read_bytes() == lines
