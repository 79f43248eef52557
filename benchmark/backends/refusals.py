"""What a server's refusal means: try again, give this answer up, or stop asking."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from benchmark.errors import CandidateError

_SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)$")
_SHORTEST = 8
"""A shorter value ("none", "EMPTY") is no secret, and is found in ordinary words."""


class Again(Exception):
    """No answer this time; worth another try.

    Attributes:
        wait: Seconds that the server asks to wait; None where it says nothing.
        limited: Whether it said "too many": all callers then slow down.
        free: Whether it is certain that nothing is charged for this call.
    """

    def __init__(
        self, reason: str, *, wait: float | None = None, limited: bool = False, free: bool = False
    ) -> None:
        super().__init__(reason)
        self.wait = wait
        self.limited = limited
        self.free = free


class Failed(Exception):
    """This answer cannot be had, however often it is asked for; others can.

    Attributes:
        free: Whether it is certain that nothing is charged for this call.
    """

    def __init__(self, reason: str, *, free: bool = False) -> None:
        super().__init__(reason)
        self.free = free


def meaning(status: int, said: str, wait: float | None, who: str, variable: str = "") -> Exception:
    """Return the exception for an HTTP status that is not 200.

    Args:
        status: The status code.
        said: The server's own words, on one line, without secrets.
        wait: Seconds that it asks to wait.
        who: Server and model, for messages.
        variable: Name of the environment variable that holds the key; "" where it is not known.
    """
    told = f"HTTP {status}" + (f": {said}" if said else "")
    if status in (401, 403) or "API_KEY_INVALID" in said or "API key not valid" in said:
        hint = f"set {variable} to a key that is valid there" if variable else "check its key"
        return CandidateError(f"{who} refuses the key ({told})", hint=hint)
    if status == 402 or "insufficient_quota" in said:
        return CandidateError(f"{who} has no credit left ({told})", hint="top up the account")
    if status in (404, 405) or 300 <= status < 400:
        hint = "check `model` and `base_url` (it often ends in /v1)"
        return CandidateError(f"{who} is not there ({told})", hint=hint)
    if status == 429:
        return Again(told, wait=wait, limited=True, free=True)
    if status in (408, 409, 425) or status >= 500:
        limited = status == 503 and wait is not None
        return Again(told, wait=wait, limited=limited, free=True)
    return Failed(told, free=True)


def words(body: Any) -> str:
    """Return what an error's JSON body says, with its code; "" if it says nothing."""
    if isinstance(body, list) and body:  # one host wraps its errors in a list
        body = body[0]
    if not isinstance(body, dict):
        return ""
    inner = body.get("error", body)
    if not isinstance(inner, dict):
        return str(inner)
    text = inner.get("message") or inner.get("detail") or ""
    code = inner.get("code") or inner.get("type")
    return f"{text} ({code})" if text and isinstance(code, str) else str(text or code or "")


def one_line(text: object, longest: int = 300) -> str:
    """Return a text on one line, cut where it is too long."""
    line = " ".join(str(text).split())
    return line if len(line) <= longest else line[: longest - 3] + "..."


def refuse_secrets(fields: Mapping[str, Any]) -> None:
    """Raise ValueError when a suite's fields hold what belongs in no file."""
    for name in fields:
        if re.search(r"(^|_|-)(key|token|secret|password|authorization)$", name.lower()):
            raise ValueError(f"holds {name!r}, a secret; put it in an environment variable")


def secrets_of_environment() -> list[str]:
    """Return the values of the environment variables whose names say that they are secret."""
    return [value for name, value in os.environ.items() if _SECRET.search(name)]


def hider(*secrets: str) -> Callable[[str], str]:
    """Return a function that takes secrets out of a text: a server may repeat a key."""
    hidden = sorted({value for value in secrets if len(value) >= _SHORTEST}, key=len)

    def hide(text: str) -> str:
        for secret in reversed(hidden):  # the longest first: one may hold another
            text = text.replace(secret, "***")
        return text

    return hide
