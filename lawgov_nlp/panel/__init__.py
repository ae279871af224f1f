"""Build a panel, place × year × indicator, from tagged reports.

from lawgov_nlp.panel import build_panel
panel = build_panel(reports, places=Path("places.csv"))
panel.wide, panel.long, panel.coverage, panel.conflicts, panel.checks, panel.codebook   # pandas frames
"""

from lawgov_nlp.panel.build import Panel, build_panel
from lawgov_nlp.panel.indicators import Indicators, load_indicators
from lawgov_nlp.panel.place_table import PlaceTable, load_places
from lawgov_nlp.panel.places import Place, resolve, resolve_issuer

__all__ = [
    "Indicators",
    "Panel",
    "Place",
    "PlaceTable",
    "build_panel",
    "load_indicators",
    "load_places",
    "resolve",
    "resolve_issuer",
]
