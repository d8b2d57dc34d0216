"""What admins do meanwhile, in lanes of its own: pauses, live routes, moves, versions of the policy, keys.

No deed is a fault, so none excuses anything. Each lane changes subjects that no other changes, and takes back what it
has done before it goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from redis.exceptions import RedisError

from faults.campaign.deeds import PAUSED, POLICY, REVOKED, Deed
from faults.campaign.ledger import Case, Json
from faults.campaign.plan import CHANNELS, NIGHT, OPS
from faults.campaign.platform import ADMINS, channel_of
from faults.campaign.policies import policy
from faults.campaign.scene import Fault, Scene
from sayso_bot.errors import SaysoError

OLGA, OMAR, OTTO = ADMINS
LEAST_ROUTE_SECONDS = 60
MOVABLE = frozenset({*CHANNELS, "pair", "why", "type", "form", "long"})
MOST_LOOKED_AT = 60
Hold: TypeAlias = tuple[float, float]
HELD: Hold = (0.3, 1.5)
"""How long a pause lasts; people wait for its end."""
STOOD: Hold = (1.0, 4.0)
"""How long a route or a version stands."""
SHORTER = 0.3


def _begin(scene: Scene, kind: str, subject: str, value: str = "", *, by: str = "") -> Deed:
    ways: Json = {"kind": kind, "way": "slack" if by else "api"}
    return scene.world.ledger.deeds.begin(scene.world.name, subject=subject, value=value, **ways)


async def _hold(scene: Scene, hold: Hold) -> None:
    await asyncio.sleep(scene.chance.uniform(*hold) * (1.0 if scene.long else SHORTER))


# --------------------------------------------------------------------------- pauses


def pause(scope: str, body: Json) -> Fault:
    """By the program: paused, and resumed by its id."""

    async def deed(scene: Scene) -> None:
        stop = _begin(scene, "pause", f"pause {scope}", PAUSED)
        made = await scene.admins.call(stop, "POST", "pauses", {**body, "reason": stop.why, "confirm": True})
        if stop.refused:
            return
        await _hold(scene, HELD)
        on = _begin(scene, "resume", f"pause {scope}")
        await scene.admins.call(on, "DELETE", f"pauses/{made['id']}")

    return deed


def pause_in_slack(scope: str, words: str) -> Fault:
    async def deed(scene: Scene) -> None:
        stop = _begin(scene, "pause", f"pause {scope}", PAUSED, by=OMAR)
        await scene.admins.type(stop, OMAR, f"pause {words} because {stop.why}")
        await _hold(scene, HELD)
        on = _begin(scene, "resume", f"pause {scope}", by=OMAR)
        await scene.admins.type(on, OMAR, f"resume {words}")

    return deed


# --------------------------------------------------------------------------- routes


def route(pattern: str, channel: str) -> Fault:
    async def deed(scene: Scene) -> None:
        there = _begin(scene, "route", f"route {pattern}", channel_of(channel))
        body = {"action": pattern, "channel": channel, "reason": there.why, "confirm": True}
        made = await scene.admins.call(there, "POST", "routes", body, versioned=True)
        if there.refused:
            return
        await _hold(scene, STOOD)
        back = _begin(scene, "undo", f"route {pattern}")
        await scene.admins.call(back, "DELETE", f"routes/{made['id']}", versioned=True)

    return deed


def route_for_a_while(pattern: str, channel: str) -> Fault:
    """It ends by itself, by Redis's clock. One that still stands is left to that."""

    async def deed(scene: Scene) -> None:
        deeds, world = scene.world.ledger.deeds, scene.world.name
        standing = deeds.on(world, f"route {pattern}")
        if not scene.long or (standing and not await _is_past(scene, (standing[-1].ends_at or 0.0) + 1.0)):
            return
        there = _begin(scene, "route", f"route {pattern}", channel_of(channel))
        body = {"action": pattern, "channel": channel, "for": f"{LEAST_ROUTE_SECONDS}s", "reason": there.why}
        made = await scene.admins.call(there, "POST", "routes", body, versioned=True)
        if not there.refused:
            there.ends_at = datetime.fromisoformat(made["until"]).timestamp()

    return deed


def route_in_slack(pattern: str, channel: str, *, here: bool) -> Fault:
    """``here``: by saying so in that channel, which the policy need not name."""

    async def deed(scene: Scene) -> None:
        there = _begin(scene, "route", f"route {pattern}", channel_of(channel), by=OLGA)
        words = f"channel use {pattern}" if here else f"route {pattern} to {channel}"
        said_in = channel if here else CHANNELS[0]
        await scene.admins.type(there, OLGA, f"{words} because {there.why}", channel=said_in)
        await _hold(scene, STOOD)
        back = _begin(scene, "undo", f"route {pattern}", by=OLGA)
        await scene.admins.type(back, OLGA, f"route undo {pattern} because {back.why}")

    return deed


async def _is_past(scene: Scene, at: float) -> bool:
    """By Redis's clock; it is not known to be while Redis is dead."""
    try:
        async with scene.world.store() as store:
            seconds, _ = await store.client.time()
    except (SaysoError, RedisError):
        return False
    return bool(float(seconds) > at)


# --------------------------------------------------------------------------- moves


async def move_one(scene: Scene) -> None:
    """A request that waits is asked elsewhere."""
    if (case := _somebody_waits(scene)) is None:
        return
    request, to = next(iter(case.ids)), _elsewhere(scene, case)
    along = _begin(scene, "move", f"request {request}", channel_of(to))
    await scene.admins.call(
        along, "POST", f"requests/{request}/move", {"channel": to, "reason": along.why, "confirm": True}
    )


async def move_all(scene: Scene) -> None:
    """All that waits of one family is asked elsewhere."""
    family = scene.chance.choice(CHANNELS)
    along = _begin(scene, "move", f"requests {family}.*", channel_of(OPS))
    await scene.admins.call(
        along, "POST", "moves", {"action": f"{family}.*", "channel": OPS, "reason": along.why, "confirm": True}
    )


async def move_in_slack(scene: Scene) -> None:
    if (case := _somebody_waits(scene)) is None:
        return
    request, to = next(iter(case.ids)), _elsewhere(scene, case)
    along = _begin(scene, "move", f"request {request}", channel_of(to), by=OTTO)
    await scene.admins.type(along, OTTO, f"move {request} to {to} because {along.why}")


def _somebody_waits(scene: Scene) -> Case | None:
    """One of the newest cases whose agent was told that it waits."""
    newest = list(scene.world.ledger.cases.values())[-MOST_LOOKED_AT:]
    waiting = [
        case
        for case in newest
        if case.world == scene.world.name and len(case.ids) == 1 and case.told and not case.settled
        and case.plan.family in MOVABLE
    ]  # fmt: skip
    return scene.chance.choice(waiting) if waiting else None


def _elsewhere(scene: Scene, case: Case) -> str:
    cards = {card.channel for request in case.ids for card in scene.platform.cards.get(request, ())}
    return scene.chance.choice([name for name in (*CHANNELS, OPS) if channel_of(name) not in cards])


# --------------------------------------------------------------------------- versions of the policy


async def replace_policy(scene: Scene) -> None:
    """The second version is put in force, and the first one brought back. Replicas keep the file of the first."""
    before = None
    while before is None:
        before = await scene.admins.look("policy")
    put = _begin(scene, "activate", POLICY, "second")
    await scene.admins.put_in_force(put, "PUT", "policy", {"document": policy("second")})
    await _hold(scene, STOOD)
    back = _begin(scene, "rollback", POLICY, "first")
    await scene.admins.put_in_force(back, "POST", "policy/rollback", {"version": before.body["version"]["number"]})


# --------------------------------------------------------------------------- keys


async def rotate_key(scene: Scene) -> None:
    """An agent gets a new key; the old one works for two seconds more."""
    agent = scene.chance.choice(scene.admins.keys)
    await _replace(scene, agent.id, f"keys/{agent.id}/rotate", {"overlap": "2s"}, "rotate")


async def revoke_key(scene: Scene) -> None:
    """A key is revoked and another one made: until it has that, the agent can do nothing."""
    agent = scene.chance.choice(scene.admins.keys)
    await _replace(scene, agent.id, f"keys/{agent.id}/rotate", {"overlap": "0s"}, "revoke")


async def _replace(scene: Scene, key: str, path: str, body: Json, kind: str) -> None:
    """Where the answer with the secret was lost, the new key is nobody's: it is replaced at once."""
    agent = next(agent for agent in scene.admins.keys if agent.id == key)
    made: Json = {"secret": None}
    while made["secret"] is None:
        deed = _begin(scene, kind, f"key {key}", REVOKED)
        made = await scene.admins.call(deed, "POST", path, body)
        if deed.refused:
            return
        if kind == "rotate":
            deed.value, old = "", made["instead_of"]
            deed.ends_at = datetime.fromisoformat(old["lapses_at"]).timestamp() if old else None
        key, body, kind = made["key"]["id"], {"overlap": "0s"}, "revoke"
        path = f"keys/{key}/rotate"
    agent.id, agent.secret = key, made["secret"]


Deeds: TypeAlias = Mapping[str, Callable[[Scene], Awaitable[None]]]
PAUSES: Deeds = {
    "everything is paused": pause("everything", {"everything": True}),
    "an agent is paused": pause("agent:agent-1", {"agent": "agent-1"}),
    "a pattern is paused": pause("action:f*.*", {"action": "f*.*"}),
    "a pattern is paused in Slack": pause_in_slack("action:two.*", "two.*"),
    "an agent is paused in Slack": pause_in_slack("agent:agent-2", "agent agent-2"),
}
ROUTES: Deeds = {
    "a route is set": route("one.*", "two"),
    "a route that ends by itself is set": route_for_a_while("six.*", OPS),
}
NARROW: Deeds = {"a route within another is set": route("one.n*1", OPS)}
ROUTES_IN_SLACK: Deeds = {
    "a route is set in Slack": route_in_slack("three.*", OPS, here=False),
    "a channel is used in Slack": route_in_slack("p*r.*", NIGHT, here=True),
}
MOVES: Deeds = {
    "a request is moved": move_one,
    "all of a pattern are moved": move_all,
    "a request is moved in Slack": move_in_slack,
}
VERSIONS: Deeds = {"a policy is activated and rolled back": replace_policy}
KEYS: Deeds = {"a key is rotated": rotate_key, "a key is revoked": revoke_key}
ADMIN_LANES: Mapping[str, Deeds] = {
    "pauses": PAUSES,
    "routes": ROUTES,
    "narrow routes": NARROW,
    "routes in Slack": ROUTES_IN_SLACK,
    "moves": MOVES,
    "versions": VERSIONS,
    "keys": KEYS,
}
