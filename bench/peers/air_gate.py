"""air-gate: its FastAPI proxy under uvicorn, as its documentation runs it, with the file that it keeps by default.

Its client asks for the status once a second. Here the connection is kept between two of them, which its client does
not do; so what is measured is rather better than what its users see.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.peers.environments import Broken, bin_of
from bench.peers.gates import Gate, Http, Json, http, refund
from bench.peers.ports import free_port
from bench.peers.servers import serving

NAME = "air-gate"
POLL_SECONDS = 1.0


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Gate]:
    """As `Opens`."""
    port, token = free_port(), secrets.token_hex(32)
    environ = {
        "GATE_SIGNING_KEY": secrets.token_hex(32),
        "GATE_APPROVAL_TOKEN": token,
        "GATE_STORAGE_PATH": str(folder / "gate_events.jsonl"),
    }
    command = [str(bin_of(NAME) / "uvicorn"), "air_gate.proxy:app", "--host", "127.0.0.1", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    quiet = ["--log-level", "warning"]
    async with (
        serving(NAME, [*command, *quiet], environ, folder, f"{address}/stats"),
        http(port, {"Authorization": f"Bearer {token}"}) as calls,
    ):
        yield _AirGate(calls)


class _AirGate:
    accepted = 200

    def __init__(self, calls: Http) -> None:
        self.port = calls.port
        self._calls = calls

    def asking(self) -> bytes:
        return self._calls.bytes_of("/actions", _action())

    async def ask(self) -> str:
        made = await self._calls.json("POST", "/actions", self.accepted, json=_action())
        if made["decision"] != "pending_approval":
            raise Broken(f"{NAME} did not wait for a person: {made}")
        return str(made["event_id"])

    async def wait(self, request_id: str) -> None:
        while True:
            told = await self._calls.json("GET", f"/actions/{request_id}/status", 200)
            if told["resolved"]:
                break
            await asyncio.sleep(POLL_SECONDS)
        if told["result"] != "approved":
            raise Broken(f"{NAME} told the agent something else than was answered: {told}")

    async def approve(self, request_id: str) -> None:
        body = {"authorized_by": "ana@example.com"}
        await self._calls.json("POST", f"/actions/{request_id}/approve", 200, json=body)


def _action() -> Json:
    return {
        "agent_id": "refunder",
        "action_type": "refund",
        "tool_name": "refund",
        "payload": refund(),
        "input_context": "The parcel never arrived.",
    }
