"""The models that come with the package, and the names that stand for them where a folder is asked for."""

from __future__ import annotations

from pathlib import Path

from lawgov_nlp.errors import ModelError

SHIPPED = {"shipped": ("weights", "lawgov-small"), "tiny": ("weights-tiny", "lawgov-tiny")}
"""The models that come with the package by the names that may stand for a folder: their folders in the wheel and among
`models/`. `tiny` has half the layers."""


def shipped_model(name: str = "shipped") -> Path:
    """The folder of a model that comes with the package.

    Raises:
        ModelError: The package was built without it.
    """
    folders = _places(name)
    for folder in folders:
        if (folder / "model.safetensors").is_file():
            return folder
    raise ModelError(f"no model beside the package: {folders[0]} is missing; reinstall lawgov-nlp from its wheel")


def shipped_folders() -> list[Path]:
    """Where the models that come with the package are, or would be."""
    return [folder for name in SHIPPED for folder in _places(name)]


def is_shipped(name: Path | str | None) -> bool:
    """Whether it names a model that comes with the package; a model in a folder of that name comes first."""
    return name is None or (str(name) in SHIPPED and not (Path(name) / "config.json").is_file())


def named_model(name: Path | str | None) -> Path:
    """The folder of a model: of the one that comes with the package for None, of another one there for its name.

    Raises:
        ModelError: There is no such folder, or the package was built without the model.
    """
    if is_shipped(name):
        return shipped_model(str(name or "shipped"))
    folder = Path(str(name))
    if not folder.is_dir():
        raise ModelError(f"there is no folder {folder}; the models that come along are called {', '.join(SHIPPED)}")
    return folder


def _places(name: str) -> list[Path]:
    """In the wheel, and beside the source."""
    here, (packed, unpacked) = Path(__file__).parents[1], SHIPPED[name]
    return [here / packed, here.parent / "models" / unpacked]
