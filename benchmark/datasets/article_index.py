"""Builds the index of articles from the codes, once for each source, and keeps it in the cache."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmark.articles import ArticleIndex, Code, Entry, Packed, Version, pack, unpack
from benchmark.datasets import legi_source
from benchmark.datasets.legi_articles import Article, articles
from benchmark.datasets.legi_source import CODES, FALLBACK, SOURCE, known_codes, places
from benchmark.errors import StoreError
from benchmark.keys import code_version, key
from benchmark.progress import Progress
from benchmark.references import Fetched, cache_root, fetch_first


def article_index(
    codes: Sequence[str], source: str, fallback: str | None, progress: Progress
) -> ArticleIndex:
    """Return the index of some codes: from the cache, else built and put there.

    Args:
        codes: Short names or LEGITEXT ids.
        source: As in `Legi.source`.
        fallback: As in `Legi.fallback`.
        progress: Where fetching and building show themselves.

    Raises:
        ValueError: A code is not known, or named twice.
        FetchError: A code could not be fetched.
        DataError: A fetched file is not a code of legi-data.
        StoreError: The cache cannot be written.
    """
    found = []
    for code in known_codes(tuple(codes)):
        fetched = fetch_first(places(source, fallback, code), progress)
        path = cache_root() / "articles" / f"{_key(code, fetched)}.jsonl"
        found.append(_cached(path, progress) or _build(code, fetched, path, progress))
    return ArticleIndex(*found)


def default_index(progress: Progress) -> ArticleIndex:
    """Return the index of all codes of the default source. Raises as `article_index`."""
    return article_index(tuple(CODES), SOURCE, FALLBACK, progress)


def entries(root: dict[str, Any], code: Code) -> Iterator[Entry]:
    """Give the articles of a code's tree that have a number, each once.

    Versions are in the order of their first days; those without one go first.
    """
    seen: set[str] = set()
    for article in articles(root):
        if article.num and article.id and article.id not in seen:
            seen.add(article.id)
            yield Entry(
                code, article.num, article.cid or article.id, article.id, _versions(article)
            )


def _versions(article: Article) -> tuple[Version, ...]:
    listed = [version for version in article.versions if version.id]
    if article.id not in {version.id for version in listed}:
        listed.append(article.stored)
    return tuple(sorted(listed, key=lambda version: (str(version.start or ""), version.id)))


def _key(code: str, fetched: Fetched) -> str:
    version = [code_version(name) for name in (__name__, "benchmark.articles")]
    return key(code=CODES.get(code, code), sha256=fetched.sha256, version=version)


def _cached(path: Path, progress: Progress) -> Packed | None:
    """Return an index that is there and whole."""
    try:
        return unpack(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _store_error("read", path, error) from error
    except ValueError:
        progress.say(f"{path.name}: the cached index is damaged; building it again")
        return None


def _build(code: str, fetched: Fetched, path: Path, progress: Progress) -> Packed:
    with progress.step(f"index {fetched.label}"):
        root = legi_source.read(fetched.path, fetched.label)
        code_id = CODES.get(code, code)
        described = Code(
            id=code_id,
            cid=str(root["data"].get("cid") or code_id),
            name=code if code in CODES else "",
            title=legi_source.title(root),
            sha256=fetched.sha256,
        )
        text = pack(described, entries(root, described))
    _write(path, text)
    return unpack(text)


def _write(path: Path, text: str) -> None:
    # The process id keeps two runs from writing one temporary file.
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(text.encode())
        os.replace(scratch, path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise _store_error("write", path, error) from error


def _store_error(verb: str, path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot {verb} the cached index: {error.strerror or error}",
        where=str(path),
        hint="set BENCH_CACHE to a folder with room that you may write to",
    )
