"""Files that people put into dialogs, as Slack keeps and serves them: ``files.info``, and the download with a bearer.

    file = slack.add_file("U0ANA", "cv.pdf", b"…")      # what somebody has dropped into a file input
    slack.served[file] = login_page                     # or `moved`, `cut`, `slow`: what is served instead

A token without ``files:read`` is served Slack's login page with status 200, as Slack does.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Json = dict[str, Any]
LOGIN = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to Example</body></html>"


@dataclass
class Upload:
    """``changes`` is what ``files.info`` says other than the truth."""

    id: str
    user: str
    name: str
    content: bytes
    mimetype: str
    changes: Json = field(default_factory=dict)


Serve = Callable[[web.Request, Upload], Awaitable[web.StreamResponse]]


class Files:
    """The part of a stand-in that keeps files. ``fetched`` are the bearers with which each was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, Upload] = {}
        self.served: dict[str, Serve] = {}
        self.fetched: list[tuple[str, str]] = []
        self._file_numbers = itertools.count(1)

    def add_file(
        self, user: str, name: str, content: bytes, *, mimetype: str = "application/pdf", **changes: Any
    ) -> str:
        made = Upload(f"F0FILE{next(self._file_numbers)}", user, name, content, mimetype, changes)
        self.files[made.id] = made
        return made.id

    def file_object(self, file: str, root: str) -> Json | None:
        """Slack's file object, as ``files.info`` and a submission carry it."""
        found = self.files.get(file)
        if found is None:
            return None
        url = f"{root}/files-pri/T0TEAM-{found.id}/download/{found.id.lower()}"
        return {
            "id": found.id,
            "created": 1763920012,
            "name": found.name,
            "title": found.name,
            "mimetype": found.mimetype,
            "user": found.user,
            "mode": "hosted",
            "is_external": False,
            "size": len(found.content),
            "url_private": url.replace("/download/", "/"),
            "url_private_download": url,
            **found.changes,
        }

    async def serve_file(self, http_request: web.Request, *, may_read: bool) -> web.StreamResponse:
        found = self.files.get(http_request.match_info["file"])
        self.fetched.append((http_request.match_info["file"], http_request.headers.get("Authorization", "")))
        if found is None:
            return web.Response(status=404)
        if not may_read:
            return await login_page(http_request, found)
        return await self.served.get(found.id, whole)(http_request, found)


async def whole(_: web.Request, file: Upload) -> web.StreamResponse:
    return web.Response(body=file.content, content_type=file.mimetype)


async def login_page(_: web.Request, __: Upload) -> web.StreamResponse:
    return web.Response(text=LOGIN, content_type="text/html")


async def longer(_: web.Request, file: Upload) -> web.StreamResponse:
    return web.Response(body=file.content + b"x")


async def shorter(_: web.Request, file: Upload) -> web.StreamResponse:
    return web.Response(body=file.content[:-1])


async def cut(http_request: web.Request, file: Upload) -> web.StreamResponse:
    """The connection ends in the middle."""
    response = web.StreamResponse(headers={"Content-Length": str(len(file.content))})
    await response.prepare(http_request)
    await response.write(file.content[: len(file.content) // 2])
    assert http_request.transport is not None
    http_request.transport.abort()
    return response


async def endless(http_request: web.Request, file: Upload) -> web.StreamResponse:
    """More and more, for as long as somebody reads."""
    response = web.StreamResponse()
    await response.prepare(http_request)
    while True:
        await response.write(b"x" * 65536)


def moved(to: str) -> Serve:
    async def serve(_: web.Request, __: Upload) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": to})

    return serve


def away_once() -> Serve:
    """503, and then the file."""
    asked = itertools.count()

    async def serve(http_request: web.Request, file: Upload) -> web.StreamResponse:
        return await whole(http_request, file) if next(asked) else web.Response(status=503)

    return serve


def slow(released: asyncio.Event) -> Serve:
    """Nothing before ``released`` is set."""

    async def serve(http_request: web.Request, file: Upload) -> web.StreamResponse:
        await released.wait()
        return await whole(http_request, file)

    return serve
