"""awaithumans: `awaithumans serve`, its command for production, with SQLite on this disk.

Its client creates the task, then asks the server's long poll again every 25 s; the server looks each second.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.peers.environments import Broken, bin_of
from bench.peers.gates import Gate, Http, Json, http, refund
from bench.peers.ports import free_port
from bench.peers.servers import serving

NAME = "awaithumans"
POLL_SECONDS = 25

_PAYLOAD = {
    "type": "object",
    "properties": {"order": {"type": "string"}, "amount": {"type": "number"}, "currency": {"type": "string"}},
    "required": ["order", "amount", "currency"],
}
_RESPONSE = {"type": "object", "properties": {"approved": {"type": "boolean"}}, "required": ["approved"]}


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Gate]:
    """As `Opens`."""
    port, token = free_port(), secrets.token_hex(32)
    environ = {
        "AWAITHUMANS_ENVIRONMENT": "production",
        "AWAITHUMANS_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "AWAITHUMANS_DB_PATH": str(folder / "tasks.db"),
        "AWAITHUMANS_ALLOW_EPHEMERAL_DB": "true",
        "AWAITHUMANS_PAYLOAD_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AWAITHUMANS_ADMIN_API_TOKEN": token,
        "AWAITHUMANS_HOST": "127.0.0.1",
    }
    command = [str(bin_of(NAME) / "awaithumans"), "serve", "--host", "127.0.0.1", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    quiet = ["--log-level", "warning"]
    async with (
        serving(NAME, [*command, *quiet], environ, folder, f"{address}/api/health"),
        http(port, {"Authorization": f"Bearer {token}"}) as calls,
    ):
        yield _AwaitHumans(calls)


class _AwaitHumans:
    accepted = 201

    def __init__(self, calls: Http) -> None:
        self.port = calls.port
        self._calls = calls

    def asking(self) -> bytes:
        return self._calls.bytes_of("/api/tasks", _task())

    async def ask(self) -> str:
        made = await self._calls.json("POST", "/api/tasks", self.accepted, json=_task())
        return str(made["id"])

    async def wait(self, request_id: str) -> None:
        while True:
            path, query = f"/api/tasks/{request_id}/poll", {"timeout": POLL_SECONDS}
            told = await self._calls.json("GET", path, 200, params=query)
            if told["status"] == "completed":
                if told["response"] != {"approved": True}:
                    raise Broken(f"{NAME} told the agent something else than was answered.")
                return

    async def approve(self, request_id: str) -> None:
        body = {"response": {"approved": True}, "completed_by_email": "ana@example.com"}
        await self._calls.json("POST", f"/api/tasks/{request_id}/complete", 200, json=body)


def _task() -> Json:
    payload = refund()
    return {
        "task": "Approve refund",
        "payload": payload,
        "payload_schema": _PAYLOAD,
        "response_schema": _RESPONSE,
        "timeout_seconds": 3600,
        "idempotency_key": payload["order"],
    }
