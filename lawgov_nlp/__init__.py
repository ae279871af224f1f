"""lawgov_nlp reads China's yearly reports on law-based government and turns them into data."""

from lawgov_nlp.api import find_reports, read_report, tag_report, tag_reports
from lawgov_nlp.errors import LawgovError
from lawgov_nlp.report import Dimension, Indicator, Qualifier, Report, TaggedParagraph, TaggedReport, Unit
from lawgov_nlp.runs import tag_folder
from lawgov_nlp.scheme import Label, Scheme

__version__ = "0.1.0"
__all__ = [
    "Dimension",
    "Indicator",
    "Label",
    "LawgovError",
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
