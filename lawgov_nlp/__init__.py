"""lawgov_nlp reads China's yearly reports on law-based government and turns them into data."""

from lawgov_nlp.api import tag_report, tag_reports
from lawgov_nlp.batch.folder import tag_folder
from lawgov_nlp.errors import LawgovError
from lawgov_nlp.readers.find import find_reports
from lawgov_nlp.readers.load import read_report
from lawgov_nlp.report import Line, Report
from lawgov_nlp.report import Line as Unit
from lawgov_nlp.results.paragraph import Indicator, TaggedParagraph
from lawgov_nlp.results.quantity import Qualifier
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import Dimension, Label, Scheme

__all__ = [
    "Dimension",
    "Indicator",
    "Label",
    "LawgovError",
    "Line",
    "Qualifier",
    "Report",
    "Scheme",
    "TaggedParagraph",
    "TaggedReport",
    "Unit",
    "find_reports",
    "read_report",
    "tag_folder",
    "tag_report",
    "tag_reports",
]


def __getattr__(name: str) -> str:
    """Look up `__version__` in the installed package's metadata, only on access because it takes 0.1 s."""
    if name == "__version__":
        from importlib.metadata import version

        return version("lawgov-nlp")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
