"""Sayso's HTTP API at the wire, as an agent meets it: faithful by default, and as broken as a test scripts it.

`HttpApi` keeps requests and holds calls as the service does. What is put in ``script`` is used up first, one entry a
call: a `Reply`, `Drop` (the connection closes without an answer) or `Half` (it closes in the middle of the body).
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "sk_main_only-for-tests"


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drop:
    """``after_making`` says that the request was made before the connection closed."""

    after_making: bool = False


@dataclass(frozen=True)
class Half:
    body: bytes


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


def reply(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


def problem(status: int, code: str, detail: str, *, retry_after: str | None = None) -> Reply:
    body = {"type": "about:blank", "title": "No", "status": status, "detail": detail, "code": code}
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Reply(status, json.dumps(body).encode(), "application/problem+json", headers)


def request_out(
    action: str = "payments.refund", params: Mapping[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """A pending request as the service describes it."""
    return {
        "id": f"req_{uuid.uuid4()}",
        "revision": 1,
        "status": "pending",
        "action": action,
        "params": dict(params or {}),
        "fingerprint": "sha256:" + "0f" * 32,
        "agent": "shop",
        "created_at": "2026-11-23T18:00:00.000Z",
        "expires_at": "2026-11-23T19:00:00.000Z",
        "rule": "refunds",
        "requirement": {
            "channel": "payments",
            "approvers": ["email:ana@example.com"],
            "quorum": 1,
            "reason": "never",
            "timeout_seconds": 3600,
        },
        "approvals": {"have": 0, "need": 1},
        "claims": {},
        "decision": None,
        "review_url": "http://127.0.0.1:8080/inbox/r/1",
        **changes,
    }


def settled(request: Mapping[str, Any], status: str, *, reason: str | None = None, name: str = "Ana") -> dict[str, Any]:
    """``request`` after a person, the agent or time ended it."""
    votes = []
    if status in ("approved", "denied"):
        outcome = "approve" if status == "approved" else "deny"
        vote = {"person": "ana", "name": name, "outcome": outcome, "reason": reason, "surface": "inbox"}
        votes = [{**vote, "at": "2026-11-23T18:01:00.000Z"}]
    cause = {"expired": "timeout", "cancelled": "agent"}.get(status, "votes")
    decision = {"outcome": status, "cause": cause, "at": "2026-11-23T18:01:00.000Z", "reason": None, "votes": votes}
    return {**request, "status": status, "decision": decision}


class HttpApi:
    """A running server. ``seen`` holds every call; ``answer`` is how each request is settled as soon as it is made."""

    def __init__(self, answer: str | None = "approved") -> None:
        self.script: deque[Reply | Drop | Half] = deque()
        self.seen: list[Seen] = []
        self.requests: dict[str, dict[str, Any]] = {}
        self.answer = answer
        self.longest_hold = 0.5
        self._by_key: dict[str, str] = {}
        self._changed = asyncio.Condition()
        self._port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> HttpApi:
        """Listen, on the same port as before when it was stopped."""
        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def settle(self, request_id: str, status: str, **how: Any) -> None:
        async with self._changed:
            self.requests[request_id] = settled(self.requests[request_id], status, **how)
            self._changed.notify_all()

    async def _handle(self, http_request: web.Request) -> web.StreamResponse:
        body = await http_request.read()
        seen = Seen(http_request.method, http_request.path, dict(http_request.query), dict(http_request.headers), body)
        self.seen.append(seen)
        scripted = self.script.popleft() if self.script else None
        if isinstance(scripted, Drop):
            if scripted.after_making:
                await self._faithful(seen)
            return _hang_up(http_request)
        if isinstance(scripted, Half):
            return await _half(http_request, scripted.body)
        answer = scripted or await self._faithful(seen)
        headers = {"Content-Type": answer.content_type, **answer.headers}
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    async def _faithful(self, seen: Seen) -> Reply:
        if seen.headers.get("Authorization") != f"Bearer {KEY}":
            return problem(401, "unauthenticated", "A valid key is needed.")
        if seen.method == "POST" and seen.path == "/v1/requests":
            return await self._create(seen)
        if seen.path == "/v1/requests":
            wanted = seen.query.get("status")
            found = [item for item in self.requests.values() if wanted in (None, item["status"])]
            return reply({"items": found[::-1], "next_cursor": None})
        request_id = seen.path.removeprefix("/v1/requests/").removesuffix("/cancel")
        if request_id not in self.requests:
            return problem(404, "not_found", "There is no such request.")
        if seen.path.endswith("/cancel"):
            if self.requests[request_id]["status"] != "pending":
                return problem(409, "settled", "It is settled.")
            await self.settle(request_id, "cancelled")
        return await self._held(request_id, float(seen.query.get("wait", 0)))

    async def _create(self, seen: Seen) -> Reply:
        content = json.loads(seen.body)
        key = seen.headers.get("Idempotency-Key", str(uuid.uuid4()))
        made = key not in self._by_key
        if made:
            request = request_out(content["action"], content["params"])
            self._by_key[key] = request["id"]
            self.requests[request["id"]] = request if self.answer is None else settled(request, self.answer)
        preference = seen.headers.get("Prefer", "wait=0").partition("=")[2]
        return await self._held(self._by_key[key], float(preference), status=201 if made else 200)

    async def _held(self, request_id: str, seconds: float, *, status: int = 200) -> Reply:
        async with self._changed:
            try:
                async with asyncio.timeout(min(seconds, self.longest_hold)):
                    await self._changed.wait_for(lambda: self.requests[request_id]["status"] != "pending")
            except TimeoutError:
                pass
        return reply(self.requests[request_id], status)


def _hang_up(http_request: web.Request) -> web.StreamResponse:
    assert http_request.transport is not None
    http_request.transport.abort()
    return web.Response()


async def _half(http_request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(http_request)
    await response.write(body[: len(body) // 2])
    assert http_request.transport is not None
    http_request.transport.close()
    return response
