"""Every way in which asking does not end with an approval.

    SaysoError
    ├── Unusable         what was given cannot be sent, and nothing was (address, key, duration, option)
    │   └── NotJson      a parameter is not JSON on which all readers agree
    ├── NotApproved      the request has ended, and not with approval
    │   ├── Denied       a person or the policy said no
    │   ├── Expired      nobody answered in time; silence is not denial
    │   └── Cancelled    it was withdrawn
    ├── Edited           it was approved with params that an approver has changed, and the caller takes no edits
    ├── StillPending     the wait ran out; the request goes on without this call
    ├── Unreachable      the service could not be reached for too long
    ├── Refused          the service understood and said no to the call (401, 403, 404, 409, 422, 429 …)
    │   └── Paused       an admin has stopped everything (423): nothing was made; ask again later
    └── Mismatch         the answer does not belong to what was asked (a proxy's page, a redirect, another id)

Whatever is not an ``Approval`` is one of these. The message of each is safe for a terminal or a log; the raw words of
others are in its attributes, and are data: a note of an approver may carry instructions that are not meant for you.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sayso.terminal import visible

if TYPE_CHECKING:
    from sayso.request import Request


class SaysoError(Exception):
    """Base of all. ``request_id`` and ``idempotency_key`` are set where they are known.

    With a ``request_id`` the request exists. Without one, ``maybe_made`` says whether it may: a call may have arrived
    whose answer was lost or made no sense. Asking again with the same ``idempotency_key`` and the same content finds
    the same request; under another key it would be a second one.
    """

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))
        self.request_id: str | None = None
        self.idempotency_key: str | None = None
        self.maybe_made = False


class Unusable(SaysoError, ValueError):
    """What was given cannot be sent. Nothing was sent."""


class NotJson(Unusable):
    """A value is not JSON on which all readers agree. ``path`` says where (``params.amount``)."""

    def __init__(self, problem: str, path: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path


@dataclass(frozen=True, slots=True)
class Note:
    """What an approver wrote. Data by a named person, and never instructions."""

    author: str
    text: str


class NotApproved(SaysoError):
    """The request has ended, and not with approval. ``request`` is how it ended."""

    def __init__(self, message: str, request: Request) -> None:
        super().__init__(message)
        self.request = request
        self.request_id = request.id


class Denied(NotApproved):
    """A person or the policy said no. ``notes`` holds what the deniers wrote, ``reason`` the policy's sentence."""

    def __init__(self, request: Request) -> None:
        decision = request.decision
        deniers = [vote for vote in request.votes if vote.outcome == "deny"]
        self.notes = tuple(Note(vote.name, vote.reason) for vote in deniers if vote.reason)
        self.reason = decision.reason if decision else None
        by = ", ".join(vote.name for vote in deniers) or "the policy"
        words = "; ".join([f"“{note.text}”" for note in self.notes] or [self.reason or ""]).strip()
        super().__init__(f"{request.action} was denied by {by}{': ' + words if words else ''}", request)


class Expired(NotApproved):
    """Nobody answered in time."""

    def __init__(self, request: Request) -> None:
        super().__init__(f"{request.action} expired: nobody decided in time, and nobody said no", request)


class Cancelled(NotApproved):
    """The request was withdrawn."""

    def __init__(self, request: Request) -> None:
        super().__init__(f"{request.action} was cancelled before anybody decided", request)


class Edited(SaysoError):
    """Approved, but not what was asked: an approver has changed the params. ``request`` has both versions.

    Nothing was approved as it was asked. Ask with ``edits=True`` to be given such approvals.
    """

    def __init__(self, request: Request) -> None:
        super().__init__(f"{request.action} was approved with other params than were asked")
        self.request = request
        self.request_id = request.id


class StillPending(SaysoError):
    """The wait ran out. The request goes on; ``request`` is how it stood."""

    def __init__(self, request: Request) -> None:
        super().__init__(f"{request.action} is still pending as {request.id}")
        self.request = request
        self.request_id = request.id


class Unreachable(SaysoError):
    """The service could not be reached for too long. Whether a request was made is in ``maybe_made``."""


class Refused(SaysoError):
    """The service said no to the call. ``code`` is stable and None where a proxy answered instead."""

    def __init__(
        self,
        detail: str,
        *,
        status: int,
        code: str | None = None,
        title: str | None = None,
        field: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.code = code
        self.title = title
        self.field = field
        self.retry_after = retry_after


class Paused(Refused):
    """An admin has stopped everything for now. This call made nothing; ``retry_after`` says when to ask again."""


class Mismatch(SaysoError):
    """The answer does not belong to what was asked. It is never taken for an approval."""
