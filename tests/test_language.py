"""The language: the option before the variable, the variable before the system, and Chinese where nothing is said."""

import pytest
from typer.testing import CliRunner

from lawgov_nlp import language
from lawgov_nlp.cli.main import app


@pytest.fixture(autouse=True)
def _as_before():
    yield
    language.use(None)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LAWGOV_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LAWGOV_LANG": "zh", "LANG": "en_US.UTF-8"}, "zh"),
        ({"LAWGOV_LANG": "fr", "LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
        ({"LANG": "C.UTF-8"}, "zh"),
    ],
)
def test_the_environment_chooses(environment, expected, monkeypatch):
    for name in ("LAWGOV_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language.current() == expected


def test_the_option_comes_first(monkeypatch):
    monkeypatch.setenv("LAWGOV_LANG", "zh")
    CliRunner().invoke(app, ["--lang", "en", "tag", "/nowhere"])
    assert language.current() == "en"
    with pytest.raises(ValueError, match="expected one of zh, en"):
        language.use("fr")
