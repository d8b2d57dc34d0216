"""Under attack: what honest agents notice of it, and what memory it costs the service.

Honest agents submit and are woken all the time, at a modest rate. Each attack is begun and ended several times, by a
process of its own, and what they wait for while it lasts is divided by what they waited for just before it. Attacks run
at rates that one machine on the open net reaches; `attacks` states them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.helper import Helper, helper
from bench.load import Connection, call, close, connected, paced_calls
from bench.processes import Shares, own_memory
from bench.rows import Row
from bench.scale import Progress, Scale, cores
from bench.waiting import Waiting, at_sayso, percentile
from bench.workload import Submissions, UnderTest, body, under_test
from sayso_bot.domain.key import Quotas
from service import a_key

AT_MOST_RATIO = 2.0
AT_MOST_MIB = 256.0
SUBMISSIONS = 100
DECISIONS = 50
HONEST_CONNECTIONS = 16
SLICES_A_ROUND = 8
ROUNDS = 3
SETTLE_SECONDS = 1.0
P99 = 0.99


@dataclass(frozen=True, slots=True)
class Attack:
    """``how`` is what an `Attacker` is told, with the rest as its arguments after the port."""

    name: str
    how: str
    arguments: tuple[Any, ...]


@dataclass(slots=True)
class Noticed:
    """By round: the 99th percentiles under attack ÷ those just before it. ``mib`` is the most memory it cost."""

    submit: list[float] = field(default_factory=list)
    wake: list[float] = field(default_factory=list)
    quiet_ms: list[tuple[float, float]] = field(default_factory=list)
    attacked_ms: list[tuple[float, float]] = field(default_factory=list)
    mib: float = 0.0
    answers: dict[str, int] = field(default_factory=dict)


def attacks(scale: Scale, sayso: UnderTest, flooder: str) -> Sequence[Attack]:
    """``flooder`` is the secret of an agent's key with the default quotas."""
    host = {"Host": f"127.0.0.1:{sayso.port}"}
    bearer = {**host, "Authorization": f"Bearer {flooder}"}
    head = call("GET", "/v1/requests", host).decode()[:-2]
    form = {**host, "Origin": sayso.process.url, "Content-Type": "application/x-www-form-urlencoded",
            "Transfer-Encoding": "chunked"}  # fmt: skip
    chunk = "2000\r\n" + "x" * 0x2000 + "\r\n"
    many = {**host, **{f"X-Large-{number}": "x" * 4000 for number in range(15)}}
    bad = {**host, "Authorization": "Bearer sk_main_<n>"}
    asked = call("POST", "/v1/requests", {**bearer, "Content-Type": "application/json"}, body()).decode()
    some = scale.held // 10
    return (
        Attack(f"{scale.held:,} idle connections", "stay", (scale.held, "", "", 1.0, True)),
        Attack(f"{some:,} slow heads, a line a second", "stay", (some, head, "X-Slow: 1\r\n", 1.0, True)),
        Attack(
            "100 bodies that never end, 8 MB/s",
            "stay",
            (100, call("POST", "/inbox/session", form).decode(), chunk, 0.1, True),
        ),
        Attack("heads of 60 KB, 100 a second", "ask", (50, call("GET", "/livez", many).decode(), 100.0)),
        Attack(
            "100 answers that are not read", "stay", (100, call("GET", "/v1/requests", bearer).decode(), "", 1.0, False)
        ),
        Attack("one key, 500 calls a second", "ask", (50, asked, 500.0)),
        Attack("bad keys, 500 a second", "ask", (250, call("GET", "/v1/requests", bad).decode(), 500.0)),
    )


@dataclass(slots=True)
class Honest:
    """Agents that submit, and agents that are woken."""

    sayso: UnderTest
    waiting: Waiting
    submissions: Submissions

    async def slice(self, connections: list[Connection], seconds: float) -> tuple[list[float], list[float]]:
        """How long each submission and each wake took, in milliseconds."""
        taken, wakes = await asyncio.gather(
            paced_calls(connections, self.submissions.next, 201, SUBMISSIONS, seconds),
            self.waiting.slice(seconds, DECISIONS),
        )
        return [wait * 1000 for wait in taken.waits], wakes

    async def p99s(self, slices: int, seconds: float) -> tuple[float, float]:
        """Over several slices: of submissions and of wakes. What idles while an attack begins may be closed."""
        connections = await connected(self.sayso.port, HONEST_CONNECTIONS)
        found = [await self.slice(connections, seconds) for _ in range(slices)]
        close(connections)
        submits, wakes = ([wait for one in found for wait in one[kind]] for kind in (0, 1))
        return percentile(submits, P99), percentile(wakes, P99)


async def rows(scale: Scale, progress: Progress) -> list[Row]:
    rounds = min(ROUNDS, scale.slices)
    async with _honest(scale, rounds) as (honest, attacker, flooder):
        planned = attacks(scale, honest.sayso, flooder)
        progress.begin("attacks", len(planned) * rounds)
        sayso = honest.sayso
        shares = Shares(
            server=sayso.pid,
            redis=sayso.redis_pid,
            attacker=attacker.pid,
            agents=honest.waiting.agents.pid,
            people=honest.waiting.people.pid,
        )
        before = own_memory(sayso.pid)
        noticed = {attack.name: Noticed() for attack in planned}
        for _ in range(rounds):
            for attack in planned:
                await _round(scale, honest, attacker, attack, noticed[attack.name], before)
                progress.step(f"{attack.name}: {noticed[attack.name].attacked_ms[-1][0]:.1f} ms")
        about = _about(scale) | {"rounds": rounds, "cpu_share": shares.so_far()}
        return _rows(scale, noticed, about)


async def _round(scale: Scale, honest: Honest, attacker: Helper, attack: Attack, noticed: Noticed, before: int) -> None:
    slices = SLICES_A_ROUND // 2
    quiet = await honest.p99s(slices, scale.slice_seconds)
    await attacker.do(attack.how, honest.sayso.port, *attack.arguments)
    attacked = await honest.p99s(slices, scale.slice_seconds)
    noticed.mib = max(noticed.mib, (own_memory(honest.sayso.pid) - before) / 2**20)
    for status, count in (await attacker.do("end")).items():
        noticed.answers[status] = noticed.answers.get(status, 0) + count
    await asyncio.sleep(SETTLE_SECONDS * scale.slice_seconds)
    noticed.submit.append(attacked[0] / quiet[0])
    noticed.wake.append(attacked[1] / quiet[1])
    noticed.quiet_ms.append(quiet)
    noticed.attacked_ms.append(attacked)


def _about(scale: Scale) -> dict[str, Any]:
    """``slices`` are those of a round: half of them before the attack, half under it."""
    return {
        "held": _held(scale),
        "submissions_per_second": SUBMISSIONS,
        "decisions_per_second": DECISIONS,
        "slices": SLICES_A_ROUND,
        "slice_seconds": scale.slice_seconds,
        "cores": cores(),
    }


def _held(scale: Scale) -> int:
    """How many honest agents wait: more than are woken in a slice."""
    return max(scale.held // 10, 10 + round(DECISIONS * scale.slice_seconds))


def _rows(scale: Scale, noticed: dict[str, Noticed], about: dict[str, Any]) -> list[Row]:
    found = []
    for name, one in noticed.items():
        for kind, ratios, index in (("submit", one.submit, 0), ("wake", one.wake, 1)):
            milliseconds = {
                "quiet_ms": round(median(p99[index] for p99 in one.quiet_ms), 2),
                "attacked_ms": round(median(p99[index] for p99 in one.attacked_ms), 2),
            }
            found.append(
                Row(
                    f"{name}: {kind} p99 ÷ without",
                    round(median(ratios), 2),
                    "ratio",
                    at_most=AT_MOST_RATIO,
                    whole=scale.is_whole,
                    measured_at=about | milliseconds | {"answers": one.answers},
                )
            )
    most = {name: round(one.mib, 1) for name, one in noticed.items()}
    found.append(
        Row("memory under attack, beyond the beginning's", max(0.1, *most.values()), "MiB", at_most=AT_MOST_MIB,
            whole=scale.is_whole, measured_at=about | {"mib": most})
    )  # fmt: skip
    return found


@asynccontextmanager
async def _honest(scale: Scale, rounds: int) -> AsyncIterator[tuple[Honest, Helper, str]]:
    """The service with agents that submit and agents that wait, an attacker, and the secret of a key that floods."""
    kinds, held = 7, _held(scale)
    decided = round(DECISIONS * scale.slice_seconds * SLICES_A_ROUND * rounds * kinds) + held
    async with AsyncExitStack() as stack:
        sayso = await stack.enter_async_context(under_test())
        key, secret = a_key("flooder", quotas=Quotas())
        async with sayso.book() as store:
            await store.put_key(key, "key_created")
        waiting = await stack.enter_async_context(at_sayso(sayso, held, decided))
        attacker = await stack.enter_async_context(helper("bench.attacker"))
        yield Honest(sayso, waiting, sayso.submissions()), attacker, secret
