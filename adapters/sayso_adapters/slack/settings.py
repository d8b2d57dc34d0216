"""What the operator sets for Slack, read without importing Slack's libraries.

A platform with nothing set is off; half a set, or a set that this version does not speak, is one sentence that says
what to do. Secrets are never repeated in a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sayso_bot.domain.hosts import is_loopback

DEFAULT_API_URL = "https://slack.com/api/"

_NEEDED = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET")
_LATER = ("SLACK_APP_TOKEN", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET")
_BOT_TOKENS = ("xoxb-", "xoxe.xoxb-")


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """A complete set: one workspace's bot token, the app's signing secret, and where the Web API is."""

    bot_token: str = field(repr=False)
    signing_secret: str = field(repr=False)
    api_url: str


def configured(settings: Mapping[str, str]) -> bool | str:
    """True when Slack is configured, False when nothing is set, else the sentence that names what is wrong."""
    given = {name: value.strip() for name, value in settings.items() if name.startswith("SLACK_") and value.strip()}
    later = [name for name in _LATER if name in given]
    if later:
        return (
            f"{' and '.join(later)} cannot be used: this version speaks HTTP to Slack, with a single bot token only."
            f" Set {' and '.join(_NEEDED)}, and remove {'it' if len(later) == 1 else 'them'}."
        )
    missing = [name for name in _NEEDED if name not in given]
    if len(missing) == len(_NEEDED) and "SLACK_API_URL" not in given:
        return False
    if missing:
        return f"Slack needs {' and '.join(_NEEDED)}, and {' and '.join(missing)} {_is(missing)} not set."
    return _wrong_value(given) or True


def read(settings: Mapping[str, str]) -> SlackSettings:
    """The settings, which `configured` must have accepted."""
    if (answer := configured(settings)) is not True:
        raise ValueError(answer or "Slack is not configured.")
    return SlackSettings(
        bot_token=settings["SLACK_BOT_TOKEN"].strip(),
        signing_secret=settings["SLACK_SIGNING_SECRET"].strip(),
        api_url=(settings.get("SLACK_API_URL", "").strip() or DEFAULT_API_URL).rstrip("/") + "/",
    )


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _wrong_value(given: Mapping[str, str]) -> str | None:
    if not given["SLACK_BOT_TOKEN"].startswith(_BOT_TOKENS):
        return "SLACK_BOT_TOKEN is not a bot token: it must begin with xoxb-. Copy the Bot User OAuth Token."
    url = given.get("SLACK_API_URL")
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        return "SLACK_API_URL is not an address: it must look like https://slack-gov.com/api/."
    if parts.scheme == "http" and not is_loopback(host):
        return "SLACK_API_URL must be https: the bot token would cross the network in the clear."
    return None
