"""`lawgov tag FOLDER -o OUT --parts` or `--engine ray`: tag very many files in parts, in a run that can be resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from lawgov_nlp.batch.folder import RunSummary, tag_folder
from lawgov_nlp.batch.manifest import NAME
from lawgov_nlp.cli.common import escape, fail, is_address, local_path, show_notes
from lawgov_nlp.cli.progress import TaggingBar
from lawgov_nlp.cli.summary import passed_over_line
from lawgov_nlp.errors import LawgovError, OutputError
from lawgov_nlp.readers.find import other_suffixes

_LISTED = 20
_NAMED = 5


def tag_in_parts(
    notes: Console, paths: list[str], out: Path | None, format: str | None, settings: dict[str, Any]
) -> None:
    """Run `tag_folder` with the options of the command. Exit with code 1 if a file can't be read, 2 for an error.

    Args:
        notes: The console for all messages.
        paths: The arguments of the command, which must be a single folder.
        out: The output folder.
        format: The format of the parts; None means jsonl.
        settings: Further arguments of `tag_folder`.
    """
    _run(notes, "--parts", local_path, tag_folder, paths, out, {"format": format or "jsonl", **settings})


def tag_on_cluster(
    notes: Console, paths: list[str], out: Path | None, format: str | None, settings: dict[str, Any]
) -> None:
    """Run `batch.ray.tag_folder` with the options of the command, with the exit codes of `tag_in_parts`.

    Args:
        notes: The console for all messages.
        paths: The arguments of the command, which must be a single folder or the address of one in an object store.
        out: The output folder.
        format: The format of the parts; None means parquet.
        settings: Further arguments of `batch.ray.tag_folder`.
    """
    from lawgov_nlp.batch.ray import tag_folder as tag_folder_on_cluster

    settings = {"format": format or "parquet", **settings}
    _run(notes, "--engine ray", _path_or_address, tag_folder_on_cluster, paths, out, settings)


def _path_or_address(path: str) -> Path | str:
    return path if is_address(path) else Path(path)


def _run(
    notes: Console,
    option: str,
    source: Callable[[str], Path | str],
    tag: Callable[..., RunSummary],
    paths: list[str],
    out: Path | None,
    settings: dict[str, Any],
) -> None:
    try:
        if len(paths) != 1:
            raise OutputError(
                f"{option} takes one folder, not {len(paths)} paths; put them into one, or run once for each"
            )
        if out is None:
            raise OutputError(f"{option} needs a folder to write to: add -o FOLDER")
        with TaggingBar(notes) as bar:
            run = tag(source(paths[0]), out, on_progress=bar.show, **settings)
    except LawgovError as error:
        fail(notes, error)
    except KeyboardInterrupt:
        notes.print("[yellow]已中断[/yellow] 已完成的部分都在；再运行同一命令即从中断处继续", highlight=False)
        raise typer.Exit(130) from None
    _show(notes, run, out)
    folder = Path(paths[0])
    if folder.is_dir():
        show_notes(notes, passed_over_line(other_suffixes(folder)))
    if run.failures:
        raise typer.Exit(1)


def _show(notes: Console, run: RunSummary, out: Path) -> None:
    from lawgov_nlp.cli.terminal import failure_table

    new = f"本次新增 {run.added:,} 份" if run.added else "没有新的报告"
    notes.print(
        f"{escape(str(out))}：{run.reports:,} 份报告，{run.paragraphs:,} 段，{new}", highlight=False, soft_wrap=True
    )
    for word, names in (("改过，已重新读取", run.changed), ("已不在，已从结果中去掉", run.gone)):
        if names:
            more = f" 等 {len(names):,} 份" if len(names) > _NAMED else ""
            notes.print(f"{word}：{escape('、'.join(names[:_NAMED]))}{more}", highlight=False, soft_wrap=True)
    if not run.failures:
        return
    notes.print(failure_table([(name, LawgovError(reason)) for name, reason in run.failures[:_LISTED]]))
    if len(run.failures) > _LISTED:
        where = escape(str(out / NAME))
        notes.print(
            f"共 {len(run.failures):,} 份未能读取，以上为前 {_LISTED} 份，其余见 {where}",
            highlight=False,
            soft_wrap=True,
        )
    notes.print("修好后加 --retry-failed 重读", highlight=False)
