"""Check each request: only a browser that was opened with the token may use the server, and only from its own page.

The server reads and writes a person's files, and any page that is open in a browser can send requests to a port of this
machine. Therefore:

- The address contains a token. It is exchanged for a cookie, which the requests of other sites don't carry.
- Requests under another host name are refused, because a hostile name server may let its own name point to 127.0.0.1
  (DNS rebinding).
- A request that changes something needs a header that no other site can send, and must come from this origin.
- Bodies must be short and in JSON.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from lawgov_nlp.errors import ReviewError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 512 * 1024
"""The largest size of a request's body. The coding of a long paragraph takes a tenth of it."""

CSRF_HEADER = b"x-lawgov-csrf"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


class Secrets:
    """The token in the address, the cookie for which it is exchanged, and the value of the header; new at each start.

    Args:
        host: The address that the server listens on.
        port: Its port.
    """

    def __init__(self, host: str, port: int) -> None:
        self.token, self.cookie, self.csrf = (secrets.token_urlsafe(32) for _ in range(3))
        self.hosts = allowed_hosts(host, port)
        self.origins = frozenset(f"http://{h}" for h in self.hosts)
        self.cookie_name = f"lawgov-review-{port}"  # cookies don't distinguish ports
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{port}/?{urlencode({'token': self.token})}"


def allowed_hosts(host: str, port: int) -> frozenset[str]:
    """Return the values of the Host header that name this server.

    Raises:
        ReviewError: The server is to listen on all addresses, so its name isn't known.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if not host or (address is not None and address.is_unspecified):
        raise ReviewError(
            "bad-host", f"--host {host!r} means every address; name the one that others will type, such as 192.168.1.5"
        )
    names = [host]
    if host == "localhost" or (address is not None and address.is_loopback):
        names += ["127.0.0.1", "localhost", "::1"]
    shown = [f"[{n}]" if ":" in n else n for n in names]
    return frozenset(f"{n}:{port}".lower() for n in shown) | (frozenset(shown) if port == 80 else frozenset())


class Guard:
    """Wraps the application and checks each request."""

    def __init__(self, app: ASGIApp, secrets: Secrets) -> None:
        self.app, self.secrets = app, secrets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with a status and a code for the page."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        refusal = self._refusal(scope, headers)
        if refusal:
            await _answer(send, *refusal)
            return
        if scope["path"] == "/" and (token := parse_qs(scope["query_string"].decode("latin-1")).get("token")):
            await self._let_in(send, token)
            return
        if not self._known(headers):
            await _answer(send, 403, "no-session")
            return
        body = await _body(receive)
        if body is None:
            await _answer(send, 413, "too-long")
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replayed() -> Message:
            return waiting.pop() if waiting else await receive()

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        await self.app(scope, replayed, headed)

    def _refusal(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> tuple[int, str] | None:
        hosts = _all(headers, b"host")
        if len(hosts) != 1 or hosts[0].lower() not in self.secrets.hosts:
            return 421, "wrong-host"
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "method"
        length = _all(headers, b"content-length")
        if length and (not length[0].isdecimal() or int(length[0]) > MOST_BYTES):
            return 413, "too-long"
        if scope["method"] != "POST":
            return None
        if any(origin not in self.secrets.origins for origin in _all(headers, b"origin")):
            return 403, "wrong-origin"
        if any(site != "same-origin" for site in _all(headers, b"sec-fetch-site")):
            return 403, "wrong-origin"
        sent = _all(headers, CSRF_HEADER)
        if len(sent) != 1 or not _same(sent[0], self.secrets.csrf):
            return 403, "no-csrf"
        if [t.partition(";")[0].strip() for t in _all(headers, b"content-type")] != ["application/json"]:
            return 415, "not-json"
        return None

    def _known(self, headers: list[tuple[bytes, bytes]]) -> bool:
        for line in _all(headers, b"cookie"):
            try:
                morsel = SimpleCookie(line).get(self.secrets.cookie_name)
            except CookieError:
                continue
            if morsel is not None and _same(morsel.value, self.secrets.cookie):
                return True
        return False

    async def _let_in(self, send: Send, token: list[str]) -> None:
        """Redirect to the address without the token, so that the token isn't seen in the history or on screenshots."""
        if len(token) != 1 or not _same(token[0], self.secrets.token):
            await _answer(send, 403, "wrong-token")
            return
        cookie = f"{self.secrets.cookie_name}={self.secrets.cookie}; Path=/; HttpOnly; SameSite=Strict"
        more = [(b"location", b"/"), (b"set-cookie", cookie.encode())]
        await _answer(send, 303, "let-in", more)


async def _body(receive: Receive) -> bytes | None:
    """Return the body of a request, or None if it is longer than allowed."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Send, status: int, code: str, more: Iterable[tuple[bytes, bytes]] = ()) -> None:
    words: dict[str, Any] = {"code": code}
    if code in ("no-session", "wrong-token"):
        words["message"] = (
            "请从终端里显示的完整网址打开本页。Open this page by the whole address shown in the terminal."
        )
    body = json.dumps(words, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"cache-control", b"no-store"), *HEADERS, *more]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _all(headers: list[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
