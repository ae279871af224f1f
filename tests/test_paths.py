"""A str where a Path is meant gets a clear error from every function that takes files."""

from pathlib import Path

import pytest

from lawgov_nlp import Scheme, find_reports, tag_folder
from lawgov_nlp.annotation.corpus import load_splits
from lawgov_nlp.annotation.formats import detect, read_annotations, target, write_annotations
from lawgov_nlp.annotation.markup import read_markup, read_markup_folder
from lawgov_nlp.annotation.records import write_jsonl
from lawgov_nlp.batch.ray.folder import tag_folder as tag_folder_on_cluster
from lawgov_nlp.errors import LawgovError, PathError
from lawgov_nlp.evaluation.plots import save_figure
from lawgov_nlp.model.checkpoints import model_revision, model_scheme
from lawgov_nlp.panel.build import build_panel
from lawgov_nlp.panel.files import write_panel
from lawgov_nlp.panel.indicators import load_indicators
from lawgov_nlp.panel.place_table import load_places
from lawgov_nlp.panel.sources import read_tagged, tagged_files
from lawgov_nlp.readers import read_file
from lawgov_nlp.readers.load import read_path
from lawgov_nlp.training.initialize import load_for_training
from lawgov_nlp.training.retrain import retrain
from lawgov_nlp.training.trainer import check_output

HERE = Path("x")
CALLS = {
    "find_reports": lambda s: find_reports(s),
    "read_path": lambda s: read_path(s),
    "read_file": lambda s: read_file(s),
    "tag_folder": lambda s: tag_folder(s, HERE),
    "tag_folder out": lambda s: tag_folder(HERE, s),
    "ray.tag_folder out": lambda s: tag_folder_on_cluster(HERE, s),
    "Scheme.load": lambda s: Scheme.load(s),
    "read_annotations": lambda s: read_annotations([s]),
    "read_annotations of one": lambda s: read_annotations(s),
    "write_annotations": lambda s: write_annotations([], s),
    "detect": lambda s: detect(s),
    "target": lambda s: target(s),
    "read_markup": lambda s: read_markup(s),
    "read_markup_folder": lambda s: read_markup_folder(s),
    "load_splits": lambda s: load_splits(s),
    "write_jsonl": lambda s: write_jsonl([], s),
    "model_scheme": lambda s: model_scheme(s),
    "model_revision": lambda s: model_revision(s),
    "build_panel places": lambda s: build_panel([], places=s),
    "build_panel indicators": lambda s: build_panel([], indicators=s),
    "load_places": lambda s: load_places(s),
    "load_indicators": lambda s: load_indicators(s),
    "write_panel": lambda s: write_panel(None, s),
    "tagged_files": lambda s: tagged_files(s),
    "read_tagged": lambda s: list(read_tagged(s)),
    "save_figure": lambda s: save_figure(None, s),
    "load_for_training": lambda s: load_for_training(s, "", "", 0.1),
    "retrain": lambda s: retrain([], s),
    "check_output": lambda s: check_output(s, HERE, overwrite=False, resume=False),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_str_is_no_path(call):
    with pytest.raises(PathError, match=r"expected a (pathlib\.Path|list of paths); give \[?Path\('reports'\)"):
        call("reports")


def test_other_things_are_no_paths():
    with pytest.raises(PathError, match="of the type int"):
        find_reports(3)
    assert issubclass(PathError, LawgovError)
