"""What the store is given and what it answers: plain values. Those that are made by the thousand are Structs, as
`domain.request` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from sayso_bot.domain.form import Form
from sayso_bot.domain.json import Json
from sayso_bot.domain.key import Key
from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.person import Person
from sayso_bot.domain.policy import Verdict
from sayso_bot.domain.request import Claims, Request, Status
from sayso_bot.domain.routing import LiveChannel, LiveRoute
from sayso_bot.ports.given import Edit


class Epochs(msgspec.Struct, frozen=True):
    """Counters of the configuration that a caller used. A function answers "again" when one has moved; None is one
    that the caller did not use."""

    keys: int
    policy: int | None
    routes: int = 0

    @property
    def of_keys(self) -> Epochs:
        """For who reads: the key must be in force, whatever the policy."""
        return replace(self, policy=None)


class Draft(msgspec.Struct, frozen=True):
    """What an agent asks, as the HTTP layer has checked it. ``body_digest`` tells two bodies of one
    ``idempotency_key`` apart; it is empty where there is none."""

    action: str
    params: Mapping[str, Json]
    claims: Claims
    timeout_seconds: int | None
    body_digest: str
    idempotency_key: str | None
    form: Form | None = None


class NewRequest(msgspec.Struct, frozen=True):
    """A request as the desk made it; the store adds its times. ``place`` is None where nothing is to be posted.

    A verdict other than ``ask`` settles it at once. ``route`` is the live one by which ``place`` is not the rule's.
    """

    id: str
    draft: Draft
    fingerprint: str
    key: Key
    verdict: Verdict
    policy_digest: str
    timeout_seconds: int | None
    place: str | None
    button: str
    route: LiveRoute | None = None


class Submitted(msgspec.Struct, frozen=True):
    """``replayed`` says that an earlier call with the same Idempotency-Key made it."""

    request: Request
    replayed: bool


VoteCode = Literal["ok", "replay", "settled", "stale", "paused", "voted", "changed"]


class VoteAnswer(msgspec.Struct, frozen=True):
    """``changed`` says that other votes came in between: look again. The request is as it stands after the call.

    ``pause`` is the one for which it is ``paused``, where that is known.
    """

    code: VoteCode
    request: Request | None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class NewRevision:
    """An edit as the desk has judged it, of the ``request`` that it has seen. ``button`` is the new revision's."""

    request: Request
    edit: Edit
    person: Person
    params: Mapping[str, Json]
    fingerprint: str
    evidence: str
    button: str


EditCode = Literal["ok", "replay", "settled", "stale", "paused"]


@dataclass(frozen=True, slots=True)
class EditAnswer:
    """The request is as it stands after the call; None where Redis has lost it. ``pause`` is as in `VoteAnswer`."""

    code: EditCode
    request: Request | None
    pause: Pause | None = None


class Work(msgspec.Struct, frozen=True):
    """One card to bring up to date, under a lease that ``fence`` names. ``wanted`` is the version to show.

    ``post`` is None while nothing is known to be there; ``lost_at`` is when an earlier post's answer was lost.
    ``doubles`` are further copies at the same place, ``told`` the keys of the story that stand beside it. ``pause``
    holds for the request at this moment. ``tells``: the story goes on beside this card. ``teller`` is the place of an
    earlier card, to which this one hands on how the request ended, or that it went elsewhere, where it is not shown.
    """

    request: Request
    place: str
    fence: int
    wanted: int
    post: str | None
    doubles: tuple[str, ...]
    button: str
    attempts: int
    lost_at: datetime | None
    told: frozenset[str] = frozenset()
    pause: Pause | None = None
    tells: bool = True
    teller: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What is due now, and in how many seconds more will be (None: nothing known)."""

    items: tuple[str, ...]
    next_in_seconds: float | None


@dataclass(frozen=True, slots=True)
class Stored:
    """The configuration as it lies in the store at ``now``, Redis's time: keys and routes whose time is over too.

    ``document`` is None when the caller has compiled that digest.
    """

    epochs: Epochs
    keys: tuple[Key, ...]
    policy_digest: str | None
    document: str | None
    now: datetime
    pauses: tuple[Pause, ...] = ()
    routes: tuple[LiveRoute, ...] = ()
    channels: tuple[LiveChannel, ...] = ()


# How many alarms show which places are ill: whoever says that one is well again must see what made it ill.
ALARMS_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class Alarm:
    """A card that cannot be delivered to its place."""

    request_id: str
    place: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of the whole book, the same whichever replica is asked. ``memory_bytes`` is what Redis uses.

    ``doubles`` are second cards of one request at one place, as far as anybody has learnt of them.
    """

    requests: Mapping[Status, int]
    alarms: int
    doubles: int
    request_bytes: int
    journal_entries: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Activation:
    """What became of a document that was to be put in force: the ``number`` of its version.

    ``changed`` is False where it was in force already. Where ``other`` was put in force meanwhile there is no number.
    """

    number: int | None
    changed: bool = False
    other: str | None = None
