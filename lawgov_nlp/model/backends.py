"""Run the encoder with torch or OpenVINO, in a precision that the processor supports.

The encoder and the layers of the `ValueReader` take most of the time. The heads always run in torch in float32.
`benchmarks/README.md` has the speed and accuracy of each backend on two cores.
"""

from __future__ import annotations

import logging
import threading
import warnings
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import torch
from torch import nn

from lawgov_nlp.errors import ModelError
from lawgov_nlp.model.openvino_settings import import_openvino, settings_of
from lawgov_nlp.model.outputs import Predictor, ValueScores
from lawgov_nlp.model.windows import ArrayBatch, Batch, States

if TYPE_CHECKING:
    from lawgov_nlp.model.modeling import TaggerModel, TaggerOutput
    from lawgov_nlp.model.value_reader import ReaderLayers

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


class TorchPredictor(Predictor):
    """A model whose heads run in torch, and whose encoder a backend runs.

    Args:
        model: The model. It stays on its device.
        backend: What runs its encoder.
        device: The device of the batches; None takes the model's.
    """

    def __init__(self, model: TaggerModel, backend: Backend, device: torch.device | None = None) -> None:
        self.model, self.backend = model, backend
        # If OpenVINO runs the encoder, the model has no weights of it that could tell the device.
        self.device = device or model.device
        self.name, self.width, self.kind = backend.name, model.primary.in_features, self.device.type
        self.config, self.scheme = model.config, model.scheme

    def encode(self, batch: ArrayBatch) -> tuple[States, Batch]:
        """Return the encoder's states on the device, and the batch there."""
        with torch.inference_mode():
            tensors = batch.tensors().to(self.device)
            return self.backend(tensors), tensors

    def output(self, states: tuple[States, Batch], batch: ArrayBatch) -> TorchOutput:
        """Apply the heads to the encoder's states of a batch."""
        del batch  # `states` holds it on the device.
        with torch.inference_mode():
            return TorchOutput(self.model, self.model.heads(*states), states[1])


class TorchOutput:
    """The output of a model in torch as arrays, as `lawgov_nlp.model.outputs.Output` says.

    Args:
        model: The model.
        output: Its output for the batch.
        batch: The batch, on the model's device.
    """

    def __init__(self, model: TaggerModel, output: TaggerOutput, batch: Batch) -> None:
        self._model, self._output, self._batch = model, output, batch
        self.primary = _array((output.primary.float() / model.config.primary_temperature).softmax(-1))
        self.mentions = _array(output.mentions.float().sigmoid())
        self.tags = _array(output.tags.float().log_softmax(-1))
        self.paragraph = _array(output.paragraph.float())

    def read_values(self, values: np.ndarray, beside: np.ndarray) -> ValueScores:
        """Find the name and the topic of some values."""
        device = self._output.tags.device
        own, among = (torch.from_numpy(some).to(device) for some in (values, beside))
        with torch.inference_mode():
            reading = self._model.read_values(self._output.states, self._batch, own, among)
            starts, ends = (_array(p.float().log_softmax(-1)) for p in (reading.starts, reading.ends))

        def topics(names: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                return _array(reading.topics(torch.from_numpy(names).to(device)).argmax(-1))

        return ValueScores(starts=starts, ends=ends, topics=topics)


def _array(tensor: torch.Tensor) -> np.ndarray:
    array: np.ndarray = tensor.cpu().numpy()
    return array


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
            openvino = import_openvino()
            settings = settings_of(precision)
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
