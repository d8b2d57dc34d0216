"""Which addresses in a payload are Slack's own. No other is ever called, whatever Slack's signature says."""

from __future__ import annotations

from urllib.parse import urlsplit

from sayso_bot.domain.hosts import is_loopback

HOOKS, FILES = "hooks", "files"


def is_slacks(url: str, api_url: str, of: str = HOOKS) -> bool:
    """Whether ``url`` is of the Slack behind ``api_url``: at its host ``hooks`` or ``files``, or at a stand-in."""
    api = urlsplit(api_url)
    try:
        asked = urlsplit(url)
        port = asked.port
    except ValueError:
        return False
    if asked.username is not None or asked.password is not None:
        return False
    if is_loopback(api.hostname or ""):
        return (asked.scheme, asked.hostname, port) == (api.scheme, api.hostname, api.port)
    return (asked.scheme, asked.hostname, port) == ("https", f"{of}.{api.hostname}", None)
