"""Whose account taps or looks, and whether such an account may at all. A genuine call proves no approver."""

from __future__ import annotations

from dataclasses import dataclass

from sayso_adapters.answering import NOTHING
from sayso_adapters.teams.people import Account, People
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Outline

NO_ID = f"Teams did not say who you are. {NOTHING}"
NOT_HERE = f"Teams does not know your account in this conversation. {NOTHING}"


@dataclass(frozen=True, slots=True)
class Tapper:
    """Ids as an activity of Teams gives them, and where it came from. ``object_id`` is empty where it is not said."""

    user: str
    object_id: str
    conversation: str


async def account_of(tapper: Tapper, people: People) -> Account | str:
    """The account, or the sentence that says why it is nobody here. Raises `LookupFailed`.

    The two ids must be of one account of the conversation's roster: neither is believed by itself.
    """
    if not tapper.user or not tapper.object_id:
        return NO_ID
    account = await people.account(tapper.conversation, tapper.user)
    if account is None or account.object_id != tapper.object_id:
        return NOT_HERE
    return account


def refused(account: Account, request: Outline) -> str | None:
    """Why such an account neither decides this request nor is shown all of it; None where it may be."""
    if account.guest and not is_named(request, account.alias):
        return f"Guests decide only where the policy names them, as {account.alias}. {NOTHING}"
    return None


async def person(tapper: Tapper, request: Outline, people: People) -> Person | str:
    """The person, or the sentence that says why their account decides nothing. Raises `LookupFailed`."""
    account = await account_of(tapper, people)
    if isinstance(account, str):
        return account
    return refused(account, request) or account.person()


def is_named(request: Outline, alias: str) -> bool:
    """Whether the request's rule names this very account."""
    named = (request.requirement and request.requirement.approvers) or ()
    return alias in {name.lower() for name in named if name.startswith("teams:")}
