import json
import runpy

import pytest

from .conftest import ROOT

gate = runpy.run_path(str(ROOT / "training" / "gate.py"))
FIGURES = {"primary_accuracy": 0.97, "name_f1": 0.88}


def test_floors_lie_just_below_what_was_measured():
    made = gate["updated"](FIGURES, "h", {}, None)
    assert made["floors"] == {"primary_accuracy": 0.96, "name_f1": 0.87}
    assert gate["fallen"](FIGURES, "h", made) == []


def test_a_fallen_figure_and_another_test_split_are_told():
    made = gate["updated"](FIGURES, "h", {}, None)
    assert gate["fallen"](FIGURES | {"name_f1": 0.86}, "h", made) == ["name_f1 0.8600 is below its floor 0.8700"]
    assert "not the one" in gate["fallen"](FIGURES, "other", made)[0]


def test_floors_rise_unasked_and_fall_only_with_a_reason():
    made = gate["updated"](FIGURES, "h", {}, None)
    risen = gate["updated"](FIGURES | {"name_f1": 0.9}, "h", made, None)
    assert risen["floors"]["name_f1"] == 0.89
    with pytest.raises(ValueError, match="name_f1"):
        gate["updated"](FIGURES, "h", risen, None)
    lowered = gate["updated"](FIGURES, "h2", risen, "the test split doubled")
    assert lowered["floors"]["name_f1"] == 0.87
    assert lowered["lowered"] == [{"why": "the test split doubled", "figures": ["name_f1"]}]


@pytest.mark.slow
@pytest.mark.parametrize(("model", "name"), [(None, "composed"), (None, "modelled"), ("tiny", "tiny")])
def test_the_shipped_models_pass(model, name):
    """The floors of `tiny`, on the composed reports, are those of the model that it was distilled from."""
    folder = ROOT / "data" / ("modelled" if name == "modelled" else "")
    figures, test_hash = gate["measure"](folder, model)
    assert gate["fallen"](figures, test_hash, json.loads(gate["GATE"].read_text("utf-8"))[name]) == []


def test_256_faults_are_no_success(monkeypatch, capsys):
    """The system keeps the lowest eight bits of an exit code."""
    main = gate["main"]
    monkeypatch.setitem(main.__globals__, "measure", lambda *_: (FIGURES, "h"))
    monkeypatch.setitem(main.__globals__, "fallen", lambda *_: ["low"] * 128)
    monkeypatch.setattr("sys.argv", ["gate.py"])
    assert main() == 1
    assert capsys.readouterr().out.count(": low") == 256


def test_256_files_at_fault_are_no_success(tmp_path, monkeypatch, capsys):
    for number in range(256):
        (tmp_path / f"{number}.txt").write_text("no header", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["check_data.py", str(tmp_path)])
    check = runpy.run_path(str(ROOT / "training" / "check_data.py"))
    assert check["main"]() == 1
    assert "256 file(s) at fault" in capsys.readouterr().out
