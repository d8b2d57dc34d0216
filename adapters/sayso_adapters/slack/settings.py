"""What the operator sets for Slack, read without importing Slack's libraries.

A platform with nothing set is off; half a set, or parts of two that do not go together, is one sentence that says what
to do. Secrets are never repeated in a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sayso_bot.domain.hosts import is_loopback

DEFAULT_API_URL = "https://slack.com/api/"

TOKEN, SECRET, APP_TOKEN = "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"
CLIENT_ID, CLIENT_SECRET, API_URL = "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_API_URL"
_FORMS: Mapping[str, tuple[tuple[str, ...], str]] = {
    TOKEN: (("xoxb-", "xoxe.xoxb-"), "a bot token: it must begin with xoxb-. Copy the Bot User OAuth Token."),
    APP_TOKEN: (("xapp-",), "an app-level token: it must begin with xapp-. Make one with the scope connections:write."),
}


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """A complete set: one workspace's bot token with the signing secret (HTTP), the app-level token (Socket Mode) or
    both; or the client of an app that many workspaces install. What is not set is empty.
    """

    api_url: str
    bot_token: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)
    app_token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)

    @property
    def many_workspaces(self) -> bool:
        """Whether workspaces install the app themselves."""
        return bool(self.client_id)

    @property
    def over_http(self) -> bool:
        """Whether Slack may call us: only what it signs can be believed."""
        return bool(self.signing_secret)

    @property
    def over_socket(self) -> bool:
        return bool(self.app_token)


def configured(settings: Mapping[str, str]) -> bool | str:
    """True when Slack is configured, False when nothing is set, else the sentence that names what is wrong."""
    given = {name: value.strip() for name, value in settings.items() if name.startswith("SLACK_") and value.strip()}
    known = (TOKEN, SECRET, APP_TOKEN, CLIENT_ID, CLIENT_SECRET, API_URL)
    if not any(name in given for name in known):
        return False
    return _wrong_set(given) or _wrong_value(given) or True


def read(settings: Mapping[str, str]) -> SlackSettings:
    """The settings, which `configured` must have accepted."""
    if (answer := configured(settings)) is not True:
        raise ValueError(answer or "Slack is not configured.")
    given = {name: settings.get(name, "").strip() for name in (TOKEN, SECRET, APP_TOKEN, CLIENT_ID, CLIENT_SECRET)}
    return SlackSettings(
        api_url=(settings.get(API_URL, "").strip() or DEFAULT_API_URL).rstrip("/") + "/",
        bot_token=given[TOKEN],
        signing_secret=given[SECRET],
        app_token=given[APP_TOKEN],
        client_id=given[CLIENT_ID],
        client_secret=given[CLIENT_SECRET],
    )


def _wrong_set(given: Mapping[str, str]) -> str | None:
    """What is missing of the set that the given ones begin, or what does not belong to it."""
    if CLIENT_ID in given or CLIENT_SECRET in given:
        extra = [name for name in (TOKEN, APP_TOKEN) if name in given]
        if extra:
            return (
                f"{_named(extra)} and {CLIENT_ID} do not go together: with a client, workspaces install the app by"
                f" themselves and their tokens are kept for you. Remove {'it' if len(extra) == 1 else 'them'}, or"
                f" {CLIENT_ID} and {CLIENT_SECRET}."
            )
        return _missing(given, "For many workspaces Slack", (CLIENT_ID, CLIENT_SECRET, SECRET))
    if APP_TOKEN in given:
        return _missing(given, "With Socket Mode Slack", (TOKEN, APP_TOKEN))
    return _missing(given, "Slack", (TOKEN, SECRET))


def _missing(given: Mapping[str, str], what: str, needed: Sequence[str]) -> str | None:
    missing = [name for name in needed if name not in given]
    if not missing:
        return None
    return f"{what} needs {_named(needed)}, and {_named(missing)} {'is' if len(missing) == 1 else 'are'} not set."


def _named(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _wrong_value(given: Mapping[str, str]) -> str | None:
    for name, (beginnings, must) in _FORMS.items():
        if name in given and not given[name].startswith(beginnings):
            return f"{name} is not {must}"
    url = given.get(API_URL)
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        return f"{API_URL} is not an address: it must look like https://slack-gov.com/api/."
    if parts.scheme == "http" and not is_loopback(host):
        return f"{API_URL} must be https: the tokens would cross the network in the clear."
    return None
