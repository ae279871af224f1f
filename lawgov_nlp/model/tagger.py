"""Tag reports: load the weights once, sort paragraphs by length into batches, and restore their order.

A thread decodes the previous batch while the encoder runs, because the encoder computes without Python's lock.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lawgov_nlp.errors import ModelError
from lawgov_nlp.model.checkpoints import load_tagger, named_model
from lawgov_nlp.model.decoding import decode_batch
from lawgov_nlp.model.devices import Device, resolve_backend, resolve_device
from lawgov_nlp.model.outputs import Predictor
from lawgov_nlp.model.pieces import Pieces
from lawgov_nlp.model.table_indicators import Question, TableWork
from lawgov_nlp.model.windows import ArrayBatch, EncodedParagraph, WindowTokenizer
from lawgov_nlp.report import Line, Report
from lawgov_nlp.results.indicator_roles import with_roles
from lawgov_nlp.results.paragraph import TaggedParagraph
from lawgov_nlp.results.tagged_report import TaggedReport

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from lawgov_nlp.model.backends import Backend
    from lawgov_nlp.model.modeling import TaggerModel

logger = logging.getLogger(__name__)

BATCH_TOKENS = {"cpu": 2048, "cuda": 32768}
"""The most tokens in a batch, including padding. On a CPU larger batches add padding and no speed."""

AHEAD = 2
"""The most batches that may wait for decoding while the encoder continues. Each keeps its states in memory."""

GROUP_PARAGRAPHS = 1024
"""The number of paragraphs that `tag_many` collects from successive reports before it sorts them by length."""


class Tagger:
    """A loaded model that tags reports.

    Attributes:
        model: The model, with its settings (`config`) and labels (`scheme`).
        predictor: The model with the engine that runs it.

    Args:
        model: A model in torch, which stays on its device and in its precision and is set to evaluation mode, or a
            predictor.
        tokenizer: The model's tokenizer.
        backend: What runs the encoder of a model in torch. None runs it in torch as it is.
    """

    def __init__(
        self,
        model: TaggerModel | Predictor,
        tokenizer: PreTrainedTokenizerFast | Pieces,
        backend: Backend | None = None,
    ) -> None:
        self.model = model
        if isinstance(model, Predictor):
            self.predictor = model
        else:
            from lawgov_nlp.model.backends import TorchBackend, TorchPredictor

            model.eval()
            self.predictor = TorchPredictor(model, backend or TorchBackend(model, "float32"))
        config = model.config
        self.tokenizer = WindowTokenizer(
            tokenizer, window=config.window, overlap=config.overlap, heading=config.heading
        )

    @classmethod
    def from_pretrained(cls, folder: Path | str | None = None, device: str = "auto", backend: str = "auto") -> Tagger:
        """Load a tagger from a folder.

        Args:
            folder: A folder that `TaggerModel.save_pretrained` wrote, with a tokenizer, or the name of a shipped model
                as in `lawgov_nlp.model.checkpoints`. None takes the default shipped model.
            device: `auto` (CUDA if available, else the CPU), `cpu`, `cuda` or `cuda:N`.
            backend: What runs the encoder, as in `lawgov_nlp.model.devices.resolve_backend`.

        Returns:
            The tagger.

        Raises:
            ModelError: The folder holds no such model, or the device or the backend isn't available.
        """
        where = resolve_device(device)
        engine, precision = resolve_backend(backend, where)
        place = named_model(folder)
        if engine == "openvino":
            try:
                return cls(*_in_openvino(place, precision))
            except ModelError as error:
                if backend != "auto":
                    raise
                logger.warning("%s; torch runs it", error)
        return cls(*_in_torch(place, where, precision))

    @property
    def backend_name(self) -> str:
        """The engine that runs the encoder and its precision, such as `openvino:float32`."""
        return self.predictor.name

    def tag(self, report: Report) -> TaggedReport:
        """Tag one report."""
        return next(self.tag_many([report]))

    def tag_many(self, reports: Iterable[Report]) -> Iterator[TaggedReport]:
        """Tag reports; paragraphs of neighbouring reports share batches.

        Yields:
            The tagged reports in the order of the input.
        """
        for report, _ in self.tag_with_vectors(reports):
            yield report

    def tag_with_vectors(self, reports: Iterable[Report]) -> Iterator[tuple[TaggedReport, np.ndarray]]:
        """Tag reports as `tag_many` does, and return a vector for each paragraph from the same pass.

        Paragraphs with similar vectors are similar to the model.

        Yields:
            Each report with the vectors of its paragraphs (`TaggerOutput.paragraph`), float32, (paragraphs,
            3 * hidden).
        """
        group: list[Report] = []
        size = 0
        for report in reports:
            group.append(report)
            size += len(report.paragraphs)
            if size >= GROUP_PARAGRAPHS:
                yield from self._tag_group(group)
                group, size = [], 0
        yield from self._tag_group(group)

    def tag_paragraphs(self, paragraphs: Sequence[Line]) -> list[TaggedParagraph]:
        """Tag paragraphs, each with its own headings, and return them in the same order."""
        return [with_roles(p) for p in self._tag_paragraphs(paragraphs)[0]]

    def topics(self, questions: Sequence[Question]) -> list[int]:
        """Return the topic of what each value counts, given its name, as an index of the scheme's `topics`."""
        encoded = self.tokenizer.encode([question.line for question in questions])
        found = [0] * len(questions)
        for batch, arrays in self._batches(encoded):
            # A statement is read in its first window, which holds all of it unless the model's windows are very short.
            first = [encoded[k].windows[0] for k in batch]
            at = np.cumsum([0, *(len(encoded[k].windows) for k in batch[:-1])])
            bodies, ends = np.array([[w.body] for w in first]), np.array([[len(w.input_ids) - 2] for w in first])
            values, names = (
                np.minimum(
                    np.array([encoded[k].tokens(span) for k, span in zip(batch, spans, strict=True)]) + bodies, ends
                )
                for spans in ([questions[k].value for k in batch], [questions[k].name for k in batch])
            )
            rows = np.column_stack([at, values])
            output = self.predictor.output(self.predictor.encode(arrays), arrays)
            chosen = output.read_values(rows, rows).topics(names).tolist()
            for k, topic in zip(batch, chosen, strict=True):
                found[k] = topic
        return found

    def vectors(self, paragraphs: Sequence[Line]) -> np.ndarray:
        """Return only the paragraphs' vectors, as in `tag_with_vectors`."""
        return self._tag_paragraphs(paragraphs)[1]

    def batches(self, paragraphs: Sequence[Line]) -> Iterator[ArrayBatch]:
        """Yield the batches that the predictor would receive, the longest paragraphs first."""
        encoded = self.tokenizer.encode(paragraphs)
        return (arrays for _, arrays in self._batches(encoded))

    def _tag_paragraphs(self, paragraphs: Sequence[Line]) -> tuple[list[TaggedParagraph], np.ndarray]:
        encoded = self.tokenizer.encode(paragraphs)
        tagged: dict[int, TaggedParagraph] = {}
        vectors = np.zeros((len(paragraphs), self.predictor.width), dtype=np.float32)
        waiting: deque[tuple[list[int], Future[tuple[list[TaggedParagraph], np.ndarray]]]] = deque()

        def collect() -> None:
            batch, decoding = waiting.popleft()
            results, vectors[batch] = decoding.result()
            for k, result in zip(batch, results, strict=True):
                tagged[k] = result

        with ThreadPoolExecutor(1, "lawgov-decode") as decoder:
            for batch, arrays in self._batches(encoded):
                states = self.predictor.encode(arrays)
                own = [encoded[k] for k in batch], [paragraphs[k] for k in batch]
                waiting.append((batch, decoder.submit(self._decode, states, arrays, *own)))
                if len(waiting) > AHEAD:
                    collect()
            while waiting:
                collect()
        return [tagged[k] for k in range(len(paragraphs))], vectors

    def _decode(
        self,
        states: Any,  # noqa: ANN401 - of the predictor's own form
        batch: ArrayBatch,
        encoded: Sequence[EncodedParagraph],
        paragraphs: Sequence[Line],
    ) -> tuple[list[TaggedParagraph], np.ndarray]:
        """Return the tagged paragraphs of a batch and their vectors, given the encoder's states."""
        output = self.predictor.output(states, batch)
        windows = [w for code in encoded for w in code.windows]
        model = self.predictor
        return decode_batch(model.config, model.scheme, output, windows, encoded, paragraphs), output.paragraph

    def _batches(self, encoded: Sequence[EncodedParagraph]) -> Iterator[tuple[list[int], ArrayBatch]]:
        """Yield batches with the indices of their paragraphs.

        A batch stays within the token budget, but it always holds all windows of a paragraph. The longest paragraphs
        come first: then the batch that needs the most memory fails at once, and the last batch, whose decoding no
        encoder run hides, is short.
        """
        sizes = [sum(len(w.input_ids) for w in code.windows) for code in encoded]  # Headings are padded, too.
        budget = BATCH_TOKENS[self.predictor.kind]
        batch: list[int] = []
        for k in sorted(range(len(encoded)), key=lambda k: -sizes[k]):
            if batch and sizes[batch[0]] * (len(batch) + 1) > budget:
                yield batch, self._collated(encoded, batch)
                batch = []
            batch.append(k)
        if batch:
            yield batch, self._collated(encoded, batch)

    def _collated(self, encoded: Sequence[EncodedParagraph], batch: Sequence[int]) -> ArrayBatch:
        return self.tokenizer.arrays([w for k in batch for w in encoded[k].windows])

    def _tag_group(self, reports: Sequence[Report]) -> Iterator[tuple[TaggedReport, np.ndarray]]:
        tagged, vectors = self._tag_paragraphs([p for report in reports for p in report.paragraphs])
        works = [TableWork(report) for report in reports]
        topics = iter(self.topics([question for work in works for question in work.questions]))
        inside = iter(self.tag_paragraphs([line for work in works for line in work.lines]))
        at = 0
        for report, work in zip(reports, works, strict=True):
            end = at + len(report.paragraphs)
            own = tuple(with_roles(p, report.year) for p in tagged[at:end])
            figures = work.indicators(
                [next(topics) for _ in work.questions], [next(inside) for _ in work.lines], self.model.scheme.topics
            )
            unread = [i.text for i in (*(i for p in own for i in p.indicators), *figures) if i.number is None]
            warnings = (
                (f"{len(unread)} value(s) could not be read as numbers: {'、'.join(unread[:5])}",) if unread else ()
            )
            fields = {f.name: getattr(report, f.name) for f in dataclasses.fields(Report)}
            fields["warnings"] += warnings
            scheme = self.model.scheme
            yield (
                TaggedReport(
                    **fields, tagged=own, model=self.model.config.revision, scheme=scheme, table_indicators=figures
                ),
                vectors[at:end],
            )
            at = end


def _in_openvino(folder: Path, precision: str) -> tuple[Any, ...]:
    """Load a model for OpenVINO: without torch where the model allows it, otherwise converted from torch.

    Returns:
        The arguments of `Tagger`.

    Raises:
        ModelError: The model can't be loaded or OpenVINO can't take it.
    """
    from lawgov_nlp.model.openvino_tagger import load_openvino_tagger

    loaded = load_openvino_tagger(folder, precision)
    if loaded is not None:
        return loaded
    from lawgov_nlp.model.backends import OpenVINOBackend, TorchPredictor

    model, tokenizer = load_tagger(folder)
    model = model.float().eval()
    device = model.device  # Afterwards there are no weights of the encoder that could tell it.
    return TorchPredictor(model, OpenVINOBackend(model, precision), device), tokenizer


def _in_torch(folder: Path, device: Device, precision: str) -> tuple[Any, ...]:
    """Load a model for torch.

    Returns:
        The arguments of `Tagger`.

    Raises:
        ModelError: The model can't be loaded.
    """
    import torch

    from lawgov_nlp.model.backends import TorchBackend

    model, tokenizer = load_tagger(folder)
    model = model.float().to(torch.device(str(device))).eval()
    return model, tokenizer, TorchBackend(model, precision)


_KEPT: dict[tuple[Path, str, str], Tagger] = {}
"""The taggers in memory by folder, device and actual backend, the most recently used last."""

_CAME_TO: dict[tuple[Path, str], str] = {}
"""The backend that `auto` resolved to, by folder and device."""

KEPT = 2
"""The most taggers that are kept in memory."""

_LOADING = threading.Lock()
"""Threads that request the same tagger at the same time get the same object."""


def get_tagger(folder: Path | str | None = None, device: str = "auto", backend: str = "auto") -> Tagger:
    """Return the tagger for a folder, device and backend; each is loaded once per process and kept while recent.

    Defaults and the names that they stand for lead to the same tagger.

    Raises:
        ModelError: As in `Tagger.from_pretrained`.
    """
    where = resolve_device(device)
    if where.type == "cuda" and where.index is None:
        import torch

        where = Device("cuda", torch.cuda.current_device())
    place = (named_model(folder).resolve(), str(where))
    name = ":".join(resolve_backend(backend, where))
    with _LOADING:
        if backend == "auto" and place in _CAME_TO:  # Don't retry OpenVINO if it failed before.
            backend = name = _CAME_TO[place]
        found = _KEPT.pop((*place, name), None) or Tagger.from_pretrained(*place, backend)
        if backend == "auto":
            _CAME_TO[place] = found.backend_name
        _KEPT[(*place, found.backend_name)] = found
        while len(_KEPT) > KEPT:
            _KEPT.pop(next(iter(_KEPT)))
    return found
