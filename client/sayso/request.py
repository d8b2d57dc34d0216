"""A request as the service tells it, and the one value that means yes.

`Request` says how things stand. Only `Approval` means that the action may be done; it is made in one place, from an
answer that was compared with what was asked. A request is neither true nor false, so ``if client.get(id):`` fails
instead of passing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar, cast

from sayso.errors import Unusable
from sayso.files import File
from sayso.strict_json import Json

_T = TypeVar("_T")

STATUSES = frozenset({"pending", "approved", "denied", "expired", "cancelled"})
REQUEST_ID = re.compile(r"req_[A-Za-z0-9-]{1,64}\Z", re.ASCII)
_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}\Z", re.ASCII)


class Malformed(ValueError):
    """The answer is not a request as the contract describes it. The message names the field."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's answer. ``reason`` is their words: data, not instructions."""

    person: str
    name: str
    outcome: str
    reason: str | None
    surface: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """How a request ended. ``reason`` is the policy's sentence where the policy ended it.

    ``response`` is what the approver filled into the request's form, by field: data, not instructions.
    """

    outcome: str
    cause: str
    at: datetime
    reason: str | None
    votes: tuple[Vote, ...]
    response: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """What the rule demands. ``approvers`` is as the policy names them."""

    channel: str
    approvers: tuple[str, ...]
    quorum: int
    reason: str
    timeout_seconds: int | None


@dataclass(frozen=True, slots=True)
class Request:
    """``status`` is pending, approved, denied, expired or cancelled. ``raw`` is the answer as it came.

    ``original_params`` is what was asked, where an approver has edited it; then ``params`` is something else. ``files``
    are all that were put into its form or attached.
    """

    id: str
    revision: int
    status: str
    action: str
    params: Mapping[str, Json]
    fingerprint: str
    agent: str
    created_at: datetime
    expires_at: datetime | None
    rule: str | None
    requirement: Requirement | None
    claims: Mapping[str, Json]
    decision: Decision | None
    review_url: str | None
    raw: Mapping[str, Json] = field(repr=False, compare=False)
    original_params: Mapping[str, Json] | None = None
    files: tuple[File, ...] = ()

    @property
    def asked_params(self) -> Mapping[str, Json]:
        """What the agent asked, whatever an approver has made of it."""
        return self.params if self.original_params is None else self.original_params

    @property
    def votes(self) -> tuple[Vote, ...]:
        return self.decision.votes if self.decision else ()

    @property
    def settled(self) -> bool:
        return self.status != "pending"

    def __bool__(self) -> bool:
        raise TypeError("A request is neither true nor false. Look at its status, or use ask() or wait().")


class Approval(Request):
    """A request that was approved. The only value that means yes, and yes to its ``params``.

    They are exactly what was asked, unless the caller takes edits.
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


def approval(request: Request) -> Approval:
    """``request`` as an `Approval`. For `sayso.asking` alone, after it has compared everything."""
    return Approval(**{each.name: getattr(request, each.name) for each in fields(request)})


@dataclass(frozen=True, slots=True)
class Page:
    """A page of requests, newest first. ``next_cursor`` continues it; None says that this was the last."""

    items: tuple[Request, ...]
    next_cursor: str | None


def parse_page(value: Json) -> Page:
    """Raises `Malformed`."""
    answer = _Fields(value, "the answer")
    return Page(
        items=tuple(parse(item) for item in answer.get("items", list)),
        next_cursor=answer.maybe("next_cursor", str),
    )


def parse(value: Json) -> Request:
    """Raises `Malformed`. Fields that this release does not know are left alone."""
    answer = _Fields(value, "the answer")
    return Request(
        id=answer.matching("id", REQUEST_ID),
        revision=answer.get("revision", int),
        status=answer.one_of("status", STATUSES),
        action=answer.get("action", str),
        params=answer.get("params", dict),
        fingerprint=answer.matching("fingerprint", _FINGERPRINT),
        agent=answer.get("agent", str),
        created_at=answer.time("created_at"),
        expires_at=answer.maybe_made("expires_at", _time),
        rule=answer.maybe("rule", str),
        requirement=answer.maybe_made("requirement", _requirement),
        claims=answer.maybe("claims", dict) or {},
        decision=answer.maybe_made("decision", _decision),
        review_url=answer.maybe("review_url", str),
        raw=answer.value,
        original_params=answer.maybe("original_params", dict),
        files=tuple(_file(file) for file in answer.maybe("files", list) or []),
    )


def _requirement(value: Json) -> Requirement:
    answer = _Fields(value, "requirement")
    approvers = answer.maybe("approvers", object)
    return Requirement(
        channel=answer.get("channel", str),
        approvers=tuple(map(str, approvers)) if isinstance(approvers, list) else (str(approvers),) if approvers else (),
        quorum=answer.get("quorum", int),
        reason=answer.get("reason", str),
        timeout_seconds=answer.maybe("timeout_seconds", int),
    )


def _decision(value: Json) -> Decision:
    answer = _Fields(value, "decision")
    return Decision(
        outcome=answer.get("outcome", str),
        cause=answer.get("cause", str),
        at=answer.time("at"),
        reason=answer.maybe("reason", str),
        votes=tuple(_vote(vote) for vote in answer.maybe("votes", list) or []),
        response=answer.maybe("response", dict),
    )


def _file(value: Json) -> File:
    try:
        return File.of(_Fields(value, "a file").value)
    except Unusable:
        raise Malformed("a file is not one as the contract describes it") from None


def _vote(value: Json) -> Vote:
    answer = _Fields(value, "a vote")
    return Vote(
        person=answer.get("person", str),
        name=answer.maybe("name", str) or answer.get("person", str),
        outcome=answer.get("outcome", str),
        reason=answer.maybe("reason", str),
        surface=answer.get("surface", str),
        at=answer.time("at"),
    )


def _time(value: Json) -> datetime:
    try:
        at = datetime.fromisoformat(cast(str, value))
    except (TypeError, ValueError):
        raise Malformed("a time is not in RFC 3339") from None
    if at.tzinfo is None:
        raise Malformed("a time has no zone")
    return at


class _Fields:
    """The fields of one JSON object, each taken with its type or refused."""

    def __init__(self, value: Json, what: str) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"{what} is not an object")
        self.value = value
        self._what = what

    def get(self, name: str, kind: type[_T]) -> _T:
        found = self.maybe(name, kind)
        if found is None:
            raise Malformed(f"{self._what} has no usable {name}")
        return found

    def maybe(self, name: str, kind: type[_T]) -> _T | None:
        found: Any = self.value.get(name)
        if found is None:
            return None
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise Malformed(f"{self._what} has no usable {name}")
        return found

    def maybe_made(self, name: str, make: Callable[[Json], _T]) -> _T | None:
        found = self.value.get(name)
        return None if found is None else make(found)

    def matching(self, name: str, pattern: re.Pattern[str]) -> str:
        found = self.get(name, str)
        if not pattern.match(found):
            raise Malformed(f"{self._what} has no usable {name}")
        return found

    def one_of(self, name: str, known: frozenset[str]) -> str:
        found = self.get(name, str)
        if found not in known:
            raise Malformed(f"{self._what} has a {name} that this release does not know")
        return found

    def time(self, name: str) -> datetime:
        return _time(self.get(name, str))
