"""The named things that rules refer to: channels, groups of approvers, and people with several accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sayso_bot.policy.places import INBOX
from sayso_bot.policy.problems import Problems
from sayso_bot.policy.tables import Read


@dataclass(frozen=True, slots=True)
class Directory:
    """``channels`` always has the inbox. Approvers and accounts are as `sayso_bot.domain.person.normal` has them.

    ``refused`` names channels whose address is no address. A group whose list was refused is empty.
    """

    channels: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]
    people: Mapping[str, frozenset[str]]
    refused: frozenset[str] = frozenset()
    _owners: dict[str, str] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for name, accounts in self.people.items():
            for account in accounts:
                for known in (account, _bare(account)):
                    self._owners.setdefault(known, f"person:{name}")

    def person(self, approver: str) -> str:
        """Who an approver is, for counting: joined accounts are one."""
        return self._owners.get(approver, approver)

    def count(self, approvers: Iterable[str]) -> int:
        """How many different people they may be. An id without its team may be that of any team."""
        people = {self.person(approver) for approver in approvers}
        by_id: defaultdict[str, set[str]] = defaultdict(set)
        for person in people:
            by_id[_bare(person)].add(person)
        return sum(len(several - {bare}) or 1 for bare, several in by_id.items())


def directory(document: Read, problems: Problems) -> Directory:
    """The directory of a document; what is wrong with it is noted."""
    channels, refused = _channels(document, problems)
    groups = {name: tuple(dict.fromkeys(listed or ())) for name, listed in document.get("approvers", {}).items()}
    return Directory(channels, groups, _people(document, problems), refused)


def _bare(account: str) -> str:
    """A Slack account without its team; others as they are."""
    platform, _, rest = account.partition(":")
    return f"slack:{rest.rpartition('/')[2]}" if platform == "slack" else account


def _channels(document: Read, problems: Problems) -> tuple[dict[str, str], frozenset[str]]:
    channels, refused = {INBOX: INBOX}, set()
    for name, place in document.get("channels", {}).items():
        if place is None:
            refused.add(name)
        elif name == INBOX and place != INBOX:
            key = document.table("channels").entries[name][0]
            problems.add(key.mark, 'The channel "inbox" is always the inbox; give this one another name.')
        else:
            channels[name] = place
    return channels, frozenset(refused)


def _people(document: Read, problems: Problems) -> dict[str, frozenset[str]]:
    people: dict[str, frozenset[str]] = {}
    owners: dict[str, str] = {}
    for name, listed in document.get("people", {}).items():
        for account in sorted(set(listed or ())):
            if (other := owners.setdefault(account, name)) != name:
                where = document.table("people").entries[name][1]
                problems.add(where.mark, f"{account} belongs to {other} already.")
        people[name] = frozenset(listed or ())
    return people
