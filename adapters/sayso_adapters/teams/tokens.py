"""The token with which we speak to Teams: got from Entra with the app's secret or certificate, kept while it holds.

One form is posted, by the OAuth 2.0 client credentials grant, within a bounded time and for all callers at once
(docs/decisions/0021-tokens-without-msal.md). A secret or a token is never in an error or a log.
"""

from __future__ import annotations

import asyncio
import base64
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from sayso_adapters.teams.settings import CERT_FILE, PASSWORD, TeamsSettings
from sayso_bot.errors import Unusable
from sayso_bot.ports import AdapterError, Gone, Retry

TIMEOUT_SECONDS = 8.0
RENEW_BEFORE_SECONDS = 300.0
SHORTEST_LIFE_SECONDS = 30.0
ASSERTION_SECONDS = 300
_BY_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Certificate:
    key: RSAPrivateKey
    thumbprint: str


class Tokens:
    """``now`` tells the seconds by which a token's life is measured. Raises `Unusable` for a file that is no
    certificate."""

    def __init__(self, settings: TeamsSettings, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._url = f"{settings.authority_url}/{settings.tenant_id}/oauth2/v2.0/token"
        self._certificate = certificate(settings.cert_file) if settings.cert_file else None
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def token(self) -> str:
        """The token to use now; empty with the emulator, which asks for none. Raises `AdapterError`."""
        if self._settings.local:
            return ""
        async with self._one_at_a_time:
            if self._now() >= self._until:
                self._token, seconds = await self._ask()
                self._until = self._now() + max(SHORTEST_LIFE_SECONDS, seconds - RENEW_BEFORE_SECONDS)
            return self._token

    def refused(self, token: str) -> None:
        """Teams does not take ``token``: another is got for the next call."""
        if token == self._token:
            self._until = 0.0

    async def _ask(self) -> tuple[str, float]:
        """A token and how many seconds it holds."""
        limits = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=limits, trust_env=True) as session,
                session.post(self._url, data=self._form(), allow_redirects=False) as answer,
            ):
                status, said = answer.status, await answer.json(content_type=None)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise Retry("entra_unreachable") from None
        except (aiohttp.ClientError, OSError):  # a time-out is an OSError too
            raise Retry("entra_no_answer") from None
        except ValueError:
            raise Retry("entra_bad_answer") from None
        return _token_in(status, said)

    def _form(self) -> Mapping[str, str]:
        settings = self._settings
        form = {
            "client_id": settings.app_id,
            "scope": f"{settings.audience}/.default",
            "grant_type": "client_credentials",
        }
        if self._certificate is None:
            return form | {"client_secret": settings.password}
        assertion = _assertion(self._certificate, settings.app_id, self._url)
        return form | {"client_assertion_type": _BY_ASSERTION, "client_assertion": assertion}


def _token_in(status: int, said: Any) -> tuple[str, float]:
    token = said.get("access_token") if isinstance(said, dict) else None
    seconds = said.get("expires_in") if isinstance(said, dict) else None
    if status == 200 and isinstance(token, str) and token and isinstance(seconds, int | float):
        return token, float(seconds)
    raise _refusal(status)


def _refusal(status: int) -> AdapterError:
    if status in (400, 401, 403):
        error = Gone("app_refused")
        error.todo = (
            f"Entra does not let the app sign in. Look whether {PASSWORD} (or {CERT_FILE}) is the app's, and whether it"
            " has lapsed."
        )
        return error
    return Retry("entra_bad_answer" if status == 200 else f"entra_http_{status}")


def _assertion(own: Certificate, app_id: str, audience: str) -> str:
    """What proves, by the certificate, that we are the app (Entra's JWT for client authentication)."""
    at = int(time.time())
    claims = {
        "aud": audience,
        "iss": app_id,
        "sub": app_id,
        "jti": str(uuid.uuid4()),
        "nbf": at,
        "iat": at,
        "exp": at + ASSERTION_SECONDS,
    }
    return jwt.encode(claims, own.key, algorithm="PS256", headers={"x5t#S256": own.thumbprint})


def certificate(file: str) -> Certificate:
    """The RSA key and the certificate in a PEM file, or in a PFX file without a password. Raises `Unusable`."""
    try:
        content = Path(file).read_bytes()
    except OSError:
        raise Unusable(f"{CERT_FILE} names a file that does not exist or that this user may not read.") from None
    try:
        key: Any
        found: x509.Certificate | None
        if b"-----BEGIN" in content:
            key, found = load_pem_private_key(content, None), x509.load_pem_x509_certificate(content)
        else:
            key, found, _ = pkcs12.load_key_and_certificates(content, None)
    except (ValueError, TypeError):
        key = found = None
    if not isinstance(key, RSAPrivateKey) or found is None:
        raise Unusable(
            f"{CERT_FILE} names a file without an RSA key and its certificate. Put both into one PEM file, the key"
            " without a pass phrase."
        )
    digest = base64.urlsafe_b64encode(found.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
    return Certificate(key, digest)
