"""Who somebody is in Slack, and whether such an account may decide at all.

A correctly signed tap proves only that some account tapped. Bots, deactivated accounts, guests and people of other
workspaces decide nothing; a guest may where the policy names that very account. Answers are kept for two minutes, so
that a burst of taps is one look-up and a dismissal takes effect soon; a vote that decides has the earlier ones looked
up afresh. What cannot be looked up admits nobody.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sayso_adapters.kept import Kept
from sayso_adapters.slack.home import Home
from sayso_adapters.slack.wire import Wire, next_page
from sayso_bot.domain.person import Person, normal
from sayso_bot.domain.text import one_line
from sayso_bot.ports import AdapterError, Gone, LookupFailed, Rejected

KEPT_SECONDS = 120.0
MEMBERS_PER_PAGE = 1000
MAX_MEMBER_PAGES = 20
NAME_LENGTH = 80

USER = re.compile(r"[UW][A-Z0-9]{1,30}\Z")
GROUP = re.compile(r"S[A-Z0-9]{1,30}\Z")
CHANNEL = re.compile(r"[CG][A-Z0-9]{1,30}\Z")

_NOBODY = frozenset({"user_not_found", "users_not_found", "no_such_subteam", "subteam_not_found", "channel_not_found"})


@dataclass(frozen=True, slots=True)
class Account:
    """What ``users.info`` says. ``email`` is set only where Slack says that it was confirmed."""

    id: str
    name: str
    team: str | None
    enterprise: str | None
    email: str | None
    deleted: bool
    bot: bool
    guest: bool

    def at(self, home: Home) -> bool:
        return self.team == home.team or (home.enterprise is not None and self.enterprise == home.enterprise)

    def why_never(self, home: Home) -> str | None:
        """Why this account decides nothing, whoever names it; None when it may."""
        if not self.at(home):
            return "Your account belongs to another workspace than this Sayso."
        if self.deleted:
            return "Your Slack account is deactivated."
        if self.bot:
            return "Bots do not decide."
        return None

    def person(self, home: Home) -> Person:
        aliases = {home.alias(self.id)}
        if self.enterprise:  # an account of an organisation has one id in all its workspaces
            aliases.add(f"slack:{self.enterprise}/{self.id}")
        if self.email:
            aliases.add(f"email:{self.email}")
        return Person.known_as(self.name, aliases)


class People:
    """Look-ups of one workspace. All raise `LookupFailed` where Slack could not be asked."""

    def __init__(self, wire: Wire, home: Callable[[], Home], clock: Callable[[], float] = time.monotonic) -> None:
        self._wire = wire
        self._home = home
        self._accounts: Kept[Account | None] = Kept(KEPT_SECONDS, clock)
        self._emails: Kept[Account | None] = Kept(KEPT_SECONDS, clock)
        self._sets: Kept[frozenset[str]] = Kept(KEPT_SECONDS, clock)

    async def account(self, user: str, *, fresh: bool = False) -> Account | None:
        """The account with this id, or None where Slack knows none."""
        return await self._accounts.get(user, lambda: self._one("users.info", user=user), fresh=fresh)

    def seen(self, user: str) -> Account | None:
        """The account, where it was looked up lately. Asks nobody."""
        return self._accounts.seen(user)

    async def resolve(self, approver: str, *, fresh: bool = False) -> frozenset[str]:
        """The aliases behind ``slack:U…``, ``slack:S…`` or ``slack:C…``, with or without a team.

        ``fresh`` asks Slack, whatever was kept.
        """
        home = self._known_home()
        found = home.local(approver)
        if found is None:
            return frozenset()
        if USER.match(found):
            account = await self.account(found, fresh=fresh)
            return frozenset({home.alias(found)} if account and not account.why_never(home) else ())
        if GROUP.match(found):
            users = await self._sets.get(found, lambda: self._group(found), fresh=fresh)
        elif CHANNEL.match(found):
            users = await self._sets.get(found, lambda: self._channel(found), fresh=fresh)
        else:
            return frozenset()
        return frozenset(home.alias(user) for user in users)

    async def recognise(self, person: Person) -> Person:
        """``person`` with the alias of the account whose confirmed address is theirs, if that account may decide."""
        home = self._known_home()
        for alias in sorted(person.aliases):
            kind, _, address = alias.partition(":")
            if kind != "email" or not address:
                continue
            account = await self._by_email(address)
            if account is None or account.guest or account.why_never(home):
                continue
            if account.email and normal(f"email:{account.email}") == alias:
                person = person.also({home.alias(account.id)})
        return person

    async def with_address(self, address: str) -> Account | None:
        """The account whose confirmed e-mail address this is, or None where Slack knows none."""
        account = await self._by_email(address)
        confirmed = account is not None and account.email and normal(f"email:{account.email}")
        return account if confirmed == normal(f"email:{address}") else None

    async def _by_email(self, address: str) -> Account | None:
        return await self._emails.get(address, lambda: self._one("users.lookupByEmail", email=address))

    def _known_home(self) -> Home:
        try:
            return self._home()
        except AdapterError as error:
            raise LookupFailed.of(error) from None

    async def _ask(self, method: str, **arguments: Any) -> Mapping[str, Any] | None:
        """Slack's answer, or None where it says that there is no such thing."""
        try:
            said = await self._wire.call(method, **arguments)
        except AdapterError as error:
            if isinstance(error, Gone | Rejected) and error.what in _NOBODY:
                return None
            raise LookupFailed.of(error) from None
        return said.data if isinstance(said.data, dict) else None

    async def _one(self, method: str, **arguments: Any) -> Account | None:
        said = await self._ask(method, **arguments)
        return None if said is None else account_of(said["user"])

    async def _group(self, group: str) -> frozenset[str]:
        said = await self._ask("usergroups.users.list", usergroup=group)
        return frozenset(said["users"]) if said else frozenset()

    async def _channel(self, channel: str) -> frozenset[str]:
        members: set[str] = set()
        cursor = ""
        for _ in range(MAX_MEMBER_PAGES):
            page = {"cursor": cursor} if cursor else {}
            said = await self._ask("conversations.members", channel=channel, limit=MEMBERS_PER_PAGE, **page)
            if said is None:
                return frozenset()
            members.update(said["members"])
            cursor = next_page(said)
            if not cursor:
                return frozenset(members)
        raise LookupFailed("too_many_members", lasting=True)


def account_of(user: Mapping[str, Any]) -> Account:
    """An account from Slack's user object. A flag that is missing is taken as the safer of its two values."""
    profile: Mapping[str, Any] = user.get("profile") or {}
    grid: Mapping[str, Any] = user.get("enterprise_user") or {}
    name = profile.get("real_name") or user.get("real_name") or profile.get("display_name") or user.get("name")
    email = profile.get("email")
    return Account(
        id=str(user["id"]),
        name=one_line(str(name or user["id"]))[:NAME_LENGTH],
        team=user.get("team_id"),
        enterprise=grid.get("enterprise_id"),
        email=email if isinstance(email, str) and email and user.get("is_email_confirmed") is True else None,
        deleted=user.get("deleted") is not False,
        bot=user.get("is_bot") is not False or user["id"] == "USLACKBOT",
        guest=any(user.get(flag) is not False for flag in ("is_restricted", "is_ultra_restricted"))
        or user.get("is_stranger") not in (None, False),  # which Slack says of strangers alone
    )
