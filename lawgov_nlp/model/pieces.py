"""A model's tokenizer by the library `tokenizers` alone, which loads in a tenth of a second.

transformers' own class wraps the same tokenizer, and takes seconds to import.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from lawgov_nlp.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """A tokenizer that turns texts into ids of pieces, in batches.

    Attributes:
        tokenizer: The tokenizer. It neither cuts nor pads.
        begin: The id of the piece that begins a window.
        end: The id of the piece that ends a window or a part of it.
        padding: The id of the piece that fills a batch.
        unknown: The id of the piece for what isn't in the vocabulary; None if there is no such piece.
    """

    tokenizer: Tokenizer
    begin: int
    end: int
    padding: int
    unknown: int | None

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast) -> Pieces:
        """Take the pieces of a tokenizer of transformers, which keeps its own settings."""
        own = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        return cls._of(
            own, tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id
        )

    @classmethod
    def load(cls, folder: Path) -> Pieces:
        """Load the tokenizer of a model's folder.

        Raises:
            ModelError: A file is missing or damaged, or names a special token that the tokenizer doesn't have.
        """
        try:
            own = Tokenizer.from_file(str(folder / "tokenizer.json"))
            names = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
            ids = []
            for kind in ("cls_token", "sep_token", "pad_token", "unk_token"):
                name = names.get(kind)
                ids.append(own.token_to_id(name["content"] if isinstance(name, dict) else name))
        except Exception as error:  # tokenizers raises plain exceptions, and what isn't JSON fails in many ways.
            raise ModelError(f"{folder} could not be loaded as a lawgov_nlp model: {error}") from error
        return cls._of(own, *ids)

    @classmethod
    def _of(
        cls, tokenizer: Tokenizer, begin: int | None, end: int | None, padding: int | None, unknown: int | None
    ) -> Pieces:
        if begin is None or end is None or padding is None:
            raise ModelError("the tokenizer lacks a token that begins, ends or pads; check tokenizer_config.json")
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return cls(tokenizer=tokenizer, begin=begin, end=end, padding=padding, unknown=unknown)

    @property
    def size(self) -> int:
        """The number of pieces, special ones included."""
        return self.tokenizer.get_vocab_size()

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, without special tokens."""
        return [encoded.ids for encoded in self.tokenizer.encode_batch_fast([*texts], add_special_tokens=False)]

    def ids_and_offsets(self, texts: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Return the ids of each text and, for each id, the half-open range of characters that it covers."""
        return [(e.ids, e.offsets) for e in self.tokenizer.encode_batch([*texts], add_special_tokens=False)]
