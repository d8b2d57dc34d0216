"""Whether a call comes from Teams: its token, held against the Bot Framework's keys before any of its body is read.

The SDK checks signature, algorithm, audience and time. It would also believe Entra's tokens of Microsoft's own tenants,
tokens without an end, and tokens that name no connector; and its own way of fetching keys blocks a thread for half a
minute, from an address that cannot be set (docs/decisions/0020-proving-teams.md). So the keys are ours, and the rest is
looked at here.
"""

from __future__ import annotations

import re
from typing import Any

from jwt import PyJWK, PyJWTError
from microsoft_agents.hosting.core import AgentAuthConfiguration, ClaimsIdentity, JwtTokenValidator

from sayso_adapters.teams.keys import KeySet
from sayso_adapters.teams.settings import TeamsSettings

_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9_-]{1,4000}\.[A-Za-z0-9_-]{1,8000}\.[A-Za-z0-9_-]{0,2000})\Z")


class Unproved(Exception):
    """Nobody who calls so is believed. ``what`` is a short word, for the log."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Proof:
    def __init__(self, settings: TeamsSettings, keys: KeySet) -> None:
        self._settings = settings
        self._validator = _Validator(configuration(settings), keys)

    async def of(self, authorization: str) -> ClaimsIdentity:
        """Who calls, by the header ``Authorization``. Raises `Unproved`, `NoKeys`."""
        if self._settings.local:
            return ClaimsIdentity()
        bearer = _BEARER.match(authorization)
        if bearer is None:
            raise Unproved("no_token")
        try:
            identity = await self._validator.validate_token(bearer[1])
        except (PyJWTError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise Unproved(type(error).__name__) from None
        if wrong := self._wrong(identity.claims):
            raise Unproved(wrong)
        return identity

    def _wrong(self, claims: dict[str, Any]) -> str:
        """What of a token with a right signature is not as the Bot Framework makes it."""
        if claims.get("iss") != self._settings.audience:
            return "issuer"
        if not all(isinstance(claims.get(name), int | float) for name in ("exp", "nbf")):
            return "lifetime"
        return "" if isinstance(claims.get("serviceurl"), str) and claims["serviceurl"] else "service_url"


def configuration(settings: TeamsSettings) -> AgentAuthConfiguration:
    """The SDK's, for what comes in: no secret is needed there. Its own default is to believe any issuer."""
    return AgentAuthConfiguration(
        client_id=settings.app_id,
        tenant_id=settings.tenant_id,
        issuers=[settings.audience],
        validate_issuer=True,
        anonymous_allowed=False,
    )


class _Validator(JwtTokenValidator):
    """The SDK's, with our keys in the place of its own."""

    def __init__(self, accepted: AgentAuthConfiguration, keys: KeySet) -> None:
        super().__init__(accepted)
        self._jwk_client_manager: Any = _Keys(keys)


class _Keys:
    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    async def get_signing_key(self, jwks_uri: str, header: dict[str, Any]) -> PyJWK:
        """The key that a token names, wherever the SDK would look for it."""
        kid = header.get("kid")
        found = await self._keys.key(kid) if isinstance(kid, str) else None
        if found is None:
            raise ValueError("unknown key")
        return found
