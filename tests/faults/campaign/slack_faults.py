"""Slack's trouble: answers lost, late and refused, sockets that end, lists that are deleted, closed channels."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web

from fakes.slack import Answer, Dropped
from fakes.slack_socket import Link
from faults.campaign.plan import CLOSING
from faults.campaign.platform import Call, channel_of
from faults.campaign.scene import Fault, Scene, at_envelope, at_slack, passed

EARLY_SECONDS = 2.5
GAVE_UP_SECONDS = 11.0
HANG_SECONDS, LONG_HANG_SECONDS = 3.0, 30.0
CLOSED = ("is_archived", "not_in_channel", "channel_not_found", "restricted_action")


def drop(method: str, *, carried_out: bool) -> Fault:
    """The connection ends without an answer."""

    async def fault(scene: Scene) -> None:
        async def act(_: Call) -> Answer | None:
            raise Dropped

        await at_slack(scene, method, act, carried_out=carried_out)

    return fault


async def lose_post(scene: Scene) -> None:
    """Slack takes a post, its answer is lost, and nobody taps the card before it could be looked for."""

    async def act(call: Call) -> Answer | None:
        if case := scene.world.ledger.case_of(call.request):
            scene.people.put_off(case.number)
        raise Dropped

    await at_slack(scene, "chat.postMessage", act, carried_out=True)


def refuse(method: str, status: int, **headers: str) -> Fault:
    async def fault(scene: Scene) -> None:
        async def act(_: Call) -> Answer | None:
            return web.Response(status=status, text="oops", headers=headers)

        await at_slack(scene, method, act, carried_out=False)

    return fault


async def limit_rate(scene: Scene) -> None:
    """429, and nothing done."""
    after = scene.chance.randint(1, 2)

    async def act(call: Call) -> Answer | None:
        return scene.platform.limit(call, after)

    await at_slack(scene, "chat.postMessage", act, carried_out=False)


def hang(seconds: float) -> Fault:
    """Slack answers nobody, and does everything that it was asked once it goes on."""

    async def fault(scene: Scene) -> None:
        scene.strike()
        scene.platform.answering.clear()
        await asyncio.sleep(seconds)
        scene.platform.answering.set()

    return fault


async def hang_once(scene: Scene) -> None:
    """One post is carried out and answered too late to be heard."""

    async def act(call: Call) -> Answer | None:
        await asyncio.sleep(GAVE_UP_SECONDS)
        return None

    await at_slack(scene, "chat.postMessage", act, carried_out=True)


async def tap_early(scene: Scene) -> None:
    """The card is tapped, and the tap is handled, before the service hears that it was posted."""

    async def act(call: Call) -> Answer | None:
        case = scene.world.ledger.case_of(call.request)
        if case is None:
            return None
        await passed(scene.people.hurry(case.number), EARLY_SECONDS)
        return None

    await at_slack(scene, "chat.postMessage", act, carried_out=True, of=lambda call: call.posts_card)


async def late_double(scene: Scene) -> None:
    """Slack takes a post only after it was looked for: the one case in which there is a second card."""

    async def lost(first: Call) -> Answer | None:
        async def again(_: Call) -> Answer | None:
            scene.world.ledger.doubles.add(first.request)
            scene.platform.post_late(first)
            return None

        scene.platform.when("chat.postMessage", "call", again, request=first.request)
        raise Dropped

    await at_slack(scene, "chat.postMessage", lost, carried_out=False, of=lambda call: call.posts_card)


async def lose_list(scene: Scene) -> None:
    """Slack takes a list, and its answer is lost."""

    async def act(_: Call) -> Answer | None:
        raise Dropped

    await at_slack(scene, "chat.postMessage", act, carried_out=True, of=lambda call: call.posts_list)


async def delete_list(scene: Scene) -> None:
    """Somebody deletes the newest list, which shows what waits."""
    newest = [message for message in scene.platform.lists[-1:] if message in scene.platform.messages]
    for message in newest:
        scene.strike()
        scene.platform.delete(message)
    await asyncio.sleep(0.1)


# --------------------------------------------------------------------------- sockets


async def cut_socket(scene: Scene) -> None:
    """A connection ends without a word."""
    for link in scene.chance.sample(scene.platform.links, min(1, len(scene.platform.links))):
        scene.strike()
        scene.platform.cut(link)
    await asyncio.sleep(0.1)


async def renew_sockets(scene: Scene) -> None:
    """Slack wishes for all connections anew, at once."""
    for link in list(scene.platform.links):
        scene.strike()
        if not link.socket.closed:
            await scene.platform.renew(link)
    await asyncio.sleep(0.5)


async def cut_at_acknowledgement(scene: Scene) -> None:
    """A connection ends as an acknowledgement comes, which Slack therefore does not hear."""

    async def act(_: Link) -> None:
        scene.platform.cut_at_next_ack = True

    await at_envelope(scene, act)
    await asyncio.sleep(0.5)
    scene.platform.cut_at_next_ack = False


async def cut_after_an_envelope(scene: Scene) -> None:
    """A connection ends while what came over it is worked on; Slack gives it to another."""

    async def act(link: Link) -> None:
        scene.platform.cut(link)

    await at_envelope(scene, act)


async def open_no_sockets(scene: Scene) -> None:
    """Slack has no address for a new connection, and the one that is cut stays away for a while."""

    async def act(_: Call) -> Answer | None:
        return web.Response(status=503, text="oops")

    snares = [scene.platform.when("apps.connections.open", "call", act) for _ in range(3)]
    await cut_socket(scene)
    await asyncio.sleep(scene.chance.uniform(0.5, 1.5))
    for snare in snares:
        scene.platform.forget(snare)


# --------------------------------------------------------------------------- channels


def close_channel(error: str) -> Fault:
    """A channel is archived, or the bot removed from it; after a while it is as before."""

    async def fault(scene: Scene) -> None:
        scene.strike()
        scene.platform.closed[channel_of(CLOSING)] = error
        await asyncio.sleep(scene.chance.uniform(1.0, 3.0))
        scene.platform.closed.clear()

    return fault


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
    "Slack hangs": hang(HANG_SECONDS),
    "a tap comes before its post is recorded": tap_early,
    "Slack takes a post after it was looked for": late_double,
    "Slack's answer to a dialog is lost": drop("views.open", carried_out=True),
    "Slack answers a dialog's next page with 500": refuse("views.update", 500),
    "Slack's answer to a list is lost": lose_list,
    "somebody deletes a list": delete_list,
}
LONG: Mapping[str, Fault] = {
    "Slack hangs for 30 s": hang(LONG_HANG_SECONDS),
    "Slack answers a post too late": hang_once,
}
SOCKETS: Mapping[str, Fault] = {
    "a socket is cut": cut_socket,
    "all sockets are renewed": renew_sockets,
    "a socket ends as it acknowledges": cut_at_acknowledgement,
    "a socket ends after an envelope": cut_after_an_envelope,
    "Slack opens no sockets": open_no_sockets,
}
CHANNELS: Mapping[str, Fault] = {f"a channel is closed: {error}": close_channel(error) for error in CLOSED}
