"""A burst: hundreds of requests to one channel at once, which Slack takes one by one, while another channel is used.

At Slack's pace of one message a second 500 cards take nine minutes. So the stand-in's limit and delivery's own pace at
a slow channel are both made ten times as quick (`bench.hurried`); nothing else is changed, and it is said in
``measured_at``.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import httpx

from bench.hurried import HURRIED_SECONDS, TIMES
from bench.load import close as close_all
from bench.load import connected
from bench.processes import Shares, root
from bench.rows import Row
from bench.scale import Progress, Scale, cores
from bench.slack import CHANNEL, OTHER_CHANNEL
from bench.waiting import percentile
from bench.workload import POLICY, Serving, UnderTest, under_test
from sayso_bot.store.redis import RedisStore

AT_MOST_SECONDS = 1.0
P99 = 0.99
PATIENCE_SECONDS = 180.0
PAUSE_SECONDS = 0.1
OTHER = "other.thing"
WITH_OTHER = POLICY.replace("channels:\n", f"channels:\n  other: slack:{OTHER_CHANNEL}\n").replace(
    "rules:\n", f"rules:\n  - action: {OTHER}\n    ask: {{channel: other, approvers: finance, timeout: 1h}}\n", 1
)


class Hurried(Serving):
    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, {**(environ or {}), "PYTHONPATH": f"{root()}:{root() / 'tests'}"})

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "bench.hurried", *arguments]


async def rows(scale: Scale, progress: Progress) -> list[Row]:
    progress.begin("burst", scale.burst)
    hurried = (str(HURRIED_SECONDS),)
    async with under_test(policy=WITH_OTHER, slack=hurried, process=Hurried) as sayso, sayso.book() as store:
        shares, begun = Shares(server=sayso.pid), time.perf_counter()
        burst = await _submitted(sayso, scale)
        waits, before = list[float](), scale.burst
        while (left := await _not_shown(store, burst)) and time.perf_counter() - begun < PATIENCE_SECONDS:
            waits.append(await _shown_elsewhere(sayso, store))
            for _ in range(before - left):
                progress.step(f"elsewhere after {waits[-1]:.2f} s")
            before = left
            await asyncio.sleep(PAUSE_SECONDS)
        seconds, cpu_share = time.perf_counter() - begun, shares.so_far()
        shown = await _messages(sayso)
    once = sum(shown[request_id] == 1 for request_id in burst)
    about = {
        "requests": scale.burst,
        "channel_takes_a_second": round(1 / HURRIED_SECONDS),
        "hurried": TIMES,
        "seconds": round(seconds, 1),
        "cards_elsewhere": len(waits),
        "cores": cores(),
        "cpu_share": cpu_share,
    }
    name = f"{scale.burst} requests to one channel at once"
    return [
        Row(f"{name}: posted exactly once", once / scale.burst, "share", at_least=1.0, whole=scale.is_whole,
            measured_at=about),
        Row(f"{name}: a card in another channel, p99", round(percentile(waits, P99), 3), "s",
            at_most=AT_MOST_SECONDS, whole=scale.is_whole, measured_at=about),
    ]  # fmt: skip


async def _submitted(sayso: UnderTest, scale: Scale) -> list[str]:
    connections, submissions = await connected(sayso.port, scale.connections), sayso.submissions()

    async def some(share: int) -> list[str]:
        calls = range(share, scale.burst, len(connections))
        return [(await connections[share].ask(submissions.next(), expect=201)).json()["id"] for _ in calls]

    ids = [request_id for made in await asyncio.gather(*map(some, range(len(connections)))) for request_id in made]
    close_all(connections)
    return ids


async def _not_shown(store: RedisStore, ids: list[str]) -> int:
    """How many of ``ids`` have no card that delivery knows of."""
    async with store.client.pipeline(transaction=False) as asked:
        for request_id in ids:
            asked.hexists(store.keys.post(request_id, f"slack:{CHANNEL}"), "post")
        return sum(not there for there in await asked.execute())


async def _shown_elsewhere(sayso: UnderTest, store: RedisStore) -> float:
    """Ask for something in the other channel; how many seconds until its card is there."""
    headers = {"Authorization": f"Bearer {sayso.secret}"}
    body = {"action": OTHER, "params": {"order": "A-1"}}
    async with httpx.AsyncClient(base_url=sayso.process.url, headers=headers, trust_env=False) as agent:
        answer = await agent.post("/v1/requests", json=body)
    begun, name = time.perf_counter(), store.keys.post(answer.raise_for_status().json()["id"], f"slack:{OTHER_CHANNEL}")
    while not await cast("Any", store.client).hexists(name, "post"):
        if time.perf_counter() - begun > PATIENCE_SECONDS:
            break
        await asyncio.sleep(0.01)
    return time.perf_counter() - begun


async def _messages(sayso: UnderTest) -> Counter[str]:
    """How often each request was posted, as Slack has it."""
    url = sayso.process.environ["SLACK_API_URL"].replace("/api/", "/stand-in/messages")
    async with httpx.AsyncClient(trust_env=False) as reader:
        listed = (await reader.get(url)).raise_for_status().json()
    found = (message.get("metadata") for message in listed)
    return Counter(metadata["event_payload"]["request_id"] for metadata in found if metadata)
