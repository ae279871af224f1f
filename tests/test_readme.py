"""What the README promises: its snippets run, its commands exist, its first screen holds code and result."""

import re

from .conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_python_snippets_run(monkeypatch, tmp_path):
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert snippets
    names: dict = {}
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), names)


def test_code_and_its_result_come_within_25_lines(monkeypatch, capsys):
    first = "\n".join(README.splitlines()[:25])
    code, result = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", first, re.DOTALL).groups()
    monkeypatch.chdir(ROOT)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.split() == result.split()


def test_the_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    for command in re.findall(r"^make ([\w-]+)", README, re.MULTILINE):
        assert re.search(rf"^{command}:", makefile, re.MULTILINE), command
