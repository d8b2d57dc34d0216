"""What people do in dialogs: give a reason, type, fill in, edit, read page by page, and answer what a list opens.

A dialog is sent once, twice at once, again after it was answered, after the end of the request, or after its params
were edited. What was put into it is written down with the tap, and held against what the agent is told.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fakes.slack_views import Dialog
from fakes.slack_workspace import Json, Message
from faults.campaign.hands import AGAIN_SECONDS, TOLD_SECONDS, TRIES, Hands, until_resumed
from faults.campaign.ledger import Case, Given, Outcome, Tap
from faults.campaign.plan import CHOICES
from faults.campaign.world import World


@dataclass(frozen=True, slots=True)
class _Somebody:
    """One person with one case, and the button that they tap to get a dialog."""

    case: Case
    user: str
    message: Message
    action: str
    value: str = ""


class Dialogues:
    """``free`` are the people who do nothing now."""

    def __init__(self, world: World, hands: Hands, free: deque[str]) -> None:
        self._world = world
        self._hands = hands
        self._free = free

    # ------------------------------------------------------------------ as the plan says

    async def answer(self, case: Case, message: Message) -> None:
        """An approval, or a denial where the plan says so, in the way that the plan names."""
        outcome: Outcome = "deny" if case.plan.denies and case.plan.family == "why" else "approve"
        async with self._somebody(case, message, outcome) as first:
            match case.plan.submission:
                case "late":
                    dialog = await self._open(first)
                    async with self._somebody(case, message, "approve") as other:
                        await self._through(other, "approve")
                    if dialog is not None:
                        await self._send(first, dialog, outcome)
                case "stale":
                    dialog = await self._open(first)
                    await self.edit(case, message)
                    if dialog is not None:
                        await self._send(first, dialog, outcome)
                    await self._through(first, outcome)
                case _:
                    await self._through(first, outcome)

    async def answer_plainly(self, case: Case, message: Message) -> None:
        """The same without detours: somebody else than who began it elsewhere."""
        outcome: Outcome = "deny" if case.plan.denies and case.plan.family == "why" else "approve"
        async with self._somebody(case, message, outcome) as other:
            await self._through(other, outcome)

    async def page_by_page(self, case: Case, message: Message) -> None:
        """Somebody reads all of it and approves on the last page; the dialog offers that nowhere else."""
        async with self._somebody(case, message, "review") as reader:
            await self._through(reader, "approve")

    async def from_a_list(self, case: Case, message: Message, token: str) -> None:
        """Somebody opens a row and answers it, on its own."""
        await asyncio.sleep(case.plan.pause)
        async with self._somebody(case, message, "review", token) as reader:
            if case.plan.denies:
                await self._deny_in_dialog(reader)
            else:
                await self._through(reader, "approve")

    async def edit(self, case: Case, message: Message) -> None:
        """Somebody changes the params of the first revision."""
        async with self._somebody(case, message, "edit") as editor:
            await self._through(editor, "edit")

    # ------------------------------------------------------------------ how

    async def _through(self, who: _Somebody, outcome: Outcome) -> None:
        """Open and send until the person knows what became of it, or until there is nothing left to tap."""
        for turn in range(TRIES):
            await until_resumed(who.case, who.message, who.action)
            if self._is_over(who):
                who.case.note(who.user, "sees nothing to tap any more")
                return
            dialog = await self._open(who, turn)
            if dialog is not None and await self._send(who, dialog, outcome, turn):
                return
            await asyncio.sleep(AGAIN_SECONDS)
        who.case.complaints.append(f"{who.user} tried {TRIES} times and learned nothing")

    async def _open(self, who: _Somebody, turn: int = 0) -> Dialog | None:
        """The dialog at the page on which it can be sent; None where none opens, or it only says something."""
        look = self._tap(who, "approve", turn)
        url = self._url(who, turn)
        if who.message.button(who.action) is None and not who.value:
            return None
        dialog = await self._hands.open(who.case, look, who.message, who.action, url, value=who.value)
        while dialog is not None and "review_next" in _actions(dialog):
            if dialog.submits:
                who.case.complaints.append("it could be approved before its last page")
            if not await self._hands.step(who.case, look, dialog, "review_next", url):
                return None
        return dialog if dialog is not None and dialog.submits else None

    async def _send(self, who: _Somebody, dialog: Dialog, outcome: Outcome, turn: int = 0) -> bool:
        """Send it, as often as the plan says; whether the person knows by then what became of it."""
        values, given = _filled(who, dialog, outcome)
        payload = self._hands.submission(dialog, values)
        ways = (self._url(who, turn), self._url(who, turn + 1, other=True))
        taps = [self._tap(who, outcome, turn, given, at=way) for way in ways]
        for tap in taps:
            tap.revision = 2 if str(who.case.plan.edited["number"]) in dialog.words else 1
        match who.case.plan.submission:
            case "twice":
                self._keep(who, taps)
                sending = zip(taps, ways, strict=True)
                await asyncio.gather(*(self._hands.submit(who.case, tap, dialog, payload, way) for tap, way in sending))
            case "retried":
                self._keep(who, taps)
                for tap, way in zip(taps, ways, strict=True):
                    await self._hands.submit(who.case, tap, dialog, payload, way)
            case _:
                taps = taps[:1]
                self._keep(who, taps)
                await self._hands.submit(who.case, taps[0], dialog, payload, ways[0])
        return await self._knows(taps)

    async def _deny_in_dialog(self, who: _Somebody) -> None:
        for turn in range(TRIES):
            dialog = await self._open(who, turn)
            if dialog is None and self._is_over(who):
                return
            if dialog is not None:
                tap = self._tap(who, "deny", turn)
                self._keep(who, [tap])
                moved_on = await self._hands.step(who.case, tap, dialog, "deny", self._url(who, turn))
                tap.told += [dialog.words] if moved_on else []
                if tap.status == 200 and await self._knows([tap]):
                    return
            await asyncio.sleep(AGAIN_SECONDS)
        who.case.complaints.append(f"{who.user} tried to deny it {TRIES} times")

    async def _knows(self, taps: list[Tap]) -> bool:
        """Whether the person saw the dialog close, or was told."""
        end = time.time() + TOLD_SECONDS
        while time.time() < end:
            if any(tap.closed or tap.counted or (tap.refused and not tap.asks_for_more) for tap in taps):
                return True
            if any(tap.told for tap in taps):
                return False
            await asyncio.sleep(0.05)
        return False

    # ------------------------------------------------------------------ mechanics

    @asynccontextmanager
    async def _somebody(self, case: Case, message: Message, action: str, value: str = "") -> AsyncIterator[_Somebody]:
        user = self._free.popleft()
        try:
            yield _Somebody(case, user, message, action, value)
        finally:
            self._hands.put_down(user)
            self._free.append(user)

    def _is_over(self, who: _Somebody) -> bool:
        """Whether there is nothing left to tap; a row of a list is looked up, for the list has many."""
        if who.value:
            return who.case.settled
        return who.message.button(who.action) is None

    def _url(self, who: _Somebody, turn: int, *, other: bool = False) -> str:
        """Where it is sent: a replica, or empty for a socket; ``other`` is the way that the plan does not name."""
        by_socket = who.case.plan.socket != other
        return "" if by_socket else self._world.replica(who.case.plan.replica + turn).url

    def _tap(
        self, who: _Somebody, outcome: Outcome, turn: int, given: Given | None = None, *, at: str | None = None
    ) -> Tap:
        url = self._url(who, turn) if at is None else at
        replica = next((found.name for found in self._world.replicas if found.url == url), "")
        revision = 2 if str(who.case.plan.edited["number"]) in who.message.words else 1
        tap = Tap(time.time(), who.user, f"Person {who.user}", outcome, who.message.ts, replica, True, revision)
        tap.given = given
        return tap

    def _keep(self, who: _Somebody, taps: list[Tap]) -> None:
        (who.case.edits if taps[0].outcome == "edit" else who.case.taps).extend(taps)


def _filled(who: _Somebody, dialog: Dialog, outcome: Outcome) -> tuple[Json, Given]:
    """What goes into the inputs, as Slack sends it, and as the ledger keeps it."""
    plan = who.case.plan
    if outcome == "edit":
        return {"edit_0": str(plan.edited["number"])}, Given(params=plan.edited)
    values: dict[str, Any] = {}
    reason = f"Reason of {who.user} for {plan.number}" if "reason" in dialog.inputs else None
    typed = plan.action if "typed" in dialog.inputs else None
    response: Json | None = None
    if "form_0" in dialog.inputs:
        choice, limit = CHOICES[plan.number % len(CHOICES)], plan.number * 2 + int(who.user[-4:])
        values |= {"form_0": choice, "form_1": str(limit)}
        response = {"account": choice, "limit": limit}
    values |= {name: value for name, value in (("reason", reason), ("typed", typed)) if value is not None}
    return values, Given(reason, typed, response)


def _actions(dialog: Dialog) -> list[str]:
    return [e["action_id"] for b in dialog.view["blocks"] if b["type"] == "actions" for e in b["elements"]]
