"""How OpenVINO is imported and set up, for graphs of either origin."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from lawgov_nlp.model.devices import threads


def import_openvino() -> ModuleType:
    """Import OpenVINO without its telemetry, which otherwise reports to Google Analytics from the import on."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # OpenVINO then uses a stub.
    import openvino

    return openvino


def settings_of(precision: str) -> dict[str, object]:
    """Return the settings to compile a graph with, for computing in `float32` or `bfloat16`."""
    settings: dict[str, object] = {
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
        "CPU_RUNTIME_CACHE_CAPACITY": 64,  # Kernels by shape: OpenVINO keeps 5,000, but shapes rarely recur.
    }
    if threads() < (os.cpu_count() or 1):
        settings["INFERENCE_NUM_THREADS"] = threads()
        settings["ENABLE_CPU_PINNING"] = False  # Several processes would pin the same cores.
    return settings
