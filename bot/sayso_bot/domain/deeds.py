"""What an admin may do, as values: every surface makes them, and the office alone carries them out.

A deed names channels as people do: by a name of the policy's, by one that an admin gave, or by the place itself
(``slack:C0OPS``, ``inbox``). ``why`` is the admin's reason, on the record and in what is announced.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar

from sayso_bot.domain.key import Key, Kind, Quotas
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.routing import LiveChannel, LiveRoute

Thing = TypeVar("Thing")
MAX_WHY = 500
MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class SetRoute:
    """``action`` (a pattern) is asked in ``to``, for so long, until then, or for good. A route of it is replaced.

    ``called`` names the place where it has no name yet.
    """

    action: str
    to: str
    why: str = ""
    for_seconds: int | None = None
    until: datetime | None = None
    called: str = ""


@dataclass(frozen=True, slots=True)
class UndoRoute:
    """``route`` is its id or its pattern."""

    route: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class NameChannel:
    """From now on ``place`` may be called ``name``. A name that an admin gave before is
    replaced, unless a live route leads where it led."""

    name: str
    place: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class ForgetChannel:
    name: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class TestChannel:
    """Post a test, and change nothing. ``channel`` is a name or a place."""

    channel: str
    __test__ = False


@dataclass(frozen=True, slots=True)
class PauseScope:
    scope: Scope
    why: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """``pause`` is its id, or empty for whichever pauses ``scope``."""

    pause: str = ""
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class Move:
    """One pending request, or all whose action a pattern names, as far as `MOST_MOVED` goes."""

    to: str
    request: str = ""
    action: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class MakeKey:
    name: str
    kinds: frozenset[Kind]
    actions: tuple[str, ...] = ("*",)
    quotas: Quotas = field(default_factory=Quotas)
    principal: str | None = None


@dataclass(frozen=True, slots=True)
class RotateKey:
    """A key like this one is made, and this one lapses so many seconds later."""

    key: str
    overlap_seconds: int


@dataclass(frozen=True, slots=True)
class RevokeKey:
    key: str


Deed: TypeAlias = (
    SetRoute
    | UndoRoute
    | NameChannel
    | ForgetChannel
    | TestChannel
    | PauseScope
    | Resume
    | Move
    | MakeKey
    | RotateKey
    | RevokeKey
)


def spelled(value: object) -> str:
    """A deed, or what it is made of, in the same letters in every process: its `repr`, but for the order of a set."""
    if isinstance(value, frozenset):
        return f"frozenset({{{', '.join(sorted(map(spelled, value)))}}})"
    if not is_dataclass(value):
        return repr(value)
    named = (f"{each.name}={spelled(getattr(value, each.name))}" for each in fields(value))
    return f"{type(value).__qualname__}({', '.join(named)})"


@dataclass(frozen=True, slots=True)
class Call:
    """How a deed is asked for. ``operation`` names this asking: the same one twice has the effect of one.

    ``version`` is what the admin has seen of routes and channels; None does not look, and no pause or key is held
    against it. ``answered`` is `Effect.asks` of the questions that the admin was shown and has said yes to,
    ``confirmed`` a yes to whatever is asked. ``claimed``: the operation was named by a caller, who may have named
    another deed so before.
    """

    operation: str
    version: int | None = None
    confirmed: bool = False
    claimed: bool = False
    answered: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a deed would do, in sentences. ``questions`` are those to which somebody must say yes first.

    ``pause`` is the id of the pause that would be over.
    """

    title: str
    lines: tuple[str, ...]
    questions: tuple[str, ...]
    version: int
    pause: str = ""

    @property
    def asks(self) -> str:
        """What a yes to these questions names; empty where nothing is asked. Other questions have another one."""
        return hashlib.sha256("\n".join(self.questions).encode()).hexdigest()[:32] if self.questions else ""


@dataclass(frozen=True, slots=True)
class KeyMade:
    """``secret`` is None where an earlier call made the key, and told it then. ``instead_of`` is what it replaces."""

    key: Key
    secret: str | None
    instead_of: Key | None = None


@dataclass(frozen=True, slots=True)
class MovedAlong:
    """``requests`` are asked in ``channel`` now; ``left`` were not: ended meanwhile, there already, or (counted as one)
    all that may be left of a pattern."""

    channel: str
    requests: tuple[str, ...]
    left: int


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a deed: ``said`` for whoever did it, and the thing itself as it stands after it.

    ``replayed``: an earlier call had done it. ``version`` is that of routes and channels afterwards.
    """

    said: str
    version: int
    thing: LiveRoute | LiveChannel | Pause | KeyMade | Key | MovedAlong | None = None
    replayed: bool = False

    def the(self, kind: type[Thing]) -> Thing:
        """The thing, which is of this kind whenever the deed is."""
        if not isinstance(self.thing, kind):
            raise TypeError(f"no {kind.__name__} came of it")
        return self.thing
