"""What the operator sets for Teams, read without importing Microsoft's libraries.

A platform with nothing set is off; half a set, or parts of two that do not go together, is one sentence that says what
to do. Secrets are never repeated in a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sayso_bot.domain.hosts import is_loopback

APP_ID, PASSWORD, CERT_FILE, TENANT_ID = "TEAMS_APP_ID", "TEAMS_APP_PASSWORD", "TEAMS_CERT_FILE", "TEAMS_TENANT_ID"
LOCAL, AUTHORITY_URL, OPENID_URL = "TEAMS_LOCAL", "TEAMS_AUTHORITY_URL", "TEAMS_OPENID_URL"

DEFAULT_AUTHORITY_URL = "https://login.microsoftonline.com"
DEFAULT_OPENID_URL = "https://login.botframework.com/v1/.well-known/openidconfiguration"
LOCAL_TENANT = "00000000-0000-0000-0000-0000000000001"
"""What Microsoft's emulator calls its tenant where nothing else is set."""
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12,13}\Z")
"""Ids of Entra in lower case. Those of Microsoft's emulator are a digit longer."""

_ON, _OFF = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
_US_GOVERNMENT = (".azure.us", ".botframework.us")


@dataclass(frozen=True, slots=True)
class TeamsSettings:
    """A complete set: an app of one tenant with its secret or its certificate; or, ``local``, Microsoft's emulator on
    this machine, which proves nothing. What is not set is empty. Addresses have no slash at their end.
    """

    tenant_id: str
    app_id: str = ""
    password: str = field(default="", repr=False)
    cert_file: str = ""
    local: bool = False
    authority_url: str = DEFAULT_AUTHORITY_URL
    openid_url: str = DEFAULT_OPENID_URL

    @property
    def stand_in(self) -> bool:
        """Whether what we speak to may be on this machine: the emulator, or a stand-in whose keys are from here."""
        return self.local or is_loopback(urlsplit(self.openid_url).hostname or "")

    @property
    def audience(self) -> str:
        """Who issues the tokens that prove Teams, and for whom ours are made."""
        government = (urlsplit(self.openid_url).hostname or "").endswith(_US_GOVERNMENT)
        return "https://api.botframework.us" if government else "https://api.botframework.com"


def configured(settings: Mapping[str, str]) -> bool | str:
    """True when Teams is configured, False when nothing is set, else the sentence that names what is wrong."""
    known = (APP_ID, PASSWORD, CERT_FILE, TENANT_ID, LOCAL, AUTHORITY_URL, OPENID_URL)
    given = {name: settings[name].strip() for name in known if settings.get(name, "").strip()}
    if given.get(LOCAL, "").lower() in _OFF:
        del given[LOCAL]
    if not given:
        return False
    return _wrong_set(given) or _wrong_value(given) or True


def read(settings: Mapping[str, str]) -> TeamsSettings:
    """The settings, which `configured` must have accepted."""
    if (answer := configured(settings)) is not True:
        raise ValueError(answer or "Teams is not configured.")
    local = settings.get(LOCAL, "").strip().lower() in _ON
    return TeamsSettings(
        tenant_id=settings.get(TENANT_ID, "").strip().lower() or LOCAL_TENANT,
        app_id=settings.get(APP_ID, "").strip().lower(),
        password=settings.get(PASSWORD, "").strip(),
        cert_file=settings.get(CERT_FILE, "").strip(),
        local=local,
        authority_url=(settings.get(AUTHORITY_URL, "").strip() or DEFAULT_AUTHORITY_URL).rstrip("/"),
        openid_url=(settings.get(OPENID_URL, "").strip() or DEFAULT_OPENID_URL).rstrip("/"),
    )


def _wrong_set(given: Mapping[str, str]) -> str | None:
    """What is missing, or what does not belong together."""
    if LOCAL in given:
        extra = [name for name in (PASSWORD, CERT_FILE) if name in given]
        if extra:
            return (
                f"{LOCAL} is for Microsoft's emulator on this machine, from which anybody is believed; with {extra[0]}"
                f" Teams itself is meant. Remove {LOCAL}, or {_named(extra)}."
            )
        return None
    if PASSWORD in given and CERT_FILE in given:
        return f"{PASSWORD} and {CERT_FILE} are both set: keep the one with which the app signs in."
    missing = [name for name in (APP_ID, TENANT_ID) if name not in given]
    if PASSWORD not in given and CERT_FILE not in given:
        missing.append(f"{PASSWORD} (or {CERT_FILE})")
    if not missing:
        return None
    needed = f"{APP_ID}, {TENANT_ID} and {PASSWORD} (or {CERT_FILE})"
    return f"Teams needs {needed}, and {_named(missing)} {'is' if len(missing) == 1 else 'are'} not set."


def _named(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _wrong_value(given: Mapping[str, str]) -> str | None:
    if LOCAL in given and given[LOCAL].lower() not in _ON:
        return f"{LOCAL} must be 1 or 0."
    for name, what in ((APP_ID, "the Application (client) ID"), (TENANT_ID, "the Directory (tenant) ID")):
        if name in given and not GUID.match(given[name].lower()):
            return f"{name} is not {what} of the app's registration, such as 00000000-0000-0000-0000-000000000000."
    for name in (AUTHORITY_URL, OPENID_URL):
        if name in given and (wrong := _wrong_address(name, given[name])):
            return wrong
    return None


def _wrong_address(name: str, url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.username is not None:
        return f"{name} is not an address that begins with https://."
    if parts.scheme == "http" and not is_loopback(host):
        return f"{name} must be https: what comes from there is believed, and secrets are sent there."
    return None
