"""What a user can say about files that don't say it themselves."""

from __future__ import annotations

from dataclasses import dataclass

from lawgov_nlp.annotation.formats.document import LAYERS
from lawgov_nlp.annotation.formats.label_names import Words
from lawgov_nlp.scheme import CODEBOOK, Scheme


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to read files of other tools.

    Attributes:
        annotator: Whose coding to take where several people coded.
        layers: Which layers were coded, where the file leaves it open; None asks the file.
        offsets: What offsets count, `characters` or `utf16`; None is what the tool does.
        scheme: The labels in the files; None is those of a tagged report among them, or else the codebook's.
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
        """The words that labels are written in."""
        return Words(self.scheme or CODEBOOK)
