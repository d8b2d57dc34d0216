"""What people do in Teams, sent to the bot as Teams would send it: signed, answered, and its answer shown.

`FakeTeams` mixes `People` in. Every doing takes the parts of the token that a test changes (``iss=…``, ``aud=…``,
``kid=…``, ``alg="none"``; see `fakes.teams_entra.Entra.bearer`), or ``authorization`` for the header as a whole.
"""

from __future__ import annotations

import io
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from fakes.teams_activities import envelope, event, installed, said, submitted, tapped
from fakes.teams_entra import Entra
from fakes.teams_limits import CARD_TYPE, Json, answer_faults
from fakes.teams_tenant import Conversation, Message, Tenant, action, texts

PATH = "/api/messages"
INVOKE_SECONDS = 5.0


@dataclass(frozen=True)
class Answer:
    """What the bot answered to one call: ``body`` is None where it was no JSON, ``words`` what a person would read."""

    status: int
    body: Any
    seconds: float

    @property
    def words(self) -> str:
        value = (self.body or {}).get("value") if isinstance(self.body, dict) else None
        if isinstance(value, dict) and "message" in value and "type" not in value:
            return str(value["message"])
        return value if isinstance(value, str) else "\n".join(texts(value))


class People(Tenant, Entra, ABC):
    """``answers`` are all that the bot answered, in order; ``late`` how many of them came too late for Teams."""

    def __init__(self, tenant: str, app: str) -> None:
        Tenant.__init__(self, tenant, app)
        Entra.__init__(self, tenant, app)
        self.answers: list[Answer] = []
        self.late = 0
        self.region = "amer"
        self.anonymous = False

    @property
    @abstractmethod
    def root(self) -> str:
        """Where the stand-in listens."""

    @abstractmethod
    async def notify(self) -> None:
        """Wakes who waits for something to have happened."""

    @property
    def service_url(self) -> str:
        """What Teams names as the address of its connector."""
        return f"{self.root}/{self.region}/"

    # ----------------------------------------------------------------- one call

    def headers(self, *, authorization: str | None = None, **changes: Any) -> dict[str, str]:
        """What comes with a call; an empty ``authorization`` leaves the header out."""
        made = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Microsoft-SkypeBotApi"}
        if authorization is None and not self.anonymous:
            changes.setdefault("service_url", self.service_url)
            authorization = f"Bearer {self.bearer(**changes)}"
        return {**made, "Authorization": authorization} if authorization else made

    async def deliver(self, service: str, activity: Any, **changes: Any) -> Answer:
        """POST ``activity`` (bytes are sent as they are) to ``service``, its base URL."""
        body = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
        began = time.monotonic()
        timeout = aiohttp.ClientTimeout(total=30)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(service.rstrip("/") + PATH, data=io.BytesIO(body), headers=self.headers(**changes)) as got,
        ):
            said = await got.read()
            answer = Answer(got.status, _json(said), time.monotonic() - began)
        self.answers.append(answer)
        await self.notify()
        return answer

    # ----------------------------------------------------------------- taps

    def envelope(self, conversation: str, user: str, *, thread: str = "") -> Json:
        found = self.conversations.get(conversation) or Conversation(conversation, "groupChat", [])
        return envelope(self, found, user, service_url=self.service_url, thread=thread)

    def payload(
        self,
        message: Message,
        verb: str,
        *,
        user: str,
        inputs: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        trigger: str = "manual",
    ) -> Json:
        """Teams' activity for a tap on the button with this verb, on the card that ``user`` sees; a button that is not
        there is made up. ``data`` replaces what the button carries."""
        shown = message.views.get(user) or message.card
        found = action(shown, verb) or action(message.card, verb) or {"verb": verb, "data": {}}
        found = found if data is None else {**found, "data": dict(data)}
        base = self.envelope(message.conversation, user, thread=message.thread or message.id)
        return tapped(base, message, found, inputs or {}, trigger)

    async def tap(
        self, service: str, message: Message, verb: str, *, user: str, deliveries: int = 1, **other: Any
    ) -> int:
        """Tap a button as ``user``; the status. More ``deliveries`` send the same tap again, as Teams may.

        ``other``: ``inputs``, ``data``, and what is changed of the token.
        """
        asked = {name: other.pop(name) for name in ("inputs", "data", "trigger") if name in other}
        return await self.invoke(service, message, self.payload(message, verb, user=user, **asked), deliveries, **other)

    async def look(self, service: str, message: Message, *, user: str, **changes: Any) -> int:
        """What the client of ``user`` does when it shows a card with a ``refresh`` that names them."""
        found = (message.card.get("refresh") or {}).get("action") or {}
        base = self.envelope(message.conversation, user, thread=message.thread or message.id)
        return await self.invoke(service, message, tapped(base, message, found, {}, "automatic"), **changes)

    async def invoke(self, service: str, message: Message, payload: Json, deliveries: int = 1, **changes: Any) -> int:
        """Send an invoke and show its answer to who made it. The answer's faults go to ``faults``."""
        user, status = payload["from"]["id"], 0
        for _ in range(deliveries):
            answer = await self.deliver(service, payload, **changes)
            status = answer.status
            if status == 200:
                self._show(message, user, answer)
        return status

    async def submit(
        self,
        service: str,
        message: Message,
        verb: str,
        *,
        user: str,
        inputs: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> int:
        """Tap as a client that does not know Action.Execute; the status."""
        shown = message.views.get(user) or message.card
        base = self.envelope(message.conversation, user, thread=message.thread or message.id)
        found = action(shown, verb) or {}
        made = submitted(base, message, found, inputs or {}, id=self._spoken(message.conversation))
        return (await self.deliver(service, made, **changes)).status

    def _show(self, message: Message, user: str, answer: Answer) -> None:
        wrong = answer_faults(answer.body)
        self.faults += wrong
        self.late += answer.seconds > INVOKE_SECONDS
        if wrong:
            return
        if answer.body["type"] == CARD_TYPE:
            message.views[user] = answer.body["value"]
        self.private.append((user, answer.words))

    # ----------------------------------------------------------------- words and installing

    async def say(self, service: str, text: str, *, user: str, conversation: str, **changes: Any) -> str:
        """Write to the bot, naming it where others are; the id of that message, under which an answer stands."""
        message = self._spoken(conversation)
        base = self.envelope(conversation, user, thread=message)
        mention = base["conversation"]["conversationType"] != "personal"
        await self.deliver(service, said(base, text, message=message, mention=mention), **changes)
        return message

    def _spoken(self, conversation: str) -> str:
        message = self.new_id()
        self.spoken.add((conversation, message))
        return message

    async def install(self, service: str, conversation: str, *, user: str, **changes: Any) -> int:
        """Add the bot to a conversation."""
        self.conversations[conversation].open = True
        return await self._tell_install(service, conversation, "add", user, changes)

    async def remove(self, service: str, conversation: str, *, user: str, tell: bool = True, **changes: Any) -> int:
        """Take the bot out of a conversation; without ``tell`` Teams does not say so."""
        self.conversations[conversation].open = False
        return await self._tell_install(service, conversation, "remove", user, changes) if tell else 0

    async def happens(self, service: str, conversation: str, kind: str, *, user: str, **changes: Any) -> int:
        """An event of a channel or team, such as ``channelDeleted``."""
        return (await self.deliver(service, event(self.envelope(conversation, user), kind), **changes)).status

    async def _tell_install(self, service: str, at: str, how: str, user: str, changes: Json) -> int:
        made = [await self.deliver(service, a, **changes) for a in installed(self.envelope(at, user), how)]
        return max(answer.status for answer in made)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
