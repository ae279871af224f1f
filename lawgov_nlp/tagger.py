"""Weights loaded once, paragraphs sorted by length into batches, the order restored.

The encoder runs while the batch before is decoded in a thread: it computes outside of Python's lock.
"""

from __future__ import annotations

import dataclasses
import logging
import re
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from lawgov_nlp.backends import Backend, OpenVINOBackend, TorchBackend, resolve_backend
from lawgov_nlp.decode import decode
from lawgov_nlp.encode import Batch, EncodedParagraph, Encoder
from lawgov_nlp.errors import ModelError
from lawgov_nlp.model import States, TaggerConfig, TaggerModel, longest_window
from lawgov_nlp.report import Report, TaggedParagraph, TaggedReport, Unit
from lawgov_nlp.shipped import named_model

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
        folder: A folder written by `TaggerModel.save_pretrained` with its tokenizer, or the name of a shipped model as
            in `lawgov_nlp.shipped`; None takes the first of them.
        device: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.
        backend: What runs the encoder, as in `lawgov_nlp.backends.resolve_backend`.

    Raises:
        ModelError: The folder holds no such model, or the device or the backend isn't there.
    """

    def __init__(self, folder: Path | str | None = None, device: str = "auto", backend: str = "auto") -> None:
        self.device = resolve_device(device)
        engine, precision = resolve_backend(backend, self.device)
        model, tokenizer = load(named_model(folder))
        model = model.float().to(self.device).eval()
        self._set(model, tokenizer, _backend(model, engine, precision, must=backend != "auto"))

    @classmethod
    def of(cls, model: TaggerModel, tokenizer: PreTrainedTokenizerFast) -> Tagger:
        """A tagger on a model in memory, as and where it is; the model is put into evaluation mode."""
        self = cls.__new__(cls)
        self.device = model.device
        self._set(model.eval(), tokenizer, TorchBackend(model, "float32"))
        return self

    def _set(self, model: TaggerModel, tokenizer: PreTrainedTokenizerFast, backend: Backend) -> None:
        config = model.config
        self.model, self.backend = model, backend
        self.encoder = Encoder(tokenizer, window=config.window, overlap=config.overlap, heading=config.heading)

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

    def tag_paragraphs(self, paragraphs: Sequence[Unit]) -> list[TaggedParagraph]:
        """Tag paragraphs, each in the light of its own headings; the order is kept."""
        return self._tag_paragraphs(paragraphs)[0]

    def vectors(self, paragraphs: Sequence[Unit]) -> np.ndarray:
        """The paragraphs' vectors alone, as `tag_with_vectors` gives them."""
        return self._tag_paragraphs(paragraphs)[1]

    def batches(self, paragraphs: Sequence[Unit]) -> Iterator[Batch]:
        """What the encoder is given for paragraphs, on the tagger's device; the longest come first."""
        encoded = self.encoder.encode(paragraphs)
        return (tensors for _, tensors in self._batches(encoded))

    def _tag_paragraphs(self, paragraphs: Sequence[Unit]) -> tuple[list[TaggedParagraph], np.ndarray]:
        encoded = self.encoder.encode(paragraphs)
        tagged: list[TaggedParagraph | None] = [None] * len(paragraphs)
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
        return tagged, vectors

    def _decode(
        self, states: States, batch: Batch, encoded: Sequence[EncodedParagraph], paragraphs: Sequence[Unit]
    ) -> tuple[list[TaggedParagraph], np.ndarray]:
        """The tagged paragraphs of a batch from the encoder's states, and their vectors."""
        with torch.inference_mode():
            output = self.model.heads(states, batch)
            windows = [w for code in encoded for w in code.windows]
            tagged = decode(self.model, output, batch, windows, encoded, paragraphs)
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
        return self.encoder.collate([w for k in batch for w in encoded[k].windows]).to(self.device)

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


def tagger(folder: Path | str | None = None, device: str = "auto", backend: str = "auto") -> Tagger:
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
        found = _KEPT.pop((*place, name), None) or Tagger(*place, backend)
        if backend == "auto":
            _CAME_TO[place] = found.backend.name
        _KEPT[(*place, found.backend.name)] = found
        while len(_KEPT) > KEPT:
            _KEPT.pop(next(iter(_KEPT)))
    return found


def load(folder: Path) -> tuple[TaggerModel, PreTrainedTokenizerFast]:
    """Load weights and tokenizer from a folder; nothing is fetched, and only safetensors are read.

    Raises:
        ModelError: A file is missing, a weight is missing or left over, or the labels are of no form that is known.
    """
    folder = Path(folder)
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise ModelError(f"{folder} holds no {name}; expected a folder that training/train.py wrote")
    bar = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        config = TaggerConfig.from_pretrained(folder, local_files_only=True)
        model, info = TaggerModel.from_pretrained(
            folder, config=config, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # a damaged file fails in one of five libraries, each with errors of its own
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


def resolve_device(name: str) -> torch.device:
    """The device of a name: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.

    Raises:
        ModelError: There is none of that name.
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
