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

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from lawgov_nlp.errors import ModelError
from lawgov_nlp.model.backends import Backend, OpenVINOBackend, TorchBackend, resolve_backend, resolve_device
from lawgov_nlp.model.checkpoints import load_tagger, named_model
from lawgov_nlp.model.decoding import decode_batch
from lawgov_nlp.model.modeling import TaggerModel
from lawgov_nlp.model.ocr_flags import flagged
from lawgov_nlp.model.windows import Batch, EncodedParagraph, States, WindowTokenizer
from lawgov_nlp.report import Line, Report
from lawgov_nlp.results.paragraph import TaggedParagraph
from lawgov_nlp.results.tagged_report import TaggedReport

logger = logging.getLogger(__name__)

BATCH_TOKENS = {"cpu": 2048, "cuda": 32768}
"""The most tokens in a batch, including padding. On a CPU larger batches add padding and no speed."""

AHEAD = 2
"""The most batches that may wait for decoding while the encoder continues. Each keeps its states in memory."""

GROUP_PARAGRAPHS = 1024
"""The number of paragraphs that `tag_many` collects from successive reports before it sorts them by length."""


class Tagger:
    """A loaded model that tags reports.

    Args:
        model: A model in memory. It stays on its device and in its precision, and is set to evaluation mode.
        tokenizer: The model's tokenizer.
        backend: What runs the encoder. None runs the model's encoder in torch as it is.
    """

    def __init__(self, model: TaggerModel, tokenizer: PreTrainedTokenizerFast, backend: Backend | None = None) -> None:
        config = model.config
        self.device, self.model = model.device, model.eval()
        self.backend = backend or TorchBackend(model, "float32")
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
            backend: What runs the encoder, as in `lawgov_nlp.model.backends.resolve_backend`.

        Returns:
            The tagger.

        Raises:
            ModelError: The folder holds no such model, or the device or the backend isn't available.
        """
        where = resolve_device(device)
        engine, precision = resolve_backend(backend, where)
        model, tokenizer = load_tagger(named_model(folder))
        model = model.float().to(where).eval()
        self = cls(model, tokenizer, _backend(model, engine, precision, must=backend != "auto"))
        self.device = where  # If OpenVINO runs the encoder, the model has no weights of it that could tell the device.
        return self

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
        return self._tag_paragraphs(paragraphs)[0]

    def vectors(self, paragraphs: Sequence[Line]) -> np.ndarray:
        """Return only the paragraphs' vectors, as in `tag_with_vectors`."""
        return self._tag_paragraphs(paragraphs)[1]

    def batches(self, paragraphs: Sequence[Line]) -> Iterator[Batch]:
        """Yield the batches that the encoder would receive, on the tagger's device, the longest paragraphs first."""
        encoded = self.tokenizer.encode(paragraphs)
        return (tensors for _, tensors in self._batches(encoded))

    def _tag_paragraphs(self, paragraphs: Sequence[Line]) -> tuple[list[TaggedParagraph], np.ndarray]:
        encoded = self.tokenizer.encode(paragraphs)
        tagged: dict[int, TaggedParagraph] = {}
        vectors = np.zeros((len(paragraphs), self.model.primary.in_features), dtype=np.float32)
        waiting: deque[tuple[list[int], Future[tuple[list[TaggedParagraph], np.ndarray]]]] = deque()

        def collect() -> None:
            batch, decoding = waiting.popleft()
            results, vectors[batch] = decoding.result()
            for k, result in zip(batch, results, strict=True):
                tagged[k] = result

        with ThreadPoolExecutor(1, "lawgov-decode") as decoder:
            for batch, tensors in self._batches(encoded):
                with torch.inference_mode():
                    states = self.backend(tensors)
                own = [encoded[k] for k in batch], [paragraphs[k] for k in batch]
                waiting.append((batch, decoder.submit(self._decode, states, tensors, *own)))
                if len(waiting) > AHEAD:
                    collect()
            while waiting:
                collect()
        return [tagged[k] for k in range(len(paragraphs))], vectors

    def _decode(
        self, states: States, batch: Batch, encoded: Sequence[EncodedParagraph], paragraphs: Sequence[Line]
    ) -> tuple[list[TaggedParagraph], np.ndarray]:
        """Return the tagged paragraphs of a batch and their vectors, given the encoder's states."""
        with torch.inference_mode():
            output = self.model.heads(states, batch)
            windows = [w for code in encoded for w in code.windows]
            tagged = decode_batch(self.model, output, batch, windows, encoded, paragraphs)
        return tagged, output.paragraph.float().cpu().numpy()

    def _batches(self, encoded: Sequence[EncodedParagraph]) -> Iterator[tuple[list[int], Batch]]:
        """Yield batches with the indices of their paragraphs.

        A batch stays within the token budget, but it always holds all windows of a paragraph. The longest paragraphs
        come first: then the batch that needs the most memory fails at once, and the last batch, whose decoding no
        encoder run hides, is short.
        """
        sizes = [sum(len(w.input_ids) for w in code.windows) for code in encoded]  # Headings are padded, too.
        budget = BATCH_TOKENS.get(self.device.type, BATCH_TOKENS["cpu"])
        batch: list[int] = []
        for k in sorted(range(len(encoded)), key=lambda k: -sizes[k]):
            if batch and sizes[batch[0]] * (len(batch) + 1) > budget:
                yield batch, self._collated(encoded, batch)
                batch = []
            batch.append(k)
        if batch:
            yield batch, self._collated(encoded, batch)

    def _collated(self, encoded: Sequence[EncodedParagraph], batch: Sequence[int]) -> Batch:
        return self.tokenizer.collate([w for k in batch for w in encoded[k].windows]).to(self.device)

    def _tag_group(self, reports: Sequence[Report]) -> Iterator[tuple[TaggedReport, np.ndarray]]:
        tagged, vectors = self._tag_paragraphs([p for report in reports for p in report.paragraphs])
        at = 0
        for report in reports:
            end = at + len(report.paragraphs)
            own = flagged(tagged[at:end], report.ocr)
            unread = [i.text for p in own for i in p.indicators if i.number is None]
            warnings = (
                (f"{len(unread)} value(s) could not be read as numbers: {'、'.join(unread[:5])}",) if unread else ()
            )
            fields = {f.name: getattr(report, f.name) for f in dataclasses.fields(Report)}
            fields["warnings"] += warnings
            report = TaggedReport(**fields, tagged=own, model=self.model.config.revision, scheme=self.model.scheme)
            yield report, vectors[at:end]
            at = end


def _backend(model: TaggerModel, engine: str, precision: str, *, must: bool) -> Backend:
    """Create the backend of a model. If OpenVINO can't run it and isn't required (`must`), warn and use torch."""
    if engine == "openvino":
        try:
            return OpenVINOBackend(model, precision)
        except ModelError as error:
            if must:
                raise
            logger.warning("%s; torch runs it", error)
    return TorchBackend(model, precision)


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
        where = torch.device("cuda", torch.cuda.current_device())
    place = (named_model(folder).resolve(), str(where))
    name = ":".join(resolve_backend(backend, where))
    with _LOADING:
        if backend == "auto" and place in _CAME_TO:  # Don't retry OpenVINO if it failed before.
            backend = name = _CAME_TO[place]
        found = _KEPT.pop((*place, name), None) or Tagger.from_pretrained(*place, backend)
        if backend == "auto":
            _CAME_TO[place] = found.backend.name
        _KEPT[(*place, found.backend.name)] = found
        while len(_KEPT) > KEPT:
            _KEPT.pop(next(iter(_KEPT)))
    return found
