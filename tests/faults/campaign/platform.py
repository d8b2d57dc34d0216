"""Slack as the campaign runs it: the stand-in, with a ledger beside it and moments at which a fault may act.

A snare acts on the next call of a method, before it is carried out (``call``) or before it is answered (``answer``).
An act may return what is answered instead, raise `Dropped`, or kill the caller.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import urlencode

import aiohttp

from fakes.slack import Answer, Dropped, FakeSlack
from fakes.slack_workspace import Json, Message
from faults.campaign.ledger import Case, Ledger, Tap
from faults.campaign.plan import CHANNELS

CREW, STRANGERS = 600, 20
GROUP = "S0CREW"
UNREACHABLE = "C0GONE"
_NUMBER = re.compile(r"\b[a-z]+\.n(\d+)\b")

Moment: TypeAlias = Literal["call", "answer"]


@dataclass(frozen=True, slots=True)
class Call:
    caller: str
    method: str
    arguments: Json
    request: str


Act: TypeAlias = Callable[[Call], Awaitable[Answer | None]]


@dataclass(eq=False, slots=True)
class Snare:
    """``caller`` is the replica whose calls it waits for, ``request`` what they are about; "" for any."""

    method: str
    moment: Moment
    act: Act
    caller: str = ""
    request: str = ""
    sprung: asyncio.Event = field(default_factory=asyncio.Event)

    def waits_for(self, moment: Moment, call: Call) -> bool:
        is_here = (self.moment, self.method) == (moment, call.method)
        return is_here and self.caller in ("", call.caller) and self.request in ("", call.request)


class Platform(FakeSlack):
    """``on_card`` is told of each card that people see from now on, and whether it is the first of its request.

    ``entries`` counts what was told in the threads: by request and entry of the story.
    """

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger
        self.crew = [f"U0P{number:04d}" for number in range(CREW)]
        self.strangers = [f"U0S{number:04d}" for number in range(STRANGERS)]
        self.on_card: Callable[[int, Message, bool], None] = lambda *_: None
        self.cards: dict[str, list[Message]] = {}
        self.entries: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.answering = asyncio.Event()
        self.answering.set()
        self._snares: list[Snare] = []
        self._taps: dict[str, tuple[Case, Tap]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._furnish()

    def _furnish(self) -> None:
        for user in (*self.crew, *self.strangers):
            self.add_user(user, name=f"Person {user}")
        self.add_group(GROUP, self.crew)
        for channel in CHANNELS:
            self.add_channel(f"C0{channel.upper()}", [*self.crew, *self.strangers])

    # ------------------------------------------------------------------ what the service asks of it

    def when(self, method: str, moment: Moment, act: Act, *, caller: str = "", request: str = "") -> Snare:
        snare = Snare(method, moment, act, caller, request)
        self._snares.append(snare)
        return snare

    def forget(self, snare: Snare) -> None:
        if snare in self._snares:
            self._snares.remove(snare)

    async def carry_out(self, caller: str, method: str, arguments: Json) -> Answer:
        call = Call(caller, method, arguments, _request_of(arguments))
        self.ledger.saw(call.request, f"slack < {caller}", method)
        if answer := await self._meet("call", call):
            return answer
        await self.answering.wait()
        said = self.perform(method, arguments)
        self._note(call, said)
        if answer := await self._meet("answer", call):
            return answer
        return self.answer(said)

    def post_late(self, call: Call) -> None:
        """Carry out a post that was not answered, long after the service has given it up."""
        self._note(call, self.perform(call.method, call.arguments))

    async def _meet(self, moment: Moment, call: Call) -> Answer | None:
        snare = next((snare for snare in self._snares if snare.waits_for(moment, call)), None)
        if snare is None:
            return None
        self._snares.remove(snare)
        snare.sprung.set()
        self.ledger.saw(call.request, "fault", f"meets the {moment} of {call.method}")
        return await snare.act(call)

    def _note(self, call: Call, said: Json) -> None:
        self.ledger.saw(call.request, f"slack > {call.caller}", f"{call.method}: {said.get('error') or said.get('ts')}")
        if not said["ok"]:
            return
        user = str(call.arguments.get("user") or call.arguments.get("channel"))
        if user in self._taps and call.method in ("chat.postEphemeral", "chat.postMessage"):
            self._tell(user, str(call.arguments["text"]))
        elif call.method == "chat.postMessage" and "thread_ts" in call.arguments:
            self.entries[call.request][call.arguments["metadata"]["event_payload"]["entry"]] += 1
        elif call.method == "chat.postMessage" and call.request:
            self._card(call.request)

    def _card(self, request: str) -> None:
        message = self.messages[-1]
        cards = self.cards.setdefault(request, [])
        cards.append(message)
        found = _NUMBER.search(message.words)
        if found is None:
            self.ledger.complaints.append(f"a card of {request} does not name its action")
        else:
            self.ledger.cases[int(found[1])].ids.add(request)
            self.on_card(int(found[1]), message, len(cards) == 1)

    def _tell(self, user: str, text: str) -> None:
        case, tap = self._taps[user]
        about = _NUMBER.search(text)
        if about is None or int(about[1]) == case.number:
            tap.told.append(text)
            case.note(f"slack > {tap.name}", text)

    # ------------------------------------------------------------------ what people do in it

    async def click(self, case: Case, tap: Tap, message: Message, url: str, *, action_ts: str | None = None) -> None:
        """Send one tap to the service at ``url`` as Slack does, and write down how it is answered."""
        self._taps[tap.user] = (case, tap)
        tap.revision = 2 if str(case.plan.edited["number"]) in message.words else 1
        made = self.payload(message, tap.outcome, user=tap.user, **({"action_ts": action_ts} if action_ts else {}))
        body = urlencode({"payload": json.dumps(made)})
        case.note(tap.name, f"taps {tap.outcome} on {message.ts} at {tap.replica}")
        try:
            async with self.session.post(f"{url}/slack/events", data=body, headers=self.signed(body)) as answer:
                await answer.read()
                tap.status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            case.note(tap.name, f"sees an error, no answer came ({type(error).__name__})")
        else:
            case.note(tap.name, f"is answered {tap.status}")
        tap.answered_at = time.time()

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            limits = aiohttp.ClientTimeout(total=3.0)  # Slack waits three seconds
            self._session = aiohttp.ClientSession(timeout=limits, connector=aiohttp.TCPConnector(force_close=True))
        return self._session

    async def __aexit__(self, *details: object) -> None:
        if self._session is not None:
            await self._session.close()
        await super().__aexit__(*details)


def _request_of(arguments: Json) -> str:
    metadata: Any = arguments.get("metadata") or {}
    return str(metadata.get("event_payload", {}).get("request_id", ""))


__all__ = ["Act", "Call", "Dropped", "Platform", "Snare"]
