"""Slack for a benchmark: the tests' stand-in with Slack's own limit, one message a second in a channel.

Without that limit delivery would be measured against a Slack that does not exist. ``python -m bench.slack PORT``
listens until it is ended.
"""

from __future__ import annotations

import asyncio
import sys
import time

from aiohttp import web

from fakes.slack import Answer, FakeSlack
from fakes.slack_workspace import Json

CHANNEL = "C0PAYMENTS"
SECONDS_A_MESSAGE = 1.0


class LimitedSlack(FakeSlack):
    def __init__(self, port: int) -> None:
        super().__init__(port=port)
        self._free_at: dict[str, float] = {}
        self.add_channel(CHANNEL)

    async def carry_out(self, caller: str, method: str, arguments: Json) -> Answer:
        """A post to a channel that had one within the last second is answered 429, nothing done."""
        self.calls.clear()  # nobody asks for them here
        if method == "chat.postMessage":
            channel, now = arguments.get("channel", ""), time.monotonic()
            if now < self._free_at.get(channel, 0.0):
                limited = {"ok": False, "error": "ratelimited"}
                return web.json_response(limited, status=429, headers={"Retry-After": "1"})
            self._free_at[channel] = now + SECONDS_A_MESSAGE
        return await super().carry_out(caller, method, arguments)


async def main(port: int) -> None:
    async with LimitedSlack(port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
