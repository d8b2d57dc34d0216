"""The composition root: settings in, a running service out. The only module that knows all others.

Everything that lives as long as the service is entered on one stack, in the order in which it depends on one another,
and left in the opposite order: stop taking calls, end holds, hand back leases, close the store, shut the embedded
Redis down.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint, version

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from sayso_bot import policy
from sayso_bot.configuration import ActiveConfiguration
from sayso_bot.desk import Desk
from sayso_bot.domain.bucket import Buckets
from sayso_bot.domain.key import Key, Quotas
from sayso_bot.domain.request import Request
from sayso_bot.errors import SaysoError, Unavailable, Unusable
from sayso_bot.http.admin import AdminRoutes
from sayso_bot.http.admins_only import admins_only
from sayso_bot.http.agent_face import AgentFace
from sayso_bot.http.app import Entrance
from sayso_bot.http.auth import authenticator, operators_only
from sayso_bot.http.carried import carried
from sayso_bot.http.connection import Runner, Site, brings_files
from sayso_bot.http.health import HealthRoutes, Metrics, Readiness
from sayso_bot.http.intake import read_json
from sayso_bot.http.limits import Connections, Limits, descriptors
from sayso_bot.http.openapi import document
from sayso_bot.http.policy_routes import PolicyRoutes
from sayso_bot.http.routes import AgentRoutes
from sayso_bot.office import Office
from sayso_bot.opening import (
    configuration_of,
    configured_adapters,
    installed,
    office_of,
    opened_redis,
    review_url,
    shelves,
    wait_for,
)
from sayso_bot.ports import AdapterContext, AgentContext, ChatAdapter, Handler, Log, Mount, Prove
from sayso_bot.settings import Settings, environment
from sayso_bot.store.connect import server_time_skew
from sayso_bot.store.redis import RedisStore
from sayso_bot.store.shelf import RedisShelf
from sayso_bot.telemetry import logger
from sayso_bot.waiting import Subscription
from sayso_bot.workers.clock import ClockWatch
from sayso_bot.workers.deadlines import Deadlines
from sayso_bot.workers.delivery import Delivery
from sayso_bot.workers.illness import IllnessWatch
from sayso_bot.workers.keys import KeyWatch
from sayso_bot.workers.listings import Listings
from sayso_bot.workers.news import NewsWatch
from sayso_bot.workers.notices import Announcing
from sayso_bot.workers.policy_file import PolicyFile
from sayso_bot.workers.principals import Principals
from sayso_bot.workers.repaint import Repaint
from sayso_bot.workers.tasks import Tasks, running, tasks

STOP_SECONDS = 4.0


@dataclass(slots=True)
class Service:
    """A running service. ``warnings`` are about the store; ``ended`` names workers that should not have ended."""

    settings: Settings
    store: RedisStore
    desk: Desk
    configuration: ActiveConfiguration
    subscription: Subscription
    office: Office
    metrics: Metrics
    entrance: Entrance
    warnings: list[str]
    connections: Connections
    policies: policy.PolicyVersions
    ended: list[str] = field(default_factory=list)
    policy_file: PolicyFile | None = None
    sign_in_link: Callable[[str, str], Awaitable[str]] | None = None

    @property
    def app(self) -> web.Application:
        return self.entrance.app

    @property
    def connections_warning(self) -> str | None:
        """A sentence where the keys, or the first one by default, may hold more calls than there may be connections."""
        held = sum(key.quotas.held for key in self.configuration.keys if "agent" in key.kinds)
        return self.connections.limits.warning(max(held, Quotas().held))


# --------------------------------------------------------------------------- the service


@asynccontextmanager
async def running_service(settings: Settings, environ: Mapping[str, str] = os.environ) -> AsyncIterator[Service]:
    """The whole service, listening on its port while inside. Raises `Unusable` with one sentence."""
    log = logger("service")
    platforms = environment(environ)
    chosen = configured_adapters(platforms)
    async with AsyncExitStack() as stack:
        client, warnings = await stack.enter_async_context(opened_redis(settings, log))
        clock = ClockWatch(lambda: _skew(client), logger("clock"))
        await clock.look()
        service = await _assembled(settings, client, warnings)
        stack.push_async_callback(service.store.close)
        group = await stack.enter_async_context(tasks(log))
        work = _work(service, clock, group)
        _join(service, chosen, platforms, shelves(settings, client, log), clock, group)
        _add_routes(service, clock, platforms)
        adapters = await stack.enter_async_context(AsyncExitStack())
        for adapter in service.desk.adapters.values():
            await adapter.start()
            adapters.push_async_callback(adapter.stop)
        for name, run in work.items():
            await stack.enter_async_context(running(run(), log, partial(service.ended.append, name)))
        await stack.enter_async_context(_listening(service))
        stack.push_async_callback(adapters.aclose)  # before calls are waited for: open streams end with their adapter
        stack.callback(service.subscription.release)
        yield service


async def _assembled(settings: Settings, client: Redis, warnings: list[str]) -> Service:
    store = RedisStore(client, settings.book, wait_for(settings), partial(_log_expired, logger("deadlines")))
    await store.load_functions()
    documents = policy.Documents()
    policies = policy.PolicyVersions(store, documents, logger("policy"))
    configuration = configuration_of(store, logger("configuration"), documents)
    subscription = Subscription(client, store.keys.tag, logger("subscription"))
    desk = Desk(store, configuration, subscription, review_url(settings), logger("desk"), store.files)
    office = office_of(store, configuration, desk.adapters, logger("office"))
    await configuration.refresh()
    policy_file = None
    if settings.policy is not None:
        active = partial(_active_digest, configuration)
        policy_file = PolicyFile(settings.policy, policies, documents.from_file, active, store.note, logger("policy"))
        await policy_file.start()
        await configuration.refresh()
    if configuration.is_built_in:
        logger("policy").warning("policy_built_in", detail="No policy is set: every action is asked in the inbox.")
    metrics = Metrics()
    entrance = Entrance(settings.public_url, logger("http"), metrics)
    connections = Connections(Limits.within(descriptors()), asyncio.get_running_loop().time)
    return Service(
        settings, store, desk, configuration, subscription, office, metrics, entrance, warnings,
        connections, policies, policy_file=policy_file,
    )  # fmt: skip


def _work(service: Service, clock: ClockWatch, group: Tasks) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """What runs for as long as the service does, by name, and who is told when there is something to do."""
    illness = _illness(service)
    delivery = _delivery(service, illness)
    principals = Principals(service.store.tellings, service.desk.narrator.to_principal, logger("principals"))
    repaint = Repaint(service.store, service.store.office, logger("repaint"))
    service.subscription.on("outbox", delivery.hint)
    service.subscription.on("outbox", principals.hint)
    service.subscription.on("config", lambda: group.spawn(_refreshed(service)))
    service.configuration.on_dropped(service.subscription.wake)
    service.configuration.on_turned(lambda: _turned(service, repaint))
    work = {
        "subscription": service.subscription.run,
        "delivery": delivery.run,
        "principals": principals.run,
        "deadlines": Deadlines(service.store, logger("deadlines")).run,
        "clock": clock.run,
        "repaint": repaint.run,
        "illness": illness.run,
        "keys": _key_watch(service).run,
        "news": _news(service).run,
    }
    return work if service.policy_file is None else {**work, "policy file": service.policy_file.run}


def _delivery(service: Service, illness: IllnessWatch) -> Delivery:
    store, desk = service.store, service.desk
    showing = desk.showing
    narrate = desk.narrator.beside_listing
    listings = Listings(store, store.listings, showing, narrate, illness.shown, logger("listings"))
    announcing = Announcing(store.notices, showing.announce, logger("announcing"))
    return Delivery(
        store, showing.show, desk.move, listings, announcing, illness.shown, illness.left, logger("delivery")
    )


def _illness(service: Service) -> IllnessWatch:
    store, office = service.store, service.office
    ill, tell, log = store.office.reported, office.tell_of_illnesses, logger("illness")
    return IllnessWatch(store.alarms, store.why_not_shown, ill, office.report, office.reached, tell, log)


def _news(service: Service) -> NewsWatch:
    office, file = service.office, service.policy_file

    def invalid() -> str | None:
        return file.invalid if file else None

    return NewsWatch(office.tell_what_got_weaker, invalid, office.tell_of_file, logger("news"))


def _key_watch(service: Service) -> KeyWatch:
    configuration = service.configuration
    return KeyWatch(service.store.office, lambda: configuration.keys, configuration.used, logger("keys"))


async def _skew(client: Redis) -> float:
    try:
        return await server_time_skew(client)
    except (RedisError, OSError):
        raise Unavailable("Redis cannot be asked for the time.", retry_after=1) from None


def _log_expired(log: Log, request: Request) -> None:
    log.info("settled", request=request.id, agent=request.agent, action=request.action, status=request.status)


def _active_digest(configuration: ActiveConfiguration) -> str | None:
    return None if configuration.is_built_in else configuration.policy.digest


async def _refreshed(service: Service) -> None:
    """Read what is in force, and have those look again who show it."""
    try:
        await service.configuration.refresh()
    except Unavailable:
        logger("configuration").warning("configuration_not_read")
    service.subscription.look_again()


def _turned(service: Service, repaint: Repaint) -> None:
    """Have those look again who show what is paused, and what is asked where."""
    repaint.hint()
    service.subscription.look_again()


def _add_routes(service: Service, clock: ClockWatch, environ: Mapping[str, str]) -> None:
    settings, configuration, desk = service.settings, service.configuration, service.desk

    async def readiness() -> Readiness:
        problems = [found for found in (clock.problem, await _store_problem(service)) if found]
        if not service.subscription.connected.is_set():
            problems.append("The subscription that wakes held calls is not connected.")
        problems += [f"The worker {name} has ended; restart this replica." for name in service.ended]
        warnings = [*service.warnings, *filter(None, [service.connections_warning])]
        if not problems and service.policy_file is not None and (warning := await service.policy_file.warning()):
            warnings.append(warning)
        if not problems and (alarms := (await service.store.totals()).alarms):
            cards = "card" if alarms == 1 else "cards"
            warnings.append(f"{alarms} {cards} cannot be delivered; sayso doctor says which.")
        return Readiness(problems, warnings)

    authenticate = authenticator(configuration)
    buckets = Buckets(asyncio.get_running_loop().time)
    face = AgentFace(desk, buckets)
    AgentRoutes(desk, face, authenticate, review_url(settings)).add_to(service.app.router)
    admins = admins_only(service.office, authenticate, buckets)
    AdminRoutes(service.office, admins).add_to(service.app.router)
    PolicyRoutes(service.policies, service.office, configuration, admins).add_to(service.app.router)
    _add_agent_adapters(service, face, authenticate, environ, clock)
    HealthRoutes(
        readiness,
        service.store.totals,
        lambda: desk.held,
        service.metrics,
        operators_only(configuration, settings.trusted_proxies),
        lambda: document(version("sayso")),
    ).add_to(service.app.router)


def _add_agent_adapters(
    service: Service, face: AgentFace, prove: Prove, environ: Mapping[str, str], clock: ClockWatch
) -> None:
    """The other ways in for agents. Each is always there: it admits nobody whom our own API would not."""

    async def refused(key: Key | None, call: str, error: SaysoError) -> None:
        service.metrics.refused(error.code)
        if key is not None:
            await service.desk.refused(key, call, error)

    for point in installed("sayso.agent_adapters"):
        context = AgentContext(
            desk=face,
            prove=prove,
            read_json=partial(read_json, then="Nothing was made."),
            refused=refused,
            mount=_mount(service.app),
            public_url=service.settings.public_url,
            review_url=review_url(service.settings),
            settings=environ,
            log=logger(point.name),
            clock_is_right=clock.is_right,
        )
        point.load()(context)


async def _store_problem(service: Service) -> str | None:
    try:
        await service.configuration.refresh()
        _ = service.configuration.policy
    except SaysoError as error:
        return error.detail
    return None


# --------------------------------------------------------------------------- adapters


def _join(
    service: Service,
    chosen: Mapping[str, EntryPoint],
    platforms: Mapping[str, str],
    shelf: Callable[[str], RedisShelf],
    clock: ClockWatch,
    group: Tasks,
) -> None:
    """Make each adapter, and have the desk know it."""
    for name, point in chosen.items():
        context = AdapterContext(
            desk=service.desk,
            office=service.office,
            log=logger(name),
            settings=platforms,
            public_url=service.settings.public_url,
            mount=_mount(service.app),
            shelf=shelf(name),
            spawn=group.spawn,
            clock_is_right=clock.is_right,
            journal=lambda kind, data: service.store.note(kind, "", data),
            loopback=service.settings.is_loopback,
        )
        adapter: ChatAdapter = point.load()(context)
        service.desk.join(adapter)
        service.sign_in_link = getattr(adapter, "sign_in_link", service.sign_in_link)


def _mount(app: web.Application) -> Mount:
    def mount(method: str, path: str, handler: Handler, /, *, takes_files: bool = False) -> None:
        answer = handler if method == "GET" else _to_its_end(handler)
        app.router.add_route(method, path, _patiently(answer) if takes_files else answer)

    return mount


def _patiently(handler: Handler) -> Handler:
    async def run(http_request: web.Request) -> web.StreamResponse:
        brings_files(http_request)
        answer: web.StreamResponse = await handler(http_request)
        return answer

    return run


def _to_its_end(handler: Handler) -> Handler:
    """A caller that hangs up ends a held call, but never an answer that a person has given."""

    async def run(http_request: web.Request) -> web.StreamResponse:
        answer: web.StreamResponse = await carried(handler(http_request))
        return answer

    return run


@asynccontextmanager
async def _listening(service: Service) -> AsyncIterator[None]:
    settings = service.settings
    runner = Runner(service.entrance, service.metrics, service.connections, shutdown_timeout=STOP_SECONDS / 2)
    await runner.setup()
    service.metrics.watch(service.connections)
    try:
        site = Site(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            raise Unusable(_cannot_listen(settings, error)) from None
        yield
    finally:
        await runner.cleanup()


def _cannot_listen(settings: Settings, error: OSError) -> str:
    where = f"{settings.host} port {settings.port}"
    if error.errno == 98 or "in use" in str(error):
        return f"{where} is taken by another program. End it, or choose another with SAYSO_PORT."
    if isinstance(error, PermissionError):
        return f"{where} needs more rights than this user has. Choose a port from 1024 on with SAYSO_PORT."
    return f"Sayso cannot listen on {where}. Is SAYSO_HOST an address of this machine?"
