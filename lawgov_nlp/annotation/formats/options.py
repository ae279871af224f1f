"""Information from the user that the files don't contain themselves."""

from __future__ import annotations

from dataclasses import dataclass

from lawgov_nlp.annotation.formats.document import LAYERS
from lawgov_nlp.annotation.formats.label_names import Words
from lawgov_nlp.scheme import CODEBOOK, Scheme


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to read files of other tools.

    Attributes:
        annotator: The annotator whose coding is taken if several people coded.
        layers: The layers that were coded, in case the file leaves this open; None relies on the file.
        offsets: The unit of offsets, `characters` or `utf16`; None uses the tool's own convention.
        scheme: The labels in the files; None takes those of a tagged report among the files, or else the codebook's.
    """

    annotator: str | None = None
    layers: tuple[str, ...] | None = None
    offsets: str | None = None
    scheme: Scheme | None = None

    def __post_init__(self) -> None:
        if self.layers is not None and not set(self.layers) <= set(LAYERS):
            raise ValueError(f"layers are {LAYERS}, got {self.layers}")
        if self.offsets not in (None, "characters", "utf16"):
            raise ValueError(f"offsets count 'characters' or 'utf16', got {self.offsets!r}")

    @property
    def words(self) -> Words:
        """The words in which the labels are written."""
        return Words(self.scheme or CODEBOOK)
