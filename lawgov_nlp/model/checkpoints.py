"""Find and load models: the models shipped with the package, their names, their configuration files.

Only `load_tagger` imports the libraries that a model needs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lawgov_nlp.errors import ModelError, SchemeError
from lawgov_nlp.model import MODEL_TYPE
from lawgov_nlp.paths import check_path
from lawgov_nlp.scheme import Dimension, Scheme

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from lawgov_nlp.model.modeling import TaggerModel

SHIPPED = {"shipped": ("weights", "lawgov-small"), "tiny": ("weights-tiny", "lawgov-tiny")}
"""The models shipped with the package, by the names that a user may give instead of a folder. Each has a folder name in
the wheel and one below `models/`. `tiny` has half the layers."""


def shipped_model(name: str = "shipped") -> Path:
    """Return the folder of a shipped model.

    Raises:
        ModelError: The package was built without this model.
    """
    folders = _places(name)
    for folder in folders:
        if (folder / "model.safetensors").is_file():
            return folder
    raise ModelError(f"no model beside the package: {folders[0]} is missing; reinstall lawgov-nlp from its wheel")


def shipped_folders() -> list[Path]:
    """Return all folders in which shipped models may lie; some may not exist."""
    return [folder for name in SHIPPED for folder in _places(name)]


def is_shipped(name: Path | str | None) -> bool:
    """Tell whether a name stands for a shipped model. A folder of the same name with a model takes precedence."""
    return name is None or (str(name) in SHIPPED and not (Path(name) / "config.json").is_file())


def named_model(name: Path | str | None) -> Path:
    """Return the folder of a model.

    Args:
        name: A folder, or the name of a shipped model. None stands for the default shipped model.

    Raises:
        ModelError: The folder doesn't exist, or the package was built without the shipped model.
    """
    if is_shipped(name):
        return shipped_model(str(name or "shipped"))
    folder = Path(str(name))
    if not folder.is_dir():
        raise ModelError(f"there is no folder {folder}; the models that come along are called {', '.join(SHIPPED)}")
    return folder


def _places(name: str) -> list[Path]:
    """Return the folder of a shipped model in the wheel and the one beside the source."""
    here, (packed, unpacked) = Path(__file__).parents[1], SHIPPED[name]
    return [here / packed, here.parent / "models" / unpacked]


def load_tagger(folder: Path) -> tuple[TaggerModel, PreTrainedTokenizerFast]:
    """Load weights and tokenizer from a folder. Nothing is downloaded and only safetensors are read.

    Raises:
        ModelError: A file is missing or damaged, a weight is missing or unexpected, the labels are in an unknown form,
            the window is longer than the encoder allows, or the tokenizer belongs to another model.
    """
    from transformers import PreTrainedTokenizerFast
    from transformers.utils import logging as transformers_logging

    from lawgov_nlp.model.config import TaggerConfig, longest_window
    from lawgov_nlp.model.modeling import TaggerModel

    folder = Path(folder)
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise ModelError(f"{folder} holds no {name}; expected a folder that training/train.py wrote")
    bar = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        config = TaggerConfig.from_pretrained(folder, local_files_only=True)
        loaded: Any = TaggerModel.from_pretrained(
            folder, config=config, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        model, info = loaded
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # A damaged file fails in one of five libraries, each with its own errors.
        raise ModelError(f"{folder} could not be loaded as a lawgov_nlp model: {error}") from error
    finally:
        if bar:
            transformers_logging.enable_progress_bar()
    wrong = [*info["missing_keys"], *info["unexpected_keys"], *info.get("mismatched_keys", ())]
    if wrong:
        raise ModelError(
            f"{folder}: weights missing or left over: {', '.join(map(str, wrong[:5]))}; another version's?"
        )
    if config.window > (longest := longest_window(model.encoder.config)):
        raise ModelError(
            f"{folder}: window {config.window} is longer than the encoder's {longest} positions; config.json was "
            "changed by hand?"
        )
    if len(tokenizer) > model.encoder.config.vocab_size:
        raise ModelError(
            f"{folder}: tokenizer has {len(tokenizer)} pieces, the encoder {model.encoder.config.vocab_size}; "
            "tokenizer.json belongs to another model"
        )
    return model, tokenizer


def is_tagger(folder: Path) -> bool:
    """Tell from its configuration whether a folder holds a tagger of this package."""
    try:
        return read_config(folder).get("model_type") == MODEL_TYPE
    except ModelError:
        return False


def model_scheme(folder: Path) -> Scheme:
    """Read the scheme of a model from its config.json without loading the model.

    Raises:
        ModelError: The folder has no config.json, or its labels are in an unknown form.
    """
    try:
        return Scheme.from_config(read_config(folder).get("dimensions") or [d.value for d in Dimension])
    except SchemeError as error:
        raise ModelError(f"{folder / 'config.json'}: {error}; is it a model of another version?") from None


def model_revision(folder: Path) -> str:
    """Read the name and version of a model from its config.json.

    Raises:
        ModelError: The folder has no config.json, or it names no revision.
    """
    revision = read_config(folder).get("revision")
    if not isinstance(revision, str):
        raise ModelError(f"{folder / 'config.json'}: no configuration of a tagger (it names no revision)")
    return revision


def read_config(folder: Path) -> dict[str, Any]:
    """Read a model's config.json.

    Raises:
        ModelError: The file can't be read or isn't a JSON object.
    """
    check_path(folder, "folder")
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: can't be read ({error.strerror}); expected the folder of a model") from None
    except ValueError as error:
        raise ModelError(f"{path}: {error}; is it a model of another version?") from None
    if not isinstance(config, dict):
        raise ModelError(f"{path}: no JSON object; is it a model of another version?")
    return config
