"""What Ctrl-C leaves behind, in words: what is written, what isn't, and how to go on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import typer
from rich.console import Console

INTERRUPTED = 130
"""The exit code of a command that was interrupted, as shells have it."""

_WORDS = {
    "tag": "结果文件没有写出，原有的结果保持原样；再运行同一命令。文件很多时加 --parts，中断后能接着做",
    "suggest": "没有写出文件；再运行同一命令，挑出的段落相同",
    "convert": "没有写出文件；再运行同一命令",
    "evaluate": "没有写出文件；再运行同一命令",
    "compare": "没有写出文件；再运行同一命令",
    "agreement": "没有写出文件；再运行同一命令",
    "panel": "没有写完的文件不会留下；再运行同一命令",
    "places": "没有写完的文件不会留下；再运行同一命令",
}
"""By command. `train`, `review` and `tag --parts` say it themselves."""


def explained(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return the command, with words and exit code 130 for Ctrl-C."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the command takes
        try:
            return command(*args, **options)
        except KeyboardInterrupt:
            words = _WORDS.get(command.__name__, "再运行同一命令")
            Console(stderr=True).print(f"[yellow]已中断[/yellow] {words}", highlight=False, soft_wrap=True)
            raise typer.Exit(INTERRUPTED) from None

    return run
