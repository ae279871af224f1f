"""The Python API: read, tag, find. Heavy imports happen in the function that needs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lawgov_nlp.errors import LawgovError, ReadError
from lawgov_nlp.readers import MAX_CHARS, SUFFIXES, read_file
from lawgov_nlp.report import Report, TaggedReport
from lawgov_nlp.structure import parse_report

Source = Path | str | Report
"""A `Path` is a file, a `str` the text itself, a `Report` is taken as it is."""


def read_report(source: Source) -> Report:
    """Read a report and find its structure; no model is involved.

    Args:
        source: A file (`Path`), the text itself (`str`), or a `Report`, which is returned unchanged.

    Raises:
        ReadError: The file can't be read, or the text is empty, too long or a file's name.
    """
    if isinstance(source, Report):
        return source
    if isinstance(source, Path):
        read = read_file(source)
        return parse_report(read.text, source=str(source), warnings=read.warnings)
    if not isinstance(source, str):
        raise TypeError(f"expected a Path (a file), a str (the text itself) or a Report; got {type(source).__name__}")
    _check_text(source)
    return parse_report(source)


def tag_report(source: Source, *, model: Path | None = None, device: str = "auto") -> TaggedReport:
    """Read a report, label its paragraphs and extract its numeric indicators.

    The model is loaded at the first call and kept for the process.

    Args:
        source: A file (`Path`), the text itself (`str`), or a `Report`.
        model: Folder of another model than the shipped one.
        device: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.

    Raises:
        ReadError: The source can't be read as a report.
        ModelError: The model or the device isn't there.
    """
    report = read_report(source)
    from lawgov_nlp.tagger import tagger

    return tagger(model, device).tag(report)


def tag_reports(
    sources: Iterable[Source],
    *,
    model: Path | None = None,
    device: str = "auto",
    on_error: Callable[[Source, LawgovError], None] | None = None,
) -> Iterator[TaggedReport]:
    """Tag many reports; neighbouring reports share batches, the order is kept.

    Args:
        sources: As for `tag_report`; may be a generator, which is read as needed.
        model: Folder of another model than the shipped one.
        device: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.
        on_error: Called with each source that can't be read and its error, and the others go on; without it
            the first error is raised.

    Returns:
        One `TaggedReport` for each source that could be read; `source` says which file it was.

    Raises:
        TypeError: A single report instead of several.
        LawgovError: While iterating: a source can't be read and there is no `on_error`, or the model isn't there.
    """
    if isinstance(sources, (str, Path, Report)):
        raise TypeError("tag_reports takes several sources; for a folder give find_reports(folder), for one tag_report")
    return _tag_reports(sources, model, device, on_error)


def _tag_reports(
    sources: Iterable[Source],
    model: Path | None,
    device: str,
    on_error: Callable[[Source, LawgovError], None] | None,
) -> Iterator[TaggedReport]:
    from lawgov_nlp.tagger import tagger

    yield from tagger(model, device).tag_many(read_reports(sources, on_error))


def read_reports(
    sources: Iterable[Source], on_error: Callable[[Source, LawgovError], None] | None = None
) -> Iterator[Report]:
    """Read reports one after the other, as they are needed; arguments as for `tag_reports`.

    Raises:
        LawgovError: While iterating: a source can't be read and there is no `on_error`.
    """
    for source in sources:
        try:
            yield read_report(source)
        except LawgovError as error:
            if on_error is None:
                raise
            on_error(source, error)


def find_reports(*paths: Path) -> list[Path]:
    """Every file that a reader exists for, in and below the given folders, sorted; files are taken as given.

    Hidden files and the lock files that Word leaves (`~$…`) are passed over.

    Raises:
        ReadError: A path doesn't exist, or a folder holds no such file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_file():
            found.append(path)
            continue
        if not path.is_dir():
            raise ReadError(f"{path} doesn't exist; expected a file or a folder of reports")
        inside = sorted(
            p
            for p in path.rglob("*")
            if p.suffix.lower() in SUFFIXES
            and p.is_file()
            and not any(part.startswith((".", "~$")) for part in p.relative_to(path).parts)
        )
        if not inside:
            raise ReadError(f"{path} holds no reports; expected files that end in {' '.join(SUFFIXES)}")
        found += inside
    return list(dict.fromkeys(found))


def _names_a_file(text: str) -> bool:
    if "\n" in text or len(text) > 300:
        return False
    try:
        return text.strip().lower().endswith(SUFFIXES) or Path(text).exists()
    except (OSError, ValueError):  # not even a possible name
        return False


def _check_text(text: str) -> None:
    if not text.strip():
        raise ReadError("the text is empty; expected a report. Did you mean a file? Then give a pathlib.Path")
    if _names_a_file(text):
        raise ReadError(
            f"{text!r} looks like a file's name, but a str is the text itself; give Path({text!r}) for a file"
        )
    if len(text) > MAX_CHARS:
        raise ReadError(f"the text has {len(text):,} characters; a report has at most {MAX_CHARS:,}. Is it several?")
    bad = re.search("[\ud800-\udfff]", text)
    if bad:
        raise ReadError(
            f"the text holds a lone surrogate (U+{ord(bad[0]):04X}) at character {bad.start()}; "
            "decode the file with its right encoding, or give a Path and let the reader do so"
        )
