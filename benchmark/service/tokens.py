"""Tokens: shown once, kept as a hash, compared in constant time.

A token is 32 random bytes. Of so much chance a plain SHA-256 is enough: slow hashes are for
passwords, which can be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from typing import Literal, NamedTuple

from sqlalchemy import insert, select, update

from benchmark.errors import BenchError
from benchmark.service.database import Database, tokens

Scope = Literal["read", "run", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "run", "admin")
"""Each may do all that those before it may."""
PREFIX = "bench_"


class Token(NamedTuple):
    """One token, without its secret."""

    id: str
    name: str
    scope: Scope
    created: float
    revoked: bool

    def may(self, scope: Scope) -> bool:
        """Tell whether it reaches so far."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


def create(database: Database, scope: Scope, name: str = "") -> tuple[Token, str]:
    """Make a token; return it and its secret, which nobody can find out again."""
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(secrets.token_hex(4), name, scope, time.time(), False)
    with database.write() as connection:
        connection.execute(insert(tokens).values(**token._asdict(), digest=_digest(secret)))
    return token, secret


def find(database: Database, secret: str) -> Token | None:
    """Return the token of a secret; None: there is none, or it was revoked."""
    digest = _digest(secret)
    with database.read() as connection:
        rows = connection.execute(select(tokens).where(tokens.c.digest == digest)).mappings()
        for row in rows:
            # The look-up is by the digest, of which a caller cannot choose the bytes.
            if hmac.compare_digest(row["digest"], digest) and not row["revoked"]:
                return _token(row)
    return None


def every(database: Database) -> list[Token]:
    """Return all tokens, the oldest first."""
    with database.read() as connection:
        rows = connection.execute(select(tokens).order_by(tokens.c.created)).mappings()
        return [_token(row) for row in rows]


def revoke(database: Database, token: str) -> Token:
    """Make a token worthless, by its id.

    Raises:
        BenchError: There is none.
    """
    with database.write() as connection:
        done = connection.execute(update(tokens).where(tokens.c.id == token).values(revoked=True))
        if done.rowcount != 1:
            raise BenchError(f"there is no token {token!r}", hint="bench serve token list")
        found = connection.execute(select(tokens).where(tokens.c.id == token)).mappings()
        return _token(found.one())


def _token(row: object) -> Token:
    return Token(*(row[name] for name in Token._fields))  # type: ignore[index]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
