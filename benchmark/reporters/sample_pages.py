"""Where a page's samples lie: in the page, or for large runs in script files beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.reporters.files import write_text
from benchmark.reporters.sample_data import SampleData

PAGE = 100
"""Samples of one page."""
MOST_INLINE = 2_100_000
"""Characters of packed samples that a page holds itself; with more, all go into files."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The packed samples of a run."""

    index: str = ""
    """Packed index; empty where it lies in a file."""
    pages: list[str] = field(default_factory=list)
    """Packed pages; empty where they lie in files."""
    folder: str = ""
    """Name of the folder beside the page with `index.js` and `0001.js`; empty: there is none."""
    nonce: str = ""
    """By which the page's policy lets its script load these files, and nothing else."""
    count: int = 0


def pack(value: Any) -> str:
    """Return a value as JSON, deflated, in base64: no character of it can end a script."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Level 4 is twice as fast as 6 and 3 % larger.
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), 4)).decode()


def write(data: SampleData, page: Path, *, inline: int = MOST_INLINE) -> Pages:
    """Pack a run's samples; write them beside `page` if they are more than it should hold.

    At most `inline` characters are held at once, besides one page of samples.

    Args:
        data: The samples.
        page: The page's file; the folder beside it is named after it.
        inline: Characters that the page may hold.

    Raises:
        StoreError: A file cannot be written.
    """
    folder = page.with_name(f"{page.stem}-samples")
    held: list[str] = []
    digest, count, in_files = hashlib.sha256(), 0, False
    for count, packed in enumerate(_packed(data), start=1):
        digest.update(packed.encode())
        held.append(packed)
        if not in_files and sum(map(len, held)) > inline:
            in_files = True
        if in_files:
            _flush(folder, held, count)
    index = pack(data.index())
    digest.update(index.encode())
    if not in_files and sum(map(len, held)) + len(index) <= inline:
        _forget(folder, 0)
        return Pages(index, held, count=count)
    _flush(folder, held, count)
    write_text(folder / "index.js", f'bench.index("{index}");\n')
    _forget(folder, count)
    # Nobody who wrote a text of the samples could know it: it depends on all of them.
    nonce = base64.b64encode(digest.digest()[:18]).decode()
    return Pages(folder=folder.name, nonce=nonce, count=count)


def _packed(data: SampleData) -> Iterator[str]:
    for start in range(0, len(data.examples), PAGE):
        end = min(start + PAGE, len(data.examples))
        yield pack([data.sample(place) for place in range(start, end)])


def _flush(folder: Path, held: list[str], count: int) -> None:
    """Write the pages that are held, the last of which is page `count`."""
    for place, packed in enumerate(held, start=count - len(held)):
        write_text(folder / f"{place + 1:04d}.js", f'bench.page({place},"{packed}");\n')
    held.clear()


def _forget(folder: Path, count: int) -> None:
    """Remove the files of an earlier and larger report."""
    if not folder.is_dir():
        return
    for file in folder.glob("*.js"):
        if (file.stem.isdigit() and int(file.stem) > count) or not count:
            file.unlink()
    with suppress(OSError):  # of another's files it is not ours to tidy up
        if not count:
            folder.rmdir()
