"""Csv files: a table as the report, in any encoding that the txt reader knows, parted by commas, tabs or semicolons."""

from __future__ import annotations

import csv
from pathlib import Path

from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import LINE_ENDS, ExtractedText, check_length
from lawgov_nlp.readers.grid import assemble
from lawgov_nlp.readers.sheets import MAX_CELLS, refuse_own, sheet_lines
from lawgov_nlp.readers.txt import decode_bytes

_HEAD = 20  # lines that tell the delimiter
_MAX_COLUMNS = 1000


def read(data: bytes, path: Path) -> ExtractedText:
    """Read a csv file.

    Raises:
        ReadError: No text in an encoding known here, no csv, or far too large.
    """
    check_length(len(data) // 4, path)
    text, warnings = decode_bytes(data, path)
    lines = LINE_ENDS.sub("\n", text).split("\n")
    head = "\n".join(lines[:_HEAD])
    delimiter = max(",\t;，", key=head.count)
    sheet: dict[int, dict[int, str]] = {}
    cells = 0
    try:
        for number, row in enumerate(csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)):
            if number == 0:
                refuse_own(row, path)
            filled = {k: said for k, cell in enumerate(row) if (said := " ".join(cell.split()))}
            cells += len(filled)
            if cells > MAX_CELLS or len(row) > _MAX_COLUMNS:
                raise ReadError(
                    f"{path}: over {MAX_CELLS:,} cells or {_MAX_COLUMNS:,} columns; a report's table is small"
                )
            if filled:
                sheet[number] = filled
    except csv.Error as error:
        raise ReadError(f"{path}: no csv that can be read ({error}); save it again as csv or xlsx") from error
    out, tables = assemble(sheet_lines(sheet, {}))
    return ExtractedText(text=out, warnings=warnings, tables=tables)
