"""A running `lawgov review` in this process, with a tiny model that was trained on nothing."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.review.learning import Learning
from lawgov_nlp.review.library import Library
from lawgov_nlp.review.security import Secrets
from lawgov_nlp.review.server import Site, configured
from lawgov_nlp.review.settling import Settling


@dataclass
class Running:
    """A server that answers; `ask` does so as the page would."""

    site: Site
    port: int

    @property
    def address(self) -> str:
        return self.site.secrets.address

    @property
    def library(self) -> Library:
        return self.site.library

    def raw(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Just these headers, with the right Host unless they have another one."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            headers = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
            if body is not None and "Content-Length" not in headers and "Transfer-Encoding" not in headers:
                headers["Content-Length"] = str(len(body))
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            if body:
                with suppress(OSError):  # refused before the end of it
                    connection.send(body)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    @property
    def headers(self) -> dict[str, str]:
        """Those of the page itself."""
        s = self.site.secrets
        return {
            "Cookie": f"{s.cookie_name}={s.cookie}",
            "X-Lawgov-CSRF": s.csrf,
            "Content-Type": "application/json",
            "Origin": f"http://127.0.0.1:{self.port}",
        }

    def ask(self, method: str, path: str, data: object = None) -> tuple[int, Any]:
        body = json.dumps(data).encode() if method == "POST" else None
        status, _, raw = self.raw(method, path, body, self.headers)
        return status, json.loads(raw)


def write_reports(folder: Path, gold: GoldReport, number: int) -> Path:
    """Reports of villages that are called alike, as text files."""
    folder.mkdir()
    for k in range(number):
        (folder / f"r{k:03}.txt").write_text(gold.text.replace("青柳镇", f"青柳{k}镇"), encoding="utf-8")
    return folder


@contextmanager
def running(
    paths: Sequence[Path],
    out: Path,
    model: Path,
    *,
    coder: str = "",
    settle: tuple[str, str] | None = None,
    command: Sequence[str] | None = None,
    port: int = 0,
    wait: bool = True,
) -> Iterator[Running]:
    """Answers until the block ends."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(64)
        port = listening.getsockname()[1]
        library = Library(list(paths), out, model=model, coder=coder, backend="torch:float32")
        learning = Learning(library, command, model) if command else None
        site = Site(library, Secrets("127.0.0.1", port), learning, Settling(library, settle) if settle else None)
        server = uvicorn.Server(configured(site))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        library.start()
        if wait:
            library.wait()
        thread.start()
        try:
            yield Running(site, port)
        finally:
            server.should_exit = server.force_exit = True
            thread.join(10)
            if learning is not None:
                learning.cancel()
