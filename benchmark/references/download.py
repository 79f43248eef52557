"""Downloads one file over https with the standard library: time-out, retries, length check."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

from benchmark.errors import FetchError
from benchmark.progress import Tick
from benchmark.references.syntax import LOOPBACK

TIMEOUT = 30.0
"""Seconds without a byte."""
ATTEMPTS = 3
PAUSE = 0.5
"""Seconds before the second attempt; doubles each time."""
AGAIN = {408, 425, 429, 500, 502, 503, 504}
"""Statuses that another attempt may mend."""
CHUNK = 1 << 18


class _Broken(Exception):
    """This attempt failed; the next may not."""


def download(
    url: str, target: Path, tick: Tick, timeout: float = TIMEOUT, attempts: int = ATTEMPTS
) -> None:
    """Write what `url` serves to `target`.

    Args:
        url: An https URL, or plain http on this machine.
        target: The file; replaced if it is there.
        tick: Moved by bytes.
        timeout: Seconds to wait for the connection and for each piece.
        attempts: How often to try. A time-out, a server's error and a cut download are tried
            again; "not found" and its like are not.

    Raises:
        FetchError: Every attempt failed; tells the last reason.
        OSError: `target` cannot be written.
    """
    for attempt in range(1, attempts + 1):
        try:
            _once(url, target, tick, timeout)
            return
        except _Broken as error:
            if attempt == attempts:
                raise FetchError(
                    f"{url}: {error} ({attempts} attempts)",
                    hint="check the address and the network; what is fetched once needs no network",
                ) from error
            time.sleep(PAUSE * 2 ** (attempt - 1))


def _once(url: str, target: Path, tick: Tick, timeout: float) -> None:
    done = 0
    try:
        with _open(url, timeout) as response:
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
            with target.open("wb") as file:
                while chunk := _read(response):
                    file.write(chunk)
                    done += len(chunk)
                    tick(len(chunk), total=total)
        if total is not None and done != total:
            raise _Broken(f"cut off after {done} of {total} bytes")
    except _Broken:
        tick(-done)
        raise


def _open(url: str, timeout: float) -> http.client.HTTPResponse:
    plain = quote(url, safe="%/:=&?~#+!$,;'@()*[]")  # accents in a path are sent as UTF-8
    request = urllib.request.Request(plain, headers={"User-Agent": "bench"})
    try:
        response: http.client.HTTPResponse = urllib.request.build_opener(_Redirects()).open(
            request, timeout=timeout
        )
    except urllib.error.HTTPError as error:
        with error:
            reason = str(error.reason).partition("\n")[0]  # a redirect loop has three lines
            what = f"the server answered {error.code} {reason}".strip()
        if error.code in AGAIN:
            raise _Broken(what) from error
        raise FetchError(f"{url}: {what}", hint="check the address") from error
    except TimeoutError as error:
        raise _Broken(f"no answer in {timeout:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(f"cannot connect: {getattr(error, 'reason', '') or error!r}") from error
    return response


def _read(response: http.client.HTTPResponse) -> bytes:
    # Only here an OSError is the network's; elsewhere it is the disk's.
    try:
        return response.read(CHUNK)
    except TimeoutError as error:
        raise _Broken("the server fell silent") from error
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(f"the connection broke: {error!r}") from error


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where the first URL could have pointed."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage | Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        parts = urlsplit(newurl)
        local = req.type == "http" and parts.scheme == "http" and parts.hostname in LOOPBACK
        if parts.scheme != "https" and not local:
            fp.close()
            raise FetchError(f"{req.full_url}: redirects to {newurl}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
