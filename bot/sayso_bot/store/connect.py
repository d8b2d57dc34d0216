"""The client of the one Redis, and what to do when it cannot be reached.

Nothing is sent twice behind our back: a lost reply does not say whether a call took effect, so repeating is left to
those whose calls are safe to repeat.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any, cast

from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    InvalidResponse,
    RedisError,
    ResponseError,
    TimeoutError,
)

from sayso_bot.errors import Unusable

CONNECT_SECONDS = 5.0
REPLY_SECONDS = 15.0
"""The longest wait for the replies of one pipeline; a subscription waits for ever."""
MOST_CONNECTIONS = 64


def connect(url: str) -> Redis:
    """A client for redis://, rediss:// or unix:// that answers `str`. Connects when first used, and never re-sends.

    Calls beyond the pool's size wait for a connection. Raises `Unusable` for an address that cannot be one.
    """
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MOST_CONNECTIONS,
            timeout=REPLY_SECONDS,
            decode_responses=True,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=REPLY_SECONDS,
            **({} if url.startswith("unix:") else {"socket_keepalive": True}),
        )
        cast("Any", pool).make_connection()  # an option in the address that no connection knows shows only here
    except (ValueError, TypeError):
        raise Unusable(
            "SAYSO_REDIS_URL cannot be used: it must look like redis://HOST:6379/0, rediss://USER:PASSWORD@HOST:6380/0"
            " or unix:///PATH, with special characters in the password percent-encoded."
        ) from None
    return Redis.from_pool(pool)


async def server_time_skew(client: Redis) -> float:
    """How many seconds this process's clock is ahead of Redis's; negative when behind. Raises `RedisError`."""
    before = time.time()
    seconds, microseconds = await client.time()
    after = time.time()
    return (before + after) / 2 - (seconds + microseconds / 1_000_000)


def place(client: Redis) -> str:
    """Where Redis is, for a sentence, without user or password."""
    known = client.connection_pool.connection_kwargs
    if "path" in known:
        return str(known["path"])
    return f"{known.get('host', 'localhost')}:{known.get('port', 6379)}"


def unreachable(client: Redis, error: RedisError | OSError) -> Unusable:
    """The sentence that says why Redis could not be used, and what to do."""
    where = f"Redis at {place(client)}"
    if isinstance(error, AuthenticationError):
        return Unusable(_authentication(client, where))
    if isinstance(error, BusyLoadingError):
        return Unusable(f"{where} is still loading its data. Try again once it is done.")
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return Unusable(_tls(where, cause))
        if isinstance(cause, socket.gaierror):
            return Unusable(f"{where} cannot be found: the host name does not resolve. Check SAYSO_REDIS_URL.")
        if isinstance(cause, ConnectionRefusedError | FileNotFoundError):
            return Unusable(f"Nothing answers as {where}. Start it, or check SAYSO_REDIS_URL.")
        if isinstance(cause, PermissionError):
            return Unusable(f"{where} may not be opened by this user. Change the socket's owner or mode.")
    if isinstance(error, TimeoutError):
        return Unusable(_silent(client, where))
    return Unusable(_by_answer(where, error))


def _authentication(client: Redis, where: str) -> str:
    if not client.connection_pool.connection_kwargs.get("password"):
        return f"{where} wants a password. Put it in SAYSO_REDIS_URL, as in redis://:PASSWORD@HOST:6379."
    return f"{where} does not accept the user name or password in SAYSO_REDIS_URL. Correct them there."


def _silent(client: Redis, where: str) -> str:
    if issubclass(client.connection_pool.connection_class, SSLConnection):
        return (
            f"{where} does not answer in TLS within {CONNECT_SECONDS:g} s. If it speaks none, use redis:// in"
            " SAYSO_REDIS_URL; else check the address and the firewalls between."
        )
    return f"{where} does not answer within {CONNECT_SECONDS:g} s. Check SAYSO_REDIS_URL and the firewalls between."


def _tls(where: str, cause: ssl.SSLError) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"{where} shows a certificate that is not trusted here. Name its authority with ?ssl_ca_certs=PATH at the"
            " end of SAYSO_REDIS_URL."
        )
    return f"{where} does not speak TLS there. Use redis:// in SAYSO_REDIS_URL, or its TLS port."


def _by_answer(where: str, error: RedisError | OSError) -> str:
    """For what Redis says in words only. The words are looked for, never passed on."""
    said = str(error)
    if "max number of clients" in said:
        return f"{where} takes no more connections. Raise its maxclients, or end others."
    if said.startswith("DENIED"):
        return f"{where} runs in protected mode and refuses other machines. Set a password there."
    if "DB index" in said or "Invalid Database" in said:
        return f"{where} does not have the database number in SAYSO_REDIS_URL. Use /0 at its end."
    if isinstance(error, InvalidResponse | ResponseError):
        return f"What answers as {where} is not a Redis that Sayso can use. Check SAYSO_REDIS_URL."
    return (
        f"{where} closed the connection. If it wants TLS, use rediss:// in SAYSO_REDIS_URL; if its maxclients is"
        " reached, raise that; else see whether it is a Redis at all."
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
