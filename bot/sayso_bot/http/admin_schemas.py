"""The wire models of the admin's calls: what is read is validated by them, what is answered is described by them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from sayso_bot.domain.admin import Admin
from sayso_bot.domain.deeds import MAX_WHY, Effect, KeyMade, MakeKey, Move, MovedAlong, PauseScope, SetRoute
from sayso_bot.domain.globs import ACTION_PATTERN
from sayso_bot.domain.key import KINDS, Key, Quotas
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.policy import parse_duration
from sayso_bot.domain.request import rfc3339
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.errors import InvalidField
from sayso_bot.http.form_schemas import In, Out
from sayso_bot.ports import ChannelNow, Illness, RouteNow

_PATTERN = rf"^{ACTION_PATTERN.pattern.removesuffix(chr(92) + 'Z')}$"
_DURATION = r"^(0s|[1-9][0-9]{0,8}[smhd])$"
_RFC3339 = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"
_TIME = {"format": "date-time"}

_Channel = Annotated[
    str, Field(pattern=r"^\S{1,200}$", description="A channel's name, or a place such as slack:C0CHANNEL or inbox.")
]
_Reason = Annotated[str, Field(max_length=MAX_WHY, description="On the record, and in what is announced.")]
_Confirm = Annotated[bool, Field(description="Yes to what the refusal `unconfirmed` asks.")]


class SetRouteBody(In):
    """Where an action pattern is asked from now on. A live route of the same pattern is replaced."""

    action: Annotated[str, Field(pattern=_PATTERN, description="A pattern: * stands for any run of characters.")]
    channel: _Channel
    for_: Annotated[str | None, Field(alias="for", pattern=_DURATION, description="90s, 15m, 2h or 3d.")] = None
    until: Annotated[str | None, Field(pattern=_RFC3339, description="A time that is yet to come.")] = None
    reason: _Reason = ""
    confirm: _Confirm = False

    def deed(self) -> SetRoute:
        """Raises `InvalidField`."""
        seconds = None if self.for_ is None else seconds_of(self.for_, "for")
        return SetRoute(self.action, self.channel, self.reason, seconds, _time_of(self.until))


class NameChannelBody(In):
    place: Annotated[str, Field(pattern=r"^\S{1,200}$", description="A place such as slack:C0CHANNEL.")]
    reason: _Reason = ""


class PauseBody(In):
    """One of the three."""

    everything: Literal[True] | None = None
    agent: Annotated[str | None, Field(pattern=r"^[a-z0-9-]{1,32}$")] = None
    action: Annotated[str | None, Field(pattern=_PATTERN)] = None
    reason: _Reason = ""
    confirm: _Confirm = False

    def deed(self) -> PauseScope:
        """Raises `InvalidField`."""
        if sum(each is not None for each in (self.everything, self.agent, self.action)) != 1:
            raise InvalidField("Name one of everything, agent and action. Nothing was changed.", field="everything")
        return PauseScope(Scope(self.agent or "", self.action or ""), self.reason)


class MoveBody(In):
    channel: _Channel
    reason: _Reason = ""
    confirm: _Confirm = False

    def deed(self, request_id: str) -> Move:
        return Move(self.channel, request=request_id, why=self.reason)


class MoveAllBody(MoveBody):
    """All pending requests whose action the pattern names and that are asked elsewhere, the newest 200 of them at once.

    The same again under another `Idempotency-Key`, or none, takes the next.
    """

    action: Annotated[str, Field(pattern=_PATTERN)]

    def deed_of_all(self) -> Move:
        return Move(self.channel, action=self.action, why=self.reason)


class QuotasBody(In):
    """What is left out is as in a key that `sayso keys create` makes."""

    rate: Annotated[float, Field(gt=0, le=10_000)] = Quotas().rate
    burst: Annotated[int, Field(ge=1, le=100_000)] = Quotas().burst
    pending: Annotated[int, Field(ge=1, le=1_000_000)] = Quotas().pending
    bytes: Annotated[int, Field(ge=1, le=2**40)] = Quotas().bytes
    held: Annotated[int, Field(ge=1, le=1_000_000)] = Quotas().held


class MakeKeyBody(In):
    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]
    kinds: Annotated[
        list[Literal["agent", "executor", "admin"]], Field(min_length=1, max_length=3, description="[agent]")
    ] = ["agent"]  # noqa: RUF012 - pydantic copies it
    actions: Annotated[list[Annotated[str, Field(pattern=_PATTERN)]], Field(min_length=1, max_length=50)] = ["*"]  # noqa: RUF012
    principal: Annotated[str | None, Field(max_length=256)] = None
    quotas: QuotasBody = QuotasBody()

    def deed(self) -> MakeKey:
        quotas = Quotas(**{name: getattr(self.quotas, name) for name in Quotas.__slots__})
        principal = self.principal and self.principal.lower()
        return MakeKey(self.name, frozenset(self.kinds), tuple(dict.fromkeys(self.actions)), quotas, principal)


class RotateBody(In):
    overlap: Annotated[
        str, Field(pattern=_DURATION, description="How long both keys work; 0s ends the old one at once.")
    ] = "1h"


class ByOut(Out):
    id: str
    name: str
    surface: str


class IllOut(Out):
    """A place that cannot be reached: what its platform says, and since when."""

    what: str
    since: Annotated[str, Field(json_schema_extra=_TIME)]


class LiveRouteOut(Out):
    """``rules`` are those whose requests it sends elsewhere now; ``shadowed``: another place is called so now."""

    id: str
    action: str
    channel: str
    place: str
    until: Annotated[str | None, Field(json_schema_extra=_TIME)]
    reason: str
    set_by: ByOut
    set_at: Annotated[str, Field(json_schema_extra=_TIME)]
    rules: list[str] | None = None
    shadowed: bool | None = None
    ill: IllOut | None = None


class LiveRoutesOut(Out):
    items: list[LiveRouteOut]


class ChannelOut(Out):
    """``set_by`` is null where the policy names it. ``routes`` are the ids of the live routes that lead there."""

    name: str
    place: str
    set_by: ByOut | None
    reason: str | None
    shadowed: bool
    routes: list[str]
    ill: IllOut | None


class ChannelsOut(Out):
    items: list[ChannelOut]


class PauseOut(Out):
    """Of ``everything``, or of one ``agent`` or ``action`` pattern."""

    id: str
    everything: bool
    agent: str | None
    action: str | None
    reason: str
    set_by: ByOut
    since: Annotated[str, Field(json_schema_extra=_TIME)]


class PausesOut(Out):
    items: list[PauseOut]


class QuotasOut(Out):
    rate: float
    burst: int
    pending: int
    bytes: int
    held: int


class KeyOut(Out):
    """``last_used_at`` is right to a minute."""

    id: str
    name: str
    kinds: list[Literal["agent", "executor", "admin"]]
    actions: list[str]
    quotas: QuotasOut
    principal: str | None
    created_at: Annotated[str, Field(json_schema_extra=_TIME)]
    lapses_at: Annotated[str | None, Field(json_schema_extra=_TIME)]
    revoked_at: Annotated[str | None, Field(json_schema_extra=_TIME)]
    last_used_at: Annotated[str | None, Field(json_schema_extra=_TIME)]


class KeysOut(Out):
    items: list[KeyOut]
    next_cursor: str | None


class KeyMadeOut(Out):
    """``secret`` is told by the call that makes the key alone; a repetition is told null."""

    key: KeyOut
    secret: str | None
    instead_of: KeyOut | None


class MovedOut(Out):
    """``left`` were not moved: they ended meanwhile. Where there may be more than are moved at once, it counts one for
    them all."""

    channel: str
    moved: list[str]
    left: int


class EffectOut(Out):
    """What it would do. ``questions`` are those to which `confirm` says yes."""

    title: str
    lines: list[str]
    questions: list[str]


class SaidOut(Out):
    said: str


# --------------------------------------------------------------------------- answers


def route_out(route: LiveRoute, now: RouteNow | None = None) -> dict[str, Any]:
    about = {name: getattr(route, name) for name in ("id", "action", "channel", "place")}
    stands = {} if now is None else {"rules": list(now.rules), "shadowed": now.shadowed, "ill": ill_out(now.ill)}
    set_at = rfc3339(route.at)
    return {**about, "until": time_out(route.until), **_set(route.by, route.why), "set_at": set_at, **stands}


def channel_out(channel: ChannelNow) -> dict[str, Any]:
    live = channel.live
    return {
        "name": channel.name,
        "place": channel.place,
        "set_by": by_out(live.by) if live else None,
        "reason": live.why if live else None,
        "shadowed": channel.shadowed,
        "routes": [route.id for route in channel.routes],
        "ill": ill_out(channel.ill),
    }


def pause_out(pause: Pause) -> dict[str, Any]:
    scope = pause.scope
    about = {"everything": scope == Scope(), "agent": scope.agent or None, "action": scope.action or None}
    return {"id": pause.id, **about, **_set(pause.by, pause.why), "since": rfc3339(pause.since)}


def key_out(key: Key, last_used: datetime | None = None) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "kinds": [kind for kind in KINDS if kind in key.kinds],
        "actions": list(key.actions),
        "quotas": {name: getattr(key.quotas, name) for name in Quotas.__slots__},
        "principal": key.principal,
        "created_at": rfc3339(key.created_at),
        "lapses_at": time_out(key.lapses_at),
        "revoked_at": time_out(key.revoked_at),
        "last_used_at": time_out(last_used),
    }


def made_out(made: KeyMade) -> dict[str, Any]:
    instead = made.instead_of and key_out(made.instead_of)
    return {"key": key_out(made.key), "secret": made.secret, "instead_of": instead}


def moved_out(moved: MovedAlong) -> dict[str, Any]:
    return {"channel": moved.channel, "moved": list(moved.requests), "left": moved.left}


def effect_out(effect: Effect) -> dict[str, Any]:
    return {"title": effect.title, "lines": list(effect.lines), "questions": list(effect.questions)}


def by_out(by: Admin) -> Mapping[str, str]:
    return {"id": by.id, "name": by.name, "surface": by.surface}


def ill_out(ill: Illness | None) -> dict[str, str] | None:
    return None if ill is None else {"what": ill.what, "since": rfc3339(ill.since)}


def time_out(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None


def _set(by: Admin, why: str) -> dict[str, Any]:
    return {"reason": why, "set_by": by_out(by)}


def seconds_of(text: str, field: str) -> int:
    """Raises `InvalidField`."""
    try:
        return 0 if text == "0s" else parse_duration(text)
    except ValueError:
        raise InvalidField(f"{field} is at most 366 days. Nothing was changed.", field=field) from None


def _time_of(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidField(
            "until must be a time such as 2026-11-25T18:00:00Z. Nothing was changed.", field="until"
        ) from None
