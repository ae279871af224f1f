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
    here = Path(__file__).parent
    packed, unpacked = SHIPPED[name]
    for folder in (here / packed, here.parent / "models" / unpacked):
        if (folder / "model.safetensors").is_file():
            return folder
    raise ModelError(f"no model beside the package: {here / packed} is missing; reinstall lawgov-nlp from its wheel")


def is_shipped(name: Path | str | None) -> bool:
    """Whether it names a model that comes with the package; a folder of that name comes first."""
    return name is None or (str(name) in SHIPPED and not Path(name).exists())


def named_model(name: Path | str | None) -> Path:
    """The folder of a model: of the one that comes with the package for None, of another one there for its name.

    Raises:
        ModelError: The package was built without it.
    """
    return shipped_model(str(name or "shipped")) if is_shipped(name) else Path(str(name))
