"""A Key is what an agent, an executor or an admin program proves itself with. No key ever votes."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

from sayso_bot.domain.globs import Glob

Kind = Literal["agent", "executor", "admin"]
KINDS: tuple[Kind, ...] = ("agent", "executor", "admin")


@dataclass(frozen=True, slots=True)
class Quotas:
    """Bounds for one agent: submissions a second and their burst, and what may be open at once."""

    rate: float = 20.0
    burst: int = 100
    pending: int = 1000
    bytes: int = 64 * 1024 * 1024
    held: int = 1000


@dataclass(frozen=True, slots=True)
class Key:
    """``actions`` are patterns; ``digest`` is the SHA-256 of the secret, which is shown once and kept nowhere.

    A key that was rotated lapses at ``lapses_at``, Redis's time; then it is revoked.
    """

    id: str
    name: str
    kinds: frozenset[Kind]
    actions: tuple[str, ...]
    digest: str
    created_at: datetime
    quotas: Quotas = Quotas()
    principal: str | None = None
    revoked_at: datetime | None = None
    lapses_at: datetime | None = None

    @property
    def administers(self) -> bool:
        """No key that submits does, whatever else it is."""
        return "admin" in self.kinds and "agent" not in self.kinds

    def may_ask(self, action: str) -> bool:
        return _names(self.actions, action)


def new_secret(book: str) -> str:
    """``sk_<book>_`` and 256 random bits."""
    return f"sk_{book}_{secrets.token_urlsafe(32)}"


def new_key_id() -> str:
    return f"key_{secrets.token_hex(8)}"


def secret_digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@lru_cache(maxsize=4096)
def _names(patterns: tuple[str, ...], action: str) -> bool:
    return any(Glob(text).matches(action) for text in patterns)
