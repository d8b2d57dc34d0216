"""What the service and each of the operator's commands begin with: the Redis, the book in it, what is in force there,
and which adapters the environment switches on.

A command needs no more of the house than this, so nothing here knows of HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from pathlib import Path
from typing import cast

from redis.asyncio import Redis

from sayso_bot import policy
from sayso_bot.configuration import ActiveConfiguration
from sayso_bot.errors import InvalidField, Unusable
from sayso_bot.office import Office
from sayso_bot.policy.engine import RuleView
from sayso_bot.ports import ChatAdapter, Log
from sayso_bot.settings import Settings
from sayso_bot.store.checks import check
from sayso_bot.store.connect import connect
from sayso_bot.store.embedded import EmbeddedRedis, attach_or_start
from sayso_bot.store.redis import RedisStore
from sayso_bot.store.secret import load_or_make_secret
from sayso_bot.store.shelf import RedisShelf
from sayso_bot.workers.tasks import running

WAITAOF_MS = 5000


# --------------------------------------------------------------------------- the store


@asynccontextmanager
async def opened_redis(settings: Settings, log: Log) -> AsyncIterator[tuple[Redis, list[str]]]:
    """The Redis to use, checked, with its warnings: the one named, else one of our own. Raises `Unusable`."""
    async with AsyncExitStack() as stack:
        url = settings.redis_url or ""
        if not url:
            owned = await stack.enter_async_context(EmbeddedRedis(settings.data_dir, log=log))
            url = owned.url
            await stack.enter_async_context(running(owned.supervise(), log))
        client = connect(url)
        stack.push_async_callback(client.aclose)
        yield client, await check(client, settings.durability, book=settings.book)


@asynccontextmanager
async def opened_book(settings: Settings, log: Log) -> AsyncIterator[RedisStore]:
    """The book, for one operator's command. Raises `Unusable`."""
    async with AsyncExitStack() as stack:
        url = settings.redis_url or ""
        if not url:
            url = await stack.enter_async_context(attach_or_start(settings.data_dir, log=log))
        client = connect(url)
        stack.push_async_callback(client.aclose)
        await check(client, settings.durability, book=settings.book)
        store = RedisStore(client, settings.book, wait_for(settings))
        await store.load_functions()
        try:
            yield store
        finally:
            await store.close()


def shelves(settings: Settings, client: Redis, log: Log) -> Callable[[str], RedisShelf]:
    """A shelf for each adapter. Raises `Unusable` where no secret is to be had."""
    secret = load_or_make_secret(settings.secret, None if settings.redis_url else settings.data_dir)
    return lambda adapter: RedisShelf(client, settings.book, adapter, secret, log, wait_for(settings))


def wait_for(settings: Settings) -> tuple[int, int, int] | None:
    """What a write waits for before it is answered (WAITAOF), where that is set."""
    durability = settings.durability
    return (1, durability.replicas, WAITAOF_MS) if durability.kind == "fsync" else None


# --------------------------------------------------------------------------- what is in force


def configuration_of(store: RedisStore, log: Log, documents: policy.Documents | None = None) -> ActiveConfiguration:
    """What is in force. ``documents`` keeps what was compiled to be put in force, so that it is not compiled again."""
    return ActiveConfiguration(store, policy.built_in(), (documents or policy.Documents()).in_force, log)


def load_policy(path: Path) -> tuple[str, policy.LoadedPolicy]:
    """A policy file's text and what it says. Raises `Unusable`."""
    return policy.Documents().from_file(path)


def office_of(
    store: RedisStore, configuration: ActiveConfiguration, adapters: Mapping[str, ChatAdapter], log: Log
) -> Office:
    return Office(store, store.office, configuration, adapters, place_address, store.keys.book, log)


def place_address(text: str) -> str:
    """A place that an admin names. Raises `InvalidField`."""
    try:
        return policy.address(text)
    except policy.Unacceptable as error:
        raise InvalidField(f"{error} Nothing was changed.", field="channel") from None


def review_url(settings: Settings) -> Callable[[str], str]:
    """The inbox's address of a request."""
    return lambda request_id: f"{settings.public_url}/inbox/requests/{request_id}"


# --------------------------------------------------------------------------- adapters


@cache
def _installed() -> EntryPoints:
    # It reads a file of each package that is installed. Python 3.11 answers with another class, which selects alike.
    return cast(EntryPoints, entry_points())


def installed(group: str) -> EntryPoints:
    """What packages offer under this name."""
    return _installed().select(group=group)


def configured_adapters(platforms: Mapping[str, str]) -> dict[str, EntryPoint]:
    """The adapters that the environment switches on. Raises `Unusable` for half a set of settings."""
    factories = {point.name: point for point in installed("sayso.adapters")}
    chosen = {}
    for point in installed("sayso.adapter_settings"):
        answer = point.load()(platforms)
        if isinstance(answer, str):
            raise Unusable(answer)
        if answer:
            chosen[point.name] = factories[point.name]
    return chosen


def policy_on_platforms_off(
    loaded: policy.LoadedPolicy, platforms: Mapping[str, EntryPoint]
) -> Iterator[tuple[RuleView, str, bool]]:
    """Rules with places or approvers on a platform that is off, with its name, and whether the rule asks there."""
    known = {point.name for point in installed("sayso.adapters")}
    for rule in loaded.rules:
        requirement = rule.verdict.requirement
        if requirement is None:
            continue
        places = (requirement.place, requirement.fallback_place or "")
        named = {text.partition(":")[0] for text in (*places, *(requirement.approvers or ()))}
        for platform in sorted(named & known - platforms.keys()):
            yield rule, platform, any(place.partition(":")[0] == platform for place in places)
