"""The quickstart notebook runs as it is shipped, and what it shows is there."""

import ast

import nbformat
import pytest
from nbclient import NotebookClient

from lawgov_nlp import read_report
from tests.conftest import ROOT, SAMPLES

NOTEBOOK = ROOT / "notebooks" / "quickstart.ipynb"
SIZES = "len(paragraphs), len(indicators), [int(n) for n in pivot.sum()], {k: len(v) for k, v in sheets.items()}"


@pytest.mark.slow
def test_runs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(SIZES, id="sizes"))
    folder = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=folder).execute()  # raises a cell's error
    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    assert not [id for id, cell in outputs.items() if not cell or any(o.output_type == "error" for o in cell)]
    tagged = next(o for o in outputs["tag"] if o.output_type == "execute_result")
    assert "<" in tagged.data["text/html"]
    result = next(o for o in outputs["sizes"] if o.output_type == "execute_result")
    paragraphs, indicators, totals, sheets = ast.literal_eval(result.data["text/plain"])
    expected = {path.suffix: len(read_report(path).paragraphs) for path in SAMPLES.glob("*.*")}
    assert paragraphs == expected[".docx"]
    assert indicators > 0
    assert sorted(totals) == sorted(expected.values())
    assert sheets["paragraphs"] == sum(totals)
    assert sheets["indicators"] >= indicators


def test_no_outputs_are_stored():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]
