"""Where the service is, what proves the agent to it, and when that proof may travel.

The key is sent to one origin only, over TLS or on this machine, and it is in no repr, message or log.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from sayso.errors import Unusable

DEFAULT_URL = "http://127.0.0.1:8080"


class Bearer(httpx.Auth):
    """Adds the key to a request, and never prints it."""

    def __init__(self, key: str) -> None:
        self.__value = f"Bearer {key}"

    def __repr__(self) -> str:
        return "Bearer(…)"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self.__value
        yield request


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A checked address with its key. ``direct`` says that no proxy of the environment may be used."""

    url: str
    bearer: Bearer = field(repr=False)
    direct: bool


def locate(
    url: str | None, key: str | None, insecure: bool | None, environ: Mapping[str, str] = os.environ
) -> Endpoint:
    """What is given, else ``SAYSO_URL`` and ``SAYSO_KEY`` or their ``…_FILE`` forms. Raises `Unusable`."""
    address = url or _setting("SAYSO_URL", environ) or DEFAULT_URL
    secret = key or _setting("SAYSO_KEY", environ)
    if not secret:
        raise Unusable("No key is set. Make one with: sayso keys create NAME. Then set SAYSO_KEY or SAYSO_KEY_FILE.")
    if not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise Unusable("The key holds characters that no key has. Copy it again, whole and alone.")
    allowed = _truth(environ.get("SAYSO_INSECURE")) if insecure is None else insecure
    parsed = _checked(address, allowed)
    return Endpoint(str(parsed).rstrip("/"), Bearer(secret), direct=parsed.scheme == "http")


def _checked(address: str, insecure: bool) -> httpx.URL:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        raise Unusable("The address of the service is not a URL. It looks like https://sayso.example.com.") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise Unusable("The address of the service must start with https:// or http:// and name a host.")
    if url.userinfo or url.query or url.fragment:
        raise Unusable("The address of the service may hold a host, a port and a path, and nothing else.")
    if url.scheme == "http" and not insecure and not _loopback(url.host):
        raise Unusable(
            f"The key is not sent to {url.host} over plain http, where others could read it. "
            "Use https, or accept it with insecure=True or SAYSO_INSECURE=1."
        )
    return url


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _truth(text: str | None) -> bool:
    return (text or "").strip().lower() in ("1", "true", "yes", "on")


def _setting(name: str, environ: Mapping[str, str]) -> str | None:
    value = (environ.get(name) or "").strip()
    path = environ.get(f"{name}_FILE")
    if value and path:
        raise Unusable(f"Both {name} and {name}_FILE are set. Keep one of them.")
    if not path:
        return value or None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        raise Unusable(f"{name}_FILE names a file that cannot be read: {path}") from None
