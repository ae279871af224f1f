"""The command line: `lawgov tag PATH…` and the commands for labelling and training. Each has its own module."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from lawgov_nlp.cli.agreement import agreement
from lawgov_nlp.cli.compare import compare
from lawgov_nlp.cli.convert import convert
from lawgov_nlp.cli.evaluate import evaluate
from lawgov_nlp.cli.interrupt import explained
from lawgov_nlp.cli.panel import panel, places
from lawgov_nlp.cli.review import review
from lawgov_nlp.cli.suggest import suggest
from lawgov_nlp.cli.tag import tag
from lawgov_nlp.cli.train import train
from lawgov_nlp.language import use


class Language(str, Enum):
    """The languages of what people read."""

    ZH = "zh"
    EN = "en"


app = typer.Typer(
    help="Read China's reports on law-based government (法治政府建设年度报告) and turn them into data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def chosen_language(
    lang: Annotated[Language | None, typer.Option(help="Language of Excel files; default: the system's.")] = None,
) -> None:
    """Set the language before the command runs."""
    if lang is not None:
        use(lang.value)


for command in (tag, review, suggest, convert, train, evaluate, compare, agreement, panel, places):
    app.command()(explained(command))


def main() -> None:
    """Run the `lawgov` command."""
    app()


if __name__ == "__main__":
    main()
