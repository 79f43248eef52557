"""Where the French legal codes come from: packages of SocialGouv/legi-data, checked and read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmark.errors import ConfigError, DataError
from benchmark.references import Reference, parse
from benchmark.registry import did_you_mean

CODES = {
    "travail": "LEGITEXT000006072050",
    "securite-sociale": "LEGITEXT000006073189",
    "rural": "LEGITEXT000022197698",
    "crpa": "LEGITEXT000031366350",
}
"""The codes that legi-data carries and the reference workflow uses."""

SOURCE = (
    "npm:@socialgouv/legi-data@2.513.0"
    "#sha256=10b1764253677990bb889057a49e8ddbc8486173502b38e7a1c75a7260b42de5"
)
FALLBACK = "https://raw.githubusercontent.com/SocialGouv/legi-data/v2.513.0/data/{id}.json"
FALLBACK_SHA256 = {
    "LEGITEXT000006072050": "66ebd3ef975822b0ec9c195fd4a7b114689beb7837531ed51061c991bc610e27",
    "LEGITEXT000006073189": "30e595814f66b9e3bdc3bee507602a386505875e076e594df24a6c137632446f",
    "LEGITEXT000022197698": "fa2ec789621f5b1f94c4b36ebcef601f28d7e63733579977d0d07de07ae8ba8f",
    "LEGITEXT000031366350": "73202ba93f543ca129bd2af1939378d770f7b1352acf0567c8019ef02f6d23f8",
}
"""Checksums of the files in SOURCE, which the fallback must give byte for byte."""


def known_codes(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return codes in one spelling each: the short name where there is one, else the id.

    Raises:
        ValueError: A name that is no code, a code twice, or none at all.
    """
    names = {code_id: name for name, code_id in CODES.items()}
    codes = tuple(names.get(code, code) for code in value)
    for code in codes:
        is_id = code.startswith("LEGITEXT") and code[8:].isdecimal() and len(code) == 20
        if code not in CODES and not is_id:
            hint = did_you_mean(code, list(CODES)) or f"known: {', '.join(CODES)}"
            raise ValueError(f"unknown code {code!r}; {hint}")
    if not codes or len(set(codes)) < len(codes):
        raise ValueError("names no code" if not codes else "names a code twice")
    return codes


def places(source: str, fallback: str | None, code: str) -> list[Reference]:
    """Return where one code's file can be had, the best first.

    Args:
        source: A package or folder with `data/<id>.json`, or a place with `{id}` in it.
        fallback: Another one.
        code: A short name or an id.

    Raises:
        ConfigError: `source` or `fallback` is no such place.
    """
    code_id = CODES.get(code, code)
    found = [place(source, code_id)]
    # The default fallback is of the default version: it must not stand in for another one.
    if fallback and (fallback != FALLBACK or source == SOURCE):
        checksum = FALLBACK_SHA256.get(code_id, "") if fallback == FALLBACK else ""
        text = fallback + (f"#sha256={checksum}" if checksum else "")
        found.append(place(text, code_id))
    return found


def place(source: str, code_id: str) -> Reference:
    """Return the reference of one code's file. Raises ConfigError."""
    if "{id}" in source:
        return parse(source.replace("{id}", code_id))
    found = parse(source)
    if found.kind == "https":
        raise ConfigError(f"{source!r} has no {{id}}", hint="put {id} where the code's id goes")
    return found.inside(f"data/{code_id}.json") if found.kind != "hub" else found


def read(path: Path, label: str) -> dict[str, Any]:
    """Return the tree of one code.

    Raises:
        DataError: The file cannot be read, is not JSON, or is no code.
    """
    try:
        root = json.loads(path.read_bytes())
        is_code = root["type"] == "code" and isinstance(root["children"], list)
        is_code = is_code and bool(title(root))
    except OSError as error:
        raise DataError(f"cannot read it: {error.strerror or error}", where=label) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not JSON: {error}", where=label, hint="fetch it again") from error
    except (TypeError, KeyError, AttributeError):
        is_code = False
    if not is_code:
        raise DataError("is not a code of legi-data", where=label, hint="check `dataset.source`")
    code: dict[str, Any] = root
    return code


def title(root: dict[str, Any]) -> str:
    """Return a code's title on one line: "Code du travail"."""
    return " ".join(root["data"]["title"].split())
