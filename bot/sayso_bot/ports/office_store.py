"""What the office and the delivery of its announcements need of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from sayso_bot.domain.admin import Admin
from sayso_bot.domain.key import Key
from sayso_bot.domain.notice import Notice, Notices
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.request import Moved, Outline
from sayso_bot.domain.routing import LiveChannel, LiveRoute
from sayso_bot.ports.office import Illness
from sayso_bot.ports.values import Epochs


@dataclass(frozen=True, slots=True)
class PlaceChange:
    """One live route or named channel, put or (``value`` None) removed. ``journal`` is what goes on the record."""

    name: str
    value: LiveRoute | LiveChannel | None
    of: Literal["routes", "channels"]
    kind: str
    journal: Mapping[str, Any]


PlacesCode = Literal["ok", "replay", "changed", "past", "full"]
PauseCode = Literal["ok", "replay", "same", "full"]
AlongCode = Literal["ok", "replay", "missing", "settled", "same"]
KeysCode = Literal["ok", "same", "made", "revoked"]


@dataclass(frozen=True, slots=True)
class PlacesAnswer:
    """``version`` is that of routes and channels after the call, ``what`` what the deed was told to answer."""

    code: PlacesCode
    version: int
    what: str = ""


@dataclass(frozen=True, slots=True)
class PauseAnswer:
    """``pause`` is the one that was made or is there, or the one that ended. None where little is known of it."""

    code: PauseCode
    pause: Pause | None


@dataclass(frozen=True, slots=True)
class KeyChange:
    """``new``: it must not be there yet."""

    key: Key
    kind: str
    journal: Mapping[str, Any]
    new: bool = False


@dataclass(frozen=True, slots=True)
class NoticeWork:
    """One notice to be posted, under a lease that ``fence`` names. The rest is as in `sayso_bot.ports.values.Work`."""

    notice: Notice
    place: str
    fence: int
    wanted: int
    post: str | None
    attempts: int
    lost_at: datetime | None


class OfficeStore(Protocol):
    """Each method is one Redis Function, atomic and safe to repeat. Raises `Unavailable`.

    Methods given `Epochs` raise `Again` where keys or policy have moved since an admin was proved under them; with None
    nothing was to be proved. ``notices`` are made in the same step, each with its place.
    """

    async def change_places(
        self,
        changes: Sequence[PlaceChange],
        notices: Notices,
        *,
        version: int | None,
        what: str,
        operation: str,
        epochs: Epochs | None,
    ) -> PlacesAnswer: ...

    async def pause(self, pause: Pause, notices: Notices, *, operation: str, epochs: Epochs | None) -> PauseAnswer:
        """``pause`` without its time, which the store gives."""
        ...

    async def resume(
        self,
        pause_id: str,
        scope: Scope,
        by: Admin,
        ending: Pause | None,
        notices: Notices,
        *,
        operation: str,
        epochs: Epochs | None,
    ) -> PauseAnswer: ...

    async def take_along(
        self, request: Outline, to: str, button: str, moved: Moved, by: Admin, *, operation: str, epochs: Epochs | None
    ) -> AlongCode: ...

    async def put_keys(self, changes: Sequence[KeyChange], epochs: Epochs | None) -> KeysCode: ...

    async def claim(self, operation: str, digest: str) -> bool:
        """False where ``operation`` names something else, of another digest."""
        ...

    async def answered(self, operation: str) -> bool:
        """Whether a deed of this operation has taken effect."""
        ...

    async def last_used(self) -> Mapping[str, datetime]:
        """When each key was used last, by its id, to the minute."""
        ...

    async def reported(self) -> Sequence[Illness]: ...

    async def report(self, place: str, what: str) -> bool:
        """An empty ``what``: it is well again. False where that is known already."""
        ...

    async def told(self, fact: str) -> str:
        """The value of ``fact`` of which admins were told last; an empty text for none."""
        ...

    async def all_told(self) -> Mapping[str, str]:
        """Each fact of which admins were told, with the value that they were told last."""
        ...

    async def tell(self, fact: str, value: str, before: str | None, notices: Notices) -> bool:
        """Tell of another value, or (an empty one) forget it. False where it is told, or the last one told is not
        ``before``; None takes any.
        """
        ...


class NoticeStore(Protocol):
    """As `sayso_bot.ports.core.Store` has it for cards."""

    async def begin_notice(self, notice_id: str, place: str, lease_seconds: float) -> NoticeWork | None: ...

    async def renew_notice(self, work: NoticeWork, lease_seconds: float) -> None: ...

    async def notice_posted(self, work: NoticeWork, post: str) -> None: ...

    async def notice_given_up(self, work: NoticeWork) -> None: ...

    async def notice_failed(
        self, work: NoticeWork, what: str, *, after_seconds: float, lost: bool, whole_place: bool
    ) -> None: ...
