"""What a Redis must be before anything is entrusted to it: new enough, writable, permitted, lasting, evicting nothing.

Each refusal is a sentence that says what to set. What a managed Redis does not let us see becomes a warning.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import (
    BusyLoadingError,
    ClusterError,
    MovedError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from sayso_bot.errors import Unusable
from sayso_bot.store.connect import place, unreachable
from sayso_bot.store.durability import Durability

OLDEST = (7, 0)
OLDEST_WAITAOF = (7, 2)
LOADING_SECONDS = 300.0
_MOST_RECENT = " Redis 7.2 or later, or Valkey 8, is a good choice."

Facts = Mapping[str, Any]


async def check(client: Redis, durability: Durability, *, book: str = "main") -> list[str]:
    """Warnings about a Redis that can be used. Raises `Unusable` with what to do about one that cannot.

    Changes nothing there. Waits while it loads its data.
    """
    try:
        facts = await _info(client)
        known = await _hello(client) if facts is None else facts
        _check_version(client, _version(known), durability)
        _check_role(client, known)
        await _check_permissions(client, book)
        fsync = await _fsync(client)
    except (RedisError, OSError) as error:
        raise unreachable(client, error) from None
    if facts is not None:
        _check_memory(client, facts)
    return [
        *_check_persistence(client, facts, fsync, durability),
        *_check_replicas(client, facts, durability),
        *([] if facts is not None else [_unseen("maxmemory-policy", "be noeviction", "INFO")]),
    ]


async def _info(client: Redis) -> Facts | None:
    """None where the user may not ask."""
    until = time.monotonic() + LOADING_SECONDS
    while True:
        try:
            facts: Facts = await client.info()
        except NoPermissionError:
            return None
        except BusyLoadingError:
            facts = {"loading": 1}
        if not facts.get("loading") or time.monotonic() > until:
            return facts
        await asyncio.sleep(0.2)


async def _hello(client: Redis) -> Facts:
    """The little that Redis tells everybody about itself: version, mode and role."""
    answer = await _call(client, "HELLO")
    return answer if isinstance(answer, Mapping) else dict(zip(answer[::2], answer[1::2], strict=True))


def _version(known: Facts) -> tuple[int, int]:
    shown = next((known[name] for name in ("valkey_version", "redis_version", "version") if name in known), "0.0")
    major, minor, *_ = [*str(shown).split("."), "0"]
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


def _check_version(client: Redis, version: tuple[int, int], durability: Durability) -> None:
    shown = ".".join(map(str, version))
    if version < OLDEST:
        raise Unusable(f"Redis at {place(client)} is {shown}, and Sayso needs 7.0 or later. Upgrade it.{_MOST_RECENT}")
    if durability.kind == "fsync" and version < OLDEST_WAITAOF:
        raise Unusable(
            f"SAYSO_DURABILITY={durability} needs Redis 7.2 or later, and the one at {place(client)} is {shown}."
            " Upgrade it, or use SAYSO_DURABILITY=server with appendfsync always."
        )


def _check_role(client: Redis, known: Facts) -> None:
    if known.get("redis_mode", known.get("mode")) == "sentinel":
        raise Unusable(f"What answers at {place(client)} is a Sentinel. Name the primary in SAYSO_REDIS_URL.")
    if known.get("role") in {"slave", "replica"}:
        raise Unusable(
            f"Redis at {place(client)} is a replica, which takes no writes of its own. Name its primary in"
            " SAYSO_REDIS_URL."
        )


async def _check_permissions(client: Redis, book: str) -> None:
    """Ask for what Sayso does, each in a form that has no effect: only being forbidden counts."""
    probes = (
        ("FUNCTION", "LOAD", "-"),
        ("FCALL", "sayso_probe", "0"),
        ("EXISTS", f"{{{book}}}:probe"),
        ("PUBLISH", f"{{{book}}}:probe", ""),
    )
    for probe in probes:
        try:
            await _call(client, *probe)
        except NoPermissionError:
            raise Unusable(
                f"The user that SAYSO_REDIS_URL names may not do all that Sayso needs on Redis at {place(client)}."
                f" Grant it: ACL SETUSER NAME ~{{{book}}}:* &{{{book}}}:* +@all -@admin -@dangerous +info +config|get"
            ) from None
        except ReadOnlyError:
            raise Unusable(f"Redis at {place(client)} takes no writes. Name its primary in SAYSO_REDIS_URL.") from None
        except (MovedError, ClusterError):
            raise Unusable(
                f"Redis at {place(client)} is one node of a cluster, and the book {book} lies on another. Name that"
                " node in SAYSO_REDIS_URL."
            ) from None
        except ResponseError as error:
            if "unknown command" in str(error):
                raise Unusable(
                    f"Redis at {place(client)} does not offer {probe[0]}, which Sayso needs. Allow that command"
                    " there, or use another Redis."
                ) from None


async def _fsync(client: Redis) -> str | None:
    """``appendfsync``, or None where the server does not say (managed ones keep CONFIG to themselves)."""
    try:
        found = await client.config_get("appendfsync")
    except ResponseError:
        return None
    return found.get("appendfsync")


def _check_memory(client: Redis, facts: Facts) -> None:
    policy = str(facts.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        raise Unusable(
            f"Redis at {place(client)} throws data away when its memory is full: maxmemory-policy is {policy}. Set"
            " maxmemory-policy noeviction in its configuration."
        )


def _check_persistence(client: Redis, facts: Facts | None, fsync: str | None, durability: Durability) -> list[str]:
    if durability.kind == "none":
        return ["SAYSO_DURABILITY is none: requests and votes that were acknowledged may be lost when Redis crashes."]
    if facts is None:
        return [_unseen("appendonly", "be yes", "INFO"), *_check_fsync(client, fsync, durability)]
    if not facts.get("aof_enabled"):
        raise Unusable(
            f"Redis at {place(client)} forgets acknowledged requests and votes when it crashes: appendonly is off. Set"
            " these two lines in its configuration: appendonly yes, appendfsync always. Or accept the loss openly with"
            " SAYSO_DURABILITY=none."
        )
    return _check_fsync(client, fsync, durability)


def _check_fsync(client: Redis, fsync: str | None, durability: Durability) -> list[str]:
    if fsync == "always":
        return []
    if durability.kind == "server":
        if fsync is None:
            return [_unseen("appendfsync", "be always", "CONFIG")]
        lost = "up to a second" if fsync == "everysec" else "many seconds"
        return [
            f"Redis at {place(client)} has appendfsync {fsync}: a crash may lose {lost} of what was acknowledged. Set"
            " appendfsync always, or SAYSO_DURABILITY=fsync."
        ]
    if fsync == "no":
        raise Unusable(
            f"SAYSO_DURABILITY={durability} waits for the disk, and Redis at {place(client)} never says when: it has"
            " appendfsync no. Set appendfsync always there."
        )
    if fsync is None:
        return []
    return [
        f"Redis at {place(client)} has appendfsync {fsync}, so with SAYSO_DURABILITY={durability} each answer waits up"
        " to a second. Set appendfsync always."
    ]


def _check_replicas(client: Redis, facts: Facts | None, durability: Durability) -> list[str]:
    if not durability.replicas:
        return []
    if facts is None:
        return [_unseen("the number of replicas", f"be at least {durability.replicas}", "INFO")]
    have = int(facts.get("connected_slaves", 0))
    if have < durability.replicas:
        raise Unusable(
            f"SAYSO_DURABILITY={durability} waits for replicas, and Redis at {place(client)} has {have} of the"
            f" {durability.replicas} that it needs. Connect more, or ask for fewer."
        )
    return []


def _unseen(setting: str, wanted: str, command: str) -> str:
    return f"Redis does not let us look with {command}, so {setting} could not be checked: it must {wanted}."


async def _call(client: Redis, *words: str) -> Any:
    return await cast("Any", client).execute_command(*words)
