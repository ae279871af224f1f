"""Which device runs a model, in which engine and precision; found out without importing torch where it isn't needed."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lawgov_nlp.errors import ModelError

ENGINES = {"torch": ("float32", "bfloat16", "float16"), "openvino": ("float32", "bfloat16")}
"""The engines, each with the precisions that are supported here."""

_GPU_FILES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvhost-gpu", "/dev/dxg", "/dev/kfd")
"""What Linux has where a GPU that torch may see is present: NVIDIA's, also on Jetson and in WSL, and AMD's."""


class AnyDevice(Protocol):
    """What is needed of a device: `torch.device` has it, and `Device`."""

    @property
    def type(self) -> str:
        """Its kind, `cpu` or `cuda`."""
        ...


@dataclass(frozen=True)
class Device:
    """A device by its name, as `torch.device`, which takes a second to import.

    Attributes:
        type: `cpu` or `cuda`.
        index: The number of the GPU; None stands for the current one.
    """

    type: str
    index: int | None = None

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"


def resolve_device(name: str) -> Device:
    """Resolve the name of a device: `auto` (CUDA if available, else the CPU), `cpu`, `cuda` or `cuda:N`.

    Raises:
        ModelError: The name is unknown, or the machine has no such device.
    """
    if name == "auto":
        if not _may_have_gpu():
            return Device("cpu")
        import torch

        return Device("cuda" if torch.cuda.is_available() else "cpu")
    match = re.fullmatch(r"cpu|cuda(?::(\d+))?", name)
    if not match:
        raise ModelError(f"unknown device {name!r}; expected auto, cpu, cuda or cuda:N")
    if name == "cpu":
        return Device("cpu")
    import torch

    count = torch.cuda.device_count()
    if int(match[1] or 0) >= count:
        raise ModelError(f"device {name!r} was asked for, but torch {torch.__version__} sees {count} GPU(s); try auto")
    return Device("cuda", None if match[1] is None else int(match[1]))


def resolve_backend(name: str, device: AnyDevice) -> tuple[str, str]:
    """Resolve the name of a backend to an engine and a precision.

    Args:
        name: `auto`, an engine (`torch`, `openvino`), or an engine with a precision (`torch:float32`). `auto` is
            OpenVINO on a CPU if it is installed, otherwise torch. Without a precision, it is a 16-bit one if the device
            computes in it natively, otherwise float32.
        device: The device to run on.

    Returns:
        The engine and the precision.

    Raises:
        ModelError: There is no such backend, it isn't installed, or the device doesn't support it.
    """
    match = re.fullmatch(r"(auto|torch|openvino)(?::(float32|bfloat16|float16))?", name)
    if not match or (match[1] == "auto" and match[2]):
        known = ", ".join(f"{engine}:{p}" for engine, precisions in ENGINES.items() for p in precisions)
        raise ModelError(f"unknown backend {name!r}; expected auto, {', '.join(ENGINES)}, {known}")
    engine, precision = match.groups()
    if engine == "auto":
        engine = "openvino" if device.type == "cpu" and importlib.util.find_spec("openvino") else "torch"
    if engine == "openvino" and importlib.util.find_spec("openvino") is None:
        raise ModelError("backend openvino: not installed; pip install 'lawgov-nlp[fast]', or take torch")
    if engine == "openvino" and device.type != "cpu":
        raise ModelError(f"backend openvino runs on the CPU here, not on {device}; take torch, or device cpu")
    precision = precision or native_precision(device)
    if precision not in ENGINES[engine]:
        raise ModelError(f"backend {engine} has no {precision}; expected {' or '.join(ENGINES[engine])}")
    if precision == "float16" and device.type == "cpu":
        raise ModelError("backend torch:float16 is for GPUs; on a CPU take bfloat16 or float32")
    return engine, precision


def native_precision(device: AnyDevice) -> str:
    """Return the fastest precision that a device supports natively without a visible loss in the labels."""
    if device.type == "cuda":
        import torch

        capable = torch.cuda.get_device_capability(getattr(device, "index", None)) >= (8, 0)
        return "bfloat16" if capable else "float16"  # Older GPUs emulate it.
    return "bfloat16" if _cpu_features() & {"avx512_bf16", "amx_bf16"} else "float32"


def threads() -> int:
    """Return the number of threads that computing may take: torch's where torch is loaded, else as OpenMP counts."""
    if "torch" in sys.modules:
        count: int = sys.modules["torch"].get_num_threads()
        return count
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(asked) if asked.isdigit() and int(asked) else cores()


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _may_have_gpu() -> bool:
    """Tell whether asking torch for a GPU is worth its import: false only where it can't see one."""
    if sys.platform == "darwin":
        return False
    return sys.platform != "linux" or any(Path(place).exists() for place in _GPU_FILES)


def _cpu_features() -> set[str]:
    """Return the names of the processor's features, as Linux and torch write them; empty where neither tells."""
    if sys.platform == "linux":
        try:
            flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        except OSError:
            flags = None
        return set(flags[1].split()) if flags else set()
    import torch

    tells: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # Older versions of torch don't tell.
    return {name for name, has in tells.items() if has}
