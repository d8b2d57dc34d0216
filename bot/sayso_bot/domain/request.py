"""A Request is an agent's wish to do one Action, with what it claims beside it and how it stands.

Params are the ground truth that people are shown and that the fingerprint binds. Claims are the agent's words:
kept and shown as such, and never a reason for anything.

What is made for each call is a `msgspec.Struct`: it is filled in C, and changed by `msgspec.structs.replace`. Mypy lets
`dataclasses.replace` pass for one, which then raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal

import msgspec

from sayso_bot.domain.chance import random_bytes
from sayso_bot.domain.files import File
from sayso_bot.domain.form import Form
from sayso_bot.domain.json import Json

ACTION_TYPE = re.compile(r"[A-Za-z0-9_.:/-]{1,128}\Z")
NAME = re.compile(r"[a-z0-9-]{1,32}\Z")
REQUEST_ID = re.compile(r"req_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")

TIMES_REMEMBERED = 256
"""Under load many requests are made in the same millisecond, and end in the same one."""
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}

Outcome = Literal["approve", "deny"]
ReasonRule = Literal["always", "deny", "never"]
Urgency = Literal["low", "medium", "high", "critical"]


class Status(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Cause(StrEnum):
    VOTES = "votes"
    POLICY = "policy"
    POLICY_ERROR = "policy_error"
    TIMEOUT = "timeout"
    AGENT = "agent"
    ADMIN = "admin"


class Claims(msgspec.Struct, frozen=True):
    """What the agent says. None of it is checked; all of it is labelled as the agent's wherever it is shown.

    ``urgency`` may raise how a card looks and nothing else. ``approver`` is the e-mail address of whom it would like to
    decide; the policy says who may, and a request that names somebody else is not made.
    """

    summary: str | None = None
    reasoning: str | None = None
    diff: str | None = None
    links: tuple[str, ...] = ()
    metadata: Mapping[str, Json] = msgspec.field(default_factory=dict)
    on_behalf_of: str | None = None
    intent: str | None = None
    urgency: Urgency | None = None
    approver: str | None = None

    def said(self) -> dict[str, Any]:
        """By name, without what was not said."""
        found: dict[str, Any] = {}
        if self.summary is not None:
            found["summary"] = self.summary
        if self.reasoning is not None:
            found["reasoning"] = self.reasoning
        if self.diff is not None:
            found["diff"] = self.diff
        if self.links:
            found["links"] = self.links
        if self.metadata:
            found["metadata"] = self.metadata
        if self.on_behalf_of is not None:
            found["on_behalf_of"] = self.on_behalf_of
        if self.intent is not None:
            found["intent"] = self.intent
        if self.urgency is not None:
            found["urgency"] = self.urgency
        if self.approver is not None:
            found["approver"] = self.approver
        return found


class Requirement(msgspec.Struct, frozen=True):
    """What the rule demands. Copied into the request, so that a later policy does not change it.

    ``approvers`` is None where whoever is in the channel may answer; ``operator`` says that the local operator
    may. ``place`` is the platform's address of ``channel``; ``fallback_place`` that of ``fallback``, to which a request
    goes that nobody can see. ``confirm`` says that an approver types the action's name; ``editable`` names the params
    that an approver may change; ``forms`` that the agent may ask for a form; ``digest`` that a burst is one card;
    ``high_risk`` that its card looks different from a routine one.
    """

    channel: str
    place: str
    approvers: tuple[str, ...] | None
    group: str | None
    quorum: int
    reason: ReasonRule
    timeout_seconds: int
    receipt_seconds: int
    operator: bool = False
    fallback: str | None = None
    fallback_place: str | None = None
    confirm: bool = False
    editable: tuple[str, ...] = ()
    forms: bool = False
    digest: bool = False
    high_risk: bool = False

    def __hash__(self) -> int:
        """Of what tells two rules apart, and no more: what is remembered of it is looked up for each submission."""
        return hash((self.channel, self.group or self.approvers, self.timeout_seconds))


class Vote(msgspec.Struct, frozen=True):
    """One person's answer to one revision. ``evidence`` says what admitted them, ``at`` is Redis's time.

    ``response`` is what they filled into the request's form.
    """

    person: str
    name: str
    aliases: frozenset[str]
    outcome: Outcome
    reason: str | None
    surface: str
    revision: int
    evidence: str
    comparable: bool
    at: datetime
    response: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Edited:
    """That somebody made ``revision`` by changing the params."""

    revision: int
    name: str
    surface: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """That an admin has it asked elsewhere than its rule says: in ``channel``, by a live ``route`` or by a move.

    Only the card is elsewhere: who may answer stays the rule's to say.
    """

    channel: str
    by: str
    why: str
    route: str = ""


class Decision(msgspec.Struct, frozen=True):
    """How the request ended. ``reason`` is the policy's sentence where the policy ended it."""

    outcome: Status
    cause: Cause
    at: datetime
    votes: tuple[Vote, ...] = ()
    reason: str | None = None


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request is never large: who asks for which action by which rule, and how it stands. No params.

    ``place`` is where its card is: the rule's, or where it was moved to. Empty where no card is posted. ``moved`` is
    set where an admin has brought it there.
    """

    id: str
    revision: int
    status: Status
    action: str
    agent: str
    principal: str | None
    created_at: datetime
    expires_at: datetime | None
    rule: str
    requirement: Requirement | None
    votes: tuple[Vote, ...] = ()
    decision: Decision | None = None
    place: str = ""
    edits: tuple[Edited, ...] = ()
    moved: Moved | None = None

    @property
    def settled(self) -> bool:
        return self.status is not Status.PENDING

    @property
    def at_fallback(self) -> bool:
        """Whether it was moved to the fallback that its rule names, because its place could not be reached."""
        fallback = self.requirement and self.requirement.fallback_place
        return fallback is not None and self.place == fallback and self.moved is None

    @property
    def asked_in(self) -> str:
        """The channel where it is asked now; empty where nobody is asked."""
        if self.moved is not None:
            return self.moved.channel
        if self.requirement is None:
            return ""
        return self.requirement.fallback or "" if self.at_fallback else self.requirement.channel


class Request(Outline, frozen=True, kw_only=True):
    """``params`` and ``fingerprint`` are the present revision's, ``original_params`` the agent's, where edited.

    ``files`` are all that were attached or put into its form, in their order.
    """

    params: Mapping[str, Json]
    fingerprint: str
    key_id: str
    policy_digest: str
    claims: Claims
    original_params: Mapping[str, Json] | None = None
    form: Form | None = None
    files: tuple[File, ...] = ()

    def file(self, file_id: str) -> File | None:
        return next((file for file in self.files if file.id == file_id), None)


def new_request_id(at: datetime) -> str:
    """``req_`` and a UUIDv7 (RFC 9562) for ``at``. Order never depends on it: lists go by the book's own count."""
    drawn = (int(at.timestamp() * 1000).to_bytes(6, "big") + random_bytes(10)).hex()
    return f"req_{drawn[:8]}-{drawn[8:12]}-7{drawn[13:16]}-{_VARIANT[drawn[16]]}{drawn[17:20]}-{drawn[20:]}"


def new_button() -> str:
    """The opaque id of a card's buttons: of one request, revision and place."""
    return f"btn_{random_bytes(16).hex()}"


@lru_cache(TIMES_REMEMBERED)
def from_milliseconds(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@lru_cache(TIMES_REMEMBERED)
def rfc3339(at: datetime) -> str:
    """``2026-11-23T18:00:00.123Z``"""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
