"""What `sayso doctor` looks at, one part after the other. A part that cannot be looked at is a finding, not an end.

``not ok`` is what keeps people from deciding or agents from being answered; a ``warning`` is what somebody should know
and may have chosen. Looking changes nothing, but for starting the embedded Redis where no service runs.
"""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from importlib.metadata import EntryPoint

from redis.exceptions import RedisError

from sayso_bot.cli.desk import opened_desk
from sayso_bot.cli.operator import Book
from sayso_bot.cli.printing import clock
from sayso_bot.configuration import ActiveConfiguration
from sayso_bot.errors import SaysoError, Unusable
from sayso_bot.opening import configured_adapters, load_policy, opened_book, policy_on_platforms_off
from sayso_bot.policy import LoadedPolicy
from sayso_bot.ports import AdapterError, Check
from sayso_bot.settings import Settings, environment
from sayso_bot.store.checks import check as check_redis
from sayso_bot.store.connect import place, server_time_skew
from sayso_bot.store.folder import holder
from sayso_bot.telemetry import configure_logs, logger
from sayso_bot.workers.clock import MOST_SKEW_SECONDS

MOST_ALARMS = 20


def _ok(name: str, detail: str) -> Check:
    return Check(name, ok=True, detail=detail)


def _warning(name: str, detail: str) -> Check:
    return Check(name, ok=True, detail=detail, warning=True)


def _wrong(name: str, detail: str) -> Check:
    return Check(name, ok=False, detail=detail)


async def examine(only: str | None = None) -> list[Check]:
    """Everything that can be found out from here, or what one platform says. Never raises for what it finds."""
    try:
        settings = Settings.load()
    except Unusable as error:
        return [_wrong("settings", line) for line in error.detail.splitlines()]
    configure_logs(settings.log_format, "error")
    findings = [_ok("settings", f"The book {settings.book}, answered at {settings.public_url}.")]
    platforms, wrong = _platforms()
    if only is not None:
        if only not in platforms:
            return wrong or [
                _wrong(only, f"{only} is not set up in this environment: docs/{only}.md names its variables.")
            ]
        findings = []
    findings += [*wrong, *_policy_file(settings)]
    log = logger("doctor")
    try:
        async with opened_book(settings, log) as store:
            book = Book(settings, store, log)
            async with aclosing(_of(book, platforms) if only is None else _of_one(book, platforms, only)) as found:
                findings += [finding async for finding in found]
    except SaysoError as error:
        findings += [_wrong("store", line) for line in error.detail.splitlines()]
    return findings


async def _of(book: Book, platforms: Mapping[str, EntryPoint]) -> AsyncGenerator[Check, None]:
    if book.settings.redis_url is None:
        for finding in _folder(book.settings):
            yield finding
    for finding in await _redis(book):
        yield finding
    skew = await _skew(book)
    yield _clock(skew)
    configuration = await book.configuration()
    for finding in (*_policy(book, configuration, platforms), *_keys(configuration)):
        yield finding
    for finding in await _cards(book):
        yield finding
    for name, point in platforms.items():
        for finding in await _platform(book, configuration, name, point, skew):
            yield finding


async def _of_one(book: Book, platforms: Mapping[str, EntryPoint], only: str) -> AsyncGenerator[Check, None]:
    skew = await _skew(book)
    yield _clock(skew)
    for finding in await _platform(book, await book.configuration(), only, platforms[only], skew):
        yield finding


# --------------------------------------------------------------------------- settings and files


def _platforms() -> tuple[Mapping[str, EntryPoint], list[Check]]:
    try:
        return configured_adapters(environment()), []
    except Unusable as error:
        return {}, [_wrong("platforms", line) for line in error.detail.splitlines()]


def _policy_file(settings: Settings) -> Iterator[Check]:
    if settings.policy is None:
        return
    try:
        _, policy = load_policy(settings.policy)
    except Unusable as error:
        for line in error.detail.splitlines():
            yield _wrong("policy file", line)
        return
    yield _ok("policy file", f"{settings.policy} is valid.")
    for warning in policy.warnings:
        yield _warning("policy file", str(warning))


def _folder(settings: Settings) -> Iterator[Check]:
    folder = settings.data_dir.resolve()
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        yield _warning("data folder", f"Other users can look into {folder}: chmod 700 closes it.")
    else:
        yield _ok("data folder", f"{folder} is private.")
    owner = holder(folder)
    if owner is None or owner.pid == os.getpid():
        yield _warning("service", "No service runs on this data folder. Start one with: sayso serve")
    else:
        yield _ok("service", f"The data folder is held by {owner}.")


# --------------------------------------------------------------------------- the store and the clock


async def _redis(book: Book) -> list[Check]:
    client = book.store.client
    warnings = await check_redis(client, book.settings.durability, book=book.settings.book)
    try:
        version = str((await client.info("server")).get("redis_version", ""))
    except RedisError:
        version = ""
    findings = [_ok("redis", f"Redis {version}{' ' if version else ''}answers at {place(client)}.")]
    return findings + [_warning("redis", warning) for warning in warnings]


async def _skew(book: Book) -> float | None:
    """None where Redis did not answer."""
    try:
        return await server_time_skew(book.store.client)
    except (RedisError, OSError):
        return None


def _clock(skew: float | None) -> Check:
    if skew is None:
        return _wrong("clock", "Redis did not tell its time. Look at the connection, then repeat.")
    if abs(skew) > MOST_SKEW_SECONDS:
        way = "ahead of" if skew > 0 else "behind"
        return _wrong(
            "clock",
            f"This machine's clock is {abs(skew):.0f} s {way} Redis's, so taps in chat are refused. Set it right.",
        )
    return _ok("clock", f"This machine's clock is {abs(skew):.1f} s off Redis's.")


# --------------------------------------------------------------------------- policy, keys, cards


def _policy(book: Book, configuration: ActiveConfiguration, platforms: Mapping[str, EntryPoint]) -> Iterator[Check]:
    try:
        policy = configuration.policy
    except SaysoError as error:
        yield _wrong("policy", error.detail)
        return
    if configuration.is_built_in:
        waits = " The policy file comes into force when the service starts." if book.settings.policy else ""
        said = f"In force is the built-in default: every action is asked in the inbox.{waits}"
        yield _warning("policy", said) if waits else _ok("policy", said)
        return
    yield _same_as_file(book.settings, policy.digest)
    if isinstance(policy, LoadedPolicy):
        yield from _on_platforms_off(policy, platforms)


def _same_as_file(settings: Settings, digest: str) -> Check:
    if settings.policy is None:
        return _ok("policy", f"In force is {digest}; SAYSO_POLICY is not set here.")
    try:
        same = load_policy(settings.policy)[1].digest == digest
    except Unusable:
        same = False
    if same:
        return _ok("policy", f"In force is {digest}, the policy file.")
    return _wrong(
        "policy",
        f"In force is {digest}, which is not {settings.policy}. To put the file in force: sayso policy activate"
        f" {settings.policy}",
    )


def _on_platforms_off(policy: LoadedPolicy, platforms: Mapping[str, EntryPoint]) -> Iterator[Check]:
    for rule, platform, asks in policy_on_platforms_off(policy, platforms):
        what = "asks there" if asks else "names approvers there"
        yield _wrong(
            "policy",
            f'{platform} is not set up in this environment, and the rule "{rule.name}" (line {rule.line}) {what}.'
            f" Set the variables of {platform}, or change the rule.",
        )


def _keys(configuration: ActiveConfiguration) -> Iterator[Check]:
    asking = sum("agent" in key.kinds for key in configuration.keys)
    if asking:
        yield _ok("keys", f"{asking} key{'' if asking == 1 else 's'} of agents can ask.")
    else:
        yield _warning("keys", "No agent has a key. Make one with: sayso keys create NAME")


async def _cards(book: Book) -> list[Check]:
    total = (await book.store.totals()).alarms
    if not total:
        return [_ok("cards", "Every card is where it should be.")]
    findings = [
        _wrong(
            "cards",
            f"The card of {alarm.request_id} cannot be brought to {alarm.place} since {clock(alarm.since)}."
            " Look whether the app is in that channel; the request can be answered in the inbox meanwhile.",
        )
        for alarm in await book.store.alarms(MOST_ALARMS)
    ]
    if total > len(findings):
        findings.append(_wrong("cards", f"More cards that cannot be delivered: {total - len(findings)}."))
    return findings


# --------------------------------------------------------------------------- platforms


async def _platform(
    book: Book, configuration: ActiveConfiguration, name: str, point: EntryPoint, skew: float | None
) -> list[Check]:
    """What the adapter says about itself."""
    is_right = skew is not None and abs(skew) <= MOST_SKEW_SECONDS
    try:
        async with opened_desk(book, configuration, {name: point}, lambda: is_right) as desk:
            checks = [check for adapter in desk.adapters.values() for check in await adapter.check()]
    except AdapterError as error:
        return [_wrong(name, f"{name} could not be asked ({error.what}). Try again shortly.")]
    except SaysoError as error:
        return [_wrong(name, error.detail)]
    return checks
