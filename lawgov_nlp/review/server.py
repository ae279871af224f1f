"""The server of the page. It only exchanges JSON with the page and serves the page's own files.

The path of a request is never used as a path on disk: reports, models and files of the page are looked up by name.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from lawgov_nlp.annotation.suggest import reason
from lawgov_nlp.errors import LawgovError, ReviewError
from lawgov_nlp.report import LineKind
from lawgov_nlp.results.page import palette
from lawgov_nlp.results.paragraph import TaggedParagraph
from lawgov_nlp.review.codebook import rules
from lawgov_nlp.review.coding import Coding, from_dict, readings
from lawgov_nlp.review.learning import Learning
from lawgov_nlp.review.library import Entry, Library, scheme_rows
from lawgov_nlp.review.next_up import BATCH, estimate, suggested
from lawgov_nlp.review.security import Guard, Secrets
from lawgov_nlp.review.settling import Settling
from lawgov_nlp.review.store import ACTIONS, Conflict, Store

if TYPE_CHECKING:
    import uvicorn

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}
_STATUS = {"no-report": 404, "no-paragraph": 404, "no-model": 404, "not-ready": 425}
_FOUND = 50
_QUEUE = 50


class Site:
    """The objects that the routes use.

    Args:
        library: The reports.
        secrets: The secrets of the session.
        learning: The learning process; None if the extra `train` isn't installed.
        settling: The comparison of two coders; None if there is only one coder.
    """

    def __init__(
        self, library: Library, secrets: Secrets, learning: Learning | None = None, settling: Settling | None = None
    ) -> None:
        self.library, self.secrets, self.learning, self.settling = library, secrets, learning, settling
        self._files = {
            path.name: (path.read_bytes(), _TYPES[Path(path.name).suffix])
            for path in files("lawgov_nlp.review").joinpath("static").iterdir()
            if Path(path.name).suffix in _TYPES
        }
        base = files("lawgov_nlp.results").joinpath("templates", "page.css").read_text(encoding="utf-8")
        self._files["page.css"] = ((base + palette(library.scheme)).encode(), _TYPES[".css"])

    def app(self) -> Guard:
        """Create the application with its security checks."""
        get, post = ["GET"], ["POST"]
        routes = [
            Route("/", self._page, methods=get),
            Route("/static/{name}", self._static, methods=get),
            Route("/api/start", _json(self._start), methods=get),
            Route("/api/reports", _json(self._reports), methods=get),
            Route("/api/reports/{id}", _json(self._report), methods=get),
            Route("/api/reports/{id}/paragraphs/{at:int}", _json(self._save), methods=post),
            Route("/api/reports/{id}/undo", _json(self._undo), methods=post),
            Route("/api/search", _json(self._search), methods=get),
            Route("/api/next", _json(self._next), methods=get),
            Route("/api/estimate", _json(self._estimate), methods=get),
            Route("/api/learn", _json(self._learn_status), methods=get),
            Route("/api/learn", _json(self._learn), methods=post),
            Route("/api/learn/cancel", _json(self._cancel), methods=post),
            Route("/api/model", _json(self._use_model), methods=post),
            Route("/api/settle", _json(self._settle), methods=get),
            Route("/api/settle/agreed", _json(self._adopt), methods=post),
        ]
        return Guard(Starlette(routes=routes), self.secrets)

    # --- the page

    async def _page(self, request: Request) -> Response:
        if request.url.query:
            return RedirectResponse("/", 303)
        body, kind = self._files["index.html"]
        return Response(body, headers={"content-type": kind, "cache-control": "no-store"})

    async def _static(self, request: Request) -> Response:
        found = self._files.get(request.path_params["name"])
        if found is None:
            return JSONResponse({"code": "no-file"}, 404)
        return Response(found[0], headers={"content-type": found[1], "cache-control": "no-cache"})

    # --- reports

    def _start(self, request: Request, body: object) -> dict[str, Any]:
        library = self.library
        return {
            "csrf": self.secrets.csrf,
            "version": version("lawgov-nlp"),
            "coder": library.coder,
            "folder": str(library.folder),
            "model": self._model(),
            "labels": scheme_rows(library.scheme),
            "rules": rules(library.scheme),
            "learn": self.learning is not None and not library.coder,
            "settle": list(self.settling.coders) if self.settling else None,
            "batch": BATCH,
        }

    def _model(self) -> dict[str, str | None]:
        folder = self.library.model
        return {"folder": str(folder), "name": folder.name, "chosen": self.library.settings.get("model")}  # type: ignore[dict-item]

    def _reports(self, request: Request, body: object) -> dict[str, Any]:
        library = self.library
        ready = library.entries
        rows = [self._row(ready[name]) for name in library.ids.values() if name in ready]
        return {
            "reports": rows,
            "total": library.total,
            "reading": library.reading,
            "failed": library.failed,
            "errors": [{"file": name, "message": message} for name, message in library.errors],
            "model": self._model(),
        }

    def _row(self, entry: Entry) -> dict[str, Any]:
        store = self.library.store(entry.id)
        codings = store.codings
        return {
            "id": entry.id,
            "title": entry.title,
            "issuer": entry.issuer,
            "year": entry.year,
            "file": entry.file,
            "paragraphs": len(entry.texts),
            "done": store.done,
            "begun": sum(n > 0 and not c.done for n, c in zip(store.changed, codings, strict=True)),
            "doubtful": sum(entry.review),
            "left": sum(r and not c.done for r, c in zip(entry.review, codings, strict=True)),
            "notes": sum(bool(c.note) for c in codings),
            "warnings": len(entry.warnings),
            "locked": store.locked.code if store.locked else None,
        }

    def _report(self, request: Request, body: object) -> dict[str, Any]:
        name = request.path_params["id"]
        store, entry, tagged = self.library.store(name), self.library.entry(name), self.library.tagged(name)
        depths = {text: depth for p in tagged.paragraphs for depth, text in enumerate(p.headings)}
        lines: list[dict[str, Any]] = []
        at = 0
        for unit in tagged.units:
            line: dict[str, Any] = {"kind": unit.kind.value}
            if unit.kind is LineKind.BODY:
                line |= self._paragraph(store, entry, tagged.paragraphs[at], at)
                at += 1
            else:
                line["text"] = unit.text
                if unit.kind is LineKind.HEADING:
                    line["depth"] = min(depths.get(unit.text, 0), 2)
            lines.append(line)
        return {
            **self._row(entry),
            "date": tagged.date,
            "number": tagged.doc_number,
            "model": tagged.model,
            "notices": list(entry.warnings),
            "reason": str(store.locked) if store.locked else None,
            "lines": lines,
        }

    def _paragraph(self, store: Store, entry: Entry, p: TaggedParagraph, at: int) -> dict[str, Any]:
        return {
            "at": at,
            "text": p.text,
            "headings": list(p.headings),
            "scores": {d.value: round(float(p.scores.get(d, 0)), 4) for d in self.library.scheme},
            "none_score": round(p.none_score, 4),
            "also": {d.value: round(float(s), 4) for d, s in p.secondary_scores.items()},
            "doubt": round(entry.doubts[at], 4),
            "review": entry.review[at],
            "why": reason(p, "uncertainty", None, self.library.scheme),
            "lost": entry.lost[at],
            "model": store.source.tagged[at].to_dict(),
            **_state(store.codings[at], p.text, store.changed[at]),
        }

    def _save(self, request: Request, body: object) -> dict[str, Any]:
        name, at = request.path_params["id"], request.path_params["at"]
        store = self.library.store(name)
        if not isinstance(body, dict) or not isinstance(body.get("base"), str) or body.get("what") not in ACTIONS:
            raise ReviewError("bad-request", f"expected base, what (one of {', '.join(ACTIONS)}) and coding")
        if not 0 <= at < len(store.codings):
            raise ReviewError("no-paragraph", f"{name} has {len(store.codings)} paragraphs, not one at {at}")
        text = self.library.entry(name).texts[at]
        wanted = from_dict(body.get("coding"), text, self.library.scheme)
        try:
            now = store.save(at, wanted, body["base"], body["what"])
        except Conflict as conflict:
            raise _Clash(conflict, {"who": conflict.who, **_state(conflict.current, text, store.changed[at])}) from None
        return {"at": at, **_state(now, text, store.changed[at]), "progress": self._row(self.library.entry(name))}

    def _undo(self, request: Request, body: object) -> dict[str, Any]:
        name = request.path_params["id"]
        store = self.library.store(name)
        at, now = store.undo()
        text = self.library.entry(name).texts[at]
        return {"at": at, **_state(now, text, store.changed[at]), "progress": self._row(self.library.entry(name))}

    def _search(self, request: Request, body: object) -> dict[str, Any]:
        wanted = request.query_params.get("q", "").strip()[:100]
        found: list[dict[str, Any]] = []
        count = 0
        for name, entry in list(self.library.entries.items()) if wanted else []:
            for at, text in enumerate(entry.texts):
                place = text.find(wanted)
                if place >= 0:
                    count += 1
                    if len(found) < _FOUND:
                        near = text[max(0, place - 20) : place + len(wanted) + 40]
                        found.append({"report": name, "title": entry.title or entry.file, "at": at, "text": near})
        return {"found": found, "count": count}

    # --- what is next

    def _next(self, request: Request, body: object) -> dict[str, Any]:
        queue = suggested(self.library, _QUEUE)
        return {"queue": [vars(item) for item in queue], "estimate": vars(estimate(self.library))}

    def _estimate(self, request: Request, body: object) -> dict[str, Any]:
        return vars(estimate(self.library))

    # --- learning

    def _learn_status(self, request: Request, body: object) -> dict[str, Any]:
        learning = self._needs_learning()
        return {**learning.status(), "models": learning.known(), "using": self._model()}

    def _learn(self, request: Request, body: object) -> dict[str, Any]:
        epochs = body.get("epochs") if isinstance(body, dict) else None
        if epochs is not None and (type(epochs) is not int or not 1 <= epochs <= 50):
            raise ReviewError("bad-request", f"epochs is {epochs!r}, expected 1 to 50")
        return {"name": self._needs_learning().start(epochs)}

    def _cancel(self, request: Request, body: object) -> dict[str, Any]:
        return {"cancelled": self._needs_learning().cancel()}

    def _use_model(self, request: Request, body: object) -> dict[str, Any]:
        name = body.get("name") if isinstance(body, dict) else None
        if name is not None and not isinstance(name, str):
            raise ReviewError("bad-request", "expected the name of a model, or null for the shipped one")
        self.library.use_model(None if name is None else self._needs_learning().folder(name))
        return {"model": self._model()}

    def _needs_learning(self) -> Learning:
        if self.learning is None or self.library.coder:
            raise ReviewError("no-learning", "learning isn't to be had here: it takes the extra train, and no --coder")
        return self.learning

    # --- settling

    def _settle(self, request: Request, body: object) -> dict[str, Any]:
        settling = self._needs_settling()
        pairs = list(settling.pairs())
        try:
            figures, missing = settling.figures(), None
        except ReviewError as error:
            figures, missing = None, str(error)
        return {
            "coders": list(settling.coders),
            "figures": figures,
            "missing": missing,
            "both": len(pairs),
            "agreed": sum(p.same for p in pairs),
            "agreed_open": sum(p.same and not p.settled.done for p in pairs),
            "pairs": [
                {
                    "report": p.report,
                    "at": p.at,
                    "text": p.text,
                    "first": _state(p.first, p.text, 0),
                    "second": _state(p.second, p.text, 0),
                    "settled": _state(p.settled, p.text, 0),
                }
                for p in pairs
                if not p.same
            ],
        }

    def _adopt(self, request: Request, body: object) -> dict[str, Any]:
        return {"settled": self._needs_settling().adopt()}

    def _needs_settling(self) -> Settling:
        if self.settling is None:
            raise ReviewError("no-settling", "start lawgov review with --settle FIRST --settle SECOND")
        return self.settling


class _Clash(Exception):
    """Return the answer for a conflict, with the two codings that the page shows side by side."""

    def __init__(self, conflict: Conflict, current: dict[str, Any]) -> None:
        super().__init__(str(conflict))
        self.current = current


def configured(site: Site) -> uvicorn.Config:
    """Return the settings of uvicorn: it sends no header about itself and trusts no proxy."""
    import uvicorn

    return uvicorn.Config(
        site.app(),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
    )


def serve(site: Site, host: str, port: int, on_start: Callable[[], None] | None = None) -> None:
    """Serve the page until the process is interrupted.

    Raises:
        OSError: The port is in use.
    """
    import socket

    import uvicorn

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(64)  # A request that arrives before the loop runs waits for it.
        if on_start:
            on_start()
        uvicorn.Server(configured(site)).run(sockets=[listening])


def _state(coding: Coding, text: str, changed: int) -> dict[str, Any]:
    return {
        "coding": coding.to_dict(),
        "version": coding.version,
        "readings": readings(coding, text),
        "changed": changed,
    }


def _json(answer: Callable[[Request, object], dict[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
    """Create a route for JSON. The package's errors become a status with their code and message."""

    async def route(request: Request) -> Response:
        body: object = None
        if request.method == "POST":
            try:
                body = json.loads(await request.body() or b"null")
            except (ValueError, RecursionError):
                return _said({"code": "not-json", "message": "the body isn't JSON"}, 400)
        try:
            return _said(await run_in_threadpool(answer, request, body))
        except _Clash as clash:
            return _said({"code": "conflict", "message": str(clash), "current": clash.current}, 409)
        except ReviewError as error:
            return _said({"code": error.code, "message": str(error)}, _STATUS.get(error.code, 422))
        except LawgovError as error:
            return _said({"code": "not-saved", "message": str(error)}, 507)

    return route


def _said(data: object, status: int = 200) -> Response:
    body = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
    headers = {"content-type": "application/json; charset=utf-8", "cache-control": "no-store"}
    return Response(body, status, headers=headers)


def known_coders(names: Sequence[str]) -> tuple[str, str] | None:
    """Create the comparison of two coders; None if no coders are named.

    Raises:
        ReviewError: One coder or more than two are named.
    """
    if not names:
        return None
    if len(names) != 2:
        raise ReviewError("bad-coders", f"--settle is given twice, once for each coder; got {', '.join(names)}")
    return names[0], names[1]
