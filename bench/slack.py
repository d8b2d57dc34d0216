"""Slack for a benchmark: the tests' stand-in with Slack's own limit, one message a second in a channel.

Without that limit delivery would be measured against a Slack that does not exist. ``python -m bench.slack PORT``
listens until it is ended; a second argument is how many seconds a channel takes for a message.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable

from aiohttp import web

from fakes.slack import Answer, FakeSlack
from fakes.slack_workspace import Json

CHANNEL = "C0PAYMENTS"
OTHER_CHANNEL = "C0OTHER"
APPROVER = "U0ANA"
SECONDS_A_MESSAGE = 1.0


class LimitedSlack(FakeSlack):
    """``limited`` counts the posts that were refused. ``clock`` is in seconds. Ana may approve in every channel."""

    def __init__(
        self, port: int = 0, *, clock: Callable[[], float] = time.monotonic, seconds: float = SECONDS_A_MESSAGE
    ) -> None:
        super().__init__(port=port)
        self.limited = 0
        self._clock = clock
        self._seconds = seconds
        self._free_at: dict[str, float] = {}
        self.add_user(APPROVER, name="Ana", email="ana@example.com")
        for channel in (CHANNEL, OTHER_CHANNEL):
            self.add_channel(channel, members=[APPROVER])

    async def carry_out(self, caller: str, method: str, arguments: Json) -> Answer:
        """A post to a channel that had one just before is answered 429, nothing done."""
        self.calls.clear()  # nobody asks for them here
        if method == "chat.postMessage":
            channel, now = arguments.get("channel", ""), self._clock()
            if now < self._free_at.get(channel, 0.0):
                self.limited += 1
                limited = {"ok": False, "error": "ratelimited"}
                return web.json_response(limited, status=429, headers={"Retry-After": "1"})
            self._free_at[channel] = now + self._seconds
        if method == "chat.update" and not self._knows(arguments):
            return self.answer({"ok": True, **{name: arguments[name] for name in ("channel", "ts", "text")}})
        return await super().carry_out(caller, method, arguments)

    def _knows(self, arguments: Json) -> bool:
        """Whether the message was posted. A measure that taps cards without waiting for their posts makes them up."""
        return any(message.ts == arguments.get("ts") for message in self.messages)


async def main(port: int, seconds: float = SECONDS_A_MESSAGE) -> None:
    async with LimitedSlack(port, seconds=seconds):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *map(float, sys.argv[2:])))
