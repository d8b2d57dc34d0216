"""Slack as the campaign runs it: the stand-in, with a ledger beside it and moments at which a fault may act.

A snare acts on the next call of a method, before it is carried out (``call``) or before it is answered (``answer``).
An act may return what is answered instead, raise `Dropped`, or kill the caller. What Slack sends is heard over HTTP and
over sockets alike.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from aiohttp import web

from fakes.slack import Answer, Dropped
from fakes.slack_socket import Link, SocketSlack
from fakes.slack_views import Dialog
from fakes.slack_workspace import Json, Message
from faults.campaign.ledger import Case, Ledger, Tap
from faults.campaign.plan import BACK, CHANNELS, CLOSING, LISTED, NIGHT, OPS
from sayso_bot.domain.notice import is_notice

CREW, STRANGERS = 600, 20
GROUP = "S0CREW"
UNREACHABLE = "C0GONE"
PRINCIPAL, PRINCIPAL_ADDRESS = "U0BOSS", "boss@example.com"
ADMINS = ("U0OLGA", "U0OMAR", "U0OTTO")
_NUMBER = re.compile(r"\b[a-z]+\.n(\d+)\b")

Moment: TypeAlias = Literal["call", "answer"]


@dataclass(frozen=True, slots=True)
class Call:
    caller: str
    method: str
    arguments: Json
    request: str

    @property
    def channel(self) -> str:
        return str(self.arguments.get("channel", ""))

    @property
    def posts(self) -> bool:
        """Whether it is the first post of a card or of a list."""
        is_about_one = bool(self.request) and not is_notice(self.request)
        return self.method == "chat.postMessage" and is_about_one and "thread_ts" not in self.arguments

    @property
    def posts_list(self) -> bool:
        return self.posts and self.channel == channel_of(LISTED)

    @property
    def posts_card(self) -> bool:
        return self.posts and not self.posts_list


Act: TypeAlias = Callable[[Call], Awaitable[Answer | None]]


@dataclass(eq=False, slots=True)
class Snare:
    """``caller`` is the replica whose calls it waits for, ``request`` what they are about; "" for any."""

    method: str
    moment: Moment
    act: Act
    caller: str = ""
    request: str = ""
    of: Callable[[Call], bool] = lambda _: True
    sprung: asyncio.Event = field(default_factory=asyncio.Event)

    def waits_for(self, moment: Moment, call: Call) -> bool:
        is_here = (self.moment, self.method) == (moment, call.method)
        return is_here and self.caller in ("", call.caller) and self.request in ("", call.request) and self.of(call)


@dataclass(slots=True)
class Pacing:
    """When one channel was given first posts, and when it asked for patience: until when."""

    posts: list[float] = field(default_factory=list)
    limits: list[tuple[float, float]] = field(default_factory=list)


class Platform(SocketSlack):
    """``on_card`` is told of each card that people see from now on, or can answer again, and whether it is the first of
    its request at that place; ``on_row`` of each row that a list has, with the button that opens it.

    ``entries`` counts what was told in threads, by request and entry of the story, ``words`` what the principal was
    told of each request. ``lists`` are all messages that list requests, deleted ones too. ``closed`` names channels
    that take nothing now, with the error.
    """

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger
        self.crew = [f"U0P{number:04d}" for number in range(CREW)]
        self.strangers = [f"U0S{number:04d}" for number in range(STRANGERS)]
        self.on_card: Callable[[int, Message, bool], None] = lambda *_: None
        self.on_row: Callable[[int, Message, str], None] = lambda *_: None
        self.cards: dict[str, list[Message]] = {}
        self.lists: list[Message] = []
        self.entries: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.words: Counter[str] = Counter()
        self.pacing: defaultdict[str, Pacing] = defaultdict(Pacing)
        self.closed: dict[str, str] = {}
        self.answering = asyncio.Event()
        self.answering.set()
        self.on_envelope: Callable[[Link], Awaitable[None]] | None = None
        self.taps: dict[str, tuple[Case, Tap]] = {}
        self.dialogs_of: defaultdict[str, list[Dialog]] = defaultdict(list)
        self._snares: list[Snare] = []
        self._bare: set[str] = set()
        self._furnish()

    def _furnish(self) -> None:
        for user in (*self.crew, *self.strangers):
            self.add_user(user, name=f"Person {user}", email=address(user))
        for user in ADMINS:
            self.add_user(user, name=f"Admin {user}", email=address(user))
        self.add_user(PRINCIPAL, name="Boss", email=PRINCIPAL_ADDRESS)
        self.add_group(GROUP, self.crew)
        for name in (*CHANNELS, LISTED, CLOSING, BACK, OPS, NIGHT):
            self.add_channel(channel_of(name), [*self.crew, *self.strangers, *ADMINS])

    def open_view(self, arguments: Json) -> Json:
        """Dialogs that are closed are forgotten: a person has a few of thousands."""
        self.dialogs[:] = [dialog for dialog in self.dialogs if dialog.open]
        said = super().open_view(arguments)
        if "view" in said:
            self.dialogs_of[self.dialogs[-1].user].append(self.dialogs[-1])
        return said

    def settings(self, caller: str = "") -> dict[str, str]:
        """Both ways at once: whoever does something does it by one of them."""
        return {**super().settings(caller), "SLACK_SIGNING_SECRET": self.signing_secret}

    # ------------------------------------------------------------------ what the service asks of it

    def when(
        self,
        method: str,
        moment: Moment,
        act: Act,
        *,
        caller: str = "",
        request: str = "",
        of: Callable[[Call], bool] = lambda _: True,
    ) -> Snare:
        snare = Snare(method, moment, act, caller, request, of)
        self._snares.append(snare)
        return snare

    def forget(self, snare: Snare) -> None:
        if snare in self._snares:
            self._snares.remove(snare)

    async def carry_out(self, caller: str, method: str, arguments: Json) -> Answer:
        call = Call(caller, method, arguments, _request_of(arguments))
        self.ledger.saw(call.request, f"slack < {caller}", method)
        if call.posts:
            self.pacing[call.channel].posts.append(time.time())
        if answer := await self._meet("call", call):
            return answer
        await self.answering.wait()
        closed = self.closed.get(call.channel)
        said = {"ok": False, "error": closed} if closed else self.perform(method, arguments)
        self._note(call, said)
        if answer := await self._meet("answer", call):
            return answer
        return self.answer(said)

    def limit(self, call: Call, seconds: int) -> Answer:
        """429, and nothing done."""
        if call.posts:
            now = time.time()
            self.pacing[call.channel].limits.append((now, now + seconds))
        limited = {"ok": False, "error": "ratelimited"}
        return web.json_response(limited, status=429, headers={"Retry-After": str(seconds)})

    def post_late(self, call: Call) -> None:
        """Carry out a post that was not answered, long after the service has given it up."""
        self._note(call, self.perform(call.method, call.arguments))

    def delete(self, message: Message) -> None:
        """Somebody deletes a list."""
        self.messages.remove(message)
        self.ledger.deletions[named(message)] += 1

    async def sent(self, link: Link, envelope: Json) -> None:
        if (act := self.on_envelope) is not None:
            self.on_envelope = None
            await act(link)

    async def _meet(self, moment: Moment, call: Call) -> Answer | None:
        snare = next((snare for snare in self._snares if snare.waits_for(moment, call)), None)
        if snare is None:
            return None
        self._snares.remove(snare)
        snare.sprung.set()
        self.ledger.saw(call.request, "fault", f"meets the {moment} of {call.method}")
        return await snare.act(call)

    # ------------------------------------------------------------------ what people see of it

    def _note(self, call: Call, said: Json) -> None:
        self.ledger.saw(call.request, f"slack > {call.caller}", f"{call.method}: {said.get('error') or said.get('ts')}")
        if not said["ok"]:
            return
        user = str(call.arguments.get("user") or call.channel)
        if user in self.taps and call.method in ("chat.postEphemeral", "chat.postMessage"):
            self.tell(user, str(call.arguments["text"]))
        elif call.posts_list:
            self.lists.append(self.messages[-1])
            self._rows(self.messages[-1])
        elif call.posts:
            self._card(call.request)
        elif call.method == "chat.postMessage":
            self._told(call)
        elif call.method == "chat.update" and call.channel == channel_of(LISTED):
            for message in self.lists:  # of a late double the first may be the one that is kept up to date
                if message.ts == call.arguments.get("ts"):
                    self._rows(message)
        elif call.method == "chat.update":
            self._changed_card(call)

    def _card(self, request: str) -> None:
        message = self.messages[-1]
        cards = self.cards.setdefault(request, [])
        is_first = all(card.channel != message.channel for card in cards)
        cards.append(message)
        found = _NUMBER.search(message.words)
        if found is None:
            self.ledger.complaints.append(f"a card of {request} does not name its action")
        else:
            self.ledger.cases[int(found[1])].ids.add(request)
            self.on_card(int(found[1]), message, is_first)

    def _changed_card(self, call: Call) -> None:
        """Where an admin has a request asked again at a place that it had left, people see its card again."""
        message = next((card for card in self.cards.get(call.request, ()) if card.ts == call.arguments["ts"]), None)
        if message is None or not message.button("deny"):
            self._bare.add(str(call.arguments["ts"]))
        elif message.ts in self._bare and (found := _NUMBER.search(message.words)):
            self._bare.discard(message.ts)
            self.on_card(int(found[1]), message, True)

    def _rows(self, message: Message) -> None:
        for number, token in rows(message):
            self.on_row(number, message, token)

    def _told(self, call: Call) -> None:
        """A reply in a thread, or a word to the principal: each names what it tells."""
        for name in (call.arguments.get("metadata") or {}).get("event_payload", {}).get("told", ()):
            request, key = str(name).split(" ", 1)
            self.ledger.saw(request, f"slack > {call.caller}", f"told {key} in {call.channel}")
            if "thread_ts" in call.arguments:
                self.entries[request][key] += 1
            elif call.channel == f"D{PRINCIPAL}":
                self.words[request] += 1
            else:
                self.ledger.complaints.append(f"{key} of {request} was told in {call.channel}, to nobody's knowledge")

    def tell(self, user: str, text: str) -> None:
        """What the person is told is about what they did last."""
        case, tap = self.taps[user]
        about = _NUMBER.search(text)
        if about is None or int(about[1]) == case.number:
            tap.told.append(text)
            case.note(f"slack > {tap.name}", text)


def address(user: str) -> str:
    return f"{user.lower()}@example.com"


def channel_of(name: str) -> str:
    return f"C0{name.upper()}"


def rows(message: Message) -> Iterator[tuple[int, str]]:
    """The case of each row of a list, with the button that opens it."""
    number = 0
    for block in message.blocks:
        if block["type"] == "section" and (found := _NUMBER.search(str(block.get("text", {}).get("text", "")))):
            number = int(found[1])
        elif block["type"] == "actions":
            yield from ((number, e["value"]) for e in block["elements"] if e.get("action_id") == "review")


def named(message: Message) -> str:
    return _request_of({"metadata": message.metadata})


def _request_of(arguments: Json) -> str:
    metadata: Any = arguments.get("metadata") or {}
    return str(metadata.get("event_payload", {}).get("request_id", ""))


__all__ = ["Act", "Call", "Dropped", "Platform", "Snare", "channel_of", "named", "rows"]
