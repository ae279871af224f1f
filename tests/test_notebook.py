"""The notebooks run as they are shipped, and what they show is there."""

import ast

import nbformat
import pytest
from nbclient import NotebookClient

from lawgov_nlp import read_report
from tests.conftest import ROOT, SAMPLES

NOTEBOOK = ROOT / "notebooks" / "quickstart.ipynb"
SIZES = "len(paragraphs), len(indicators), [int(n) for n in pivot.sum()], {k: len(v) for k, v in sheets.items()}"


def executed(notebook, *more):
    """What each code cell puts out, by its id; a cell's error is raised."""
    notebook.cells += [nbformat.v4.new_code_cell(code, id=name) for name, code in more]
    folder = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=900, kernel_name="python3", resources=folder).execute()
    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    assert not [id for id, cell in outputs.items() if not cell or any(o.output_type == "error" for o in cell)]
    return outputs


def answer(outputs):
    """The value of a cell's last line."""
    return ast.literal_eval(next(o for o in outputs if o.output_type == "execute_result").data["text/plain"])


@pytest.mark.slow
def test_retraining_runs():
    outputs = executed(nbformat.read(NOTEBOOK.with_name("retrain.ipynb"), as_version=4))
    reports, paragraphs = answer(outputs["tag"])
    assert answer(outputs["read"]) == (reports, paragraphs)
    assert answer(outputs["correct"])[1]["primary"] == "leadership"
    model, count = answer(outputs["use"])
    assert model.startswith("mine (from ")
    assert count > 5
    frame = next(o for o in outputs["train"] if o.output_type == "execute_result")
    assert "primary_macro_f1" in frame.data["text/plain"]


@pytest.mark.slow
def test_runs():
    outputs = executed(nbformat.read(NOTEBOOK, as_version=4), ("sizes", SIZES))
    tagged = next(o for o in outputs["tag"] if o.output_type == "execute_result")
    assert "<" in tagged.data["text/html"]
    paragraphs, indicators, totals, sheets = answer(outputs["sizes"])
    expected = {path.suffix: len(read_report(path).paragraphs) for path in SAMPLES.glob("*.*")}
    assert paragraphs == expected[".docx"]
    assert indicators > 0
    assert sorted(totals) == sorted(expected.values())
    assert sheets["paragraphs"] == sum(totals)
    assert sheets["indicators"] >= indicators


@pytest.mark.parametrize("path", sorted(NOTEBOOK.parent.glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_outputs_are_stored(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]
