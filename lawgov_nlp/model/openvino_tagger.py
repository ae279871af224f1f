"""A tagger of BERT's architecture as OpenVINO graphs that are built from the weights, without torch or transformers.

Importing these two and tracing the encoder takes longer than tagging a report. Other encoders are converted from torch
(`lawgov_nlp.model.backends`). The graphs do what `lawgov_nlp.model.modeling`
and `value_reader` do; `tests/test_openvino_tagger.py` compares the two.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lawgov_nlp.errors import ModelError
from lawgov_nlp.model import TAGS
from lawgov_nlp.model.openvino_settings import import_openvino, settings_of
from lawgov_nlp.model.outputs import (
    BEFORE,
    BEHIND,
    MASKED,
    POINTER_CLAUSES,
    POINTER_REACH,
    REACH,
    ROLES,
    Predictor,
    ValueScores,
)
from lawgov_nlp.model.pieces import Pieces
from lawgov_nlp.model.weights import TaggerSettings, read_weights
from lawgov_nlp.model.windows import ArrayBatch

WINDOWS_AT_ONCE = 64
"""The most windows in one pass of the encoder, so that a paragraph as long as a book doesn't exhaust the memory."""

_TEXT, _VALUE, _OTHER = range(len(ROLES))
_NO_DISTANCE, _PADDING = 2 * REACH + 1, 2 * REACH + 2
"""The rows of the distance embedding for the window's first token and for padding."""

_LINEAR = ("weight", "bias")
_ENCODER_SETTINGS = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}
"""The encoder settings with one value that the graphs can express, which is also what a missing one stands for."""

Weights = Mapping[str, np.ndarray]


class OpenVINOTagger(Predictor):
    """A model whose encoder, `ValueReader` or pointer, and heads run in OpenVINO and numpy.

    Attributes:
        reads: Whether names are found by a `ValueReader`, and not by the pointer.

    Args:
        settings: The model's settings.
        weights: Its weights by name.
        precision: The precision of the computation in the encoder and the reader, `float32` or `bfloat16`.

    Raises:
        ModelError: OpenVINO can't be loaded or can't compile the graphs, or their states aren't numbers.
    """

    kind = "cpu"

    def __init__(self, settings: TaggerSettings, weights: Weights, precision: str) -> None:
        self.config, self.scheme = settings, settings.scheme
        self.name = f"openvino:{precision}"
        self.reads = settings.reader_layers > 0
        own = ("reader.span",) if self.reads else ("query", "key")
        self._heads = {
            name: tuple(weights[f"{name}.{part}"].astype(np.float32) for part in _LINEAR)
            for name in ("primary", "mentions", "tags", *own)
        }
        self._biases = {
            name: weights[f"{name}.weight"].astype(np.float32) for name in ("distance", "clauses") if not self.reads
        }
        self.width = self._heads["primary"][0].shape[1]
        try:
            openvino = import_openvino()
            core, options = openvino.Core(), settings_of(precision)
            graphs = _Graphs(settings, weights)
            exact = options | {"INFERENCE_PRECISION_HINT": "f32"}  # As the heads in torch.
            self._encoder = _Compiled(core, graphs.encoder(), options)
            self._reader = _Compiled(core, graphs.reader(), options) if self.reads else None
            self._topic = _Compiled(core, graphs.topic(), exact)
        except ModelError:
            raise
        except Exception as error:  # Importing and compiling raise errors of OpenVINO's own.
            raise ModelError(f"OpenVINO can't take this encoder: {error}; take backend torch") from error
        self._check()

    def _check(self) -> None:
        """Raise if padding makes a state of the encoder or the reader something other than a number.

        `tests/test_openvino_tagger.py` compares the graphs with torch. An overflow, however, depends on the processor,
        and the model would then find neither names nor topics without a word.
        """
        seen = np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]], dtype=np.float32)
        zeros = np.zeros(seen.shape, dtype=np.int64)
        states = [*self._encoder(zeros, seen, zeros)]
        if self._reader is not None:
            states += self._reader(states[1], zeros, zeros, seen)
        if not all(np.isfinite(some[seen > 0]).all() for some in states):
            raise ModelError(f"{self.name} gives states of this encoder that aren't numbers; take backend torch")

    def encode(self, batch: ArrayBatch) -> _States:
        """Run the encoder, without Python's lock."""
        parts = [
            self._encoder(
                batch.input_ids[at : at + WINDOWS_AT_ONCE],
                batch.attention_mask[at : at + WINDOWS_AT_ONCE].astype(np.float32),
                batch.token_type_ids[at : at + WINDOWS_AT_ONCE],
            )
            for at in range(0, len(batch.input_ids), WINDOWS_AT_ONCE)
        ]
        last, lower = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        return _States(last, lower)

    def output(self, states: _States, batch: ArrayBatch) -> _Output:
        """Apply the heads to the encoder's states of a batch."""
        return _Output(self, states, batch)

    def head(self, name: str, states: np.ndarray) -> np.ndarray:
        """Apply the linear layer of that name."""
        weight, bias = self._heads[name]
        applied: np.ndarray = states @ weight.T + bias
        return applied

    def read(self, states: np.ndarray, role: np.ndarray, away: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Run the reader's layers, with the roles and distances of the tokens added to the states, (N, S, hidden)."""
        assert self._reader is not None
        return self._reader(states, role, away, seen.astype(np.float32))[0]

    def bias(self, distance: np.ndarray, clauses: np.ndarray) -> np.ndarray:
        """Return what the pointer adds for distances in tokens and in clauses from a value, (N, T, 2)."""
        away = distance.clip(-POINTER_REACH, POINTER_REACH) + POINTER_REACH
        apart = clauses.clip(-POINTER_CLAUSES, POINTER_CLAUSES) + POINTER_CLAUSES
        bias: np.ndarray = self._biases["distance"][away] + self._biases["clauses"][apart]
        return bias

    def topics(self, parts: np.ndarray) -> np.ndarray:
        """Return the number of the likeliest topic, (N,), for the states that tell of values, (N, parts * hidden)."""
        topics: np.ndarray = self._topic(parts)[0].argmax(-1)
        return topics


def load_openvino_tagger(folder: Path, precision: str) -> tuple[OpenVINOTagger, Pieces] | None:
    """Load a model for OpenVINO without torch.

    Args:
        folder: The model's folder.
        precision: `float32` or `bfloat16`.

    Returns:
        The model and its tokenizer; None if it is of a kind that only torch can build: another architecture, or weights
        in bfloat16.

    Raises:
        ModelError: A file is missing or damaged, a weight is missing, left over or of another shape, the window is
            longer than the encoder allows, the tokenizer belongs to another model, or OpenVINO can't take it.
    """
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise ModelError(f"{folder} holds no {name}; expected a folder that training/train.py wrote")
    settings = TaggerSettings.load(folder)
    own = settings.encoder
    if any(own.get(key, value) != value for key, value in _ENCODER_SETTINGS.items()):
        return None
    weights = read_weights(folder / "model.safetensors")
    if weights is None or not (folder / "tokenizer_config.json").is_file():
        return None
    shapes = _expected(settings)
    wrong = sorted({name for name in weights.keys() | shapes.keys() if not _fits(name, weights, shapes)})
    if wrong:
        raise ModelError(f"{folder}: weights missing or left over: {', '.join(wrong[:5])}; another version's?")
    longest = shapes["encoder.embeddings.position_embeddings.weight"][0]
    if settings.window > longest:
        raise ModelError(
            f"{folder}: window {settings.window} is longer than the encoder's {longest} positions; config.json was "
            "changed by hand?"
        )
    pieces = Pieces.load(folder)
    if pieces.size > own["vocab_size"]:
        raise ModelError(
            f"{folder}: tokenizer has {pieces.size} pieces, the encoder {own['vocab_size']}; tokenizer.json belongs "
            "to another model"
        )
    return OpenVINOTagger(settings, weights, precision), pieces


def _fits(name: str, weights: Weights, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    return name in weights and name in shapes and weights[name].shape == shapes[name]


def _expected(settings: TaggerSettings) -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight that a model with these settings has."""
    own = settings.encoder
    h, inner = own["hidden_size"], own["intermediate_size"]
    out: dict[str, tuple[int, ...]] = {
        "encoder.embeddings.word_embeddings.weight": (own["vocab_size"], h),
        "encoder.embeddings.position_embeddings.weight": (own["max_position_embeddings"], h),
        "encoder.embeddings.token_type_embeddings.weight": (own.get("type_vocab_size", 2), h),
    }
    if settings.reader_layers:
        out |= {"reader.role.weight": (len(ROLES), h), "reader.distance.weight": (_PADDING + 1, h)}
    else:
        sizes = {"distance": 2 * POINTER_REACH + 1, "clauses": 2 * POINTER_CLAUSES + 1}
        out |= {f"{name}.weight": (size, 2) for name, size in sizes.items()}

    def linear(name: str, n: int, m: int) -> None:
        out.update({f"{name}.weight": (n, m), f"{name}.bias": (n,)})

    def norm(name: str) -> None:
        out.update({f"{name}.weight": (h,), f"{name}.bias": (h,)})

    norm("encoder.embeddings.LayerNorm")
    layers = [f"encoder.encoder.layer.{k}" for k in range(own["num_hidden_layers"])]
    for layer in (*layers, *(f"reader.layers.layer.{k}" for k in range(settings.reader_layers))):
        for part in ("query", "key", "value"):
            linear(f"{layer}.attention.self.{part}", h, h)
        linear(f"{layer}.attention.output.dense", h, h)
        linear(f"{layer}.intermediate.dense", inner, h)
        linear(f"{layer}.output.dense", h, inner)
        norm(f"{layer}.attention.output.LayerNorm")
        norm(f"{layer}.output.LayerNorm")
    labels, topics = len(settings.scheme), len(settings.scheme.topics)
    heads = [("primary", labels + 1, 3 * h), ("mentions", labels, 3 * h), ("tags", len(TAGS), h)]
    if settings.reader_layers:
        heads += [("reader.span", 2, h), ("reader.topic.0", h, 4 * h), ("reader.topic.2", topics, h)]
    else:
        size = 2 * settings.pointer_size
        heads += [("query", size, 2 * h), ("key", size, h), ("topic.0", h, 5 * h), ("topic.2", topics, h)]
    for name, n, m in heads:
        linear(name, n, m)
    return out


@dataclass(frozen=True)
class _States:
    """The encoder's states after the last layer and after the one that the reader starts from, (W, T, hidden)."""

    last: np.ndarray
    lower: np.ndarray


class _Output:
    """The output for a batch, as `lawgov_nlp.model.outputs.Output` says; the heads are those of `TaggerModel`."""

    def __init__(self, model: OpenVINOTagger, states: _States, batch: ArrayBatch) -> None:
        self._model, self._states, self._batch = model, states, batch
        body = batch.body_mask
        count = body.sum(1, keepdims=True).astype(np.float32)
        path = (batch.attention_mask == 1) & (batch.token_type_ids == 0)
        paths, bodies = _sums(np.stack([path, body], axis=1), states.last).swapaxes(0, 1)
        headings = paths / path.sum(1, keepdims=True, dtype=np.float32)
        sums = np.concatenate([states.last[:, 0] * count, headings * count, bodies], axis=1)
        total = np.zeros((int(batch.paragraph.max()) + 1, sums.shape[1]), dtype=np.float32)
        counts = np.zeros((len(total), 1), dtype=np.float32)
        np.add.at(total, batch.paragraph, sums)
        np.add.at(counts, batch.paragraph, count)
        self.paragraph = total / np.maximum(counts, 1)
        temperature = np.float32(model.config.primary_temperature)
        self.primary = np.exp(_log_softmax(model.head("primary", self.paragraph) / temperature))
        self.mentions = 1 / (1 + np.exp(-model.head("mentions", self.paragraph)))
        self.tags = _log_softmax(model.head("tags", states.last))

    def read_values(self, values: np.ndarray, beside: np.ndarray) -> ValueScores:
        """Find the name and the topic of some values."""
        return self._read(values, beside) if self._model.reads else self._pointed(values)

    def _pointed(self, values: np.ndarray) -> ValueScores:
        """Find names and topics by the pointer, as `TaggerModel.name_logits` and `topic_logits` do."""
        batch, model, states = self._batch, self._model, self._states.last
        window, first, last = values.T
        query = model.head("query", np.concatenate([states[window, first], states[window, last]], axis=1))
        own, place = np.unique(window, return_inverse=True)
        key = model.head("key", states[own])
        at = np.arange(states.shape[1])
        distance = np.where(at > last[:, None], at - last[:, None], np.minimum(at - first[:, None], 0))
        clauses = batch.clause[window] - batch.clause[window, first][:, None]
        bias = model.bias(distance, clauses)
        size, found = query.shape[1] // 2, []
        for k in range(2):
            part = slice(k * size, (k + 1) * size)
            logits = (key[..., part][place] @ query[:, part, None])[..., 0] / np.float32(size**0.5) + bias[..., k]
            found.append(_log_softmax(np.where(batch.body_mask[window], logits, -np.inf)))

        def topics(names: np.ndarray) -> np.ndarray:
            spans = [states[window, at] for at in (first, last, names[:, 0], names[:, 1])]
            return model.topics(np.concatenate([*spans, states[window, 0]], axis=1))

        return ValueScores(starts=found[0], ends=found[1], topics=topics)

    def _read(self, values: np.ndarray, beside: np.ndarray) -> ValueScores:
        """Find names and topics by a second reading, as `ValueReader` does."""
        batch, model = self._batch, self._model
        window, first, last = values.T
        begin = batch.body_mask.argmax(1)
        end = begin + batch.body_mask.sum(1)
        start = np.maximum(begin[window], first - BEFORE)
        stop = np.minimum(end[window], last + 1 + BEHIND)
        tokens = start[:, None] + np.arange((stop - start).max())
        seen = tokens < stop[:, None]
        tokens = np.pad(np.where(seen, tokens, 0), ((0, 0), (1, 0)))  # The window's first token comes first.
        seen = np.pad(seen, ((0, 0), (1, 0)), constant_values=True)
        first, last = first[:, None], last[:, None]
        own = (tokens >= first) & (tokens <= last) & seen
        steps = np.zeros((len(batch.input_ids), batch.input_ids.shape[1] + 1), dtype=np.int64)
        np.add.at(steps, (beside[:, 0], beside[:, 1]), 1)
        np.add.at(steps, (beside[:, 0], beside[:, 2] + 1), -1)
        covered = steps.cumsum(1) > 0
        rows = window[:, None]
        role = np.where(own, _VALUE, np.where(covered[rows, tokens] & seen & ~own, _OTHER, _TEXT))
        away = np.where(tokens > last, tokens - last, np.minimum(tokens - first, 0)).clip(-REACH, REACH) + REACH
        away[:, 0] = _NO_DISTANCE
        away[~seen] = _PADDING
        states = model.read(self._states.lower[rows, tokens], role, away, seen)
        inside = seen.copy()
        inside[:, 0] = False
        logits = np.where(inside[..., None], model.head("reader.span", states), -np.inf)
        places = np.where(inside, tokens, 0)  # Nothing else points to the first token, whose logit is minus infinity.
        everywhere = np.full((len(values), batch.input_ids.shape[1], 2), -np.inf, dtype=np.float32)
        everywhere[np.arange(len(values))[:, None], places] = logits
        everywhere = _log_softmax(everywhere, axis=1)

        def topics(names: np.ndarray) -> np.ndarray:
            named = (tokens >= names[:, :1]) & (tokens <= names[:, 1:]) & inside
            masks = np.stack([own, named, named & (tokens == names[:, 1:])], axis=1)
            # A mean over no token is zero.
            means = _sums(masks, states) / np.maximum(masks.sum(2, keepdims=True, dtype=np.float32), 1)
            return model.topics(np.concatenate([states[:, 0], means.reshape(len(means), -1)], axis=1))

        return ValueScores(starts=everywhere[..., 0], ends=everywhere[..., 1], topics=topics)


def _sums(masks: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return the sums of states, (N, T, hidden), where each of M masks, (N, M, T), is true, (N, M, hidden)."""
    summed: np.ndarray = masks.astype(np.float32) @ states
    return summed


def _log_softmax(logits: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return the log-probabilities of logits along an axis."""
    shifted = logits - logits.max(axis, keepdims=True)
    logs: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))
    return logs


class _Compiled:
    """A compiled graph, with arrays as input and output."""

    def __init__(self, core: Any, graph: Any, options: Mapping[str, object]) -> None:  # noqa: ANN401 - OpenVINO has no stubs
        self._request = core.compile_model(graph, "CPU", options).create_infer_request()
        self._lock = threading.Lock()

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """Run the graph and return all its outputs."""
        with self._lock:  # Threads with the same model share the request and its memory.
            outputs = self._request.infer([np.ascontiguousarray(array) for array in arrays])
            return tuple(outputs[k].copy() for k in range(len(outputs)))


class _Graphs:
    """Builds the graphs of a model.

    Args:
        settings: The model's settings.
        weights: Its weights by name.
    """

    def __init__(self, settings: TaggerSettings, weights: Weights) -> None:
        from openvino import Model, opset13

        self._ops, self._model = opset13, Model
        self._settings, self._weights = settings, weights
        self._heads = settings.encoder["num_attention_heads"]
        self._size = settings.encoder["hidden_size"] // self._heads

    def encoder(self) -> Any:  # noqa: ANN401
        """Build the encoder: ids, mask and types of tokens, (W, T), to the last and the lower states."""
        ops, own = self._ops, self._settings.encoder
        ids, types = (ops.parameter([-1, -1], np.int64, name) for name in ("ids", "types"))
        seen = ops.parameter([-1, -1], np.float32, "seen")
        length = ops.gather(ops.shape_of(ids), 1, 0)
        places = ops.range(ops.constant(0, np.int64), length, ops.constant(1, np.int64), "i64")
        looked_up = [
            ops.gather(self._constant(f"encoder.embeddings.{name}_embeddings.weight"), at, 0)
            for name, at in (("word", ids), ("token_type", types), ("position", places))
        ]
        states = ops.add(ops.add(looked_up[0], looked_up[1]), looked_up[2])
        states = self._norm(states, "encoder.embeddings.LayerNorm", own.get("layer_norm_eps", 1e-12))
        mask, lower = self._mask(seen), states
        for k in range(own["num_hidden_layers"]):
            states = self._layer(states, mask, f"encoder.encoder.layer.{k}", own.get("layer_norm_eps", 1e-12))
            if k + 1 == self._settings.reader_from:
                lower = states
        return self._model([states, lower], [ids, seen, types], "encoder")

    def reader(self) -> Any:  # noqa: ANN401
        """Build the reader's layers: states, (N, S, hidden), roles, distances and mask, (N, S), to states."""
        ops = self._ops
        states = given = ops.parameter([-1, -1, self._settings.encoder["hidden_size"]], np.float32, "states")
        role, away = (ops.parameter([-1, -1], np.int64, name) for name in ("role", "away"))
        seen = ops.parameter([-1, -1], np.float32, "seen")
        for name, at in (("role", role), ("distance", away)):
            states = ops.add(states, ops.gather(self._constant(f"reader.{name}.weight"), at, 0))
        mask = self._mask(seen)
        for k in range(self._settings.reader_layers):
            states = self._layer(states, mask, f"reader.layers.layer.{k}", 1e-12)  # `ReaderLayers` takes BERT's own.
        return self._model([states], [given, role, away, seen], "reader")

    def topic(self) -> Any:  # noqa: ANN401
        """Build the topic head: the states that tell of each value, (N, parts * hidden), to logits, (N, topics)."""
        ops, name = self._ops, "reader.topic" if self._settings.reader_layers else "topic"
        parts = ops.parameter([-1, self._weights[f"{name}.0.weight"].shape[1]], np.float32, "parts")
        inner = ops.gelu(self._linear(parts, f"{name}.0"), "erf")
        return self._model([self._linear(inner, f"{name}.2")], [parts], "topic")

    def _layer(self, states: Any, mask: Any, name: str, eps: float) -> Any:  # noqa: ANN401
        ops = self._ops
        split = ops.constant(np.array([0, 0, self._heads, self._size]), np.int64)
        order = ops.constant(np.array([0, 2, 1, 3]), np.int64)
        asked = [
            ops.transpose(ops.reshape(self._linear(states, f"{name}.attention.self.{part}"), split, True), order)
            for part in ("query", "key", "value")
        ]
        seen = ops.transpose(ops.scaled_dot_product_attention(*asked, mask, causal=False), order)
        joined = ops.reshape(seen, ops.constant(np.array([0, 0, self._heads * self._size]), np.int64), True)
        attended = ops.add(self._linear(joined, f"{name}.attention.output.dense"), states)
        attended = self._norm(attended, f"{name}.attention.output.LayerNorm", eps)
        inner = ops.gelu(self._linear(attended, f"{name}.intermediate.dense"), "erf")
        return self._norm(
            ops.add(self._linear(inner, f"{name}.output.dense"), attended), f"{name}.output.LayerNorm", eps
        )

    def _mask(self, seen: Any) -> Any:  # noqa: ANN401
        """Return what is added to the attention's scores, (N, 1, 1, S): 0 for tokens, `MASKED` for padding."""
        ops = self._ops
        shape = ops.constant(np.array([1, 2]), np.int64)
        least = ops.constant(MASKED, np.float32)
        return ops.unsqueeze(ops.multiply(ops.subtract(ops.constant(1, np.float32), seen), least), shape)

    def _linear(self, states: Any, name: str) -> Any:  # noqa: ANN401
        ops = self._ops
        product = ops.matmul(states, self._constant(f"{name}.weight"), False, True)
        return ops.add(product, self._constant(f"{name}.bias"))

    def _norm(self, states: Any, name: str, eps: float) -> Any:  # noqa: ANN401
        ops = self._ops
        normal = ops.mvn(states, ops.constant(np.array([-1]), np.int64), True, eps, "inside_sqrt")
        return ops.add(ops.multiply(normal, self._constant(f"{name}.weight")), self._constant(f"{name}.bias"))

    def _constant(self, name: str) -> Any:  # noqa: ANN401
        """Return a weight as float32, in the memory of the file where it is stored so."""
        return self._ops.constant(self._weights[name].astype(np.float32, copy=False))
