"""The Python API to tag reports. Heavy imports happen in the functions that need them."""

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

    The first call loads the model and keeps it in memory for the rest of the process.

    Args:
        source: A file (`Path`), the text itself (`str`), or a `Report`.
        model: The folder of a model, or `tiny`, a shipped model that is faster and less accurate. None takes the
            default shipped model.
        device: `auto` (CUDA if available, else the CPU), `cpu`, `cuda` or `cuda:N`.
        backend: What runs the encoder: `auto`, `torch`, `openvino`, or an engine with a precision
            (`torch:float32`). See `lawgov_nlp.model.backends.resolve_backend` for the defaults.

    Returns:
        The report with its labels and indicators.

    Raises:
        ReadError: The source can't be read as a report.
        ModelError: The model, the device or the backend isn't available.
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
    """Tag many reports in order; neighbouring reports share batches.

    Worker processes read the files while this process runs the model. If a file takes too long, uses too much
    memory or crashes its worker, only that file fails and the others continue. A script needs no
    `if __name__ == "__main__"` guard. The workers stop when the iteration ends.

    Args:
        sources: Sources as for `tag_report`. A generator is consumed as needed.
        model: The folder of a model, or `tiny`, a shipped model that is faster and less accurate. None takes the
            default shipped model.
        device: `auto` (CUDA if available, else the CPU), `cpu`, `cuda` or `cuda:N`.
        backend: What runs the encoder, as in `tag_report`.
        on_error: A function that is called with each source that can't be read and its error; the other sources
            continue. Without it, the first error is raised.
        workers: The number of processes that read files. With 0, this process reads them and can't stop a file that
            hangs. None means 0 for fewer than 16 files, because reading them takes less time than starting a
            process, and otherwise one less than the number of cores, at most 4. Texts and `Report`s never go to a
            worker.
        timeout: The seconds that a worker may take for a file, or for each page that is read by OCR.
            `lawgov_nlp.readers.ocr.watch_pages` tells which page is being read.

    Returns:
        An iterator with one `TaggedReport` for each source that could be read. Its `source` names the file.

    Raises:
        TypeError: `sources` is a single report.
        ValueError: `workers` or `timeout` is out of range (raised during iteration).
        LawgovError: A source can't be read and there is no `on_error`, or the model isn't available (raised during
            iteration).
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
    # Close it here: a traceback may keep the generator, and with it the processes, from being garbage-collected.
    with closing(read_reports(sources, on_error, workers=workers, timeout=timeout)) as reports:
        yield from chosen.tag_many(reports)
