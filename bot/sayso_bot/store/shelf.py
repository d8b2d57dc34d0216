"""An adapter's shelf in Redis: ``{book}:shelf:<adapter>:<name>``, each value encrypted and with a lifetime.

``{book}:shelf-names:<adapter>:<kind>`` has the names of a kind (what stands before the first slash) by the time at
which each lapses, so that listing them costs nothing for what else is there. A name goes in before its value and out
after it: no value is there that is not listed.

AES-256-GCM under a key derived for the adapter, with the key's full name as associated data: who can write to Redis can
remove a value, but neither read one, nor make one, nor put one in another's place.
"""

from __future__ import annotations

import os
import re
import time
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
_SLACK_SECONDS = 3600
"""For how long a lapsed name may be listed still: replicas' clocks differ."""


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
        self._lists = f"{{{book}}}:shelf-names:{adapter}:"
        self._cipher = AESGCM(HKDF(SHA256(), 32, salt=None, info=b"sayso shelf " + adapter.encode()).derive(secret))
        self._log = log

    async def put(self, name: str, value: bytes, *, ttl_seconds: int) -> None:
        await self._put(name, value, ttl_seconds)

    async def put_new(self, name: str, value: bytes, *, ttl_seconds: int) -> bool:
        """When the reply is lost (`Unavailable`) the value may be there."""
        return await self._put(name, value, ttl_seconds, "NX") is not None

    async def get(self, name: str) -> bytes | None:
        return self._open(name, await self._call("GET", self._prefix + name))

    async def take(self, name: str) -> bytes | None:
        """Get and delete in one step. When the reply is lost (`Unavailable`) the value may be gone."""
        return self._open(name, (await self._write(["GETDEL", self._prefix + name], self._off(name)))[0])

    async def delete(self, name: str) -> bool:
        return bool((await self._write(["DEL", self._prefix + name], self._off(name)))[0])

    async def names(self, prefix: str) -> Sequence[str]:
        """The names that begin with ``prefix``, sorted, `MOST_NAMES` at most; some may have lapsed lately.

        With a slash in it they are of that kind; without one, those that have none.
        """
        listed = await self._call("ZRANGE", self._list(prefix), time.time() - _SLACK_SECONDS, "+inf", "BYSCORE")
        return sorted(name for raw in listed if (name := raw.decode()).startswith(prefix))[:MOST_NAMES]

    async def _put(self, name: str, value: bytes, ttl_seconds: int, *only: str) -> Any:
        if ttl_seconds < 1:
            raise ValueError("nothing on a shelf lives for less than a second")
        now, names = time.time(), self._list(name)
        answers = await self._write(
            ["ZADD", names, "GT", now + ttl_seconds, name],
            ["ZREMRANGEBYSCORE", names, "-inf", now - _SLACK_SECONDS],
            ["SET", *self._sealed(name, value), "EX", ttl_seconds, *only],
        )
        return answers[-1]

    def _off(self, name: str) -> list[Any]:
        return ["ZREM", self._list(name), name]

    def _list(self, name: str) -> str:
        """The list in which a name stands."""
        return self._lists + (name.partition("/")[0] if "/" in name else "")

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

    async def _write(self, *commands: list[Any]) -> list[Any]:
        """`_call` for each, in their order, and where a disk is waited for, until it has them."""
        waits = [["WAITAOF", *self._wait_for]] if self._wait_for else []
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for words in [*commands, *waits]:
                    cast("Any", pipe).execute_command(*words, **AS_BYTES)
                answers = await pipe.execute()
        except (RedisError, OSError):
            raise _unreachable() from None
        if self._wait_for and any(got < least for got, least in zip(answers.pop(), self._wait_for, strict=False)):
            raise _unreachable()
        return answers


def _unreachable() -> Unavailable:
    return Unavailable("Sayso cannot reach its store right now. Try again in a moment.", retry_after=1)
