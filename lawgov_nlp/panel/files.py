"""A panel as files: csv, xlsx, Stata's dta, parquet, or a folder with all of them and the page."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lawgov_nlp.errors import OutputError
from lawgov_nlp.panel.build import Panel
from lawgov_nlp.paths import check_path
from lawgov_nlp.results.writers.base import FORMULA_STARTS, explained

if TYPE_CHECKING:
    import pandas as pd

SHEETS = ("wide", "long", "coverage", "conflicts", "checks", "unmatched", "values", "codebook")
"""The tables in the order of the workbook's sheets."""
_STATA_TABLES = ("wide", "long", "coverage", "conflicts", "checks")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # what XML can't hold
_CELL_LIMIT, _ROW_LIMIT = 32_767, 1_048_576
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
    """Write a panel where its ending says: `.csv`, `.xlsx`, `.dta`, `.parquet`, `.html`; without one, a folder of all.

    A csv, dta or parquet is the wide table; the others stand beside it (`panel-long.csv`, `panel-codebook.csv` …).
    Nothing is left behind where writing fails.

    Raises:
        OutputError: The ending is unknown, a file is there, or it can't be written.
    """
    check_path(out, "out")
    suffix = out.suffix.lower()
    if suffix and suffix not in _WRITERS:
        raise OutputError(
            f"{out}: unknown ending {suffix!r}; use one of {', '.join(_WRITERS)}, or a folder for all of them"
        )
    if not suffix and out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file; name a folder, or a file that ends in {', '.join(_WRITERS)}")
    target = out if not suffix else out.parent
    with explained(out):
        if not suffix:
            target.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".lawgov-", dir=target) as hidden:
            for ending in [suffix] if suffix else _WRITERS:
                name = out.name if suffix else f"panel{ending}"
                _WRITERS[ending](panel, Path(hidden) / name)
            names = sorted(path.name for path in Path(hidden).iterdir())
            there = [name for name in names if (target / name).exists()]
            if there and not overwrite:
                raise OutputError(f"{target / there[0]} exists; choose another name, or overwrite it (--overwrite)")
            for name in names:
                os.replace(Path(hidden) / name, target / name)
    return [target / name for name in names]


def frames(panel: Panel) -> dict[str, pd.DataFrame]:
    """The tables by name."""
    return {name: getattr(panel, name) for name in SHEETS}


def _beside(path: Path, table: str) -> Path:
    return path if table == "wide" else path.with_name(f"{path.stem}-{table}{path.suffix}")


def _csv(panel: Panel, path: Path) -> None:
    """UTF-8 with a mark, which Excel wants; no text is a formula."""
    for name, table in frames(panel).items():
        shown = table.copy()
        for column in shown.columns:
            if shown[column].dtype == "string":
                shown[column] = shown[column].map(_no_formula, na_action="ignore")
        shown.to_csv(_beside(path, name), index=False, encoding="utf-8-sig", lineterminator="\r\n")


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _parquet(panel: Panel, path: Path) -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise OutputError("pyarrow is missing; install it with: pip install 'lawgov-nlp[parquet]'") from None
    for name, table in frames(panel).items():
        table.to_parquet(_beside(path, name), index=False)


def _dta(panel: Panel, path: Path) -> None:
    """Stata 14 and later (format 118), with labels in Chinese and English and value labels."""
    import pandas as pd

    labels = panel.codebook.fillna("")
    for name in _STATA_TABLES:
        table = getattr(panel, name).copy()
        about = labels[labels["table"].eq(name)].set_index("column")
        known, values = {}, {}
        for column in table.columns:
            if column in about.index:
                row = about.loc[column]
                short = row["zh"].split("：")[0]
                units = f"（{row['units'].split()[0]}）" if row["units"] else ""
                known[column] = f"{short}{units} {row['en']}"[:_LABEL_LIMIT]
            if column in _VALUE_LABELS:
                # numbered in a fixed order, so that files of different years append
                codes = {value: k for k, value in enumerate(_VALUE_LABELS[column], 1)}
                table[column] = table[column].fillna("").map(codes).astype("float64")
                values[column] = {k: _VALUE_LABELS[column][value] for value, k in codes.items()}
            elif table[column].dtype == "string":
                table[column] = table[column].fillna("").astype(object)
            else:
                table[column] = table[column].astype("float64")
        long_text = [
            c for c in table if table[c].dtype == object and table[c].str.encode("utf-8").str.len().max() > 2000
        ]
        with pd.option_context("mode.copy_on_write", True):
            table.to_stata(
                _beside(path, name),
                write_index=False,
                version=118,
                variable_labels=known,
                value_labels=values,
                convert_strl=long_text,
                data_label="lawgov_nlp panel",
            )


def _xlsx(panel: Panel, path: Path) -> None:
    """One workbook, a sheet for each table; text is never a formula."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    for name, table in frames(panel).items():
        if len(table) + 1 > _ROW_LIMIT:
            raise OutputError(f"more than {_ROW_LIMIT:,} rows of {name}: too many for xlsx; use csv, dta or parquet")
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2" if name != "wide" else "D2"
        header = []
        for column in table.columns:
            cell = WriteOnlyCell(sheet, column)
            cell.font = Font(bold=True)
            header.append(cell)
        sheet.append(header)
        for row in table.astype(object).where(table.notna(), None).itertuples(index=False):
            cells = []
            for value in row:
                if isinstance(value, str):
                    cell = WriteOnlyCell(sheet, _fitting(value))
                    cell.data_type = "s"
                    cell.quotePrefix = value.startswith(FORMULA_STARTS)
                    cells.append(cell)
                else:
                    cells.append(value)
            sheet.append(cells)
    book.save(path)


def _fitting(text: str) -> str:
    text = _CONTROL.sub("\ufffd", text)
    return text if len(text) <= _CELL_LIMIT else f"{text[: _CELL_LIMIT - 1]}…"


def _html(panel: Panel, path: Path) -> None:
    from lawgov_nlp.panel.page import panel_page

    path.write_text(panel_page(panel), encoding="utf-8")


_WRITERS: dict[str, Callable[[Panel, Path], None]] = {
    ".csv": _csv,
    ".xlsx": _xlsx,
    ".dta": _dta,
    ".parquet": _parquet,
    ".html": _html,
}
