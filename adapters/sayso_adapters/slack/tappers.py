"""Whose account taps, submits or looks, and whether such an account may at all. A signature proves no approver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sayso_adapters.answering import NOTHING
from sayso_adapters.payloads import as_id, as_object
from sayso_adapters.slack.home import Home
from sayso_adapters.slack.people import Account
from sayso_adapters.slack.workspaces import Workspace, Workspaces
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Outline
from sayso_bot.ports import AdapterError, LookupFailed


@dataclass(frozen=True, slots=True)
class Tapper:
    """Ids as a payload of Slack gives them; empty where it does not."""

    user: str
    team: str
    enterprise: str


def tapper_in(body: Mapping[str, Any]) -> Tapper:
    """Whose tap, shortcut or submission a payload is."""
    user, enterprise = as_object(body.get("user")), as_object(body.get("enterprise"))
    return Tapper(as_id(user.get("id")), as_id(user.get("team_id")), as_id(enterprise.get("id")))


def home_of(workspace: Workspace) -> Home:
    """Raises `LookupFailed` while it is not known who we are there."""
    try:
        return workspace.home
    except AdapterError as error:
        raise LookupFailed(error.what) from None


def stranger(tapper: Tapper, home: Home) -> str | None:
    """Why the payload alone shows that this account decides nothing; asks nobody."""
    ours = tapper.team and tapper.team in (home.team, home.enterprise)
    if not ours and not (home.enterprise and tapper.enterprise == home.enterprise):
        return f"Your account belongs to another workspace than this Sayso. {NOTHING}"
    return None


def refused(account: Account, request: Outline, home: Home) -> str | None:
    """Why such an account neither decides this request nor is shown all of it; None where it may be."""
    if why := account.why_never(home):
        return f"{why} {NOTHING}"
    if account.guest and not is_named(request, account.id, home):
        return f"Guests decide only where the policy names them, as slack:{account.id}. {NOTHING}"
    return None


async def person(tapper: Tapper, request: Outline, workspace: Workspace) -> Person | str:
    """The person, or the sentence that says why their account decides nothing. Raises `LookupFailed`."""
    home = home_of(workspace)
    if strange := stranger(tapper, home):
        return strange
    account = await workspace.people.account(tapper.user)
    if account is None:
        return f"Slack does not know your account here. {NOTHING}"
    return refused(account, request, home) or account.person(home)


def is_named(request: Outline, user: str, home: Home) -> bool:
    """Whether the request's rule names this very account."""
    named = (request.requirement and request.requirement.approvers) or ()
    alias = home.alias(user)
    return any(home.alias(home.local(name) or "") == alias for name in named if name.startswith("slack:"))


def is_of(name: str, workspace: Workspace, workspaces: Workspaces) -> bool:
    """Whether a place or an account that is named ``name`` is of this workspace. Where several are installed, a name
    without its workspace is of none: the next installation must not come to share what was asked in the first.

    Raises `LookupFailed` while it is not known who we are there: what is not known to be of it may be.
    """
    home_of(workspace)
    try:
        return workspaces.of_name(name) is workspace
    except AdapterError:
        return False
