"""How a policy names places and people: the forms that are accepted, and a sentence for those that are not.

A form is checked by its looks alone. Whether a channel or an account exists, an adapter finds out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sayso_bot.domain.person import OPERATOR, normal
from sayso_bot.policy.shapes import anchored
from sayso_bot.policy.tree import shown

INBOX = "inbox"
BUILT_PLATFORMS = frozenset({"slack", "teams", INBOX})

_SLACK_CHANNEL = re.compile(r"slack:([TE][A-Z0-9]{1,20}/)?[CGUW][A-Z0-9]{1,20}\Z")
_SLACK_APPROVER = re.compile(r"slack:([TE][A-Z0-9]{1,20}/)?[UWS][A-Z0-9]{1,20}\Z")
_SLACK_ACCOUNT = re.compile(r"slack:[TE][A-Z0-9]{1,20}/[UW][A-Z0-9]{1,20}\Z")
_SLACK_SINGLE = re.compile(r"slack:([TE][A-Z0-9]{1,20}/)?[UW]")
_GUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12,13}"
_TEAMS_PLACE = re.compile(r"teams:(19|a|28|29):[A-Za-z0-9:@._=-]{1,140}\Z")
_TEAMS_PERSON = re.compile(r"teams:(a|28|29):")
_TEAMS_ACCOUNT = re.compile(rf"teams:{_GUID}/{_GUID}\Z")
_EMAIL = re.compile(r"email:[^\s@:,<>\"]{1,64}@[^\s@:,<>\"]{1,190}\Z")


class Unacceptable(Exception):
    """A form that is not accepted. The message is a sentence that says which are."""


def address(text: str, platforms: frozenset[str] = BUILT_PLATFORMS) -> str:
    """A channel's address: ``inbox``, ``slack:C…``, ``slack:U…`` for direct messages, or a conversation of Teams'.

    Raises `Unacceptable`.
    """
    if text == INBOX:
        return text
    _offered(
        text,
        platforms,
        "An address is inbox, slack:C0CHANNEL, slack:T0TEAM/C0CHANNEL, slack:U0USER or teams:19:…@thread.tacv2.",
    )
    if text.startswith("teams:") and not _TEAMS_PLACE.match(text):
        raise Unacceptable(
            "A Teams address is teams: and the conversation's id, as in teams:19:…@thread.tacv2; "
            "sayso teams places lists those that the bot is in."
        )
    if text.startswith("slack:") and not _SLACK_CHANNEL.match(text):
        raise Unacceptable(
            "A Slack address is slack:C0CHANNEL or slack:T0TEAM/C0CHANNEL, with the channel's id and not its name, "
            "or slack:U0USER for direct messages to one person."
        )
    return text


def approver(text: str, platforms: frozenset[str]) -> str:
    """Who may answer: ``operator``, ``email:…``, an account of Slack's or Teams', or a Slack user group.

    Raises `Unacceptable`.
    """
    if text == OPERATOR:
        return text
    if text.startswith("email:"):
        return _email(text)
    _offered(
        text, platforms, "An approver is operator, email:ADDRESS, slack:U0USER, slack:S0GROUP or teams:TENANT/OBJECT."
    )
    if text.startswith("teams:"):
        return _teams_account(text)
    if text.startswith("slack:") and not _SLACK_APPROVER.match(text):
        raise Unacceptable(
            "A Slack approver is slack:U0USER or slack:S0GROUP, or with its team slack:T0TEAM/U0USER; "
            "ids are used, not names."
        )
    return text


def account(text: str, platforms: frozenset[str]) -> str:
    """One account of a person, as it is proved when they answer. Raises `Unacceptable`."""
    if text == OPERATOR:
        return text
    if text.startswith("email:"):
        return _email(text)
    _offered(text, platforms, "An account is operator, email:ADDRESS, slack:T0TEAM/U0USER or teams:TENANT/OBJECT.")
    if text.startswith("teams:"):
        return _teams_account(text)
    if text.startswith("slack:") and not _SLACK_ACCOUNT.match(text):
        raise Unacceptable("A person's Slack account is written with its team: slack:T0TEAM/U0USER.")
    return text


def is_group(approver: str) -> bool:
    """Whether an approver stands for a number of people that only its platform knows."""
    is_one = approver.startswith(("email:", "teams:")) or _SLACK_SINGLE.match(approver)
    return approver != OPERATOR and not is_one


def is_person(place: str) -> bool:
    """Whether a place is direct messages, which one person alone reads."""
    return bool(_SLACK_SINGLE.match(place) or _TEAMS_PERSON.match(place))


def _teams_account(text: str) -> str:
    """In lower case, as Entra writes its ids."""
    if not _TEAMS_ACCOUNT.match(text):
        raise Unacceptable(
            "A person's Teams account is teams:TENANT/OBJECT, with Entra's ids of the organisation and of the person."
        )
    return text.lower()


def _email(text: str) -> str:
    if not _EMAIL.match(text):
        raise Unacceptable("An e-mail address is written email:ana@example.com.")
    return normal(text)


def _offered(text: str, platforms: frozenset[str], forms: str) -> None:
    """Refuse what begins with no platform that this version offers."""
    platform, colon, rest = text.partition(":")
    if not colon or not rest or platform == INBOX:
        raise Unacceptable(forms)
    if platform not in platforms:
        raise Unacceptable(f'"{shown(platform)}" is not offered in this version. {forms}')


# --------------------------------------------------------------------------- for editors


def address_schemas(platforms: frozenset[str]) -> tuple[dict[str, str], ...]:
    """The forms that `address` accepts, each as a JSON Schema."""
    return ({"const": INBOX}, *_of_platforms({"slack": _SLACK_CHANNEL, "teams": _TEAMS_PLACE}, platforms))


def approver_schemas(platforms: frozenset[str]) -> tuple[dict[str, str], ...]:
    """The forms that `approver` accepts."""
    return (
        {"const": OPERATOR},
        _pattern(_EMAIL),
        *_of_platforms({"slack": _SLACK_APPROVER, "teams": _TEAMS_ACCOUNT}, platforms),
    )


def account_schemas(platforms: frozenset[str]) -> tuple[dict[str, str], ...]:
    """The forms that `account` accepts."""
    return (
        {"const": OPERATOR},
        _pattern(_EMAIL),
        *_of_platforms({"slack": _SLACK_ACCOUNT, "teams": _TEAMS_ACCOUNT}, platforms),
    )


def _of_platforms(known: Mapping[str, re.Pattern[str]], platforms: frozenset[str]) -> Iterator[dict[str, str]]:
    for platform in sorted(platforms - {INBOX}):
        yield _pattern(known[platform]) if platform in known else {"pattern": f"^{platform}:."}


def _pattern(form: re.Pattern[str]) -> dict[str, str]:
    return {"pattern": anchored(form)}
