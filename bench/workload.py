"""The service as every row measures it: the real process with its own Redis, policy, key and Slack.

The policy has 20 rules. Two of them have conditions, and both are evaluated for each request of the workload before a
third one asks in Slack; so each submission is authenticated, counted against a rate, judged, fingerprinted, stored,
journaled, put in the outbox and measured.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load import call
from bench.processes import program
from bench.redis import pid_of_redis
from bench.slack import CHANNEL
from fakes.slack import FakeSlack
from redis_server import free_port
from sayso_bot.domain.key import Key, Quotas
from sayso_bot.opening import opened_book
from sayso_bot.settings import Settings
from sayso_bot.store.redis import RedisStore
from sayso_bot.telemetry import logger
from service import ServiceProcess, a_key

PERSON = "email:ana@example.com"
ACTION = "payments.refund"
UNBOUNDED = Quotas(rate=1e6, burst=1_000_000, pending=10**9, bytes=1 << 50, held=10**6)
_OTHERS = "".join(f"  - action: service{n}.*\n    ask: {{channel: inbox, timeout: 1h}}\n" for n in range(16))
POLICY = f"""\
channels:
  payments: slack:{CHANNEL}
  inbox: inbox
approvers:
  finance: ["{PERSON}", "email:ben@example.com"]
rules:
{_OTHERS}
  - name: large refunds
    action: {ACTION}
    params: {{amount: number, order: string}}
    when: params.amount > 500
    ask: {{channel: payments, approvers: finance, quorum: 2, timeout: 1h}}
  - name: refunds of old orders
    action: payments.*
    params: {{amount: number, order: string}}
    when: params.amount > 100 && params.order.startsWith("Z")
    ask: {{channel: payments, approvers: finance, timeout: 1h}}
  - name: refunds
    action: {ACTION}
    ask: {{channel: payments, approvers: finance, timeout: 3d}}
  - action: "*"
    ask: {{channel: inbox, timeout: 1h}}
"""
_NUMBERS = itertools.count(10_000_000)


def body() -> bytes:
    """A refund like many, of another order each time."""
    asked: dict[str, Any] = {
        "action": ACTION,
        "params": {
            "amount": 129.5,
            "currency": "EUR",
            "order": "A-########",
            "customer": {"id": "c_991", "vip": False},
        },
        "summary": "Refund a duplicate charge",
        "reasoning": "The customer was charged twice on the same day and sent both statements.",
    }
    return json.dumps(asked).encode()


class Submissions:
    """Calls that submit, each with a body of its own."""

    def __init__(self, port: int, secret: str | None = None) -> None:
        headers = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/json"}
        if secret is not None:
            headers["Authorization"] = f"Bearer {secret}"
        self._before, _, self._after = call("POST", "/v1/requests", headers, body()).partition(b"########")

    def next(self) -> bytes:
        return b"%b%08d%b" % (self._before, next(_NUMBERS), self._after)


class Serving(ServiceProcess):
    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid


@dataclass(frozen=True, slots=True)
class UnderTest:
    """The running service and its Redis."""

    process: Serving
    key: Key
    secret: str
    pid: int
    redis_pid: int

    @property
    def port(self) -> int:
        return self.process.port

    def get(self, path: str) -> bytes:
        """A reading call of the agent."""
        return call("GET", path, {"Host": f"127.0.0.1:{self.port}", "Authorization": f"Bearer {self.secret}"})

    def submissions(self) -> Submissions:
        return Submissions(self.port, self.secret)

    @asynccontextmanager
    async def book(self) -> AsyncIterator[RedisStore]:
        """The service's own book, for what is put into it beside its HTTP."""
        async with opened_book(Settings.load(self.process.environ), logger("bench")) as store:
            yield store


@asynccontextmanager
async def under_test(
    *, policy: str = POLICY, slack: tuple[str, ...] = (), process: type[Serving] = Serving
) -> AsyncIterator[UnderTest]:
    """`sayso serve` in a new folder, with a Slack that takes one message a second, and an agent's unbounded key.

    ``slack`` are further arguments of the stand-in's program.
    """
    with tempfile.TemporaryDirectory(prefix="sb-", ignore_cleanup_errors=True) as name:
        folder, slack_port = Path(name), free_port()
        (folder / "policy.yaml").write_text(policy)
        environ = {"SAYSO_POLICY": str(folder / "policy.yaml"), **FakeSlack(port=slack_port).settings()}
        async with program("bench.slack", slack_port, *slack):
            with process(folder, environ) as running:
                yield await _with_key(running)


async def _with_key(process: Serving) -> UnderTest:
    key, secret = a_key("agent", quotas=UNBOUNDED)
    async with opened_book(Settings.load(process.environ), logger("bench")) as store:
        await store.put_key(key, "key_created")
    return UnderTest(process, key, secret, process.pid, pid_of_redis(process.folder / "d"))
