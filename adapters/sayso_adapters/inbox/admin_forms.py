"""The forms of the admin's page: what was sent, read into a deed. The office says whether it can be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sayso_adapters.inbox.forms import Sent
from sayso_bot.domain.commands import parse_until
from sayso_bot.domain.deeds import (
    Deed,
    ForgetChannel,
    MakeKey,
    Move,
    NameChannel,
    PauseScope,
    Resume,
    RevokeKey,
    RotateKey,
    SetRoute,
    TestChannel,
    UndoRoute,
)
from sayso_bot.domain.key import KINDS
from sayso_bot.domain.pauses import Scope
from sayso_bot.domain.policy import parse_duration
from sayso_bot.domain.request import REQUEST_ID
from sayso_bot.errors import InvalidField

OTHER = "other"
CARRIED = frozenset({"csrf", "nonce", "version", "why", "asked", "confirmed"})
"""Fields that a page gives anew; all others go with the form from step to step."""
LASTING = (
    ("", "for good"),
    ("1h", "an hour"),
    ("4h", "4 hours"),
    ("1d", "a day"),
    ("7d", "a week"),
    (OTHER, "until …"),
)
OVERLAPS = (
    ("1h", "the old one for an hour more"),
    ("1d", "the old one for a day more"),
    ("7d", "the old one for a week more"),
    ("0s", "the old one ends now"),
)
_INCOMPLETE = "The form was not complete. Nothing was changed. Open the page again and retry."


def deed_of(sent: Sent) -> Deed:
    """Raises `InvalidField`, whose field is the input's name."""
    read = _DEEDS.get(sent.get("deed"))
    if read is None:
        raise InvalidField(_INCOMPLETE)
    return read(sent, _line(sent, "why"))


def carried(sent: Sent) -> list[tuple[str, str]]:
    """What the next step's form carries along."""
    return [(name, value) for name, values in sent.values.items() if name not in CARRIED for value in values]


def has_reason(deed: Deed) -> bool:
    return hasattr(deed, "why")


def _route(sent: Sent, why: str) -> Deed:
    lasting = sent.get("lasting")
    until = _until(sent) if lasting == OTHER else None
    return SetRoute(_line(sent, "action"), _channel(sent), why, None if until else _seconds(lasting, "lasting"), until)


def _pause(sent: Sent, why: str) -> Deed:
    return PauseScope(_scope(sent), why)


def _resume(sent: Sent, why: str) -> Deed:
    try:
        return Resume(sent.get("pause"), Scope.parse(sent.get("scope")))
    except ValueError:
        raise InvalidField(_INCOMPLETE) from None


def _move(sent: Sent, why: str) -> Deed:
    what = _line(sent, "what")
    one = REQUEST_ID.match(what) is not None
    return Move(_channel(sent), request=what if one else "", action="" if one else what, why=why)


def _key(sent: Sent, why: str) -> Deed:
    chosen = sent.all("kinds")
    actions = tuple(dict.fromkeys(sent.get("actions").replace(",", " ").split()))
    kinds = frozenset(kind for kind in KINDS if kind in chosen)
    return MakeKey(_line(sent, "name"), kinds, actions or ("*",), principal=_line(sent, "principal").lower() or None)


_DEEDS: Mapping[str, Callable[[Sent, str], Deed]] = {
    "route": _route,
    "undo": lambda sent, why: UndoRoute(_line(sent, "route"), why),
    "name": lambda sent, why: NameChannel(_line(sent, "name"), _line(sent, "place"), why),
    "forget": lambda sent, why: ForgetChannel(_line(sent, "name"), why),
    "test": lambda sent, why: TestChannel(_line(sent, "channel")),
    "pause": _pause,
    "resume": _resume,
    "move": _move,
    "make-key": _key,
    "rotate": lambda sent, why: RotateKey(_line(sent, "key"), _seconds(sent.get("overlap"), "overlap") or 0),
    "revoke": lambda sent, why: RevokeKey(_line(sent, "key")),
}


def _channel(sent: Sent) -> str:
    """The channel that was chosen, or the place that was written beside it."""
    chosen = sent.get("to")
    found = _line(sent, "to_place") if chosen == OTHER else chosen
    if not found:
        raise InvalidField("Choose a channel, or write its place. Nothing was changed.", field="to_place")
    return found


def _scope(sent: Sent) -> Scope:
    kind, what = sent.get("kind"), _line(sent, "what")
    try:
        return Scope.parse("everything" if kind == "everything" else f"{kind}:{what}")
    except ValueError:
        field = "Write the agent's name" if kind == "agent" else "Write an action pattern such as deploy.*"
        raise InvalidField(f"{field}. Nothing was changed.", field="what") from None


def _until(sent: Sent) -> datetime:
    try:
        return parse_until(sent.get("until"), datetime.now(UTC))
    except ValueError:
        raise InvalidField("Write until when, in UTC. Nothing was changed.", field="until") from None


def _seconds(text: str, field: str) -> int | None:
    if text in ("", "0s"):
        return 0 if text else None
    try:
        return parse_duration(text)
    except ValueError:
        raise InvalidField(_INCOMPLETE, field=field) from None


def _line(sent: Sent, name: str) -> str:
    return " ".join(sent.get(name).split())
