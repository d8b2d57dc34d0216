"""Faults of processes and of Redis's wire: kill -9 at random and at each step, answers that get lost, a silent wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from fakes.redis_proxy import Cut, Moment
from fakes.slack import Answer, Dropped
from fakes.slack_socket import Link
from faults.campaign.platform import Call
from faults.campaign.scene import Fault, Scene, at_envelope, at_slack, at_wire, wire_of

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

        await at_wire(scene, replica.proxy, function, moment, act)
        await replica.revive()

    return fault


def _posts_card(call: Call) -> bool:
    return call.posts_card


def kill_at_slack(method: str, *, carried_out: bool, of: Callable[[Call], bool] = lambda _: True) -> Fault:
    """kill -9 of the replica that makes such a call ``of`` Slack: before Slack does it, or before it is answered."""

    async def fault(scene: Scene) -> None:
        replica = scene.anyone()

        async def act(_: Call) -> Answer | None:
            replica.kill()
            raise Dropped

        await at_slack(scene, method, act, carried_out=carried_out, caller=replica.name, of=of)
        await replica.revive()

    return fault


async def kill_before_an_acknowledgement(scene: Scene) -> None:
    """kill -9 of the replica that has just been given an envelope over a socket."""

    async def act(link: Link) -> None:
        for replica in scene.world.replicas:
            if replica.name == link.caller:
                replica.kill()

    await at_envelope(scene, act)
    await _revive_all(scene)


# --------------------------------------------------------------------------- Redis's wire


def lose_reply(function: str) -> Fault:
    """The call takes effect and its answer never comes."""

    async def fault(scene: Scene) -> None:
        async def act() -> None:
            raise Cut

        await at_wire(scene, wire_of(scene), function, "reply", act)

    return fault


def delay_reply(function: str) -> Fault:
    async def fault(scene: Scene) -> None:
        seconds = scene.chance.uniform(0.3, 1.5)

        async def act() -> None:
            await asyncio.sleep(seconds)

        await at_wire(scene, wire_of(scene), function, "reply", act)
        await asyncio.sleep(seconds)

    return fault


async def miss_what_is_published(scene: Scene) -> None:
    """A subscription breaks as a decision is published, and comes back by itself without it."""

    async def act() -> None:
        raise Cut

    await at_wire(scene, wire_of(scene), "message:settled", "reply", act)


async def cut_wire(scene: Scene) -> None:
    scene.strike()
    wire_of(scene).cut()
    await asyncio.sleep(0.3)


async def freeze_wire(scene: Scene) -> None:
    proxy = wire_of(scene)
    scene.strike()
    proxy.freeze()
    await asyncio.sleep(scene.chance.uniform(0.5, 2.0))
    proxy.thaw()


KILLS: Mapping[str, Fault] = {
    "kill -9 at a random moment": kill_at_random,
    "kill -9 of every replica": kill_all,
    "kill -9 before a submission": kill_at("_submit", "call"),
    "kill -9 after a submission": kill_at("_submit", "reply"),
    "kill -9 before a card is posted": kill_at_slack("chat.postMessage", carried_out=False, of=_posts_card),
    "kill -9 after Slack took a card": kill_at_slack("chat.postMessage", carried_out=True, of=_posts_card),
    "kill -9 before a post is recorded": kill_at("_posted", "call"),
    "kill -9 before a vote": kill_at("_vote", "call"),
    "kill -9 after a vote": kill_at("_vote", "reply"),
    "kill -9 before a wake-up": kill_at("message:settled", "reply"),
    "kill -9 while a card is updated": kill_at_slack("chat.update", carried_out=True),
    "kill -9 before an acknowledgement": kill_before_an_acknowledgement,
    "kill -9 of Redis": kill_redis,
    "kill -9 of Redis and every replica": kill_redis_and_all,
}
WIRE: Mapping[str, Fault] = {
    **{f"Redis's answer to {name} is lost": lose_reply(f"_{name}") for name in (
        "submit", "vote", "posted", "begin", "read", "due_work",
    )},
    "Redis's answer to submit is late": delay_reply("_submit"),
    "Redis's answer to vote is late": delay_reply("_vote"),
    "a subscription misses what is published": miss_what_is_published,
    "the wire to Redis is cut": cut_wire,
    "the wire to Redis is silent": freeze_wire,
}  # fmt: skip
SELDOM: Mapping[str, Fault] = {
    f"Redis's answer to {name} is lost": lose_reply(f"_{name}") for name in (
        "tapped", "cancel", "expire", "configuration",
    )
}  # fmt: skip
"""Steps that hardly come up in the seconds of a short run: waiting for them would keep the wire whole."""
AT_DEEDS: Mapping[str, Fault] = {
    "kill -9 before a pause": kill_at("_pause", "call"),
    "kill -9 after a pause": kill_at("_pause", "reply"),
    "kill -9 after a route": kill_at("_change_places", "reply"),
    "kill -9 after a move": kill_at("_take_along", "reply"),
    "kill -9 after a key was replaced": kill_at("_put_keys", "reply"),
    "kill -9 after a policy was activated": kill_at("_activate", "reply"),
    **{f"Redis's answer to {name} is lost": lose_reply(f"_{name}") for name in (
        "pause", "resume", "change_places", "take_along", "put_keys", "activate",
    )},
}  # fmt: skip
"""Steps of admins' deeds, which are few: a lane of their own waits for them, and keeps no other fault waiting."""
