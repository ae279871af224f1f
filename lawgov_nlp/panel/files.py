"""Write a panel to files: csv, xlsx, Stata's dta, parquet, or a folder with all of them and the page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lawgov_nlp.atomic import StagedFiles, staged
from lawgov_nlp.errors import OutputError
from lawgov_nlp.panel.build import Panel
from lawgov_nlp.paths import check_path
from lawgov_nlp.results.writers.base import explained
from lawgov_nlp.results.writers.csv import ENCODING, escape_cell
from lawgov_nlp.results.writers.xlsx import ROW_LIMIT, fit_cell, text_cell

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)

SHEETS = ("wide", "long", "coverage", "conflicts", "checks", "unmatched", "values", "codebook")
"""The tables in the order of the workbook's sheets."""
_STATA_TABLES = ("wide", "long", "coverage", "conflicts", "checks")
_LABEL_LIMIT = 80  # Stata's limit for a variable's label
_LEVEL_LABELS = {
    "province": "省级 province", "prefecture": "地级 prefecture", "county": "县级 county", "township": "乡级 township",
    "zone": "开发区等 zone", "farm": "农林场 farm", "": "不明 unknown",
}  # fmt: skip
_VALUE_LABELS: Mapping[str, Mapping[str, str]] = {
    "level": _LEVEL_LABELS,
    "place_status": {
        "resolved": "已确定 resolved", "unlisted": "代码表外 unlisted", "ambiguous": "同名未定 ambiguous",
        "unknown": "未知 unknown", "by_hand": "人工 by hand",
    },
    "status": {"reported": "有报告 reported", "missing": "缺报告 missing", "outside": "首末年之外 outside"},
    "role": {
        "done": "已完成 done", "stock": "存量 stock", "part": "其中 part", "plan": "计划 plan",
        "previous": "上年 previous", "change": "增减 change", "target": "目标 target",
    },
    "qualifier": {"exact": "确数 exact", "at_least": "以上 at least", "about": "约 about", "at_most": "以下 at most"},
}  # fmt: skip


def write_panel(panel: Panel, out: Path, *, overwrite: bool = False) -> list[Path]:
    """Write a panel as `.csv`, `.xlsx`, `.dta`, `.parquet` or `.html`, by its ending; a folder gets all of them.

    For csv, dta and parquet, the named file holds the wide table, and the other tables get files beside it
    (`panel-long.csv`, `panel-codebook.csv` …). If writing fails, no file is left.

    Raises:
        OutputError: The ending is unknown, a file exists, or a file can't be written.
    """
    check_path(out, "out")
    suffix = out.suffix.lower()
    if suffix and suffix not in _WRITERS:
        raise OutputError(
            f"{out}: unknown ending {suffix!r}; use one of {', '.join(_WRITERS)}, or a folder for all of them"
        )
    if not suffix and out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file; name a folder, or a file that ends in {', '.join(_WRITERS)}")
    folder = out if not suffix else out.parent
    with explained(out), staged(folder, overwrite=overwrite, beside=not suffix) as files:
        for ending in [suffix] if suffix else _WRITERS:
            _WRITERS[ending](panel, files, out.name if suffix else f"panel{ending}")
        return sorted(files.publish())


def frames(panel: Panel) -> dict[str, pd.DataFrame]:
    """Return the tables by name."""
    return {name: getattr(panel, name) for name in SHEETS}


def _claim(files: StagedFiles, name: str, table: str) -> Path:
    """Claim the file for a table: `panel.csv` for the wide one, else `panel-long.csv` and so on."""
    stem, _, ending = name.rpartition(".")
    return files.claim(name if table == "wide" else f"{stem}-{table}.{ending}")


def _csv(panel: Panel, files: StagedFiles, name: str) -> None:
    """Write csv files for Excel: in UTF-8 with a byte order mark, and without formulas."""
    for table, rows in frames(panel).items():
        shown = rows.copy()
        for column in shown.columns:
            if shown[column].dtype == "string":
                shown[column] = shown[column].map(escape_cell, na_action="ignore")
        shown.to_csv(_claim(files, name, table), index=False, encoding=ENCODING, lineterminator="\r\n")


def _parquet(panel: Panel, files: StagedFiles, name: str) -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise OutputError("pyarrow is missing; install it with: pip install 'lawgov-nlp[parquet]'") from None
    for table, rows in frames(panel).items():
        rows.to_parquet(_claim(files, name, table), index=False)


def _dta(panel: Panel, files: StagedFiles, name: str) -> None:
    """Write files for Stata 14 and later (format 118), with Chinese and English labels and with value labels."""
    import pandas as pd

    labels = panel.codebook.fillna("")
    for table in _STATA_TABLES:
        rows = getattr(panel, table).copy()
        about = labels[labels["table"].eq(table)].set_index("column")
        known, values = {}, {}
        for column in rows.columns:
            if column in about.index:
                row = about.loc[column]
                short = row["zh"].split("：")[0]
                units = f"（{row['units'].split()[0]}）" if row["units"] else ""
                known[column] = f"{short}{units} {row['en']}"[:_LABEL_LIMIT]
            if column in _VALUE_LABELS:
                # The numbers have a fixed order, so that the files of different years can be appended.
                codes = {value: k for k, value in enumerate(_VALUE_LABELS[column], 1)}
                rows[column] = rows[column].fillna("").map(codes).astype("float64")
                values[column] = {k: _VALUE_LABELS[column][value] for value, k in codes.items()}
            elif rows[column].dtype == "string":
                rows[column] = rows[column].fillna("").astype(object)
            else:
                rows[column] = rows[column].astype("float64")
        long_text = [c for c in rows if rows[c].dtype == object and rows[c].str.encode("utf-8").str.len().max() > 2000]
        with pd.option_context("mode.copy_on_write", True):
            rows.to_stata(
                _claim(files, name, table),
                write_index=False,
                version=118,
                variable_labels=known,
                value_labels=values,
                convert_strl=long_text,
                data_label="lawgov_nlp panel",
            )


def _xlsx(panel: Panel, files: StagedFiles, name: str) -> None:
    """Write one workbook with a sheet for each table. Text is never a formula; what a cell can't hold is logged."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    target = files.claim(name)
    book = Workbook(write_only=True)
    for table, rows in frames(panel).items():
        if len(rows) + 1 > ROW_LIMIT:
            raise OutputError(f"more than {ROW_LIMIT:,} rows of {table}: too many for xlsx; use csv, dta or parquet")
        sheet = book.create_sheet(table)
        sheet.freeze_panes = "A2" if table != "wide" else "D2"
        header = []
        for column in rows.columns:
            cell = WriteOnlyCell(sheet, column)
            cell.font = Font(bold=True)
            header.append(cell)
        sheet.append(header)
        for number, row in enumerate(rows.astype(object).where(rows.notna(), None).itertuples(index=False), 2):
            cells = []
            for column, value in zip(rows.columns, row, strict=True):
                if isinstance(value, str):
                    value, losses = fit_cell(value)
                    for loss in losses:
                        _log.warning("%s, %s %d %s: %s", name, table, number, column, loss)
                    cells.append(text_cell(sheet, value))
                else:
                    cells.append(value)
            sheet.append(cells)
    book.save(target)


def _html(panel: Panel, files: StagedFiles, name: str) -> None:
    from lawgov_nlp.panel.page import panel_page

    files.claim(name).write_text(panel_page(panel), encoding="utf-8")


_WRITERS: dict[str, Callable[[Panel, StagedFiles, str], None]] = {
    ".csv": _csv,
    ".xlsx": _xlsx,
    ".dta": _dta,
    ".parquet": _parquet,
    ".html": _html,
}
