"""An adapter's shelf in Redis: ``{book}:shelf:<adapter>:<name>``, each value encrypted and with a lifetime.

AES-256-GCM under a key derived for the adapter, with the key's full name as associated data: who can write to Redis can
remove a value, but neither read one, nor make one, nor put one in another's place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis.asyncio import Redis
from redis.exceptions import RedisError

from sayso_bot.errors import Unavailable
from sayso_bot.ports import Log
from sayso_bot.store.batch import WaitFor
from sayso_bot.store.calls import AS_BYTES

MOST_NAMES = 10_000
_FORMAT = b"\x01"
_NONCE = 12
_ADAPTER = re.compile(r"[a-z0-9_-]{1,32}")
_GLOB = re.compile(r"([\\*?\[\]^-])")


class RedisShelf:
    """`sayso_bot.ports.Shelf`. Every method raises `Unavailable` when Redis does not answer.

    A value that does not decrypt (another secret, or tampered with) is absent to the adapter, and a warning in the log.
    ``wait_for`` is what WAITAOF is given after each write: an ended session does not come back after a crash.
    """

    def __init__(
        self, client: Redis, book: str, adapter: str, secret: bytes, log: Log, wait_for: WaitFor | None = None
    ) -> None:
        if not _ADAPTER.fullmatch(adapter):
            raise ValueError("an adapter's name may not hold what separates names")
        self._redis = client
        self._wait_for = wait_for
        self._prefix = f"{{{book}}}:shelf:{adapter}:"
        self._cipher = AESGCM(HKDF(SHA256(), 32, salt=None, info=b"sayso shelf " + adapter.encode()).derive(secret))
        self._log = log

    async def put(self, name: str, value: bytes, *, ttl_seconds: int) -> None:
        if ttl_seconds < 1:
            raise ValueError("nothing on a shelf lives for less than a second")
        await self._write("SET", *self._sealed(name, value), "EX", ttl_seconds)

    async def put_new(self, name: str, value: bytes, *, ttl_seconds: int) -> bool:
        """When the reply is lost (`Unavailable`) the value may be there."""
        if ttl_seconds < 1:
            raise ValueError("nothing on a shelf lives for less than a second")
        return await self._write("SET", *self._sealed(name, value), "EX", ttl_seconds, "NX") is not None

    async def get(self, name: str) -> bytes | None:
        return self._open(name, await self._call("GET", self._prefix + name))

    async def take(self, name: str) -> bytes | None:
        """Get and delete in one step. When the reply is lost (`Unavailable`) the value may be gone."""
        return self._open(name, await self._write("GETDEL", self._prefix + name))

    async def delete(self, name: str) -> bool:
        return bool(await self._write("DEL", self._prefix + name))

    async def names(self, prefix: str) -> Sequence[str]:
        """The names that begin with ``prefix``, sorted, `MOST_NAMES` at most. Goes through all keys: call it seldom."""
        pattern = _GLOB.sub(r"\\\1", self._prefix + prefix) + "*"
        found: set[str] = set()
        cursor = 0
        while len(found) < MOST_NAMES:
            cursor, keys = await self._call("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
            found.update(key.decode().removeprefix(self._prefix) for key in keys)
            if cursor == 0:
                break
        return sorted(found)[:MOST_NAMES]

    def _sealed(self, name: str, value: bytes) -> tuple[str, bytes]:
        """The key's full name, and ``value`` encrypted for it."""
        key = self._prefix + name
        nonce = os.urandom(_NONCE)
        return key, _FORMAT + nonce + self._cipher.encrypt(nonce, value, key.encode())

    def _open(self, name: str, sealed: bytes | None) -> bytes | None:
        if sealed is None:
            return None
        key = self._prefix + name
        if sealed[:1] == _FORMAT:
            nonce, body = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
            try:
                return self._cipher.decrypt(nonce, body, key.encode())
            except (InvalidTag, ValueError):
                pass
        self._log.warning("shelf_value_unreadable", key=key)
        return None

    async def _call(self, *words: Any) -> Any:
        """One command whose answer stays bytes, whatever the client decodes otherwise."""
        try:
            return await cast("Any", self._redis).execute_command(*words, **AS_BYTES)
        except (RedisError, OSError):
            raise _unreachable() from None

    async def _write(self, *words: Any) -> Any:
        """`_call`, and where a disk is waited for, until it has it."""
        if self._wait_for is None:
            return await self._call(*words)
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                cast("Any", pipe).execute_command(*words, **AS_BYTES)
                cast("Any", pipe).execute_command("WAITAOF", *self._wait_for)
                answer, confirmed = await pipe.execute()
        except (RedisError, OSError):
            raise _unreachable() from None
        if confirmed[0] < self._wait_for[0] or confirmed[1] < self._wait_for[1]:
            raise _unreachable()
        return answer


def _unreachable() -> Unavailable:
    return Unavailable("Sayso cannot reach its store right now. Try again in a moment.", retry_after=1)
