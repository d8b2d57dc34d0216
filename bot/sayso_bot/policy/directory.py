"""The named things that rules refer to: channels, groups of approvers, and people with several accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sayso_bot.policy.fields import Fields
from sayso_bot.policy.places import INBOX, Unacceptable, account, address, approver
from sayso_bot.policy.tree import Node

MAX_APPROVERS = 200
MAX_ACCOUNTS = 20


@dataclass(frozen=True, slots=True)
class Directory:
    """``channels`` always has the inbox. Approvers and accounts are as `sayso_bot.domain.person.normal` has them."""

    channels: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]
    people: Mapping[str, frozenset[str]]
    refused: frozenset[str] = frozenset()

    def person(self, approver: str) -> str:
        """Who an approver is, for counting: joined accounts are one."""
        joined = (name for name, accounts in self.people.items() if any(is_same(approver, each) for each in accounts))
        return next((f"person:{name}" for name in joined), approver)

    def count(self, approvers: Iterable[str]) -> int:
        """How many different people they may be. An id without its team may be that of any team."""
        known: list[str] = []
        for person in map(self.person, approvers):
            if not any(is_same(person, other) for other in known):
                known.append(person)
        return len(known)


def is_same(one: str, other: str) -> bool:
    """Whether two names may be one account: the same, or ``slack:U1`` and ``slack:T1/U1``."""
    if one == other or not (one.startswith("slack:") and other.startswith("slack:")):
        return one == other
    teams, ids = zip(*(name.removeprefix("slack:").rpartition("/")[::2] for name in (one, other)), strict=True)
    return ids[0] == ids[1] and "" in teams


class DirectoryReader:
    """Reads the parts of a document that make a `Directory`."""

    def __init__(self, fields: Fields, platforms: frozenset[str]) -> None:
        self._fields = fields
        self._platforms = platforms

    def read(self, channels: Node | None, groups: Node | None, people: Node | None) -> Directory:
        known, refused = self._channels(channels)
        return Directory(known, self._groups(groups), self._people(people), refused)

    def approvers(self, node: Node, what: str) -> tuple[str, ...] | None:
        """A list of approvers, each once."""
        return self._forms(node, what, MAX_APPROVERS, approver)

    def _channels(self, node: Node | None) -> tuple[dict[str, str], frozenset[str]]:
        channels, refused = {INBOX: INBOX}, set()
        for name, (key, value) in self._fields.named(node, "channels") if node else ():
            place = self._form(value, "A channel's address", address)
            if place is None:
                refused.add(name)
            elif name == INBOX and place != INBOX:
                self._fields.refuse(key, 'The channel "inbox" is always the inbox; give this one another name.')
            else:
                channels[name] = place
        return channels, frozenset(refused)

    def _groups(self, node: Node | None) -> dict[str, tuple[str, ...]]:
        groups = {}
        for name, (_, value) in self._fields.named(node, "approvers") if node else ():
            groups[name] = self.approvers(value, f"The group {name}") or ()
        return groups

    def _people(self, node: Node | None) -> dict[str, frozenset[str]]:
        people: dict[str, frozenset[str]] = {}
        for name, (_, value) in self._fields.named(node, "people") if node else ():
            accounts = frozenset(self._forms(value, f"The accounts of {name}", MAX_ACCOUNTS, account) or ())
            for other, theirs in people.items():
                for shared in sorted(accounts & theirs):
                    self._fields.refuse(value, f"{shared} belongs to {other} already.")
            people[name] = accounts
        return people

    def _forms(
        self, node: Node, what: str, most: int, form: Callable[[str, frozenset[str]], str]
    ) -> tuple[str, ...] | None:
        items = self._fields.items(node, what, most)
        if items is None:
            return None
        read = [self._form(item, f"An entry of {what[0].lower()}{what[1:]}", form) for item in items]
        good = tuple(dict.fromkeys(text for text in read if text is not None))
        return good if len(read) == sum(text is not None for text in read) else None

    def _form(self, node: Node, what: str, form: Callable[[str, frozenset[str]], str]) -> str | None:
        text = self._fields.text(node, what)
        if text is None:
            return None
        try:
            return form(text, self._platforms)
        except Unacceptable as error:
            self._fields.refuse(node, error.sentence)
            return None
