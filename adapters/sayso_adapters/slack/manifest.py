"""The app's manifest, from which Slack makes the app: what it asks for, and where Slack is to call.

It is printed line by line, so that the file in the project's root, with an example address, is this text and no other.
"""

from __future__ import annotations

from collections.abc import Iterator

from sayso_adapters.slack.wire import SCOPES

COMMAND = "/sayso"
EVENTS = ("app_home_opened", "app_uninstalled", "tokens_revoked")
BOT_SCOPES = tuple(sorted(SCOPES | {"commands"}))

EVENTS_PATH, REDIRECT_PATH = "/slack/events", "/slack/oauth_redirect"


def manifest(public_url: str, *, socket: bool = False) -> str:
    """The manifest as YAML, for an app that Slack calls at ``public_url``, or for one with Socket Mode."""
    return "".join(f"{line}\n" for line in _lines(public_url.rstrip("/"), socket))


def _lines(address: str, socket: bool) -> Iterator[str]:
    calls = f"{address}{EVENTS_PATH}"
    yield "# The Slack app. Create it at https://api.slack.com/apps?new_app=1 (From a manifest). Each scope is needed"
    yield "# by something that Sayso does; docs/slack.md says which."
    yield "_metadata:"
    yield "  major_version: 2"
    yield "  minor_version: 1"
    yield "display_information:"
    yield "  name: Sayso"
    yield "  description: Asks people before an AI agent acts, and takes their answer."
    yield '  background_color: "#1f2a37"'
    yield "features:"
    yield "  app_home:"
    yield "    home_tab_enabled: true"
    yield "    messages_tab_enabled: true"
    yield "    messages_tab_read_only_enabled: true"
    yield "  bot_user:"
    yield "    display_name: Sayso"
    yield "    always_online: true"
    yield "  shortcuts:"
    yield from _shortcut("What waits for me", "global", "sayso_pending", "Lists the requests that you may decide.")
    yield from _shortcut("Show this request", "message", "sayso_show", "Shows all of the request of a card.")
    yield "  slash_commands:"
    yield f"    - command: {COMMAND}"
    if not socket:
        yield f"      url: {calls}"
    yield "      description: Requests of AI agents that wait for an answer."
    yield '      usage_hint: "pending | show ID | routes | help"'
    yield "      should_escape: false"
    yield "oauth_config:"
    if not socket:
        yield "  redirect_urls:"
        yield f"    - {address}{REDIRECT_PATH}"
    yield "  scopes:"
    yield "    bot:"
    yield from (f"      - {scope}" for scope in BOT_SCOPES)
    yield "settings:"
    yield "  event_subscriptions:"
    if not socket:
        yield f"    request_url: {calls}"
    yield "    bot_events:"
    yield from (f"      - {event}" for event in EVENTS)
    yield "  interactivity:"
    yield "    is_enabled: true"
    if not socket:
        yield f"    request_url: {calls}"
    yield "  org_deploy_enabled: false"
    yield f"  socket_mode_enabled: {'true' if socket else 'false'}"
    yield "  token_rotation_enabled: false"


def _shortcut(name: str, kind: str, callback_id: str, description: str) -> Iterator[str]:
    yield f"    - name: {name}"
    yield f"      type: {kind}"
    yield f"      callback_id: {callback_id}"
    yield f"      description: {description}"
