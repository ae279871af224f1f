"""Weights loaded once, paragraphs sorted by length into batches, the order restored.

The encoder runs while the batch before is decoded in a thread: it computes outside of Python's lock.
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
from lawgov_nlp.model.windows import Batch, EncodedParagraph, States, WindowTokenizer
from lawgov_nlp.report import Line, Report
from lawgov_nlp.results.paragraph import TaggedParagraph
from lawgov_nlp.results.tagged_report import TaggedReport

logger = logging.getLogger(__name__)

BATCH_TOKENS = {"cpu": 2048, "cuda": 32768}
"""Tokens in a batch, padding included. On a CPU larger batches hold more padding and gain nothing for it."""

AHEAD = 2
"""Batches that may wait for their decoding while the encoder goes on; each holds its states."""

GROUP_PARAGRAPHS = 1024
"""Paragraphs that `tag_many` gathers from successive reports before it sorts them by length."""


class Tagger:
    """A loaded model that tags reports.

    Args:
        model: A model in memory, used as and where it is; it is put into evaluation mode.
        tokenizer: Its tokenizer.
        backend: What runs the encoder; torch, as the model is, where there is none.
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
        """A tagger with the weights of a folder.

        Args:
            folder: A folder written by `TaggerModel.save_pretrained` with its tokenizer, or the name of a shipped model
                as in `lawgov_nlp.model.checkpoints`; None takes the first of them.
            device: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.
            backend: What runs the encoder, as in `lawgov_nlp.model.backends.resolve_backend`.

        Raises:
            ModelError: The folder holds no such model, or the device or the backend isn't there.
        """
        where = resolve_device(device)
        engine, precision = resolve_backend(backend, where)
        model, tokenizer = load_tagger(named_model(folder))
        model = model.float().to(where).eval()
        self = cls(model, tokenizer, _backend(model, engine, precision, must=backend != "auto"))
        self.device = where  # of an encoder that OpenVINO runs the model keeps no weights
        return self

    def tag(self, report: Report) -> TaggedReport:
        """Tag one report."""
        return next(self.tag_many([report]))

    def tag_many(self, reports: Iterable[Report]) -> Iterator[TaggedReport]:
        """Tag reports in order; paragraphs of neighbouring reports share batches.

        Yields:
            The reports in the order they came.
        """
        for report, _ in self.tag_with_vectors(reports):
            yield report

    def tag_with_vectors(self, reports: Iterable[Report]) -> Iterator[tuple[TaggedReport, np.ndarray]]:
        """As `tag_many`, with a vector for each paragraph from the same pass: near in it is alike to the model.

        Yields:
            Each report with the vectors of its paragraphs, float32 (paragraphs, 3 * hidden): `TaggerOutput.paragraph`.
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
        """Tag paragraphs, each in the light of its own headings; the order is kept."""
        return self._tag_paragraphs(paragraphs)[0]

    def vectors(self, paragraphs: Sequence[Line]) -> np.ndarray:
        """The paragraphs' vectors alone, as `tag_with_vectors` gives them."""
        return self._tag_paragraphs(paragraphs)[1]

    def batches(self, paragraphs: Sequence[Line]) -> Iterator[Batch]:
        """What the encoder is given for paragraphs, on the tagger's device; the longest come first."""
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
        """The tagged paragraphs of a batch from the encoder's states, and their vectors."""
        with torch.inference_mode():
            output = self.model.heads(states, batch)
            windows = [w for code in encoded for w in code.windows]
            tagged = decode_batch(self.model, output, batch, windows, encoded, paragraphs)
        return tagged, output.paragraph.float().cpu().numpy()

    def _batches(self, encoded: Sequence[EncodedParagraph]) -> Iterator[tuple[list[int], Batch]]:
        """Which paragraphs share a batch, and the batch: within the budget, but with all windows of a paragraph.

        The longest come first: what needs the most memory fails at once, and the last batch, whose decoding nothing
        hides, is a short one.
        """
        sizes = [sum(len(w.input_ids) for w in code.windows) for code in encoded]  # headings are padded, too
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
            own = tuple(tagged[at:end])
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
    """The backend of a model; where OpenVINO can't take it and needn't, torch, with a warning."""
    if engine == "openvino":
        try:
            return OpenVINOBackend(model, precision)
        except ModelError as error:
            if must:
                raise
            logger.warning("%s; torch runs it", error)
    return TorchBackend(model, precision)


_KEPT: dict[tuple[Path, str, str], Tagger] = {}
"""Taggers in memory by folder, device and backend that they run with, the latest last."""

_CAME_TO: dict[tuple[Path, str], str] = {}
"""What the backend `auto` came to, by folder and device."""

KEPT = 2
"""Taggers that are kept in memory."""

_LOADING = threading.Lock()
"""Threads that ask at once for the same tagger are given one."""


def get_tagger(folder: Path | str | None = None, device: str = "auto", backend: str = "auto") -> Tagger:
    """The tagger for a folder, device and backend, loaded once per process, whether by default or by their names.

    Raises:
        ModelError: As for `Tagger`.
    """
    where = resolve_device(device)
    if where.type == "cuda" and where.index is None:
        where = torch.device("cuda", torch.cuda.current_device())
    place = (named_model(folder).resolve(), str(where))
    name = ":".join(resolve_backend(backend, where))
    with _LOADING:
        if backend == "auto" and place in _CAME_TO:  # where OpenVINO couldn't take the encoder it isn't tried again
            backend = name = _CAME_TO[place]
        found = _KEPT.pop((*place, name), None) or Tagger.from_pretrained(*place, backend)
        if backend == "auto":
            _CAME_TO[place] = found.backend.name
        _KEPT[(*place, found.backend.name)] = found
        while len(_KEPT) > KEPT:
            _KEPT.pop(next(iter(_KEPT)))
    return found
