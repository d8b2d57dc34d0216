"""Who calls: a key proves an agent, and operators are on this machine or hold an admin's key."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from aiohttp import hdrs, web

from sayso_bot.domain.key import Key
from sayso_bot.errors import Forbidden, Unauthenticated

MAX_SECRET = 200
KNOWN_HOST = web.RequestKey("known_host", bool)
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Keyring(Protocol):
    async def find(self, secret: str) -> Key | None: ...


def authenticator(keyring: Keyring) -> Callable[[web.Request], Awaitable[Key]]:
    """The key of a call. Raises `Unauthenticated`, which says the same for a missing, unknown and revoked one."""

    async def authenticate(http_request: web.Request) -> Key:
        scheme, _, secret = http_request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        secret = secret.strip()
        if scheme.lower() == "bearer" and secret and len(secret) <= MAX_SECRET and secret.isascii():
            key = await keyring.find(secret)
            if key is not None:
                return key
        raise Unauthenticated(
            "Send a valid key as Authorization: Bearer sk_…; an operator makes one: sayso keys create."
        )

    return authenticate


class Admits(Protocol):
    """Raises `Unauthenticated`, or `Forbidden` for a key that is not an admin's where none but theirs will do."""

    def __call__(self, http_request: web.Request, /, *, any_key: bool = False) -> Awaitable[None]: ...


def operators_only(keyring: Keyring, trusted: Sequence[Network]) -> Admits:
    """Admits callers on this machine, and admin keys.

    A call that a proxy passed on comes from elsewhere, unless a trusted proxy says otherwise. So does one that a page
    elsewhere sends by rebinding its name to this machine.
    """
    authenticate = authenticator(keyring)

    async def check(http_request: web.Request, /, *, any_key: bool = False) -> None:
        if hdrs.AUTHORIZATION in http_request.headers:
            if "admin" not in (await authenticate(http_request)).kinds and not any_key:
                raise Forbidden("This key is not an admin's.")
            return
        caller = _caller(http_request, trusted)
        if (caller is not None and not caller.is_loopback) or not http_request.get(KNOWN_HOST, False):
            raise Unauthenticated("From another machine this needs an admin key.")

    return check


def _caller(
    http_request: web.Request, trusted: Sequence[Network]
) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The caller's address, None for a Unix socket's. What an untrusted proxy says makes a caller a stranger."""
    peer = http_request.transport.get_extra_info("peername") if http_request.transport else None
    if not peer or not isinstance(peer, tuple):
        return None
    address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
    passed_on = http_request.headers.get("X-Forwarded-For")
    if passed_on is None and "Forwarded" not in http_request.headers:
        return address
    if passed_on is not None and any(address in network for network in trusted):
        try:
            return ipaddress.ip_address(passed_on.rpartition(",")[2].strip())
        except ValueError:
            return ipaddress.IPv4Address(0)
    return ipaddress.IPv4Address(0)
