"""What the documentation promises: its snippets run, its commands and options exist, public names and pages are all there.

That links lead somewhere and nothing comes from another host is checked where it is built, by `make docs`.
"""

import re
import shlex

import pytest
import typer

import lawgov_nlp
from lawgov_nlp.cli.main import app

from .conftest import ROOT

PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / name for name in ("README.md", "README.zh.md", "CONTRIBUTING.md")),
]
IDS = [path.relative_to(ROOT).as_posix() for path in PAGES]
SNIPPETS = {
    name: found
    for name, path in zip(IDS, PAGES, strict=True)
    if name != "README.md"  # tests/test_readme.py runs those
    and (found := re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL))
}


def _blocks(page: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def _commands() -> list[tuple[str, str]]:
    lines = ((name, line) for name, path in zip(IDS, PAGES, strict=True)
             for block in _blocks(path.read_text(encoding="utf-8")) for line in block.splitlines())  # fmt: skip
    return [(name, line) for name, line in lines if line.startswith("lawgov ")]


@pytest.mark.parametrize("page", SNIPPETS)
def test_python_snippets_run(page, monkeypatch, tmp_path):
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for snippet in SNIPPETS[page]:
        exec(compile(snippet, page, "exec"), names)


@pytest.mark.parametrize(("page", "line"), _commands())
def test_commands_and_options_exist(page, line):
    commands = typer.main.get_command(app).commands
    _, command, *rest = shlex.split(line, comments=True)
    assert command in commands, f"{page}: {line}"
    known = {option for parameter in commands[command].params for option in parameter.opts}
    for word in rest:
        assert not word.startswith("-") or word in known, f"{page}: {line}: {word} is no option of lawgov {command}"


@pytest.mark.parametrize(("page", "path"), [*zip(IDS, PAGES, strict=True)], ids=IDS)
def test_files_of_the_repository_that_a_page_names_exist(page, path):
    text = path.read_text(encoding="utf-8")
    roots = "lawgov_nlp|data|docs|tests|training|models|notebooks|benchmarks"
    for name in re.findall(rf"`(?:python )?((?:{roots})/[\w./-]+\.(?:py|md|ipynb|png|json|j2|css|js))`", text):
        # a reader that isn't there is the example of docs/extending.md
        assert (ROOT / name).exists() or name == "lawgov_nlp/readers/epub.py", f"{page}: {name}"


@pytest.mark.parametrize(("page", "path"), [*zip(IDS, PAGES, strict=True)], ids=IDS)
def test_targets_of_make_exist(page, path):
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([\w-]+)|`make ([\w-]+)", path.read_text(encoding="utf-8"), re.MULTILINE):
        assert re.search(rf"^{''.join(target)}:", makefile, re.MULTILINE), f"{page}: {''.join(target)}"


def test_every_public_name_is_listed():
    reference = (ROOT / "docs/reference/index.md").read_text(encoding="utf-8")
    for name in lawgov_nlp.__all__:
        assert re.search(rf"(^::: |`)lawgov_nlp\.{name}\b", reference, re.MULTILINE), name


def test_every_page_stands_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for path in (ROOT / "docs").rglob("*.md"):
        assert f"- {path.relative_to(ROOT / 'docs').as_posix()}\n" in navigation, path


def test_readme_is_short_and_the_chinese_one_is_linked_first():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 800
    assert "README.zh.md" in text.splitlines()[0]
