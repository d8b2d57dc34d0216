"""Admins of one world: a program at `/v1/admin`, and people who type `/sayso …` in Slack and submit its dialog.

Each does one thing again and again under one name until they were told what came of it, whichever replica answers. So
each deed of the ledger has an end, and what it changed is known from then on.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from fakes.slack_surfaces import command, deliver
from fakes.slack_views import Dialog, submission
from faults.campaign.agents import tries
from faults.campaign.deeds import Deed
from faults.campaign.ledger import Json
from faults.campaign.plan import CHANNELS
from faults.campaign.platform import channel_of
from faults.campaign.world import AgentKey, World

API_SECONDS, SLACK_SECONDS, SOCKET_SECONDS = 20.0, 3.0, 12.0
DIALOG_SECONDS, LOOK_SECONDS, AGAIN_SECONDS = 5.0, 0.05, 0.5
MOST_TRIES = 120
ONE_MOMENT = "One moment"
MEANWHILE = "Another admin has changed something meanwhile."
TRANSIENT = ("ry again", "from too long ago", "cannot be checked", "could not be", "not known whether")
SO_ALREADY = ("This is paused already", "like that already", "There is no such pause", "There is no live route",
              "asked there already")  # fmt: skip
"""What an admin is told of what their own command has done before, whose answer was lost."""
MOVED_NOTHING = ("No pending request of", "so it is moved nowhere", "asked there already")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    etag: str


class Admins:
    """``keys`` are the agents', which the program replaces."""

    def __init__(self, world: World, secret: str, keys: list[AgentKey]) -> None:
        self.keys = keys
        self._world = world
        self._platform = world.platform
        self._ledger = world.ledger
        self._secret = secret
        limits = aiohttp.ClientTimeout(total=API_SECONDS)
        self._session = aiohttp.ClientSession(timeout=limits, connector=aiohttp.TCPConnector(limit=0))
        self._turns = itertools.count()

    async def close(self) -> None:
        await self._session.close()

    # ------------------------------------------------------------------ a program

    async def call(
        self, deed: Deed, method: str, path: str, body: Json | None = None, *, versioned: bool = False
    ) -> Json:
        """Do it by the API; what was told. Routes are ``versioned``: the program says which it has seen."""
        headers = {"Idempotency-Key": f"deed-{deed.number}"}
        for turn, pause in itertools.islice(tries(next(self._turns)), MOST_TRIES):
            if versioned:
                seen = await self.look("routes", turn)
                headers["If-Match"] = seen.etag if seen else "*"
            answer = await self._send(turn, method, path, body, headers)
            if answer is not None and answer.status in (200, 201):
                deed.done()
                return dict(answer.body)
            if answer is not None and answer.status in (404, 409, 422):
                self._refused(deed, str(answer.body["detail"]))
                return {}
            await asyncio.sleep(pause)
        self._refused(deed, f"nothing in {MOST_TRIES} tries")
        return {}

    async def put_in_force(self, deed: Deed, method: str, path: str, body: Json) -> None:
        """Change the policy. Whoever is not answered looks whether it is their version that is in force."""
        for turn, pause in itertools.islice(tries(next(self._turns)), MOST_TRIES):
            seen = await self.look("policy", turn)
            if seen is not None and seen.body["version"]["comment"] == deed.why:
                deed.done()
                return
            if seen is not None:
                await self._send(turn, method, path, body | {"comment": deed.why}, {"If-Match": seen.etag})
            else:
                await asyncio.sleep(pause)
        self._refused(deed, f"nothing in {MOST_TRIES} tries")

    async def look(self, what: str, turn: int | None = None) -> Answer | None:
        """What stands at one replica; None where it does not answer."""
        answer = await self._send(next(self._turns) if turn is None else turn, "GET", what, None, {})
        return answer if answer is not None and answer.status == 200 else None

    async def _send(
        self, turn: int, method: str, path: str, body: Json | None, headers: Mapping[str, str]
    ) -> Answer | None:
        url = f"{self._world.replica(turn).url}/v1/admin/{path}"
        given = {"Authorization": f"Bearer {self._secret}", **headers}
        try:
            async with self._session.request(method, url, json=body, headers=given) as answer:
                return Answer(answer.status, await answer.json(content_type=None), answer.headers.get("ETag", ""))
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    # ------------------------------------------------------------------ people

    async def type(self, deed: Deed, user: str, text: str, *, channel: str = CHANNELS[0]) -> None:
        """Do it from Slack: type the command and submit its dialog, as often as it takes to know what came of it."""
        for turn in range(MOST_TRIES):
            dialog = await self._open(user, text, channel, turn)
            said = dialog.words if dialog is not None else ""
            if dialog is not None and dialog.submits:
                said = await self._submit(dialog, user, turn)
            if dialog is not None:
                dialog.open = False
            if not said or any(words in said for words in TRANSIENT):
                await asyncio.sleep(AGAIN_SECONDS)
            elif "Nothing was changed" not in said or any(words in said for words in SO_ALREADY):
                return deed.done()
            else:
                return self._refused(deed, said)
        self._refused(deed, f"nothing in {MOST_TRIES} tries")
        return None

    async def _open(self, user: str, text: str, channel: str, turn: int) -> Dialog | None:
        """The dialog of a command once it says more than to wait."""
        before = len(self._platform.dialogs_of[user])
        form = command(text, user=user, team=self._platform.team)
        form |= {"channel_id": channel_of(channel), "channel_name": channel, "trigger_id": self._platform.trigger(user)}
        await self._deliver("slash_commands", form, turn)
        end = time.monotonic() + DIALOG_SECONDS
        while time.monotonic() < end:
            newest = self._platform.dialogs_of[user][before:]
            if newest and ONE_MOMENT not in newest[-1].words:
                return newest[-1]
            await asyncio.sleep(LOOK_SECONDS)
        for dialog in self._platform.dialogs_of[user]:
            dialog.open = False
        return None

    async def _submit(self, dialog: Dialog, user: str, turn: int) -> str:
        """What the dialog says in the end: whoever sees an error in it submits it again."""
        for at in range(turn, turn + MOST_TRIES):
            payload = submission(dialog, {}, team=self._platform.team, user=user, shown=self._platform.shown(dialog))
            answered, told = await self._deliver("interactive", payload, at)
            if answered and told is not None:
                self._platform.carry_out_answer(dialog, told)
                if not dialog.submits:
                    return dialog.words
            if MEANWHILE not in dialog.words or not answered:
                await asyncio.sleep(AGAIN_SECONDS)
        return ""

    async def _deliver(self, kind: str, payload: Json, turn: int) -> tuple[bool, Json | None]:
        """Hand it to the service, over a socket every other time; whether it took it, and its answer."""
        try:
            if turn % 2:
                told = await self._platform.deliver(kind, payload, answerable=True, timeout=SOCKET_SECONDS)
                return True, told
            async with asyncio.timeout(SLACK_SECONDS):
                url = self._world.replica(turn // 2).url
                status, told = await deliver(url, payload, self._platform.signed)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False, None
        return status == 200, told

    def _refused(self, deed: Deed, said: str) -> None:
        """Only a move may find nothing to do, since requests end by themselves."""
        deed.refused = said
        if deed.kind != "move" or not any(words in said for words in MOVED_NOTHING):
            self._ledger.complaints.append(f"{deed.why} {deed.kind} {deed.subject} was refused: {said}")
