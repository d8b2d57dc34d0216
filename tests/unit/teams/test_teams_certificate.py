"""An app that signs in with a certificate: of either form, and never with what is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from fakes.teams import FakeTeams
from fakes.teams_entra import key_of
from sayso_adapters.teams.settings import read
from sayso_adapters.teams.tokens import Tokens, certificate
from sayso_bot.errors import Unusable
from sayso_bot.ports import Gone

KEY = key_of("certificate")
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sayso")])
MADE = (
    x509.CertificateBuilder()
    .subject_name(NAME)
    .issuer_name(NAME)
    .public_key(KEY.public_key())
    .serial_number(1)
    .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    .not_valid_after(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=3650))
    .sign(KEY, hashes.SHA256())
)
CERTIFICATE = MADE.public_bytes(Encoding.PEM)
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("form", ["pem", "pfx"])
async def test_the_app_signs_in_with_its_certificate(teams: FakeTeams, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"app.{form}"
    whole = pkcs12.serialize_key_and_certificates(b"sayso", KEY, MADE, None, NoEncryption())
    file.write_bytes(PRIVATE + CERTIFICATE if form == "pem" else whole)
    settings = {**teams.settings(), "TEAMS_CERT_FILE": str(file)}
    del settings["TEAMS_APP_PASSWORD"]
    teams.certificate = CERTIFICATE
    assert await Tokens(read(settings)).token()
    assert "client_secret" not in teams.called("token")[0]["form"]


async def test_another_certificate_than_the_apps_does_not_sign_in(teams: FakeTeams, tmp_path: Path) -> None:
    file = tmp_path / "app.pem"
    file.write_bytes(PRIVATE + CERTIFICATE)
    settings = {**teams.settings(), "TEAMS_CERT_FILE": str(file)}
    del settings["TEAMS_APP_PASSWORD"]
    with pytest.raises(Gone) as raised:
        await Tokens(read(settings)).token()
    assert "TEAMS_CERT_FILE" in raised.value.todo


_ELLIPTIC = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing",
        PRIVATE,
        CERTIFICATE,
        _ELLIPTIC + CERTIFICATE,
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")) + CERTIFICATE,
    ],
    ids=["empty", "nothing", "no certificate", "no key", "no RSA key", "locked"],
)
def test_what_is_no_certificate_is_said_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "app.pem"
    file.write_bytes(content)
    with pytest.raises(Unusable, match="TEAMS_CERT_FILE") as raised:
        certificate(str(file))
    assert "BEGIN" not in str(raised.value)
