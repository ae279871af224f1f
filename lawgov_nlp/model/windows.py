"""Turn reports into windows and windows into batches. Training and inference both use this code.

A window is `<s> heading path </s> paragraph </s>`. A paragraph that is longer than a window is split into several
overlapping windows, so that no character is ever lost.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lawgov_nlp.errors import ModelError
from lawgov_nlp.model.pieces import Pieces
from lawgov_nlp.report import Line
from lawgov_nlp.simplified import to_simplified

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

HEADING_SEPARATOR = "，"
CLAUSE_ENDS = "，。；、：！？"
HEADING_CHARACTERS = 60
"""The most characters that one heading contributes: its topic is in the first few words."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of one paragraph as the encoder sees it.

    Attributes:
        paragraph: The index of the paragraph in the list that was encoded.
        input_ids: The token ids, including special tokens and headings.
        body: The index in `input_ids` of the first paragraph token. The paragraph tokens end before the closing
            `</s>`.
        first: The index of this window's first paragraph token among all tokens of the paragraph.
        own: The half-open range, among all tokens of the paragraph, for which this window decides. The ranges of a
            paragraph's windows neither overlap nor leave gaps.
    """

    paragraph: int
    input_ids: tuple[int, ...]
    body: int
    first: int
    own: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class EncodedParagraph:
    """A tokenised paragraph.

    Attributes:
        windows: The windows of the paragraph.
        offsets: For each token of the paragraph, the half-open range (start, end) of characters that it covers.
    """

    windows: tuple[Window, ...]
    offsets: tuple[tuple[int, int], ...]

    def tokens(self, span: tuple[int, int]) -> tuple[int, int]:
        """Return the first and the last of the paragraph's tokens that touch a span of characters.

        If none does, because the tokenizer drops these characters, it is the nearest one behind them, or the last one.
        """
        first = bisect_right(self.offsets, span[0], key=lambda offsets: offsets[1])
        last = bisect_left(self.offsets, span[1], key=lambda offsets: offsets[0]) - 1
        first = min(first, len(self.offsets) - 1)
        return first, max(first, last)


@dataclass(frozen=True, kw_only=True)
class ArrayBatch:
    """Windows as numpy arrays. The attributes are those of `Batch`, of which `tensors` makes one."""

    input_ids: np.ndarray
    attention_mask: np.ndarray
    token_type_ids: np.ndarray
    body_mask: np.ndarray
    clause: np.ndarray
    paragraph: np.ndarray

    def tensors(self) -> Batch:
        """Return the batch as tensors that share the memory of these arrays."""
        import torch

        return Batch(**{name: torch.from_numpy(array) for name, array in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Windows as tensors.

    Attributes:
        input_ids: The token ids, (windows, tokens).
        attention_mask: 1 for tokens and 0 for padding, (windows, tokens).
        token_type_ids: 0 for headings and 1 for the paragraph, (windows, tokens).
        body_mask: True for paragraph tokens, (windows, tokens).
        clause: The number of `CLAUSE_ENDS` up to each token, (windows, tokens).
        paragraph: The number of each window's paragraph, counted from 0 within the batch, (windows,).
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    token_type_ids: torch.Tensor
    body_mask: torch.Tensor
    clause: torch.Tensor
    paragraph: torch.Tensor

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch on another device. A copy to a GPU runs asynchronously."""
        gpu = str(device).startswith("cuda")
        tensors = {name: tensor.pin_memory() if gpu else tensor for name, tensor in vars(self).items()}
        return Batch(**{name: tensor.to(device, non_blocking=gpu) for name, tensor in tensors.items()})


@dataclass(frozen=True)
class States:
    """The encoder's output for a batch.

    Attributes:
        last: The states after the last layer, (windows, tokens, hidden).
        lower: The states after the layer that the `ValueReader` starts from, (windows, tokens, hidden); None in models
            without a `ValueReader`.
    """

    last: torch.Tensor
    lower: torch.Tensor | None = None

    def float(self) -> States:
        """Return the states in float32."""
        return States(self.last.float(), None if self.lower is None else self.lower.float())


class WindowTokenizer:
    """Turn paragraphs into windows and windows into batches.

    Args:
        tokenizer: The model's tokenizer, which must return character offsets.
        window: The most tokens in a window, including special tokens and headings.
        overlap: The number of paragraph tokens that two neighbouring windows share.
        heading: The most tokens that the heading path may take.

    Raises:
        ValueError: The window is too short for the heading and the overlap.
        ModelError: The tokenizer reads Chinese as unknown tokens, as `BertTokenizerFast(vocab_file=…)` does under
            transformers 5.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast | Pieces, *, window: int, overlap: int, heading: int) -> None:
        if heading < 0 or window - heading - 3 <= 2 * overlap:
            raise ValueError(f"window {window} leaves no room beside heading {heading} and overlap {overlap}")
        pieces = tokenizer if isinstance(tokenizer, Pieces) else Pieces.of(tokenizer)
        self.tokenizer, self.window, self.overlap, self.heading = tokenizer, window, overlap, heading
        self._pieces, self._begin, self._end, self._padding = pieces, pieces.begin, pieces.end, pieces.padding
        # Take the last piece of each sign: a SentencePiece tokenizer may put a piece for the space before it.
        ends = [ids[-1] for ids in pieces.ids([*CLAUSE_ENDS])]
        self._clause_ends = np.array([i for i in ends if i != pieces.unknown], dtype=np.int64)
        (probe,) = pieces.ids(["法治政府建设"])
        if not probe or pieces.unknown in probe:
            raise ModelError(
                f"the tokenizer reads 法治政府建设 as {probe}: it has no Chinese vocabulary; check tokenizer.json"
            )

    def encode(self, paragraphs: Sequence[Line]) -> list[EncodedParagraph]:
        """Tokenise paragraphs and return the windows of each, in order."""
        if not paragraphs:
            return []
        # The simplified text is as long as the text, so that the offsets are those of the text.
        bodies = self._pieces.ids_and_offsets([to_simplified(p.text) for p in paragraphs])
        # Paragraphs of one section have the same headings, which are tokenised once.
        paths = {headings: self._path(headings) for headings in dict.fromkeys(p.headings for p in paragraphs)}
        known = dict(zip(paths, self._pieces.ids([*paths.values()]), strict=True))
        return [
            EncodedParagraph(windows=tuple(self._windows(k, known[p.headings], ids)), offsets=tuple(offsets))
            for k, (p, (ids, offsets)) in enumerate(zip(paragraphs, bodies, strict=True))
        ]

    def _path(self, headings: Sequence[str]) -> str:
        # Remove white space: printed headings keep less of it than typed ones, and labels shouldn't depend on that.
        return HEADING_SEPARATOR.join(to_simplified("".join(h.split())[:HEADING_CHARACTERS]) for h in headings)

    def _windows(self, paragraph: int, path: list[int], ids: list[int]) -> list[Window]:
        prefix = [
            self._begin,
            *path[max(0, len(path) - self.heading) :],
            self._end,
        ]  # A long path keeps the inner headings.
        room = self.window - len(prefix) - 1
        firsts = [0]
        while firsts[-1] + room < len(ids):
            firsts.append(min(firsts[-1] + room - self.overlap, len(ids) - room))
        cuts = [0, *((a + room + b) // 2 for a, b in itertools.pairwise(firsts)), len(ids)]
        return [
            Window(
                paragraph=paragraph,
                input_ids=(*prefix, *ids[first : first + room], self._end),
                body=len(prefix),
                first=first,
                own=(cuts[n], cuts[n + 1]),
            )
            for n, first in enumerate(firsts)
        ]

    def collate(self, windows: Sequence[Window]) -> Batch:
        """Collate windows into tensors, as `arrays` does."""
        return self.arrays(windows).tensors()

    def arrays(self, windows: Sequence[Window]) -> ArrayBatch:
        """Collate windows into a batch, padded to the longest; paragraphs are numbered in order of appearance."""
        lengths = np.array([len(w.input_ids) for w in windows])
        begins = np.array([w.body for w in windows])[:, None]
        place = np.arange(lengths.max())
        seen = place < lengths[:, None]
        ids = np.full(seen.shape, self._padding, dtype=np.int64)
        ids[seen] = np.fromiter(itertools.chain.from_iterable(w.input_ids for w in windows), np.int64, lengths.sum())
        numbers: dict[int, int] = {}
        for w in windows:
            numbers.setdefault(w.paragraph, len(numbers))
        return ArrayBatch(
            input_ids=ids,
            attention_mask=seen.astype(np.int64),
            token_type_ids=(seen & (place >= begins)).astype(np.int64),
            body_mask=(place >= begins) & (place < lengths[:, None] - 1),
            clause=np.isin(ids, self._clause_ends).cumsum(1),
            paragraph=np.array([numbers[w.paragraph] for w in windows]),
        )
