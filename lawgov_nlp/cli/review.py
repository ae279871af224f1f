"""`lawgov review`: the local page on which a clerk corrects labels, values and names."""

from __future__ import annotations

import importlib.util
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lawgov_nlp.cli.common import BackendOption, DeviceOption, ModelOption, escape, fail
from lawgov_nlp.errors import LawgovError, OutputError

if TYPE_CHECKING:
    from lawgov_nlp.review.server import Site

_LEARNING = ("accelerate", "datasets", "seqeval", "sklearn")


def review(
    paths: Annotated[list[Path], typer.Argument(help="Files (docx, pdf, html, txt, doc, wps) and folders of them.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the corrections, in the markup that lawgov train reads.")
    ] = Path("labelled"),
    coder: Annotated[
        str, typer.Option(help="Your name, where two people code the same reports without seeing each other's work.")
    ] = "",
    settle: Annotated[
        list[str] | None, typer.Option(help="Settle the differences of two coders; given twice, once for each.")
    ] = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    host: Annotated[
        str, typer.Option(help="Address to listen on. Another one than 127.0.0.1 lets others on the network in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8765,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
) -> None:
    """Open a page on this machine to correct what the model found: labels, values, names.

    Each change is saved at once, in OUT; the reports are never touched. What is in OUT is what lawgov train learns
    from, by hand or by the page's button. Ends with Ctrl+C.
    """
    notes = Console(stderr=True)
    try:
        for name in ("starlette", "uvicorn"):
            if importlib.util.find_spec(name) is None:
                raise OutputError(f"{name} is missing; install it with: pip install 'lawgov-nlp[review]'")
        site = _site(paths, out, coder, settle or [], model, device, backend, host, port)
        _serve(notes, site, host, port, browser)
    except LawgovError as error:
        fail(notes, error)


def _site(
    paths: list[Path],
    out: Path,
    coder: str,
    settle: list[str],
    model: Path | None,
    device: str,
    backend: str,
    host: str,
    port: int,
) -> Site:
    from lawgov_nlp.review.learning import Learning
    from lawgov_nlp.review.library import Library
    from lawgov_nlp.review.security import Secrets
    from lawgov_nlp.review.server import Site, known_coders
    from lawgov_nlp.review.settling import Settling

    secrets = Secrets(host, port)
    coders = known_coders(settle)
    library = Library(paths, out, model=model, coder=coder, device=device, backend=backend)
    can_learn = all(importlib.util.find_spec(name) is not None for name in _LEARNING)
    learning = None
    if can_learn:
        from lawgov_nlp.model.checkpoints import is_shipped

        # from the model that was given, else from the shipped one: all corrections are learned, so none is forgotten
        base = None if is_shipped(model) and str(model) != "tiny" else library.model
        learning = Learning(library, [sys.executable, "-m", "lawgov_nlp.cli.review_learn"], base)
    return Site(library, secrets, learning, Settling(library, coders) if coders else None)


def _serve(notes: Console, site: Site, host: str, port: int, browser: bool) -> None:
    from lawgov_nlp.review.server import serve

    address = site.secrets.address

    def started() -> None:
        site.library.start()
        notes.print(f"模型：{escape(str(site.library.model))}", highlight=False, soft_wrap=True)
        notes.print(f"修改存于：{escape(str(site.library.folder))}", highlight=False, soft_wrap=True)
        notes.print(f"请在浏览器中打开：{escape(address)}", highlight=False, soft_wrap=True)
        if host not in ("127.0.0.1", "localhost", "::1"):
            notes.print(
                "[yellow]注意[/yellow] 同一网络上知道此网址的人都能修改；内容未加密，只在可信的网络上这样用",
                highlight=False,
                soft_wrap=True,
            )
        notes.print("按 Ctrl+C 结束。", highlight=False)
        if browser:
            webbrowser.open(address)

    try:
        serve(site, host, port, started)
    except OSError as error:
        raise OutputError(
            f"port {port} of {host} can't be had ({error.strerror}); choose another one with --port"
        ) from None
    except KeyboardInterrupt:
        pass
    finally:
        if site.learning is not None:
            site.learning.cancel()
