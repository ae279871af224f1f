"""The files of a model's folder without torch: settings from config.json, weights from safetensors as arrays."""

from __future__ import annotations

import json
import mmap
import struct
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from lawgov_nlp.errors import ModelError
from lawgov_nlp.model.checkpoints import model_scheme, read_config
from lawgov_nlp.scheme import Scheme

_TYPES = {"F32": np.float32, "F16": np.float16}
"""The types in which weights may be stored here; numpy has no bfloat16."""


@dataclass(kw_only=True)
class TaggerSettings:
    """What `TaggerConfig` stores, as far as tagging reads it, with the same names and defaults.

    Attributes:
        scheme: The model's labels.
        encoder: The encoder's own configuration.
    """

    scheme: Scheme
    encoder: dict[str, Any] = field(default_factory=dict)
    window: int = 512
    overlap: int = 64
    heading: int = 64
    pointer_size: int = 128
    reader_layers: int = 0
    reader_from: int = 0
    secondary_threshold: float = 0.5
    primary_temperature: float = 1.0
    review_below: float = 0.0
    revision: str = ""

    @classmethod
    def load(cls, folder: Path) -> TaggerSettings:
        """Read the settings of a model's folder.

        Raises:
            ModelError: There is no config.json, or it isn't one of a tagger.
        """
        stored = read_config(folder)
        known = {f.name: stored[f.name] for f in fields(cls) if f.name in stored and f.name != "scheme"}
        return cls(scheme=model_scheme(folder), **known)


def read_weights(path: Path) -> dict[str, np.ndarray] | None:
    """Map the weights of a safetensors file into memory; nothing is read before it is used.

    Returns:
        The arrays by name, which can't be written to; None if a weight is stored in another type than float32 and
        float16.

    Raises:
        ModelError: The file is missing or damaged.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            head = json.loads(file.read(length))
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        out: dict[str, np.ndarray] = {}
        for name, about in head.items():
            if name == "__metadata__":
                continue
            if about["dtype"] not in _TYPES:
                return None
            start, end = about["data_offsets"]
            stored = np.dtype(_TYPES[about["dtype"]]).newbyteorder("<")
            count, rest = divmod(end - start, stored.itemsize)
            if rest:
                raise ValueError(f"{name} has {end - start} bytes")
            out[name] = np.frombuffer(data, stored, count, 8 + length + start).reshape(about["shape"])
    except Exception as error:  # Damage shows in many ways.
        raise ModelError(f"{path.parent} could not be loaded as a lawgov_nlp model: {error}") from error
    return out
