"""The office's face: what surfaces may ask of it, and how what admins change stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sayso_bot.domain.admin import Admin, Caller
from sayso_bot.domain.deeds import Call, Deed, Done, Effect
from sayso_bot.domain.key import Key
from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.policy import Route
from sayso_bot.domain.routing import LiveChannel, LiveRoute


@dataclass(frozen=True, slots=True)
class Illness:
    """A place that cannot be reached, and was reported: ``what`` is its platform's word for why."""

    place: str
    what: str
    since: datetime


@dataclass(frozen=True, slots=True)
class RouteNow:
    """A live route as it stands: ``shadowed`` says that another place has its channel's name now.

    ``rules`` are the names of those whose requests it sends elsewhere; none where it does nothing at present.
    """

    route: LiveRoute
    rules: tuple[str, ...]
    shadowed: bool
    ill: Illness | None


@dataclass(frozen=True, slots=True)
class ChannelNow:
    """A channel by its name. ``live`` is set where an admin named it, ``routes`` depend on its place."""

    name: str
    place: str
    live: LiveChannel | None
    shadowed: bool
    routes: tuple[LiveRoute, ...]
    ill: Illness | None


@dataclass(frozen=True, slots=True)
class KeyNow:
    key: Key
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class RuleNow:
    """A rule of the policy, and where its requests go now: ``sent`` are the live routes that name some of them."""

    rule: Route
    sent: tuple[LiveRoute, ...]
    paused: tuple[Pause, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """How everything stands that admins may change. ``version`` is that of routes and channels."""

    version: int
    policy: str
    rules: tuple[RuleNow, ...]
    routes: tuple[RouteNow, ...]
    channels: tuple[ChannelNow, ...]
    pauses: tuple[Pause, ...]
    keys: tuple[KeyNow, ...]
    ill: tuple[Illness, ...]
    read_at: datetime


class OfficeFace(Protocol):
    """What a surface may ask of the office. Raises `sayso_bot.errors`; the detail is for whoever asks, alone."""

    async def prove(self, caller: Caller) -> Admin:
        """Raises `NotAnAdmin`, `Forbidden`, `Unauthenticated`, or `CannotCheck` where it is not known."""
        ...

    async def is_admin(self, caller: Caller) -> bool:
        """As far as is known without asking anew. For what is offered, not for what is done."""
        ...

    async def overview(self, caller: Caller) -> Overview:
        """For admins alone."""
        ...

    async def preview(self, deed: Deed, caller: Caller) -> Effect:
        """What ``deed`` would do now. Nothing is changed. Raises as `do` does, where it is known already."""
        ...

    async def do(self, deed: Deed, caller: Caller, call: Call) -> Done:
        """Carry it out once. Raises `AdminRefused`, `InvalidField`, `NotFound`, `Settled`, and as `prove` does."""
        ...
