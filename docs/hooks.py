"""What mkdocs can't do by itself: pages that live elsewhere, a reference page for each room, a check that all is local.

- `INCLUDED` are files of the repository that are pages here, too. They are read where they stand, never copied; links
  between them are turned into links between the pages.
- Each room of the package gets a page with the public names of its modules; a new room needs no entry anywhere.
- After the build, a script, style sheet, font or picture from another host is a warning, which fails a strict build.
"""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

logger = logging.getLogger("mkdocs.hooks.lawgov")
ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lawgov_nlp"

INCLUDED = {
    "codebook.md": "data/CODEBOOK.md",
    "markup.md": "data/FORMAT.md",
    "data.md": "data/README.md",
    "panel.md": "data/PANEL.md",
    "census.md": "data/CENSUS.md",
    "census.png": "data/census.png",
    "suggest_curve.png": "data/suggest_curve.png",
    "model.md": "models/lawgov-small/README.md",
    "confusion.png": "models/lawgov-small/confusion.png",
    "calibration.png": "models/lawgov-small/calibration.png",
    "model-tiny.md": "models/lawgov-tiny/README.md",
    "benchmarks.md": "benchmarks/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "release.md": "RELEASE.md",
    "changelog.md": "CHANGELOG.md",
}
"""Page -> the file of the repository that it shows."""

_PAGE_OF = {source: page for page, source in INCLUDED.items()}
_LINK = re.compile(r"(!?\[[^\]]*\]\()([^)#\s]+)((?:#[^)\s]*)?\))")
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^\"' >]+"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preload|preconnect|icon))[^>]*\bhref=[\"']?(?:https?:)?//[^\"' >]+"
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put a page for each room into the navigation, below the page of public names."""
    reference = next(entry["Reference"] for entry in config.nav if isinstance(entry, dict) and "Reference" in entry)
    reference += [{room or "ground": _reference_page(room)} for room in _rooms()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that live elsewhere and those of the rooms."""
    for page, source in INCLUDED.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    for room in _rooms():
        files.append(File.generated(config, _reference_page(room), content=_room_text(room)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of an included file, which are relative to its place in the repository, into links of pages."""
    source = INCLUDED.get(page.file.src_uri)
    return markdown if source is None else _LINK.sub(lambda link: _to_page(link, posixpath.dirname(source)), markdown)


def on_post_build(config: MkDocsConfig) -> None:
    """Warn of everything that a page would fetch from another host."""
    site = Path(config.site_dir)
    for path in sorted(site.rglob("*.html")):
        for found in _FETCHED.findall(path.read_text(encoding="utf-8")):
            logger.warning("%s would fetch something from another host: %s", path.relative_to(site), found)


def _to_page(link: re.Match[str], folder: str) -> str:
    before, target, after = link.groups()
    if "://" in target or target.startswith("mailto:"):
        return link[0]
    path = posixpath.normpath(posixpath.join(folder, target))
    if path.startswith("docs/"):
        return before + path.removeprefix("docs/") + after
    return before + _PAGE_OF.get(path, target) + after  # what is no page is reported by mkdocs


def _rooms() -> list[str]:
    """The rooms of the package by name; an empty one stands for the modules that lie in no room."""
    return ["", *sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))]


def _reference_page(room: str) -> str:
    return f"reference/{room or 'ground'}.md"


def _room_text(room: str) -> str:
    """A page with the modules of a room, its own `__init__` first."""
    pattern = f"{room}/**/*.py" if room else "*.py"
    paths = sorted(PACKAGE.glob(pattern), key=lambda path: (path.parent, path.name != "__init__.py", path.name))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    if not room:
        names.remove("lawgov_nlp")  # its names have the first page of the reference
    title = f"# `lawgov_nlp.{room}`" if room else "# The ground: modules in no room"
    return "\n\n".join([title, *(f"::: {name}\n    options:\n      show_submodules: false" for name in names)]) + "\n"
