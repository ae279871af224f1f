"""Write the tables for Stata: no object column without values, no name that Stata reserves, labels in Chinese."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lawgov_nlp.atomic import staged
from lawgov_nlp.errors import OutputError
from lawgov_nlp.paths import check_path
from lawgov_nlp.results.tables import columns, to_frame

if TYPE_CHECKING:
    from lawgov_nlp.results.tagged_report import TaggedReport

_RENAMED = {"end": "end_"}
_LABEL_LIMIT = 80  # Stata's limit for a variable's label, in characters
_STRING_LIMIT = 2000  # bytes; Stata's limit for a fixed string is 2045, longer ones are strL


def write_stata(
    reports: Iterable[TaggedReport], path: Path, what: str = "paragraphs", *, overwrite: bool = False
) -> None:
    """Write one table of several reports as a dta file (format 118, Stata 14 and later).

    The variables have the names of `lawgov_nlp.results.tables.columns`, but `end`, which is a word of Stata's, is
    `end_`. A missing text is an empty one, as Stata has no
    other, and numbers are doubles. All reports must have the same labels.

    Raises:
        ValueError: `what` is neither "paragraphs" nor "indicators".
        OutputError: There are no reports, their labels differ, or the file exists or can't be written.
        PathError: `path` is no `Path`.
    """
    import pandas as pd

    check_path(path, "path")
    reports = list(reports)
    if not reports:
        raise OutputError(f"{path}: there is no report to write")
    if any(report.scheme != reports[0].scheme for report in reports):
        raise OutputError(f"{path}: the reports have different labels; write them into files of their own")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} doesn't exist; create it first")
    table = pd.concat([to_frame(report, what) for report in reports], ignore_index=True)
    labels, long = {}, []
    for column in columns(what, reports[0].scheme):
        labels[_RENAMED.get(column.name, column.name)] = (column.zh or column.about)[:_LABEL_LIMIT]
        if column.kind == "text":
            table[column.name] = table[column.name].fillna("").astype(object)
            if table[column.name].map(lambda text: len(text.encode())).max() > _STRING_LIMIT:
                long.append(column.name)
        else:
            table[column.name] = table[column.name].astype("float64")
    table = table.rename(columns=_RENAMED)
    try:
        with staged(path.parent, overwrite=overwrite) as place:
            target = place.claim(path.name)
            table.to_stata(target, write_index=False, version=118, variable_labels=labels, convert_strl=long)
            place.publish()
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error}); choose another place") from error
