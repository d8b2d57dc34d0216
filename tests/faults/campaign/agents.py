"""Agents: each asks for one thing with an Idempotency-Key, waits for the decision, and writes down all that it is told.

An agent that gets no answer, or is told to come back, sends the same again, to whichever replica comes next. It never
acts on anything but an answer, as an agent in the world could not.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import aiohttp

from faults.campaign.ledger import Case, Refusal, Told
from faults.campaign.world import AgentKey, World

HOLD_SECONDS = 25
SLACK_SECONDS = 15.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0


class Agents:
    """The agents of one world, over one connection pool. ``keys`` are theirs, which admins replace meanwhile."""

    def __init__(self, world: World, keys: Sequence[AgentKey]) -> None:
        self._world = world
        self._keys = keys
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def close(self) -> None:
        await self._session.close()

    async def ask(self, case: Case) -> None:
        """The whole life of one request, until the agent knows how it ended."""
        manner, turn = case.plan.manner, case.plan.replica
        if manner == "sends twice":
            await asyncio.gather(self._submit(case, turn), self._submit(case, turn + 1))
        else:
            await self._submit(case, turn, prefer=manner == "prefers")
        if manner == "sends again":
            await self._submit(case, turn + 1)
        if manner == "hangs up":
            for _ in range(2):
                await self._hang_up(case)
        holds = [self._hold(case, turn)] + ([self._hold(case, turn + 1)] if manner == "two hold" else [])
        if case.plan.people == "while cancelled":
            holds.append(self._cancel(case))
        await asyncio.gather(*holds)
        case.done = True

    async def look(self, case: Case, replica: int) -> None:
        """One more look at how it stands, without waiting."""
        await self._until_told(case, replica, "GET", self._path(case))

    # ------------------------------------------------------------------ what agents do

    async def _submit(self, case: Case, turn: int, *, prefer: bool = False) -> None:
        plan = case.plan
        body: dict[str, Any] = {"action": plan.action, "params": plan.params}
        if plan.form is not None:
            body["form"] = plan.form
        if plan.timeout is not None:
            body["timeout"] = f"{plan.timeout:.0f}s"
        headers = {"Idempotency-Key": f"case-{plan.number}"} | ({"Prefer": f"wait={HOLD_SECONDS}"} if prefer else {})
        await self._until_told(case, turn, "POST", "/v1/requests", json=body, headers=headers, held=prefer)

    async def _hold(self, case: Case, turn: int) -> None:
        """Hold a call until one of this agent's own brings the decision."""
        while True:
            path = f"{self._path(case)}?wait={HOLD_SECONDS}"
            told = await self._until_told(case, turn, "GET", path, held=True)
            if told.status != "pending":
                return
            turn += 1

    async def _hang_up(self, case: Case) -> None:
        """Hold a call and go away before it is answered."""
        patience = random.Random(f"patience/{case.number}").uniform(0.02, 0.6)
        held = asyncio.create_task(self._call(case, case.plan.replica, "GET", f"{self._path(case)}?wait=50", held=True))
        await asyncio.wait({held}, timeout=patience)
        if not held.done():
            case.note("agent", "hangs up")
            held.cancel()
            await asyncio.wait({held})

    async def _cancel(self, case: Case) -> None:
        await asyncio.sleep(case.plan.pause)
        case.cancel_asked_at = time.time()
        path = f"{self._path(case)}/cancel"
        for turn, pause in tries(case.plan.replica):
            answer = await self._call(case, turn, "POST", path)
            if isinstance(answer, Told) or answer == 409:
                return
            await asyncio.sleep(pause)

    # ------------------------------------------------------------------ mechanics

    async def _until_told(self, case: Case, turn: int, method: str, path: str, **how: Any) -> Told:
        for at, pause in tries(turn):
            answer = await self._call(case, at, method, path, **how)
            if isinstance(answer, Told):
                return answer
            await asyncio.sleep(pause)
        raise AssertionError("tries never end")

    async def _call(
        self, case: Case, turn: int, method: str, path: str, *, held: bool = False, **how: Any
    ) -> Told | int | None:
        """One call: what it told of the request, else its status, else None where no answer came."""
        replica, asked_at = self._world.replica(turn), time.time()
        agent = self._keys[case.number % len(self._keys)]
        key, headers = agent.id, {"Authorization": f"Bearer {agent.secret}", **how.pop("headers", {})}
        limits = aiohttp.ClientTimeout(total=HOLD_SECONDS + SLACK_SECONDS)
        case.note("agent", f"{method} {path} at {replica.name}")
        try:
            async with self._session.request(
                method, replica.url + path, headers=headers, timeout=limits, **how
            ) as answer:
                body = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            case.note("agent", f"gets no answer ({type(error).__name__})")
            return None
        if answer.status >= 400:
            case.refused.append(Refusal(asked_at, time.time(), answer.status, body["code"], key))
            case.note("agent", f"is refused with {answer.status} {body['code']}")
            return answer.status
        told = Told(asked_at, time.time(), replica.name, held, body, key)
        case.told.append(told)
        case.ids.add(body["id"])
        case.note("agent", f"is told {answer.status}: {body['id']} is {told.status}")
        return told

    @staticmethod
    def _path(case: Case) -> str:
        return f"/v1/requests/{case.told[0].body['id']}"


def tries(turn: int) -> Iterator[tuple[int, float]]:
    """One replica after the other, and how long to wait after each, without end."""
    for number in itertools.count():
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(number, 10))
        yield turn + number, longest * random.uniform(0.5, 1.0)
