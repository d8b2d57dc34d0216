"""Microsoft's emulator as a process, driven by the calls that its own page makes.

async with Emulator(modules, folder, bot_url) as emulator:
    await emulator.say("help")                       # in the channel, as Ana, naming the bot
    shown = await emulator.shown(1)                  # the first card that the bot posted
    answer = await emulator.tap(shown, "approve", BEN)

It knows six people, of whom the first is who writes; it checks what it is given and sends no token.
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

from fakes.teams_limits import CARD_TYPE, Json, cards_of
from fakes.teams_tenant import APP, TENANT, action, texts, verbs
from redis_server import free_port
from teams_e2e.tools import EMULATOR

CHANNEL, TEAM = "19:payments@thread.tacv2", "19:finance@thread.tacv2"
GROUP, PERSONAL = "19:group@thread.v2", "a:1ana"
ANA, BEN, EVE = "user-id-0", "user-id-1", "user-id-2"
PEOPLE = {ANA: "Ana", BEN: "Ben", EVE: "Eve", "user-id-3": "Cleo", "user-id-4": "Dan", "user-id-5": "Fay"}
MENTION = "<at>Sayso</at>"
PATIENCE = 20.0


def aad(user: str) -> str:
    """Entra's object id of one of the people."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"emulator/{user}"))


@dataclass
class Shown:
    """A message of the bot, as it is now. ``version`` counts its updates; ``earlier`` are the cards that it had.

    ``conversation`` is where answers to it come from: in a channel its own thread.
    """

    conversation: str
    id: str
    content: Json
    version: int = 0
    earlier: list[Json] = field(default_factory=list)

    @property
    def card(self) -> Json:
        return next(iter(cards_of(self.content)), {})

    @property
    def words(self) -> str:
        return "\n".join([str(self.content.get("text") or ""), *texts(self.card)])

    @property
    def buttons(self) -> list[str]:
        return verbs(self.card)


@dataclass(frozen=True)
class Told:
    """The answer to a tap."""

    body: Json

    @property
    def card(self) -> Json:
        found = self.body.get("value")
        return found if self.body.get("type") == CARD_TYPE and isinstance(found, dict) else {}

    @property
    def words(self) -> str:
        value = self.body.get("value")
        return value if isinstance(value, str) else "\n".join(texts(value))


class Emulator:
    """``cards`` holds every card that was shown, for the renderer to look at."""

    def __init__(self, modules: Path, folder: Path, bot: str) -> None:
        self._command = ["node", str(modules / EMULATOR[0] / "cli.js"), "start", "--dt", "-c", "msteams", "-e", bot]
        self._folder = folder
        self.messages: list[Shown] = []
        self.cards: list[Json] = []
        self._happened = asyncio.Condition()
        self._url = ""

    # ----------------------------------------------------------------- life

    async def __aenter__(self) -> Self:
        (self._folder / "emulator.yml").write_text(json.dumps(_configuration()))
        environ = os.environ | {
            "TEAMSAPPTESTER_BROWSER": "none",
            "M365_AGENTS_PLAYGROUND_CONFIG_PATH": str(self._folder / "emulator.yml"),
            "M365_AGENTS_PLAYGROUND_LOGFILE": str(self._folder / "emulator.log"),
        }
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        with (self._folder / "emulator.out").open("wb") as out:
            self._child = await asyncio.create_subprocess_exec(
                *self._command, "-p", str(port), cwd=self._folder, env=environ, stdout=out, stderr=out
            )
        self._http = aiohttp.ClientSession()
        await self._ready()
        self._socket = await self._http.ws_connect(f"{self._url}/_ws_conversation/v1/conversations/stream")
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.cancel()
        await self._socket.close()
        await self._http.close()
        if self._child.returncode is None:
            self._child.terminate()
        await self._child.wait()

    async def _ready(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                if self._child.returncode is not None:
                    raise AssertionError(f"the emulator ended: {(self._folder / 'emulator.log').read_text()[-800:]}")
                try:
                    async with self._http.get(f"{self._url}/_internal/v1/config") as answer:
                        answer.raise_for_status()
                        return
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)

    async def _listen(self) -> None:
        async for frame in self._socket:
            said = json.loads(frame.data)
            content = said.get("message") or {}
            async with self._happened:
                self._heard(said, content)
                self._happened.notify_all()

    def _heard(self, said: Json, content: Json) -> None:
        self.cards += cards_of(content)
        known = next((m for m in self.messages if m.id == content.get("messageId")), None)
        if said["action"] == "createMessage" and content["from"]["id"] == APP:
            at = content.get("postConversationId") or said["actionConversationId"]
            self.messages.append(Shown(at, content["messageId"], content))
        elif said["action"] == "updateMessage" and known is not None:
            known.earlier.append(known.card)
            known.content = content
            known.version += 1

    # ----------------------------------------------------------------- what people do

    async def say(self, text: str, conversation: str = CHANNEL) -> None:
        """As Ana: naming the bot, where others are."""
        named = {"text": f"{MENTION} {text}", "mentions": [{"mentioned": {"id": APP}, "text": MENTION}]}
        body = {"textFormat": "plain", "from": {"id": ANA}, **({"text": text} if conversation == PERSONAL else named)}
        await self._post(f"conversations/{conversation}/messages", body)

    async def tap(self, shown: Shown, verb: str, user: str, *, on: Json | None = None, **inputs: Any) -> Told:
        """Tap a button of a message, or of the card ``on`` that a tap was answered with."""
        found = action(on or shown.card, verb)
        assert found is not None, f"there is no {verb} on the card"
        tapped = {"type": "Action.Execute", "verb": verb, "data": {**found.get("data", {}), **inputs}}
        value = {"action": tapped, "trigger": "manual"}
        told = Told(
            await self._post("invoke", {"name": "adaptiveCard/action", **self._at(shown, user), "value": value})
        )
        self.cards += [told.card] if told.card else []
        return told

    async def submit(self, shown: Shown, verb: str, user: str) -> None:
        """Tap as a client that does not know Action.Execute."""
        found = action(shown.card, verb)
        assert found is not None, f"there is no {verb} on the card"
        value = {name: v for name, v in found["fallback"]["data"].items() if name != "msteams"}
        await self._post("submit", {**self._at(shown, user), "value": value})

    def _at(self, shown: Shown, user: str) -> Json:
        return {"from": {"id": user}, "conversation": {"id": shown.conversation}, "replyToId": shown.id}

    async def _post(self, path: str, body: Json) -> Json:
        async with self._http.post(f"{self._url}/_conversation/v1/{path}", json=body) as answer:
            text = await answer.text()
            assert answer.status == 200, f"{path}: {answer.status} {text}"
            said: Json = json.loads(text) if text else {}
            return said

    # ----------------------------------------------------------------- what the bot did

    async def shown(self, text: str, *, buttons: bool = False, after: int = 0) -> Shown:
        """The newest message of the bot that says ``text``, of those ``after`` so many others."""

        def found() -> Shown | None:
            told = (m for m in reversed(self.messages[after:]) if text in m.words and (m.buttons or not buttons))
            return next(told, None)

        await self._until(lambda: found() is not None, f"the bot said {text!r}")
        message = found()
        assert message is not None
        return message

    async def says(self, shown: Shown, text: str) -> None:
        """Until a message says ``text``."""
        await self._until(lambda: text in shown.words, f"the card says {text!r}, and not {shown.words!r}")

    async def _until(self, true: Any, what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE), self._happened:
                await self._happened.wait_for(true)
        except TimeoutError:
            raise AssertionError(f"within {PATIENCE:.0f} s it did not happen that {what}") from None


def _configuration() -> Json:
    """The emulator wants five users beside the one who writes, and one channel beside the general one."""
    people = [
        {
            "id": user,
            "name": name,
            "userPrincipleName": f"{name.lower()}@example.com",
            "aadObjectId": aad(user),
            "givenName": name,
            "surname": "Example",
            "email": f"{name.lower()}@example.com",
        }
        for user, name in PEOPLE.items()
    ]
    channel = {"id": CHANNEL, "name": "payments"}
    return {
        "version": "0.1.1",
        "tenantId": TENANT,
        "bot": {"id": APP, "name": "Sayso"},
        "currentUser": people[0],
        "users": people[1:],
        "personalChat": {"id": PERSONAL},
        "groupChat": {"id": GROUP, "name": "Finance"},
        "team": {"id": TEAM, "name": "Finance", "aadGroupId": aad(TEAM), "channels": [channel]},
    }
