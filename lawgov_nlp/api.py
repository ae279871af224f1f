"""The Python API: read, tag, find. Heavy imports happen in the function that needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from lawgov_nlp.errors import LawgovError
from lawgov_nlp.readers.load import Source, read_report
from lawgov_nlp.readers.pool import read_reports
from lawgov_nlp.report import Report
from lawgov_nlp.results.tagged_report import TaggedReport


def tag_report(
    source: Source, *, model: Path | str | None = None, device: str = "auto", backend: str = "auto"
) -> TaggedReport:
    """Read a report, label its paragraphs and extract its numeric indicators.

    The model is loaded at the first call and kept for the process.

    Args:
        source: A file (`Path`), the text itself (`str`), or a `Report`.
        model: Folder of another model than the shipped one, or `tiny`: a shipped one that is faster and less exact.
        device: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.
        backend: What runs the encoder: `auto`, `torch`, `openvino`, or one of them with a precision
            (`torch:float32`); `lawgov_nlp.model.backends.resolve_backend` says which is taken where.

    Raises:
        ReadError: The source can't be read as a report.
        ModelError: The model, the device or the backend isn't there.
    """
    report = read_report(source)
    from lawgov_nlp.model.tagger import get_tagger

    return get_tagger(model, device, backend).tag(report)


def tag_reports(
    sources: Iterable[Source],
    *,
    model: Path | str | None = None,
    device: str = "auto",
    backend: str = "auto",
    on_error: Callable[[Source, LawgovError], None] | None = None,
    workers: int | None = None,
    timeout: float = 60.0,
) -> Iterator[TaggedReport]:
    """Tag many reports; neighbouring reports share batches, the order is kept.

    Files are read in processes of their own while this one runs the model. A file that takes too long, eats the
    memory or crashes its reader is an error of that file; the others go on. A script needs no
    `if __name__ == "__main__"` for it. The processes end with the iteration.

    Args:
        sources: As for `tag_report`; may be a generator, which is read as needed.
        model: Folder of another model than the shipped one, or `tiny`: a shipped one that is faster and less exact.
        device: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.
        backend: What runs the encoder, as in `tag_report`.
        on_error: Called with each source that can't be read and its error, and the others go on; without it
            the first error is raised.
        workers: Processes that read files; 0 reads in this one, where nothing can end a file that hangs. None takes
            0 for fewer than 16 files, which are read sooner than a process starts, and else one less than there are
            cores, at most 4. Texts and `Report`s always stay in this process.
        timeout: Seconds that a worker may take for a file.

    Returns:
        One `TaggedReport` for each source that could be read; `source` says which file it was.

    Raises:
        TypeError: A single report instead of several.
        ValueError: While iterating: `workers` or `timeout` makes no sense.
        LawgovError: While iterating: a source can't be read and there is no `on_error`, or the model isn't there.
    """
    if isinstance(sources, (str, Path, Report)):
        raise TypeError("tag_reports takes several sources; for a folder give find_reports(folder), for one tag_report")
    return _tag_reports(sources, (model, device, backend), on_error, workers, timeout)


def _tag_reports(
    sources: Iterable[Source],
    choice: tuple[Path | str | None, str, str],
    on_error: Callable[[Source, LawgovError], None] | None,
    workers: int | None,
    timeout: float,
) -> Iterator[TaggedReport]:
    from lawgov_nlp.model.tagger import get_tagger

    chosen = get_tagger(*choice)
    # closed here, not when it is collected: a traceback may keep it, and with it the processes
    with closing(read_reports(sources, on_error, workers=workers, timeout=timeout)) as reports:
        yield from chosen.tag_many(reports)
