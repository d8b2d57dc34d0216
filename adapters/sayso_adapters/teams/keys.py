"""The keys with which the Bot Framework signs its calls to us, fetched within a bounded time and kept for a day.

A key that is not known is looked for anew, but seldom, so that forgeries that name made-up keys cost the world nothing.
Keys that were fetched go on counting for days while new ones cannot be had; without any, nobody is believed. Whether
a key is unknown, no fetch that failed can tell.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from jwt import PyJWK, PyJWTError

from sayso_bot.domain.hosts import is_loopback

FETCH_SECONDS = 3.0
KEPT_SECONDS = 24 * 3600.0
LONGEST_KEPT_SECONDS = 5 * 24 * 3600.0
PAUSE_SECONDS = 60.0
"""Between two fetches, whatever is asked for meanwhile."""
MAX_BYTES = 1024 * 1024
CHANNEL = "msteams"


class NoKeys(Exception):
    """The keys cannot be had now. ``what`` is a short word."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True, slots=True)
class _Kept:
    keys: Mapping[str, PyJWK]
    at: float


class KeySet:
    """``url`` is that of the OpenID metadata."""

    def __init__(self, url: str, now: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._now = now
        self._kept: _Kept | None = None
        self._tried = float("-inf")
        self._failure = ""
        self._one_at_a_time = asyncio.Lock()

    async def key(self, kid: str) -> PyJWK | None:
        """The key of this name that vouches for Teams, or None. Raises `NoKeys`."""
        if (found := self._known(kid)) is not None and self._age() < KEPT_SECONDS:
            return found
        async with self._one_at_a_time:
            if self._now() - self._tried >= PAUSE_SECONDS and (self._known(kid) is None or self._age() >= KEPT_SECONDS):
                await self._fetch()
        found = self._known(kid)
        if self._kept is None or self._age() >= LONGEST_KEPT_SECONDS or (found is None and self._failure):
            raise NoKeys(self._failure or "no_keys")
        return found

    async def check(self) -> int:
        """Fetch them now; how many there are. Raises `NoKeys`."""
        async with self._one_at_a_time:
            await self._fetch()
        if self._failure or self._kept is None:
            raise NoKeys(self._failure or "no_keys")
        return len(self._kept.keys)

    def _known(self, kid: str) -> PyJWK | None:
        return self._kept.keys.get(kid) if self._kept else None

    def _age(self) -> float:
        return self._now() - self._kept.at if self._kept else float("inf")

    async def _fetch(self) -> None:
        self._tried = self._now()
        try:
            async with asyncio.timeout(FETCH_SECONDS), aiohttp.ClientSession(trust_env=True) as session:
                metadata = await _object(session, self._url)
                listed = (await _object(session, _address(metadata))).get("keys")
        except (aiohttp.ClientError, OSError):  # a time-out is an OSError too
            self._failure = "keys_unreachable"
        except (ValueError, RecursionError):
            self._failure = "keys_unreadable"
        else:
            self._failure = ""
            self._kept = _Kept(_readable(listed), self._now())


def _address(metadata: Mapping[str, Any]) -> str:
    """Where the keys are. Raises `ValueError` for an address at which anybody on the way could change them."""
    address = metadata.get("jwks_uri")
    parts = urlsplit(address if isinstance(address, str) else "")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return parts.geturl()
    raise ValueError("no address of keys")


async def _object(session: aiohttp.ClientSession, url: str) -> Mapping[str, Any]:
    """A JSON object; an empty one for other JSON. Raises `ValueError`, and what aiohttp raises."""
    body = bytearray()
    async with session.get(url, allow_redirects=False, raise_for_status=True) as answer:
        async for part in answer.content.iter_any():
            body += part
            if len(body) > MAX_BYTES:
                raise ValueError("too large")
    found = json.loads(body)
    return found if isinstance(found, dict) else {}


def _readable(listed: object) -> Mapping[str, PyJWK]:
    """The RSA keys that vouch for Teams, by name. One that says nothing of channels vouches for all."""
    keys: dict[str, PyJWK] = {}
    for about in listed if isinstance(listed, list) else []:
        if not isinstance(about, dict) or about.get("kty") != "RSA" or not isinstance(about.get("kid"), str):
            continue
        endorsed = about.get("endorsements")
        if endorsed is not None and not (isinstance(endorsed, list) and CHANNEL in endorsed):
            continue
        try:
            keys[about["kid"]] = PyJWK(about, "RS256")
        except (PyJWTError, ValueError, TypeError):
            continue
    return keys
