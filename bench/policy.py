"""Policies: what many rules cost each request, how long many take to be read, and who waits for that.

Matching is measured on the engine itself, in this process: two policies of which the same three rules name an action,
and have conditions, judge the same asks in turn, each of an action type that neither has seen before. Reading is
measured in processes of their own, set up as the service is. The held calls are those of the running service, while
its file is replaced and the new document is read and put in force.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.processes import Shares, environment, root
from bench.rows import Row
from bench.scale import Progress, Scale, cores
from bench.waiting import at_sayso, percentile
from bench.workload import POLICY, under_test
from sayso_bot.domain.policy import Asked
from sayso_bot.domain.request import Claims
from sayso_bot.policy import LoadedPolicy, load
from service import until

AT_MOST_US = 60.0
AT_MOST_SECONDS = 2.0
AT_MOST_MS = 40.0
P99 = 0.99
ASKS = 500
HELD_DECISIONS = 200
MOST_READING_SECONDS = 6.0
PATIENCE_SECONDS = 120.0
THREE = """\
  - {action: payments.*, params: {amount: number}, when: params.amount > 500, ask: {channel: inbox}}
  - {action: "*", params: {order: string}, when: params.order.startsWith("Z"), ask: {channel: inbox}}
  - {action: payments.refund*, when: agent == 'nobody', ask: {channel: inbox}}
"""
_HEAD = f"{POLICY.partition('rules:')[0]}rules:\n"
_NUMBERS = itertools.count()


def document(count: int) -> str:
    """A policy of ``count`` rules, of which the last one asks about whatever no other names."""
    return f'{_HEAD}{_rules(count - 1)}  - action: "*"\n    ask: {{channel: inbox, timeout: 1h}}\n'


def _rules(count: int) -> str:
    """Rules as one finds them: of a quarter each, one has a condition and asks, one asks, one allows, one denies."""
    rules = []
    for n in range(0, count, 4):
        rules += [
            f"  - name: large refunds of team {n}\n    action: payments.team{n}.refund\n"
            "    params: {amount: number, order: string}\n"
            f"    when: params.amount > {n} && params.order != ''\n"
            "    ask: {channel: payments, approvers: finance, quorum: 2, reason: always, timeout: 30m}\n",
            f"  - action: service{n}.*\n    ask: {{channel: payments, approvers: finance, timeout: 1h}}\n",
            f"  - action: files.read.volume{n}\n    allow: true\n",
            f'  - action: "*.drop{n}"\n    deny: Schema {n} is never dropped by an agent.\n',
        ]
    return "".join(rules[:count])


async def rows(scale: Scale, progress: Progress) -> list[Row]:
    progress.begin("policy", 2 * scale.slices + scale.starts)
    return [
        _matching(scale, progress),
        _reading(scale, progress),
        await _waking(scale, progress),
    ]


# --------------------------------------------------------------------------- matching


def _matching(scale: Scale, progress: Progress) -> Row:
    few, many = _policy(3), _policy(scale.matched)
    shares = Shares()
    new, known = _in_turn(few, many, scale, lambda: f"payments.refund{next(_NUMBERS)}"), []
    for figures in new:
        progress.step(f"{figures[1] - figures[0]:.1f} µs more")
    known = _in_turn(few, many, scale, lambda: "payments.refund")
    more = median(large - small for small, large in new)
    return Row(
        f"matching, {scale.matched:,} rules of which 3 match: beyond that with 3 rules",
        round(more, 2),
        "µs",
        at_most=AT_MOST_US,
        whole=scale.is_whole,
        measured_at={
            "asks": ASKS,
            "slices": scale.slices,
            "cores": cores(),
            "cpu_share": shares.so_far(),
            "with_3_rules_us": round(median(small for small, _ in new), 1),
            "with_all_us": round(median(large for _, large in new), 1),
            "more_where_the_action_is_known_us": round(median(large - small for small, large in known), 2),
        },
    )


def _policy(count: int) -> LoadedPolicy:
    return load(f"{_HEAD}{_rules(count - 3)}{THREE}", "bench")


def _in_turn(
    few: LoadedPolicy, many: LoadedPolicy, scale: Scale, action: Callable[[], str]
) -> list[tuple[float, float]]:
    """Microseconds an ask by each policy, slice by slice."""
    asks = max(1, round(ASKS * min(1.0, scale.slice_seconds)))
    return [(_judging(few, asks, action), _judging(many, asks, action)) for _ in range(scale.slices)]


def _judging(policy: LoadedPolicy, asks: int, action: Callable[[], str]) -> float:
    asked = [Asked(action(), {"amount": 1, "order": "A-1"}, "agent", Claims()) for _ in range(asks)]
    begun = time.perf_counter()
    for each in asked:
        policy.judge(each)
    return (time.perf_counter() - begun) / asks * 1e6


# --------------------------------------------------------------------------- reading


def _reading(scale: Scale, progress: Progress) -> Row:
    took, shares = [], Shares()
    with tempfile.TemporaryDirectory(prefix="sb-") as folder:
        path = Path(folder) / "policy.yaml"
        path.write_text(document(scale.rules))
        for _ in range(scale.starts):
            told = json.loads(_read(path))
            took.append(told["seconds"])
            progress.step(f"{took[-1]:.2f} s")
    return Row(
        f"a policy of {scale.rules:,} rules is read",
        round(median(took), 2),
        "s",
        at_most=AT_MOST_SECONDS,
        whole=scale.is_whole,
        measured_at={
            "reads": scale.starts,
            "rules": told["rules"],
            "bytes": told["bytes"],
            "cores": cores(),
            "cpu_share": shares.so_far(),
            "seconds": [round(seconds, 2) for seconds in took],
            "cpu_seconds": told["cpu_seconds"],
        },
    )


def _read(path: Path) -> str:
    command = [sys.executable, "-m", "bench.reading", str(path)]
    done = subprocess.run(command, cwd=root(), env=environment(), capture_output=True, text=True, check=True)
    return done.stdout


# --------------------------------------------------------------------------- held calls meanwhile


async def _waking(scale: Scale, progress: Progress) -> Row:
    """Slices while the service reads a long document, and slices while it does not, one after the other."""
    decisions = min(HELD_DECISIONS, scale.decisions)
    most = round(decisions * MOST_READING_SECONDS)
    needed = round(decisions * scale.slice_seconds * (scale.slices + 2)) + (scale.slices + 1) * most
    quiet: list[list[float]] = []
    busy: list[list[float]] = []
    async with under_test() as sayso, at_sayso(sayso, scale.agents, needed) as ours:
        path = Path(sayso.process.folder) / "policy.yaml"
        text = document(scale.rules)
        await ours.slice(scale.slice_seconds, decisions)
        shares = ours.shares()
        await _in_force(sayso.process.log, 1)
        for number in range(scale.slices):
            quiet.append(await ours.slice(scale.slice_seconds, decisions))
            await _replaced(path, f"# {number}\n{text}")
            reading = asyncio.create_task(_in_force(sayso.process.log, number + 2))
            taken: list[float] = []
            while not reading.done() and len(taken) < most:
                taken += await ours.slice(min(0.25, scale.slice_seconds), decisions)
            await reading
            busy.append(taken)
            progress.step(f"p99 {percentile(taken, P99):.1f} ms while it reads")
        cpu_share = shares.so_far()
    return Row(
        f"wake while a policy of {scale.rules:,} rules is read, {scale.agents:,} held: p99",
        round(median(percentile(taken, P99) for taken in busy), 2),
        "ms",
        at_most=AT_MOST_MS,
        whole=scale.is_whole,
        measured_at={
            "held": scale.agents,
            "decisions_per_second": decisions,
            "slices": scale.slices,
            "cores": cores(),
            "cpu_share": cpu_share,
            "quiet_ms": round(median(percentile(taken, P99) for taken in quiet), 2),
            "most_ms": round(max(max(taken) for taken in busy), 1),
        },
    )


async def _replaced(path: Path, text: str) -> None:
    new = path.with_name("new.yaml")
    await asyncio.to_thread(new.write_text, text)
    new.replace(path)


async def _in_force(log: Path, count: int) -> None:
    """Returns when the service has said for the ``count``th time that it goes by another document from now on."""
    await until(lambda: log.read_text().count("policy_in_force") >= count, PATIENCE_SECONDS)
