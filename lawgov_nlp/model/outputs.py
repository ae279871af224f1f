"""What decoding needs of a model, whichever engine runs it: arrays in numpy, and a second look at the values found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lawgov_nlp.model.windows import ArrayBatch
from lawgov_nlp.scheme import Scheme

BEFORE, BEHIND = 64, 32
"""The number of tokens read before and after a value, about 100 and 50 characters. In passages modelled on real reports
there are 7,062 names: the farthest begins 52 characters before its value, and 99.5% begin within 24."""

REACH = 64
"""The distance from a value, in tokens, beyond which all distances count as the same."""

MASKED = -1e4
"""What is added to the attention's scores for padding.

It is minus infinity in effect and finite in every precision: float32's minimum becomes infinite in bfloat16, and zero
times infinity is not a number.
"""

POINTER_REACH, POINTER_CLAUSES = 48, 8
"""The distances from a value, in tokens and clauses, beyond which the pointer's bias stays the same."""

ROLES = ("text", "value", "other")
"""What a token may be in the eyes of the `ValueReader`: text, the value in question, or another value."""


@dataclass(frozen=True, kw_only=True)
class ValueScores:
    """What was read about N values in windows of T tokens.

    Attributes:
        starts: The log-probability of each token of the value's window to be the first of the name, (N, T); minus
            infinity for tokens that can't be.
        ends: The same for the last token of the name, (N, T).
        topics: A function from the first and last token of each name, (N, 2), to the number of the topic, (N,).
    """

    starts: np.ndarray
    ends: np.ndarray
    topics: Callable[[np.ndarray], np.ndarray]


class Output(Protocol):
    """The output for a batch of W windows with T tokens each, from P paragraphs, float32.

    Attributes:
        primary: Calibrated probabilities of the primary dimension, (P, dimensions + 1); the last one is that of none.
        mentions: For each dimension, the probability that it is among the labels, (P, dimensions).
        tags: Log-probabilities of the token labels, (W, T, tags).
        paragraph: The vector that the paragraph head read for each paragraph, (P, 3 * hidden).
    """

    primary: np.ndarray
    mentions: np.ndarray
    tags: np.ndarray
    paragraph: np.ndarray

    def read_values(self, values: np.ndarray, beside: np.ndarray) -> ValueScores:
        """Find the name and the topic of some values.

        Args:
            values: For each value its window, first and last token, (N, 3).
            beside: All values of these windows, in the same form.
        """
        ...


class Predictor(ABC):
    """A model in memory, run by an engine.

    Attributes:
        name: The engine and its precision, such as `torch:bfloat16`.
        width: The length of a paragraph's vector, 3 * hidden.
        kind: The kind of its device, `cpu` or `cuda`.
        config: The model's settings.
        scheme: The model's labels.
    """

    name: str
    width: int
    kind: str
    config: Settings
    scheme: Scheme

    @abstractmethod
    def encode(self, batch: ArrayBatch) -> Any:  # noqa: ANN401 - each engine has its own form
        """Run the encoder, which takes most of the time, without Python's lock.

        Returns:
            The encoder's states, for `output`.
        """

    @abstractmethod
    def output(self, states: Any, batch: ArrayBatch) -> Output:  # noqa: ANN401
        """Apply the heads to the encoder's states of a batch."""


class Settings(Protocol):
    """The settings of a model that tagging reads; `TaggerConfig` says what they are."""

    window: int
    overlap: int
    heading: int
    secondary_threshold: float
    primary_temperature: float
    review_below: float
    revision: str
