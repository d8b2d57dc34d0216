"""Sayso: `sayso serve` with its own Redis, which puts every acknowledged write on disk, and a policy of twenty rules.

The agent's held call is answered when the decision falls. The person is signed in to the web inbox and sends its form,
which is the whole way of a tap: session, form token, admission, the vote, the journal.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bench.peers.environments import Broken
from bench.peers.gates import Gate, Http, Json, http, refund
from bench.peers.ports import free_port
from bench.peers.servers import serving

NAME = "sayso"
WAIT_SECONDS = 55
PERSON = "ana@example.com"
_GENEROUS = ("--rate", "10000/s", "--pending", "1000000")

_UNUSED = "".join(f"  - action: unused.{number}\n    ask: {{channel: inbox}}\n" for number in range(17))
POLICY = f"""
channels: {{inbox: inbox}}
approvers: {{finance: [email:{PERSON}]}}
rules:
  - action: payments.refund
    params: {{order: string, amount: number, currency: string}}
    when: params.amount > 500
    ask: {{channel: inbox, approvers: finance, quorum: 1, reason: deny, timeout: 30m}}
  - action: payments.refund
    params: {{order: string, amount: number, currency: string}}
    when: params.currency == 'EUR'
    ask: {{channel: inbox, approvers: finance, timeout: 1h}}
{_UNUSED}
  - action: "*"
    deny: Nothing else is measured.
"""


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Gate]:
    """As `Opens`."""
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environ = {"SAYSO_DATA_DIR": str(folder / "d"), "SAYSO_PORT": str(port), "SAYSO_POLICY": str(policy)}
    async with serving(NAME, [*_command(), "serve"], environ, folder, f"{address}/readyz"):
        key = json.loads(_told(environ, "keys", "create", "refunder", *_GENEROUS, "--json"))["key"]
        link = folder / "link"
        _told(environ, "inbox", "link", "--person", PERSON, "--out", str(link))
        async with (
            http(port, {"Authorization": f"Bearer {key}"}) as agent,
            http(port, {"Origin": address}) as person,
        ):
            csrf = await _signed_in(person, link.read_text().strip())
            yield _Sayso(agent, person, csrf)


class _Sayso:
    accepted = 201

    def __init__(self, agent: Http, person: Http, csrf: str) -> None:
        self.port = agent.port
        self._agent = agent
        self._person = person
        self._csrf = csrf

    def asking(self) -> bytes:
        return self._agent.bytes_of("/v1/requests", _request())

    async def ask(self) -> str:
        made = await self._agent.json("POST", "/v1/requests", self.accepted, json=_request())
        if made["status"] != "pending":
            raise Broken(f"{NAME} did not wait for a person: {made}")
        return str(made["id"])

    async def wait(self, request_id: str) -> None:
        status = "pending"
        while status == "pending":
            path, query = f"/v1/requests/{request_id}", {"wait": WAIT_SECONDS}
            status = (await self._agent.json("GET", path, 200, params=query))["status"]
        if status != "approved":
            raise Broken(f"{NAME} told the agent something else than was answered: {status}")

    async def approve(self, request_id: str) -> None:
        form = {"csrf": self._csrf, "nonce": secrets.token_urlsafe(16), "revision": "1", "outcome": "approve"}
        await self._person.json("POST", f"/inbox/requests/{request_id}/vote", 303, data=form)


def _request() -> Json:
    return {"action": "payments.refund", "params": refund(), "summary": "The parcel never arrived."}


async def _signed_in(person: Http, link: str) -> str:
    """Exchange the link for a session, as the page's script does; the token that the session's forms carry."""
    await person.json("POST", "/inbox/session", 200, data={"token": link.partition("#")[2]})
    page = await person.text("/inbox/help")
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    if found is None:
        raise Broken("The inbox's page carries no form token.")
    return found[1]


def _command() -> list[str]:
    return [str(Path(sys.executable).parent / "sayso")]


def _told(environ: Mapping[str, str], *arguments: str) -> str:
    """What an operator's command prints."""
    done = subprocess.run(
        [*_command(), *arguments],
        check=False,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode:
        raise Broken(f"sayso {' '.join(arguments[:2])} failed: {done.stderr[-500:]}")
    return done.stdout
