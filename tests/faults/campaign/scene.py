"""What one fault acts in, and the moments at which it can: a call on Redis's wire, a call of Slack, an envelope."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from fakes.redis_proxy import Moment, RedisProxy
from fakes.slack import Answer
from fakes.slack_socket import Link
from faults.campaign.admins import Admins
from faults.campaign.people import People
from faults.campaign.platform import Act, Call, Platform
from faults.campaign.world import Replica, World

STEP_SECONDS, SHORT_STEP_SECONDS = 6.0, 1.5


@dataclass(slots=True)
class Scene:
    """What one fault acts in. ``long`` allows troubles that outlast every time-out.

    ``struck`` is when it took hold, empty while it still waits for its step.
    """

    world: World
    people: People
    admins: Admins
    chance: random.Random
    long: bool
    struck: list[float] = field(default_factory=list)

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


def wire_of(scene: Scene) -> RedisProxy:
    proxy = scene.anyone().proxy
    assert proxy is not None
    return proxy


async def at_wire(
    scene: Scene, proxy: RedisProxy, function: str, moment: Moment, act: Callable[[], Awaitable[None]]
) -> None:
    """``act`` at the next call of ``function``, or not at all where none comes in time."""

    async def strike() -> None:
        scene.strike()
        await act()

    snare = proxy.when(function, moment, strike)
    await passed(snare.sprung, scene.step_seconds)
    proxy.forget(snare)


async def at_slack(
    scene: Scene,
    method: str,
    act: Act,
    *,
    carried_out: bool,
    caller: str = "",
    of: Callable[[Call], bool] = lambda _: True,
) -> None:
    """``act`` at the next call of ``method``, or not at all where none comes in time."""

    async def strike(call: Call) -> Answer | None:
        scene.strike()
        return await act(call)

    snare = scene.platform.when(method, "answer" if carried_out else "call", strike, caller=caller, of=of)
    await passed(snare.sprung, scene.step_seconds)
    scene.platform.forget(snare)


async def passed(event: asyncio.Event, seconds: float) -> None:
    """Return when it is set, or after so many seconds."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


async def at_envelope(scene: Scene, act: Callable[[Link], Awaitable[None]]) -> None:
    """``act`` when the next envelope is on its way over a socket, before anybody has acknowledged it."""
    sprung = asyncio.Event()

    async def strike(link: Link) -> None:
        scene.strike()
        sprung.set()
        await act(link)

    scene.platform.on_envelope = strike
    await passed(sprung, scene.step_seconds)
    scene.platform.on_envelope = None
