"""Render a panel as one self-contained page: coverage, checks, and each indicator with the sentence of each cell."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from lawgov_nlp.panel.build import Panel


def panel_page(panel: Panel) -> str:
    """Return the page. Texts from reports are escaped, and the page loads nothing."""
    environment = Environment(
        loader=PackageLoader("lawgov_nlp.panel", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
    )
    coverage = panel.coverage
    years = sorted(int(y) for y in coverage["year"].dropna().unique())
    grid: dict[str, dict[str, Any]] = {}
    for row in coverage.astype(object).where(coverage.notna(), None).to_dict("records"):
        place = grid.setdefault(row["place_id"], {"place": row["place"], "status": row["place_status"], "years": {}})
        place["years"][row["year"]] = row
    indicators: dict[str, dict[str, Any]] = {}
    for row in panel.long.astype(object).where(panel.long.notna(), None).to_dict("records"):
        entry = indicators.setdefault(row["code"], {"code": row["code"], "zh": row["indicator"], "cells": {}})
        entry["cells"].setdefault(row["place_id"], {})[row["year"]] = row
    shown = sorted(indicators.values(), key=lambda i: (-sum(map(len, i["cells"].values())), i["code"]))
    return environment.get_template("panel.html.j2").render(
        years=years,
        grid=grid,
        indicators=shown,
        checks=panel.checks.astype(object).where(panel.checks.notna(), None).to_dict("records"),
        notes=panel.notes,
        counts=panel.counts,
        cells=len(panel.long),
    )
