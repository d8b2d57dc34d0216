"""The faults. Each is one coroutine that hurts, sees that it took hold, and repairs; the ledger knows when.

Three lanes run beside one another, so that faults also meet: one kills processes, one breaks Redis's wire, one is
Slack's trouble. A fault that waits for a step which does not come up in time takes itself back and is not counted.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from aiohttp import web

from fakes.redis_proxy import Cut, Moment, RedisProxy
from fakes.slack import Answer, Dropped
from faults.campaign import ledger
from faults.campaign.ledger import Span
from faults.campaign.people import People
from faults.campaign.plan import turns
from faults.campaign.platform import Act, Call, Platform
from faults.campaign.world import Replica, World

STEP_SECONDS, SHORT_STEP_SECONDS = 6.0, 1.5
SHORTER = 0.25
EARLY_SECONDS = 2.5
GAVE_UP_SECONDS = 11.0
LONG_HANG_SECONDS, SHORT_HANG_SECONDS = 30.0, 3.0
LONG_HANG_EVERY = 6
PAUSES = {"kills": (0.5, 1.5), "wire": (0.1, 0.6), ledger.SLACK: (0.1, 0.6)}


@dataclass(slots=True)
class Scene:
    """What one fault acts in. ``long`` allows troubles that outlast every time-out.

    ``struck`` is when it took hold, empty while it still waits for its step.
    """

    world: World
    people: People
    chance: random.Random
    long: bool
    struck: list[float] = field(default_factory=list)
    hangs: int = 0

    @property
    def platform(self) -> Platform:
        return self.world.platform

    @property
    def step_seconds(self) -> float:
        """How long a fault waits for its step."""
        return STEP_SECONDS if self.long else SHORT_STEP_SECONDS

    def anyone(self) -> Replica:
        return self.chance.choice(self.world.replicas)

    def strike(self) -> None:
        self.struck.append(time.time())


Fault: TypeAlias = Callable[[Scene], Awaitable[None]]


async def lane(name: str, faults: Mapping[str, Fault], scene: Scene, stop: asyncio.Event, now: dict[str, str]) -> None:
    """One fault after the other, until told to stop. ``now`` says which one is on, for whoever watches."""
    spans = scene.world.ledger.spans
    for title in turns(f"{scene.world.name}/{scene.chance.random()}", name, list(faults), RARE):
        if stop.is_set():
            return
        now[name] = title
        scene.struck.clear()
        await faults[title](scene)
        spans += [Span(title, name, at, time.time()) for at in scene.struck[:1]]
        now.pop(name)
        await _passed(stop, scene.chance.uniform(*PAUSES[name]) * (1.0 if scene.long else SHORTER))


# --------------------------------------------------------------------------- killing


async def kill_at_random(scene: Scene) -> None:
    await asyncio.sleep(scene.chance.random() / 2)
    replica = scene.anyone()
    scene.strike()
    replica.kill()
    await replica.revive()


async def kill_all(scene: Scene) -> None:
    scene.strike()
    for replica in scene.world.replicas:
        replica.kill()
    await _revive_all(scene)


async def kill_redis(scene: Scene) -> None:
    scene.strike()
    await scene.world.kill_redis()
    await asyncio.sleep(scene.chance.random())
    await scene.world.revive_redis()
    for replica in scene.world.replicas:
        await replica.ready()


async def kill_redis_and_all(scene: Scene) -> None:
    scene.strike()
    await scene.world.kill_redis()
    for replica in scene.world.replicas:
        replica.kill()
    await scene.world.revive_redis()
    await _revive_all(scene)


async def _revive_all(scene: Scene) -> None:
    await asyncio.gather(*(replica.revive() for replica in scene.world.replicas))


def kill_at(function: str, moment: Moment) -> Fault:
    """kill -9 of the replica whose call of ``function`` is met: before Redis has it, or before its answer is there."""

    async def fault(scene: Scene) -> None:
        replica = scene.anyone()
        assert replica.proxy is not None

        async def act() -> None:
            replica.kill()
            raise Cut

        await _at_wire(scene, replica.proxy, function, moment, act)
        await replica.revive()

    return fault


def kill_at_slack(method: str, *, carried_out: bool) -> Fault:
    """kill -9 of the replica that calls Slack: before Slack does it, or before it is answered."""

    async def fault(scene: Scene) -> None:
        replica = scene.anyone()

        async def act(_: Call) -> Answer | None:
            replica.kill()
            raise Dropped

        await _at_slack(scene, method, act, carried_out=carried_out, caller=replica.name)
        await replica.revive()

    return fault


# --------------------------------------------------------------------------- Redis's wire


def lose_reply(function: str) -> Fault:
    """The call takes effect and its answer never comes."""

    async def fault(scene: Scene) -> None:
        async def act() -> None:
            raise Cut

        await _at_wire(scene, _wire(scene), function, "reply", act)

    return fault


def delay_reply(function: str) -> Fault:
    async def fault(scene: Scene) -> None:
        seconds = scene.chance.uniform(0.3, 1.5)

        async def act() -> None:
            await asyncio.sleep(seconds)

        await _at_wire(scene, _wire(scene), function, "reply", act)
        await asyncio.sleep(seconds)

    return fault


async def miss_what_is_published(scene: Scene) -> None:
    """A subscription breaks as a decision is published, and comes back by itself without it."""

    async def act() -> None:
        raise Cut

    await _at_wire(scene, _wire(scene), "message:settled", "reply", act)


async def cut_wire(scene: Scene) -> None:
    scene.strike()
    _wire(scene).cut()
    await asyncio.sleep(0.3)


async def freeze_wire(scene: Scene) -> None:
    proxy = _wire(scene)
    scene.strike()
    proxy.freeze()
    await asyncio.sleep(scene.chance.uniform(0.5, 2.0))
    proxy.thaw()


# --------------------------------------------------------------------------- Slack's trouble


def drop(method: str, *, carried_out: bool) -> Fault:
    """The connection ends without an answer."""

    async def fault(scene: Scene) -> None:
        async def act(_: Call) -> Answer | None:
            raise Dropped

        await _at_slack(scene, method, act, carried_out=carried_out)

    return fault


async def lose_post(scene: Scene) -> None:
    """Slack takes a post, its answer is lost, and nobody taps the card before it could be looked for."""

    async def act(call: Call) -> Answer | None:
        if case := scene.world.ledger.case_of(call.request):
            scene.people.put_off(case.number)
        raise Dropped

    await _at_slack(scene, "chat.postMessage", act, carried_out=True)


def refuse(method: str, status: int, **headers: str) -> Fault:
    async def fault(scene: Scene) -> None:
        async def act(_: Call) -> Answer | None:
            return web.Response(status=status, text="oops", headers=headers)

        await _at_slack(scene, method, act, carried_out=False)

    return fault


async def limit_rate(scene: Scene) -> None:
    """429, and nothing done."""
    after = str(scene.chance.randint(1, 2))

    async def act(_: Call) -> Answer | None:
        limited = {"ok": False, "error": "ratelimited"}
        return web.json_response(limited, status=429, headers={"Retry-After": after})

    await _at_slack(scene, "chat.postMessage", act, carried_out=False)


async def hang(scene: Scene) -> None:
    """Slack answers nobody, and does everything that it was asked once it goes on."""
    scene.strike()
    scene.platform.answering.clear()
    scene.hangs += 1
    is_long = scene.long and scene.hangs % LONG_HANG_EVERY == 2
    await asyncio.sleep(LONG_HANG_SECONDS if is_long else SHORT_HANG_SECONDS)
    scene.platform.answering.set()


async def hang_once(scene: Scene) -> None:
    """One post is carried out and answered too late to be heard."""
    if not scene.long:
        return

    async def act(call: Call) -> Answer | None:
        await asyncio.sleep(GAVE_UP_SECONDS)
        return None

    await _at_slack(scene, "chat.postMessage", act, carried_out=True)


async def tap_early(scene: Scene) -> None:
    """The card is tapped, and the tap is handled, before the service hears that it was posted."""

    async def act(call: Call) -> Answer | None:
        case = scene.world.ledger.case_of(call.request)
        if case is None:
            return None
        await _passed(scene.people.hurry(case.number), EARLY_SECONDS)
        return None

    await _at_slack(scene, "chat.postMessage", act, carried_out=True)


async def late_double(scene: Scene) -> None:
    """Slack takes a post only after it was looked for: the one case in which there is a second card."""

    async def lost(first: Call) -> Answer | None:
        async def again(_: Call) -> Answer | None:
            scene.world.ledger.doubles.add(first.request)
            scene.platform.post_late(first)
            return None

        scene.platform.when("chat.postMessage", "call", again, request=first.request)
        raise Dropped

    await _at_slack(scene, "chat.postMessage", lost, carried_out=False)


# --------------------------------------------------------------------------- mechanics


def _wire(scene: Scene) -> RedisProxy:
    proxy = scene.anyone().proxy
    assert proxy is not None
    return proxy


async def _at_wire(
    scene: Scene, proxy: RedisProxy, function: str, moment: Moment, act: Callable[[], Awaitable[None]]
) -> None:
    """``act`` at the next call of ``function``, or not at all where none comes in time."""

    async def strike() -> None:
        scene.strike()
        await act()

    snare = proxy.when(function, moment, strike)
    await _passed(snare.sprung, scene.step_seconds)
    proxy.forget(snare)


async def _at_slack(scene: Scene, method: str, act: Act, *, carried_out: bool, caller: str = "") -> None:
    """``act`` at the next call of ``method``, or not at all where none comes in time."""

    async def strike(call: Call) -> Answer | None:
        scene.strike()
        return await act(call)

    snare = scene.platform.when(method, "answer" if carried_out else "call", strike, caller=caller)
    await _passed(snare.sprung, scene.step_seconds)
    scene.platform.forget(snare)


async def _passed(event: asyncio.Event, seconds: float) -> None:
    """Return when it is set, or after so many seconds."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


KILLS: Mapping[str, Fault] = {
    "kill -9 at a random moment": kill_at_random,
    "kill -9 of every replica": kill_all,
    "kill -9 before a submission": kill_at("_submit", "call"),
    "kill -9 after a submission": kill_at("_submit", "reply"),
    "kill -9 before a post": kill_at_slack("chat.postMessage", carried_out=False),
    "kill -9 after Slack took a post": kill_at_slack("chat.postMessage", carried_out=True),
    "kill -9 before a post is recorded": kill_at("_posted", "call"),
    "kill -9 before a vote": kill_at("_vote", "call"),
    "kill -9 after a vote": kill_at("_vote", "reply"),
    "kill -9 before a wake-up": kill_at("message:settled", "reply"),
    "kill -9 while a card is updated": kill_at_slack("chat.update", carried_out=True),
    "kill -9 of Redis": kill_redis,
    "kill -9 of Redis and every replica": kill_redis_and_all,
}
WIRE: Mapping[str, Fault] = {
    **{f"Redis's answer to {name} is lost": lose_reply(f"_{name}") for name in (
        "submit", "vote", "posted", "begin", "tapped", "cancel", "expire", "read", "due_work",
    )},
    "Redis's answer to submit is late": delay_reply("_submit"),
    "Redis's answer to vote is late": delay_reply("_vote"),
    "a subscription misses what is published": miss_what_is_published,
    "the wire to Redis is cut": cut_wire,
    "the wire to Redis is silent": freeze_wire,
}  # fmt: skip
SLACK: Mapping[str, Fault] = {
    "Slack's answer to a post is lost": lose_post,
    "Slack's answer to an update is lost": drop("chat.update", carried_out=True),
    "Slack's answer to the tapper is lost": drop("chat.postEphemeral", carried_out=True),
    "Slack breaks off a post": drop("chat.postMessage", carried_out=False),
    "Slack answers a post with 500": refuse("chat.postMessage", 500),
    "Slack answers a post with 503": refuse("chat.postMessage", 503),
    "Slack answers an update with 502": refuse("chat.update", 502),
    "Slack answers a look-up of a person with 500": refuse("users.info", 500),
    "Slack limits the rate": limit_rate,
    "Slack limits the rate of updates": refuse("chat.update", 429, **{"Retry-After": "1"}),
    "Slack hangs": hang,
    "Slack answers a post too late": hang_once,
    "a tap comes before its post is recorded": tap_early,
    "Slack takes a post after it was looked for": late_double,
}
LANES: Mapping[str, Mapping[str, Fault]] = {"kills": KILLS, "wire": WIRE, ledger.SLACK: SLACK}
MISSED = {"wire": {"a subscription misses what is published": miss_what_is_published}}
"""Alone: a kill would make an agent ask again, and hide that nobody woke it."""
RARE = frozenset({"kill -9 of every replica", "kill -9 of Redis and every replica", "Slack hangs"})
EMBEDDED_LANES: Mapping[str, Mapping[str, Fault]] = {
    "kills": {f"{name}, embedded": KILLS[name] for name in (
        "kill -9 at a random moment", "kill -9 of Redis", "kill -9 of Redis and every replica", "kill -9 before a post",
        "kill -9 after Slack took a post", "kill -9 while a card is updated",
    )},
}  # fmt: skip
