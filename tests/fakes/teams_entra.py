"""Both sides of identity: Entra, which gives the bot its tokens, and the Bot Framework, which signs what Teams sends.

The keys are our own. `Entra.bearer` makes the token of one call to the bot, with every part changeable, so that a test
can forge any of it; tokens that the bot was given are accepted until they lapse, and no others. Tokens are written out
here by hand: the library that the service reads them with would not make the forged ones.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from fakes.teams_limits import Json

ISSUER = "https://api.botframework.com"
SCOPE = "https://api.botframework.com/.default"
PASSWORD = "the-client-secret-of-the-stand-in"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KID = "bot-framework-1"


@cache
def key_of(name: str) -> rsa.RSAPrivateKey:
    """One key a name and process: making them is slow."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _segment(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _number(value: int) -> str:
    return _segment(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _signature(signed: bytes, alg: str, key: rsa.RSAPrivateKey) -> bytes:
    if alg == "RS256":
        return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    if alg == "none":
        return b""
    secret = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hmac.digest(secret, signed, hashlib.sha256)


class Entra:
    """``certificate`` (PEM) is what the app's certificate is, where one was uploaded; ``tokens`` are those given to
    the bot, with the time at which each lapses."""

    def __init__(self, tenant: str, app: str) -> None:
        self.tenant = tenant
        self.app = app
        self.password = PASSWORD
        self.certificate: bytes | None = None
        self.token_seconds = 3600
        self.tokens: dict[str, float] = {}
        self.published: dict[str, str] = {KID: KID}

    # ----------------------------------------------------------------- what the Bot Framework signs

    def bearer(
        self, *, service_url: str, kid: str | None = KID, alg: str = "RS256", key: str = KID, **claims: Any
    ) -> str:
        """A token for one call to the bot. A claim that is None is left out.

        ``kid`` is what the header says, ``key`` the name of the key that signs; ``alg`` may be ``none``, or ``HS256``
        with the published key as its secret.
        """
        now = int(time.time())
        whole = {"iss": ISSUER, "aud": self.app, "nbf": now - 300, "exp": now + 3600, "serviceurl": service_url}
        said = {name: value for name, value in {**whole, **claims}.items() if value is not None}
        header = {"typ": "JWT", "alg": alg, **({"kid": kid, "x5t": kid} if kid else {})}
        signed = ".".join(_segment(json.dumps(part).encode()) for part in (header, said))
        return f"{signed}.{_segment(_signature(signed.encode(), alg, key_of(key)))}"

    def rotate(self, kid: str, *, keep: bool = False) -> None:
        """Publish a key under ``kid``, and the earlier ones no longer unless ``keep``."""
        self.published = {**(self.published if keep else {}), kid: kid}

    def key_set(self) -> Json:
        """The published keys, with the channels that they vouch for."""
        about = {"kty": "RSA", "use": "sig", "endorsements": ["msteams", "webchat", "emulator"]}
        numbers = {kid: key_of(name).public_key().public_numbers() for kid, name in self.published.items()}
        keys = [{**about, "kid": kid, "x5t": kid, "n": _number(n.n), "e": _number(n.e)} for kid, n in numbers.items()]
        return {"keys": keys}

    def framework_metadata(self, root: str) -> Json:
        return {
            "issuer": ISSUER,
            "authorization_endpoint": "https://invalid.botframework.com/",
            "jwks_uri": f"{root}/v1/.well-known/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        }

    # ----------------------------------------------------------------- what Entra gives the bot

    def entra_metadata(self, root: str, tenant: str) -> Json:
        base = f"{root}/{tenant}"
        return {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "tenant_region_scope": "EU",
        }

    def instance_discovery(self, root: str, host: str) -> Json:
        known = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
        endpoint = f"{root}/{self.tenant}/v2.0/.well-known/openid-configuration"
        return {"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [known]}

    def grant(self, tenant: str, form: dict[str, str], url: str) -> tuple[int, Json]:
        """The token endpoint's answer."""
        if tenant != self.tenant:
            return 400, _no("invalid_request", f"AADSTS90002: Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials" or form.get("scope") != SCOPE:
            return 400, _no("invalid_scope", "AADSTS70011: The provided request must include a 'scope' parameter.")
        if form.get("client_id") != self.app:
            return 400, _no("unauthorized_client", "AADSTS700016: Application was not found in the directory.")
        if not self._proved(form, url):
            return 401, _no("invalid_client", "AADSTS7000215: Invalid client secret provided.")
        token = f"entra.{secrets.token_urlsafe(24)}"
        self.tokens[token] = time.time() + self.token_seconds
        return 200, {"token_type": "Bearer", "expires_in": self.token_seconds, "access_token": token}

    def admits(self, authorization: str) -> bool:
        """Whether a call carries a token that was given and has not lapsed."""
        scheme, _, token = authorization.partition(" ")
        return scheme == "Bearer" and self.tokens.get(token, 0) > time.time()

    def _proved(self, form: dict[str, str], url: str) -> bool:
        if form.get("client_assertion_type") == ASSERTION and self.certificate:
            return self._asserted(form.get("client_assertion", ""), url)
        return hmac.compare_digest(form.get("client_secret", ""), self.password)

    def _asserted(self, assertion: str, url: str) -> bool:
        """Whether it is the app's, for this endpoint, unlapsed and signed with its certificate's key."""
        assert self.certificate is not None
        key = x509.load_pem_x509_certificate(self.certificate).public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        signed, _, signature = assertion.rpartition(".")
        header, claims = (dict(json.loads(_bytes(part))) for part in signed.split("."))
        whole = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        scheme = whole if header["alg"] == "PS256" else padding.PKCS1v15()
        try:
            key.verify(_bytes(signature), signed.encode(), scheme, hashes.SHA256())
        except InvalidSignature:
            return False
        ours = {"aud": url, "iss": self.app, "sub": self.app}
        return ours.items() <= claims.items() and float(claims["exp"]) > time.time()


def _no(error: str, description: str) -> Json:
    return {"error": error, "error_description": description, "error_codes": [0]}
