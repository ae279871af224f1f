"""Run the encoder with torch or OpenVINO, in a precision that the processor supports.

The encoder and the layers of the `ValueReader` take most of the time. The heads always run in torch in float32.
`benchmarks/README.md` has the speed and accuracy of each backend on two cores.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import sys
import threading
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
from torch import nn

from lawgov_nlp.errors import ModelError
from lawgov_nlp.model.windows import States

if TYPE_CHECKING:
    from lawgov_nlp.model.modeling import TaggerModel
    from lawgov_nlp.model.value_reader import ReaderLayers
    from lawgov_nlp.model.windows import Batch

ENGINES = {"torch": ("float32", "bfloat16", "float16"), "openvino": ("float32", "bfloat16")}
"""The engines, each with the precisions that are supported here."""

PROBE_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.25}
"""The largest allowed difference between a state of a converted encoder and torch's state in float32, by precision.
States are of the order of 1. A wrong conversion, such as one without the mask, is off by several units. bfloat16 has a
precision of 8 bits."""


class Backend(Protocol):
    """Runs the encoder.

    Attributes:
        name: The engine and its precision, such as `torch:bfloat16`.
    """

    name: str

    def __call__(self, batch: Batch) -> States:
        """Return the encoder's states in float32 on the batch's device."""
        ...


def resolve_backend(name: str, device: torch.device) -> tuple[str, str]:
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


def native_precision(device: torch.device) -> str:
    """Return the fastest precision that a device supports natively without a visible loss in the labels."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float16"  # Older GPUs emulate it.
    cpu: dict[str, bool] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # Older versions of torch don't tell; then it is float32.
    return "bfloat16" if cpu.get("avx512_bf16") or cpu.get("amx_bf16") else "float32"


class TorchBackend:
    """Runs the model's own encoder in torch. With 16 bits, torch computes products in 16 bits and the rest in float32.

    Weights stored in 16 bits would be 4% faster on a CPU, but their states would be twice as far from those in float32.

    Args:
        model: The model whose encoder runs.
        precision: `float32`, `bfloat16` or `float16`.
    """

    def __init__(self, model: TaggerModel, precision: str) -> None:
        self.name = f"torch:{precision}"
        self._model, self._type = model, getattr(torch, precision)
        if model.reader is not None:
            model.reader.precision = self._type

    def __call__(self, batch: Batch) -> States:
        """Return the encoder's states in float32 on the batch's device."""
        half = self._type is not torch.float32
        with torch.autocast(batch.input_ids.device.type, self._type, enabled=half):
            return self._model.encode(batch).float()


class OpenVINOBackend:
    """Runs the encoder and the layers of the `ValueReader` in OpenVINO. Their torch weights are released.

    Args:
        model: The model whose encoder is converted. It is on the CPU and in float32.
        precision: The precision of the computation, `float32` or `bfloat16`; the states are returned in float32.

    Raises:
        ModelError: The encoder can't be converted, or the converted encoder returns different states.
    """

    def __init__(self, model: TaggerModel, precision: str) -> None:
        self.name = f"openvino:{precision}"
        probe = _probe(model)
        logger = logging.getLogger("transformers")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            openvino = _openvino()
            settings: dict[str, object] = {
                "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
                "CPU_RUNTIME_CACHE_CAPACITY": 64,  # Kernels by shape: OpenVINO keeps 5,000, but shapes rarely recur.
            }
            if torch.get_num_threads() < torch.multiprocessing.cpu_count():  # Use as many threads as torch may.
                settings["INFERENCE_NUM_THREADS"] = torch.get_num_threads()
                settings["ENABLE_CPU_PINNING"] = False  # Several processes would pin the same cores.
            parts: list[tuple[nn.Module, tuple[torch.Tensor, ...]]] = [(_Positional(model), probe)]
            if model.reader is not None:
                with torch.inference_mode():
                    states = model.encode_tensors(*probe)[1]
                parts.append((model.reader.layers, (states, probe[1].float())))
            core, requests = openvino.Core(), []
            for module, example in parts:
                with torch.inference_mode(), warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # Tracing warns of constants; `_check` finds wrong ones.
                    converted = openvino.convert_model(module, example_input=example)
                requests.append(core.compile_model(converted, "CPU", settings).create_infer_request())
        except Exception as error:  # Importing and converting raise errors of three libraries.
            raise ModelError(f"OpenVINO can't take this encoder: {error}; take backend torch") from error
        finally:
            logger.setLevel(level)
        self._encoder, *reader = (_Compiled(request) for request in requests)
        self._check(model, reader, precision)
        nn.Module.to(model.encoder, "meta")
        if model.reader is not None:
            model.reader.layers = cast("ReaderLayers", reader[0])  # The converted part has the same call.

    def __call__(self, batch: Batch) -> States:
        """Return the encoder's states in float32 on the batch's device."""
        return States(*self._encoder(batch.input_ids, batch.attention_mask, batch.token_type_ids))

    def _check(self, model: TaggerModel, reader: list[_Compiled], precision: str) -> None:
        """Compare the converted parts with torch on a batch of a different shape than the traced one."""
        probe = tuple(t.repeat(3, 2)[1:] for t in _probe(model))
        seen = probe[1].bool()
        with torch.inference_mode():
            want = list(model.encode_tensors(*probe))
            found = list(self._encoder(*probe))
            if model.reader is not None:
                given = (want[1], seen.float())
                want.append(model.reader.layers(*given))
                found.extend(reader[0](*given))
        off = float(torch.stack([(f - w)[seen].abs().max() for f, w in zip(found, want, strict=True)]).max())
        if not off <= PROBE_TOLERANCE[precision]:
            raise ModelError(
                f"OpenVINO's states of this encoder are off by {off:.3f}, more than {PROBE_TOLERANCE[precision]}; take "
                "backend torch"
            )


class _Compiled(nn.Module):
    """A converted part of the model, with tensors as input and output."""

    def __init__(self, request: Any) -> None:  # noqa: ANN401 - OpenVINO has no stubs
        super().__init__()
        self._request, self._lock = request, threading.Lock()

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Run the part and return all its outputs."""
        with self._lock:  # Threads with the same model share the request and its memory.
            outputs = self._request.infer([t.numpy() for t in tensors])
            return tuple(torch.from_numpy(outputs[k].copy()) for k in range(len(outputs)))


def _openvino() -> ModuleType:
    """Import OpenVINO without its telemetry, which otherwise reports to Google Analytics from the import on."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # OpenVINO then uses a stub.
    import openvino

    return openvino


class _Positional(nn.Module):
    """The encoder with its inputs as positional arguments, in the order in which OpenVINO receives them."""

    def __init__(self, model: TaggerModel) -> None:
        super().__init__()
        self._model = model

    def forward(self, ids: torch.Tensor, attention: torch.Tensor, types: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self._model.encode_tensors(ids, attention, types)


def _probe(model: TaggerModel) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return example ids, attention mask and token types for two windows, one of them padded."""
    length = min(24, model.config.window // 2)
    ids = (torch.arange(2 * length) % model.encoder.config.vocab_size).view(2, length)
    attention, types = torch.ones_like(ids), torch.zeros_like(ids)
    attention[1, length * 2 // 3 :] = 0
    types[:, length // 3 :] = 1
    return ids, attention, types


def resolve_device(name: str) -> torch.device:
    """Resolve the name of a device: `auto` (CUDA if available, else the CPU), `cpu`, `cuda` or `cuda:N`.

    Raises:
        ModelError: The name is unknown, or the machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    match = re.fullmatch(r"cpu|cuda(?::(\d+))?", name)
    if not match:
        raise ModelError(f"unknown device {name!r}; expected auto, cpu, cuda or cuda:N")
    count = torch.cuda.device_count()
    if name != "cpu" and int(match[1] or 0) >= count:
        raise ModelError(f"device {name!r} was asked for, but torch {torch.__version__} sees {count} GPU(s); try auto")
    return torch.device(name)
