"""What stands before every route: hosts, origins, sizes, tokens, rates.

On loopback nobody needs a token, but a web page of a stranger runs in a browser on this very
machine. So a request must name a host that is ours (a name that was bound anew to 127.0.0.1 is
not), and one that a page of another origin sends is refused.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.exceptions import HTTPException

from benchmark.service.tokens import Scope, Token

Asgi = Callable[..., Any]
OPEN = ("/", "/health", "/ready")
"""Paths that need no token: the page holds no data, the others say only that we live."""
SAFE = ("GET", "HEAD", "OPTIONS")
MOST_CLIENTS = 10_000
"""Whose rates are remembered at once."""


class Caller(NamedTuple):
    """Who asks."""

    key: str
    """What its rate is counted by: the token, else the address."""
    token: Token | None


class Refusal(HTTPException):
    """A request that goes no further; FastAPI hands on no other error of a body that is read."""

    def __init__(self, status: int, what: str, hint: str = "", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(status, what, named)
        self.status, self.what, self.hint = status, what, hint


class Rates:
    """Token buckets: so many requests a second, and a burst before that counts."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate, self.burst = rate, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float | None = None) -> float:
        """Count one request; return 0, or the seconds until it would be let through."""
        now = time.monotonic() if now is None else now
        left, then = self._left.pop(key, (float(self.burst), now))
        left = min(float(self.burst), left + (now - then) * self.rate)
        wait = 0.0 if left >= 1 else (1 - left) / self.rate
        self._left[key] = (left - 1 if not wait else left, now)
        if len(self._left) > MOST_CLIENTS:
            self._left.popitem(last=False)
        return wait


@dataclass(frozen=True)
class Rules:
    """What the guard holds requests to.

    Attributes:
        hosts: Names by which we may be called; empty: any (callers then have tokens).
        auth: Whether a token is needed.
        find: Secret -> token; looks into the database.
        rates: Of all callers.
        sizes: Path prefix -> most bytes of a body, the longest prefix first.
        answer: Makes the response of a refusal.
    """

    hosts: frozenset[str]
    auth: bool
    find: Callable[[str], Token | None]
    rates: Rates
    sizes: Mapping[str, int]
    answer: Callable[[Refusal], Asgi]


class Guard:
    """The outermost layer of the application (ASGI).

    Attributes:
        api: The application that is behind it.
    """

    def __init__(self, app: Asgi, api: Asgi, rules: Rules) -> None:
        self.app, self.api, self.rules = app, api, rules

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        try:
            self._place(scope, headers)
            caller = await self._caller(scope, headers)
            scope.setdefault("state", {})["caller"] = caller
            wait = self.rules.rates.take(caller.key)
            if wait:
                seconds = str(max(1, round(wait)))
                raise Refusal(429, "too many requests", "wait a little", Retry_After=seconds)
            self._reach(scope, caller)
            receive = self._bounded(scope, headers, receive)
        except Refusal as refusal:
            await self.rules.answer(refusal)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _place(self, scope: Any, headers: Mapping[str, str]) -> None:
        host = headers.get("host", "")
        if self.rules.hosts and host_of(host) not in self.rules.hosts:
            raise Refusal(421, "this server is not called so", "ask for 127.0.0.1 or localhost")
        if scope["method"] in SAFE:
            return
        origin = headers.get("origin")
        if origin is not None and urlsplit_or_nothing(origin) != host.lower():
            raise Refusal(403, "a page of another origin may not do that")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Refusal(403, "a page of another origin may not do that")

    async def _caller(self, scope: Any, headers: Mapping[str, str]) -> Caller:
        address = (scope.get("client") or ("unknown", 0))[0]
        given = headers.get("authorization")
        if given is None:
            return Caller(f"address {address}", None)
        word, _, secret = given.partition(" ")
        token = None
        if word.lower() == "bearer" and secret.strip():
            token = await to_thread.run_sync(self.rules.find, secret.strip())
        if token is None:
            # Guessing is slowed down like everything else.
            if self.rules.rates.take(f"address {address}"):
                raise Refusal(429, "too many requests", "wait a little", Retry_After="1")
            raise Refusal(401, "this token is not known", WWW_Authenticate="Bearer")
        return Caller(f"token {token.id}", token)

    def _reach(self, scope: Any, caller: Caller) -> None:
        path: str = scope["path"]
        if path in OPEN or path.startswith("/web/"):
            return
        needed = needs(scope["method"], path)
        if caller.token is None:
            if self.rules.auth:
                raise Refusal(401, "a token is needed", "Authorization: Bearer ...",
                              WWW_Authenticate="Bearer")  # fmt: skip
            return
        if not caller.token.may(needed):
            what = f"this token's scope is {caller.token.scope}, and {needed} is needed"
            raise Refusal(403, what)

    def _bounded(self, scope: Any, headers: Mapping[str, str], receive: Any) -> Any:
        path: str = scope["path"]
        most = next(size for prefix, size in self.rules.sizes.items() if path.startswith(prefix))
        too_long = Refusal(413, f"the body is longer than {most:,} bytes")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 18 or int(length) > most:
            raise too_long
        seen = 0

        async def counted() -> Any:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise too_long
            return message

        return counted


def needs(method: str, path: str) -> Scope:
    """Return the scope that a request needs."""
    if method in SAFE:
        return "read"
    return "admin" if method == "DELETE" else "run"


def host_of(host: str) -> str:
    """Return the name of a Host header, without its port."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    return name.strip("[]").lower().rstrip(".")


def urlsplit_or_nothing(origin: str) -> str:
    """Return host and port of an origin; "" where it is none (`null`, or nonsense)."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
