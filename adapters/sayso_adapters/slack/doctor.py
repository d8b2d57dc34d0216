"""Whether Slack can be spoken to and can reach us, whether the channels that the policy names can be posted to, and
what to do about each that cannot.

Looking posts nothing: Slack is asked what it knows of the channel. A person's direct messages are opened by the first
card, so there is nothing to look at before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sayso_adapters.slack.manifest import BOT_SCOPES, EVENTS_PATH
from sayso_adapters.slack.people import CHANNEL
from sayso_adapters.slack.settings import read
from sayso_adapters.slack.socket import REMEDY, Sockets
from sayso_adapters.slack.workspaces import Workspace, Workspaces
from sayso_bot.domain.policy import Route, places_of
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.ports import AdapterContext, AdapterError, Check, PlaceLook, Retry

FIXES = {
    "channel_not_found": (
        "Slack knows no such channel, or it is private and the bot is not in it. Copy the id (C…) from the channel's"
        " details, and type /invite @Sayso there."
    ),
    "is_archived": "The channel is archived. Unarchive it, or name another in the policy.",
    "missing_scope": "The token may not look at channels. Add channels:read and groups:read, and install the app anew.",
    "not_in_channel": "The bot is not in the channel. Type /invite @Sayso there.",
    "not_installed": "The app is not installed in that workspace: sayso slack install-link makes a link for it.",
    "other_workspace": "The channel is of another workspace than the token. Set that one's token, or name another.",
    "which_workspace": "Several workspaces are installed. Write it with its workspace: slack:T0TEAM/C0CHANNEL.",
}
_SECRET = re.compile(r"[A-Za-z0-9]{32}\Z")


async def check(context: AdapterContext, workspaces: Workspaces, sockets: Sockets | None) -> list[Check]:
    """All findings. ``sockets`` are those of Socket Mode, where it is used."""
    settings, desk = read(context.settings), context.desk
    tokens = [found for workspace in workspaces.all() for found in await _check_token(workspace)]
    if not tokens:
        todo = "No workspace has installed the app. `sayso slack install-link` makes a link for one."
        tokens = [Check("slack workspaces", ok=True, detail=todo, warning=True)]
    channels = await check_channels(workspaces, desk.routes(), desk.live_routes())
    ways = [] if sockets is None else [await _check_socket(sockets)]
    if settings.over_http:
        address = f"{context.public_url.rstrip('/')}{EVENTS_PATH}"
        ways += [check_secret(settings.signing_secret), _check_address(address), _check_clock(context)]
    return [*tokens, *channels, *ways]


async def _check_token(workspace: Workspace) -> list[Check]:
    of = f" of {workspace.installation}" if workspace.installation else ""
    try:
        home, scopes = await workspace.ask()
    except AdapterError as error:
        fix = (
            f"Slack cannot be reached ({error.what}). Check this machine's way to it, and try again shortly."
            if isinstance(error, Retry)
            else f"Slack refuses the token ({error.what}). Install the app again, and set the token that it then shows."
        )
        return [Check(f"slack token{of}", ok=False, detail=fix)]
    missing = sorted(set(BOT_SCOPES) - scopes)
    sentence = f"Add {', '.join(missing)} and install the app again." if missing else "All scopes are there."
    return [
        Check(f"slack token{of}", ok=True, detail=f"The bot is {home.bot_user} in {home.name} ({home.team})."),
        Check(f"slack scopes{of}", ok=not missing, detail=sentence),
    ]


def _check_address(url: str) -> Check:
    if url.startswith("https://"):
        return Check("slack address", ok=True, detail=f"The app's interactivity address must be {url}.")
    return Check("slack address", ok=False, detail=f"Slack sends taps to https only; SAYSO_PUBLIC_URL gives {url}.")


def _check_clock(context: AdapterContext) -> Check:
    right = context.clock_is_right()
    wrong = "This machine's clock is off, so every tap is refused with 503. Set it."
    return Check("slack clock", ok=right, detail="Signatures can be checked." if right else wrong)


def check_secret(signing_secret: str) -> Check:
    """Whether it has the form of a signing secret. Whether it is the right one shows with the first tap alone."""
    name = "slack signing secret"
    if _SECRET.match(signing_secret):
        return Check(name, ok=True, detail="It has the form of one.")
    fix = (
        "SLACK_SIGNING_SECRET is not 32 letters and digits, so it is no signing secret of Slack's."
        " Copy the Signing Secret, not the Client Secret, from the app's Basic Information."
    )
    return Check(name, ok=False, detail=fix)


async def _check_socket(sockets: Sockets) -> Check:
    """Whether Slack gives an address to connect to. None is used up: a service's own connections stay as they are."""
    name = "slack socket"
    try:
        await sockets.address()
    except Retry as error:
        return Check(name, ok=False, detail=f"Slack cannot be reached or is busy ({error.what}). Try again shortly.")
    except AdapterError as error:
        return Check(name, ok=False, detail=f"Slack opens no connection ({error.what}). {REMEDY}")
    return Check(name, ok=True, detail="Slack gives addresses for Socket Mode.")


async def check_channels(workspaces: Workspaces, routes: Iterable[Route], live: Iterable[LiveRoute]) -> list[Check]:
    """A finding for each channel of Slack's that ``routes`` ask in or fall back to, or to which ``live`` ones lead."""
    places = places_of("slack", routes, live)
    return [await _check_channel(workspaces, place, named) for place, named in places.items()]


async def _check_channel(workspaces: Workspaces, place: str, named: Sequence[str]) -> Check:
    look = await look_at(workspaces, place)
    return Check(f"slack channel {', '.join(named)}", ok=look.ok, detail=look.detail)


async def look_at(workspaces: Workspaces, place: str) -> PlaceLook:
    """How a place of Slack's stands, and whether people of the workspace may join it by themselves."""
    try:
        workspace = workspaces.of_name(place)
        channel = workspace.home.local(place)
        if channel is None or not CHANNEL.match(channel):
            return PlaceLook(True, f"{place} is a person's direct messages, opened by the first card.")
        found = (await workspace.call("conversations.info", channel=channel))["channel"]
    except AdapterError as error:
        fix = FIXES.get(error.what, f"Slack did not say how it stands ({error.what}). Try again shortly.")
        return PlaceLook(False, f"{place}: {fix}")
    is_open = found.get("is_private") is not True  # what Slack does not say is taken for the worse
    if found.get("is_archived"):
        return PlaceLook(False, f"{place}: {FIXES['is_archived']}", is_open)
    if not found.get("is_member"):
        return PlaceLook(False, f"{place}: {FIXES['not_in_channel']}", is_open)
    return PlaceLook(True, f"The bot is in {place}.", is_open)
