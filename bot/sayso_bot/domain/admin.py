"""Who changes the configuration of a running book, and how they were proved.

A Caller is whoever wants to: a person whom a surface has proved, a program with a key, or the operator at a shell of
the book's own. An Admin is one of them who may, as it goes on the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sayso_bot.domain.key import Key
from sayso_bot.domain.person import OPERATOR, Person


@dataclass(frozen=True, slots=True)
class Caller:
    """With neither ``person`` nor ``key``: the operator, who runs a command on the book itself.

    ``surface`` is where they are (``slack``, ``teams``, ``inbox``, ``api``, ``cli``), ``place`` more exactly
    (``slack:C1``, an address, a shell's user and machine). ``guest`` says that their platform takes them for one.
    """

    surface: str
    person: Person | None = None
    key: Key | None = None
    place: str = ""
    guest: bool = False

    @property
    def id(self) -> str:
        """Under which refusals are counted."""
        if self.key is not None:
            return self.key.id
        return self.person.id if self.person is not None else OPERATOR


@dataclass(frozen=True, slots=True)
class Admin:
    """``name`` is what people are shown, ``evidence`` what made them an admin."""

    id: str
    name: str
    surface: str
    evidence: str = ""
    place: str = ""

    def about(self) -> dict[str, Any]:
        """For the record."""
        return {name: value for name in Admin.__slots__ if (value := getattr(self, name))}
