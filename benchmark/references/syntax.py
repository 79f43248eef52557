"""What a reference looks like: `parse` reads one, `check` looks whether a local one is there."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from benchmark.errors import ConfigError

Kind = Literal["pip", "npm", "https", "path", "hub"]

CHECKSUM = "#sha256="
LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Hosts that plain http may be used with: nobody can change the bytes on the way."""
FILE_SUFFIXES = (
    *(".json", ".jsonl", ".csv", ".parquet", ".txt", ".md", ".yaml", ".yml"),
    *(".gguf", ".safetensors", ".gz", ".zip"),
)
"""`data/rows.jsonl` is a file that is missing, not a model of the organisation `data`."""

_BROKEN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""Control characters and lone surrogates: no file or package is called so."""
_LOCAL = (".", "/", "~", "\\")
_PIP = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)")
_NPM_NAME = r"(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-zA-Z0-9~-][a-zA-Z0-9._~-]*"
_NPM = re.compile(rf"({_NPM_NAME})@(\d+\.\d+\.\d+(?:[-+][A-Za-z0-9.+-]+)?)")
_HUB_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_HUB = re.compile(rf"((?:{_HUB_PART}/)?{_HUB_PART})(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?")


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed reference.

    Attributes:
        kind: Who fetches it.
        name: Package, URL, hub id or local path, by `kind`.
        version: Exact version (pip, npm) or revision (hub); "" where there is none.
        path: Path inside the package, with forward slashes; "" is the whole package.
        sha256: Checksum that the download must have, in lower case; "" if it is not pinned.
        text: The whole reference; `parse(text)` gives an equal one.
    """

    kind: Kind
    name: str
    version: str
    path: str
    sha256: str
    text: str

    @property
    def label(self) -> str:
        """Return the reference without its checksum, for messages and reports."""
        return self.text.removesuffix(CHECKSUM + self.sha256) if self.sha256 else self.text

    def inside(self, path: str) -> Reference:
        """Return the reference of a file or folder inside this package or local folder.

        Raises:
            ConfigError: The path leaves the package, or a URL or model has no inside.
        """
        if self.kind == "path":
            # Never bare: `folder/file` could be read as a hub id.
            start = "" if self.name.startswith(_LOCAL) or os.path.isabs(self.name) else "./"
            name = f"{start}{self.name.rstrip('/')}/{_inner(path, self.text)}"
            return Reference("path", name, "", "", "", name)
        if self.kind not in ("pip", "npm"):
            raise ConfigError(f"{self.label} has no files inside", hint="name the file itself")
        inner = "/".join(part for part in (self.path, _inner(path, self.text)) if part)
        body = _package_text(self.kind, self.name, self.version, inner)
        text = body + CHECKSUM + self.sha256 if self.sha256 else body
        return replace(self, path=inner, text=text)

    def __str__(self) -> str:
        return self.text


def parse(text: str) -> Reference:
    """Read a reference. Looks at the local disk to tell a folder from a hub id, never further.

    Raises:
        ConfigError: Not a reference, not pinned to one version, or a bad checksum.
    """
    text = text.strip()
    if not text or _BROKEN.search(text):
        raise ConfigError(f"{text!r} is no package reference", hint="name a package or a path")
    body, mark, digest = text.partition(CHECKSUM)
    if mark and not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
        raise ConfigError(
            f"bad checksum in {text!r}", hint=f"write {CHECKSUM}<64 hexadecimal digits>"
        )
    found = _parse_body(body)
    if not mark:
        return found
    if found.kind == "hub":
        raise ConfigError(
            f"{body!r} cannot have a checksum", hint="pin its commit: hub:org/name@<commit>"
        )
    digest = digest.lower()
    return replace(found, sha256=digest, text=found.text + CHECKSUM + digest)


def check(reference: str | Reference) -> None:
    """Look whether a local path is there; other kinds are only parsed.

    Raises:
        ConfigError: No such file or folder.
    """
    found = parse(reference) if isinstance(reference, str) else reference
    if found.kind != "path" or os.path.exists(local_path(found)):
        return
    hint = "relative paths start from the folder where the command runs"
    if _HUB.fullmatch(found.name) and not found.name.endswith(FILE_SUFFIXES):
        hint = f"for a model on the hub write hub:{found.name}"
    raise ConfigError(f"no such file or folder: {found.name}", hint=hint)


def local_path(reference: Reference) -> Path:
    """Return the path of a `path` reference, with `~` written out."""
    try:
        return Path(reference.name).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"no such home folder: {reference.name}") from error


def _parse_body(body: str) -> Reference:
    scheme, colon, rest = body.partition(":")
    if colon and scheme == "pip":
        return _package("pip", _PIP, rest, body)
    if colon and scheme == "npm":
        return _package("npm", _NPM, rest, body)
    if colon and scheme in ("https", "http"):
        return _url(body)
    if colon and scheme == "hub":
        return _hub(rest, body)
    if "://" in body:
        raise ConfigError(f"{scheme}:// references are not known", hint="use https://")
    is_local = body.startswith(_LOCAL) or os.path.exists(body)
    if not is_local and body.partition("@")[0].count("/") == 1 and _HUB.fullmatch(body):
        if not body.endswith(FILE_SUFFIXES):
            return _hub(body, body)
    return Reference("path", body, "", "", "", body)


def _package(
    kind: Literal["pip", "npm"], pattern: re.Pattern[str], rest: str, body: str
) -> Reference:
    found = pattern.match(rest)
    inner = rest[found.end() :] if found else ""
    if not found or (inner and not inner.startswith("/")):
        example = "pip:NAME==VERSION" if kind == "pip" else "npm:NAME@VERSION"
        raise ConfigError(
            f"{body!r} names no exact version", hint=f"pin a version: {example}[/path/inside]"
        )
    path = _inner(inner[1:], body)
    text = _package_text(kind, found[1], found[2], path)
    return Reference(kind, found[1], found[2], path, "", text)


def _package_text(kind: str, name: str, version: str, path: str) -> str:
    between = "==" if kind == "pip" else "@"
    return f"{kind}:{name}{between}{version}" + (f"/{path}" if path else "")


def _inner(path: str, body: str) -> str:
    path = path.removesuffix("/")
    parts = path.split("/") if path else []
    if "\\" in path or any(part in ("", ".", "..") for part in parts):
        raise ConfigError(f"{body!r} leaves the package", hint="write the plain path inside it")
    return path


def _url(body: str) -> Reference:
    try:
        parts = urlsplit(body)
        host = parts.hostname or ""
        _ = parts.port  # raises ValueError on a port that is no number
    except ValueError as error:
        raise ConfigError(f"{body!r} is no URL: {error}") from error
    if not host or " " in body:
        raise ConfigError(f"{body!r} is no URL", hint="write https://host/path/to/file")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"the URL for {host} carries a user name or password",
            hint="reports name their sources: fetch the file yourself and give its path",
        )
    if parts.scheme == "http" and host not in LOOPBACK:
        raise ConfigError(f"{body!r} is not encrypted", hint="use https://")
    return Reference("https", body, "", "", "", body)


def _hub(rest: str, body: str) -> Reference:
    found = _HUB.fullmatch(rest)
    if not found or ".." in rest:
        raise ConfigError(
            f"{body!r} is no hub id", hint="write hub:org/name or hub:org/name@revision"
        )
    return Reference("hub", found[1], found[2] or "", "", "", body)
