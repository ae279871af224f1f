"""Errors that the package raises on purpose. Each says what was found, what was expected and what to do."""


class LawgovError(Exception):
    """Base class of every error that lawgov_nlp raises on purpose."""


class ReadError(LawgovError, ValueError):
    """A file or text can't be read as a report."""


class PageTimeoutError(ReadError):
    """A page took longer to read by OCR than a page may."""


class MarkupError(LawgovError, ValueError):
    """An annotated report violates the markup; the message begins with `file:line:`."""


class ModelError(LawgovError, ValueError):
    """Model weights are missing, incomplete or of another version, or a device or backend isn't available."""


class SchemeError(LawgovError, ValueError):
    """Labels don't fit the format of labels.json, or don't belong to the expected scheme."""


class OutputError(LawgovError, ValueError):
    """A result can't be written to the requested place or in the requested format."""


class TrainingError(LawgovError, RuntimeError):
    """A training run can't start, continue or be resumed."""


class InterchangeError(LawgovError, ValueError):
    """Annotations of another tool can't be imported; the message has a line for each invalid row."""


class ClusterError(LawgovError, RuntimeError):
    """A cluster isn't available, or tagging on it couldn't continue."""


class ReviewError(LawgovError, ValueError):
    """A correction can't be taken, or a report can't be corrected; `code` is the reason for the page."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PanelError(LawgovError, ValueError):
    """A panel can't be built: a table of the user's is wrong, or the reports give none."""
