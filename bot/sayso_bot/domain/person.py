"""A Person is a human with one id and the accounts (aliases) that were proved to be theirs.

An alias is ``slack:T1/U1``, ``teams:<tenant>/<object id>``, ``email:ana@example.com`` or ``operator``.
A person who answers under two aliases is still one person and has one vote; where Sayso cannot tell two accounts
apart, it does not count both (`comparable`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Person:
    """``id`` is the alias or joined name under which votes count; ``name`` is what people are shown.

    ``proved_email`` says that the account with which they came has a confirmed e-mail address of its own.
    """

    id: str
    name: str
    aliases: frozenset[str]
    proved_email: bool = True

    @classmethod
    def known_as(cls, name: str, aliases: Iterable[str]) -> Person:
        """A person from proved aliases; e-mail addresses are compared without regard to case."""
        proved = frozenset(normal(alias) for alias in aliases)
        if not proved:
            raise ValueError("a person needs a proved alias")
        identity = _principal_alias(proved)
        return cls(identity, name, proved, proved_email=identity.startswith("email:"))

    def joined(self, people: Mapping[str, frozenset[str]]) -> Person:
        """This person with the accounts that the policy's ``people:`` joins by hand."""
        for name, aliases in people.items():
            if aliases & self.aliases:
                return replace(self, id=f"person:{name}", aliases=self.aliases | aliases)
        return self

    def also(self, aliases: Iterable[str]) -> Person:
        """This person with further proved aliases."""
        extra = frozenset(normal(alias) for alias in aliases) - self.aliases
        if not extra:
            return self
        proved = self.aliases | extra
        return replace(self, aliases=proved, id=self.id if self.id.startswith("person:") else _principal_alias(proved))

    @property
    def comparable(self) -> bool:
        """Whether this person can be told apart from people who answer on another surface."""
        return self.id.startswith(("person:", "email:"))

    @property
    def is_joined(self) -> bool:
        """Whether an entry under ``people:`` says who this is."""
        return self.id.startswith("person:")

    def is_any(self, alias: str) -> bool:
        return normal(alias) in self.aliases


def normal(alias: str) -> str:
    """An alias as it is compared: e-mail addresses in lower case, all else as it stands."""
    return alias.lower() if alias.startswith("email:") else alias


def _principal_alias(aliases: frozenset[str]) -> str:
    emails = sorted(alias for alias in aliases if alias.startswith("email:"))
    return emails[0] if emails else min(aliases)
