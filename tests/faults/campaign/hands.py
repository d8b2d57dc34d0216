"""What people do in Slack, sent to the service as Slack does: signed over HTTP to one replica, or over a socket.

Over HTTP, Slack waits three seconds and shows its user an error after that. Over sockets it gives a payload to one
connection after the other until one acknowledges it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import aiohttp

from fakes.slack_views import Dialog, form_of, submission
from fakes.slack_workspace import RECORDED, Json, Message
from faults.campaign.ledger import Case, Tap
from faults.campaign.platform import Platform

SOCKET_SECONDS = 12.0
TRIES, AGAIN_SECONDS, TOLD_SECONDS = 40, 0.7, 2.5
"""How often people try, how long they wait between, and how long until they are told what became of it."""
OPENS_SECONDS = 4.0
LOOK_SECONDS = 0.05
WAITS = "One moment."
PAUSED_LOOKS = 6_000
NOT_NOW = "Nothing can be approved now, only denied."
T = TypeVar("T")


def is_paused(message: Message) -> bool:
    """Whether a card says that an admin has paused it: then it offers nothing but to deny, and has not ended."""
    return NOT_NOW in message.words


async def until_resumed(case: Case, message: Message, action: str) -> None:
    """While a card is paused; it will offer more, or its request ends. A card of which nobody knows yet says so for a
    minute after the last try, until it was looked up.
    """
    for _ in range(PAUSED_LOOKS):
        if case.settled or message.button(action) is not None or not is_paused(message):
            return
        await asyncio.sleep(LOOK_SECONDS)


class Hands:
    """Those of everybody in one workspace."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    # ------------------------------------------------------------------ clicks

    async def click(self, case: Case, tap: Tap, message: Message, url: str, *, action_ts: str | None = None) -> None:
        """Tap a button of a card, and write down how that is answered. Over a socket where ``url`` is empty."""
        self._about(case, tap, message)
        stamp = {"action_ts": action_ts} if action_ts else {}
        case.note(tap.name, f"taps {tap.outcome} on {message.ts} {_where(tap)}")
        await self._send(case, tap, self._platform.payload(message, tap.outcome, user=tap.user, **stamp), url)

    async def open(
        self, case: Case, tap: Tap, message: Message, action: str, url: str, *, value: str = ""
    ) -> Dialog | None:
        """Tap what opens a dialog, and return that once it says more than to wait; None where none comes."""
        self._about(case, tap, message)
        self.put_down(tap.user)
        given = {"value": value} if value else {}
        case.note(tap.name, f"taps {action} on {message.ts} {_where(tap)}, for a dialog")
        await self._send(case, tap, self._platform.payload(message, action, user=tap.user, **given), url)
        return await self._look(lambda: self._opened(tap.user), OPENS_SECONDS)

    def put_down(self, user: str) -> None:
        """Close whatever this person has open: Slack stacks three at most."""
        for dialog in self._platform.dialogs_of[user]:
            dialog.open = False

    # ------------------------------------------------------------------ dialogs

    async def step(self, case: Case, tap: Tap, dialog: Dialog, action: str, url: str) -> bool:
        """Tap a button within a dialog; whether the dialog then shows something else."""
        before = dialog.version
        payload: Json = json.loads((RECORDED / "block_actions.json").read_text())
        for name in ("channel", "message", "response_url"):
            del payload[name]
        payload["user"].update(id=tap.user, team_id=self._platform.team)
        payload["container"] = {"type": "view", "view_id": dialog.id}
        payload["view"] = self._platform.shown(dialog)
        found = next(e for e in _buttons(dialog) if e["action_id"] == action)
        payload["actions"][0].update(action_id=action, value=found["value"], action_ts=self._platform.stamp())
        case.note(tap.name, f"taps {action} in the dialog {dialog.id} {_where(tap)}")
        await self._send(case, tap, payload, url)
        return await self._look(lambda: dialog.version > before, OPENS_SECONDS) is not None

    def submission(self, dialog: Dialog, values: Mapping[str, Any]) -> Json:
        shown = self._platform.shown(dialog)
        return submission(dialog, values, team=self._platform.team, user=dialog.user, shown=shown)

    async def submit(self, case: Case, tap: Tap, dialog: Dialog, payload: Json, url: str) -> None:
        """Send what stands in a dialog, and do with the answer what Slack does."""
        self._platform.taps[tap.user] = (case, tap)
        case.note(tap.name, f"sends the dialog {dialog.id} ({tap.outcome}) {_where(tap)}")
        told = await self._send(case, tap, payload, url)
        if tap.status != 200:
            return
        kind = (told or {}).get("response_action")
        is_replaced = payload["view"]["hash"] != dialog.hash  # an earlier delivery of it was answered with another view
        if dialog.open and not (is_replaced and kind == "errors"):
            self._platform.carry_out_answer(dialog, told)
        tap.closed = kind in (None, "clear")
        if kind == "update":
            tap.told.append(dialog.words)
        elif kind == "errors":
            tap.told.append("; ".join(map(str, (told or {})["errors"].values())))
        case.note(tap.name, "sees the dialog close" if tap.closed else f"reads {tap.told[-1]}")

    # ------------------------------------------------------------------ mechanics

    def _about(self, case: Case, tap: Tap, message: Message) -> None:
        """From now on, what this person is told is about this."""
        self._platform.taps[tap.user] = (case, tap)
        tap.revision = 2 if str(case.plan.edited["number"]) in message.words else 1

    async def _send(self, case: Case, tap: Tap, payload: Json, url: str) -> Json | None:
        try:
            told = await (self._over_http(tap, payload, url) if url else self._over_socket(tap, payload))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            case.note(tap.name, f"sees an error, no answer came ({type(error).__name__})")
            told = None
        else:
            case.note(tap.name, f"is answered {tap.status}")
        tap.answered_at = time.time()
        return told

    async def _over_http(self, tap: Tap, payload: Json, url: str) -> Json | None:
        body = form_of(payload)
        headers = self._platform.signed(body)
        async with self._sessions.post(f"{url}/slack/events", data=body, headers=headers) as answer:
            text = await answer.text()
            tap.status = answer.status
        found: Json | None = json.loads(text) if text and tap.status == 200 else None
        return found

    async def _over_socket(self, tap: Tap, payload: Json) -> Json | None:
        told = await self._platform.deliver("interactive", payload, answerable=True, timeout=SOCKET_SECONDS)
        tap.status = 200
        return told

    @property
    def _sessions(self) -> aiohttp.ClientSession:
        if self._session is None:
            limits = aiohttp.ClientTimeout(total=3.0)  # Slack waits three seconds
            self._session = aiohttp.ClientSession(timeout=limits, connector=aiohttp.TCPConnector(force_close=True))
        return self._session

    def _opened(self, user: str) -> Dialog | None:
        newest = self._platform.dialogs_of[user][-1:]
        return next((found for found in newest if found.open and found.words != WAITS), None)

    async def _look(self, true: Callable[[], T | None], seconds: float) -> T | None:
        """The first true value of ``true()`` within ``seconds``, else None."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := true():
                return found
            await asyncio.sleep(LOOK_SECONDS)
        return None


def _buttons(dialog: Dialog) -> Iterator[Json]:
    return (e for block in dialog.view["blocks"] if block["type"] == "actions" for e in block["elements"])


def _where(tap: Tap) -> str:
    return f"at {tap.replica}" if tap.replica else "over a socket"
