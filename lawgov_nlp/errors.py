"""Errors that the package raises on purpose: each says what came, what was expected and what to do."""


class LawgovError(Exception):
    """Base of every error that lawgov_nlp raises on purpose."""


class ReadError(LawgovError, ValueError):
    """A file or text that can't be read as a report."""


class MarkupError(LawgovError, ValueError):
    """An annotated report that doesn't follow the markup; the message begins with `file:line:`."""


class ModelError(LawgovError, ValueError):
    """Model weights that are missing, incomplete or of another version."""


class SchemeError(LawgovError, ValueError):
    """Labels that don't fit the format of labels.json, or the scheme that they are read under."""


class OutputError(LawgovError, ValueError):
    """A result that can't be written where or how it was asked for."""


class TrainingError(LawgovError, RuntimeError):
    """A training that can't begin, go on or be resumed."""


class InterchangeError(LawgovError, ValueError):
    """Annotations of another tool that can't be brought home; the message has a line for each wrong row."""


class ClusterError(LawgovError, RuntimeError):
    """A cluster that isn't there, or on which the tagging couldn't go on."""


class ReviewError(LawgovError, ValueError):
    """A correction that can't be taken, or a report that can't be corrected; `code` is the reason for the page."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PanelError(LawgovError, ValueError):
    """A panel that can't be built: a table of the user's that is wrong, or reports that give none."""
