"""People: each sees a card in Slack, taps as the plan says, and taps again where Slack showed them an error.

A person does one thing at a time, so what Slack tells them is about that.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Coroutine
from typing import Any

from fakes.slack_workspace import Message
from faults.campaign.dialogues import Dialogues
from faults.campaign.hands import AGAIN_SECONDS, TOLD_SECONDS, TRIES, Hands, is_paused, until_resumed
from faults.campaign.ledger import Case, Ledger, Outcome, Tap
from faults.campaign.platform import Platform
from faults.campaign.world import World


class People:
    """Those of one world. Some answer only after ``late_seconds``, when a lost post was looked for and found."""

    def __init__(self, world: World, late_seconds: float) -> None:
        self._late_seconds = late_seconds
        self._world = world
        self._platform: Platform = world.platform
        self._ledger: Ledger = world.ledger
        self._free = deque(self._platform.crew)
        self._strangers = itertools.cycle(self._platform.strangers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._first_taps: dict[int, asyncio.Event] = {}
        self._hurry: set[int] = set()
        self._late: set[int] = set()
        self._rows: set[int] = set()
        self._seen: set[int] = set()
        self._hands = Hands(self._platform)
        self._dialogues = Dialogues(world, self._hands, self._free)
        self._platform.on_card = self._see
        self._platform.on_row = self._see_row

    async def finish(self) -> None:
        """Until everybody is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        await self._hands.close()

    def hurry(self, number: int) -> asyncio.Event:
        """The first tap on this case comes at once; set when it was answered."""
        self._hurry.add(number)
        return self._first_taps.setdefault(number, asyncio.Event())

    def put_off(self, number: int) -> None:
        """The first tap on this case comes late."""
        self._late.add(number)

    def _see(self, number: int, message: Message, first: bool) -> None:
        case, seen = self._ledger.cases[number], number in self._seen
        self._seen.add(number)
        if not first:
            case.note("slack", f"shows a second card, {message.ts}")
            self._begin(self._answer_both(case, message))
        elif seen:
            case.note("slack", f"shows its card at another place, {message.channel}")
            self._begin(self._answer_there(case, message))
        else:
            self._begin(self._answer(case, message))

    def _see_row(self, number: int, message: Message, token: str) -> None:
        """A list shows a row as often as it is changed; who answers it looks once."""
        if number not in self._rows:
            self._rows.add(number)
            self._begin(self._dialogues.from_a_list(self._ledger.cases[number], message, token))

    def _begin(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, case: Case, message: Message) -> None:
        plan = case.plan
        if plan.people == "nobody" and case.number not in self._hurry:
            return
        if plan.people == "at the deadline":
            await self._until_the_deadline(case)
        elif case.number not in self._hurry:
            late = plan.people == "late" or case.number in self._late
            await asyncio.sleep(self._late_seconds if late else plan.pause)
        match plan.people:
            case "deny" | "stranger first" | "approve" | "late" | "at the deadline" | "while cancelled":
                if plan.people == "stranger first":
                    await self._tap(case, message, "approve", stranger=True)
                await self._tap(case, message, "deny" if plan.people == "deny" else "approve")
            case "twice":
                user = self._free.popleft()
                taps = (self._tap(case, message, "approve", user=user, deliveries=times) for times in (2, 1))
                await asyncio.gather(*taps)
                self._free.append(user)
                await self._tap(case, message, "approve")
            case "opposite":
                await asyncio.gather(
                    self._tap(case, message, "approve", turn=0), self._tap(case, message, "deny", turn=1)
                )
            case "while edited":
                racing = [self._tap(case, message, "approve", turn=turn) for turn in (0, 1)]
                await asyncio.gather(self._dialogues.edit(case, message), *racing)
                await asyncio.gather(*(self._tap(case, message, "approve", turn=turn) for turn in (0, 1)))
            case "both":
                await asyncio.gather(*(self._tap(case, message, "approve", turn=turn) for turn in (0, 1)))
            case "in a dialog":
                await self._dialogues.answer(case, message)
            case "page by page":
                await self._dialogues.page_by_page(case, message)

    async def _answer_there(self, case: Case, message: Message) -> None:
        """Where an admin has moved it, whoever is there answers it, whatever was begun where it was before."""
        match case.plan.people:
            case "nobody":
                return
            case "in a dialog":
                await self._dialogues.answer_plainly(case, message)
            case "page by page":
                await self._dialogues.page_by_page(case, message)
            case "deny":
                await self._tap(case, message, "deny")
            case _:
                await asyncio.gather(*(self._tap(case, message, "approve", turn=turn) for turn in (0, 1)))

    async def _answer_both(self, case: Case, second: Message) -> None:
        """One person taps both cards of a late double, at once and at both replicas. Where that takes a dialog, another
        person opens that of the second card: the service knows nothing of the first, which may say for ever that it is
        paused.
        """
        if case.plan.people in ("in a dialog", "page by page"):
            await self._answer_there(case, second)
            return
        cards = [card for request in case.ids for card in self._platform.cards.get(request, ())]
        user = self._free.popleft()
        await asyncio.gather(
            *(self._tap(case, card, "approve", turn=turn, user=user) for turn, card in enumerate(cards))
        )
        self._free.append(user)

    async def _until_the_deadline(self, case: Case) -> None:
        """A moment either side of it, which is this machine's as well as Redis's."""
        assert case.plan.timeout is not None
        created = case.told[0].at if case.told else time.time()
        await asyncio.sleep(max(0.0, created + case.plan.timeout - 0.1 + case.plan.pause / 5 - time.time()))

    async def tap_the_rest(self, case: Case, message: Message) -> None:
        """Somebody taps a card that still has buttons though its request is settled. One that was posted while all was
        paused, and of which nobody knows, offers nothing but to deny.
        """
        await self._tap(case, message, "approve" if message.button("approve") is not None else "deny")

    async def _tap(
        self,
        case: Case,
        message: Message,
        outcome: Outcome,
        *,
        turn: int | None = None,
        stranger: bool = False,
        deliveries: int = 1,
        user: str = "",
    ) -> None:
        """One person taps until they know that it counted or why not, or until there is nothing left to tap.

        A ``user`` who is named taps elsewhere too, and is free again when that is over.
        """
        first = case.plan.replica if turn is None else turn
        is_named = bool(user)
        user = user or (next(self._strangers) if stranger else self._free.popleft())
        for at in range(first, first + TRIES):
            await until_resumed(case, message, outcome)
            if message.button(outcome) is None:
                message = self._other_card(case, message, outcome)
            if message.button(outcome) is None:
                case.note(user, "sees no buttons any more")
                break
            tap = await self._click(case, message, outcome, at, user, stranger, deliveries)
            if case.number in self._first_taps:
                self._first_taps[case.number].set()
            if tap.status == 200 and await knows(tap, message):
                break
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            case.complaints.append(f"{user} tapped {TRIES} times and learned nothing")
        if not stranger and not is_named:
            self._free.append(user)

    def _other_card(self, case: Case, message: Message, outcome: Outcome) -> Message:
        """One of the same channel that offers more, or this. A late double may say for ever that it is paused, since
        the service does not know of it; people see the other.
        """
        cards = [card for request in case.ids for card in self._platform.cards.get(request, ())]
        here = (card for card in cards if card.channel == message.channel and card.button(outcome) is not None)
        return next(here, message)

    async def _click(
        self, case: Case, message: Message, outcome: Outcome, turn: int, user: str, stranger: bool, deliveries: int
    ) -> Tap:
        """One click, delivered once or more; the tap on which what Slack tells the person is written down.

        A second delivery comes the other way: where the first was signed, over a socket.
        """
        stamp, clicks = self._platform.stamp(), []
        for delivery in range(deliveries):
            by_socket = case.plan.socket != bool(delivery % 2)
            replica = self._world.replica(turn + delivery)
            name, url = ("", "") if by_socket else (replica.name, replica.url)
            tap = Tap(time.time(), user, f"Person {user}", outcome, message.ts, name, not stranger)
            case.taps.append(tap)
            clicks.append(self._hands.click(case, tap, message, url, action_ts=stamp))
        await asyncio.gather(*clicks)
        return tap


async def knows(tap: Tap, message: Message) -> bool:
    """Whether the person was told, or sees the card end. One that is paused meanwhile has not ended."""
    end = time.time() + TOLD_SECONDS
    while time.time() < end:
        if tap.counted or (tap.refused and not tap.asks_for_more):
            return True
        if tap.told:
            return False
        if message.button(tap.outcome) is None and not is_paused(message):
            return True
        await asyncio.sleep(0.05)
    return False
