"""THE MAIN PATH of an agent: submit, hold for the decision, and come back with an approval or an exception.

Written once, as generators that yield the calls to make and are sent what came of each; the sync and the async client
only carry them out. The invariant: an `Approval` comes from `_approved` alone, which has compared the answer's id,
status, decision, action and params with what was asked. Everything else raises.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from sayso.durations import Duration, seconds
from sayso.errors import (
    Cancelled,
    Denied,
    Edited,
    Expired,
    Mismatch,
    NotApproved,
    Refused,
    SaysoError,
    StillPending,
    Unreachable,
    Unusable,
)
from sayso.files import File
from sayso.question import Question, Submission
from sayso.request import REQUEST_ID, STATUSES, Approval, Page, Request, approval, parse, parse_page
from sayso.wire import Answer, Call, Lost, check_good, read, refusal, retry_after

_T = TypeVar("_T")
Flow: TypeAlias = Generator[Call, Answer | Lost, _T]

HOLD_SECONDS = 55
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 10.0
_FIRST_PACE, _SLOWEST_PACE = 0.5, 5.0
_RANDOM = random.SystemRandom()
_ENDINGS: dict[str, type[Denied | Expired | Cancelled]] = {
    "denied": Denied,
    "expired": Expired,
    "cancelled": Cancelled,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known while a call waits: the request once it is made, and what stands in the way, if anything."""

    request: Request | None
    trouble: str | None


class Asking(Submission, total=False):
    """`Submission`, and how long this call waits.

    ``wait`` bounds this call and not the request; None waits for the decision. With ``progress`` the request is told
    as soon as it is made, at the price of one more call. With ``edits`` an approval counts whose params an approver has
    changed: do what the approval's ``params`` say, not what was asked. Without, it raises `Edited`.
    """

    wait: Duration | None
    progress: Callable[[Progress], None] | None
    edits: bool


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on without an answer, in seconds: until the request is made, and once it is."""

    connect: float
    reconnect: float


@dataclass(slots=True)
class _Waiting:
    """One call's view of time and of the request."""

    deadline: float | None
    patience: Patience
    tell: Callable[[Progress], None] | None
    request: Request | None = None
    maybe_made: bool = False

    @property
    def outage(self) -> float:
        """How long no answer may come, in seconds."""
        return self.patience.connect if self.request is None else self.patience.reconnect

    def progress(self, trouble: str | None = None) -> None:
        if self.tell is not None:
            self.tell(Progress(self.request, trouble))


class Core:
    """The flows. ``clock`` is monotonic seconds and ``jitter`` a number from 0 to 1."""

    def __init__(
        self,
        patience: Patience,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = _RANDOM.random,
    ) -> None:
        self._patience = patience
        self._clock = clock
        self._jitter = jitter

    # ------------------------------------------------------------------ what the clients offer

    def ask(
        self,
        question: Question,
        *,
        wait: Duration | None = None,
        progress: Callable[[Progress], None] | None = None,
        edits: bool = False,
    ) -> Flow[Approval]:
        """Submit, wait, and return the approval. Raises every kind of `SaysoError`."""
        waiting = self._waiting(wait, progress)
        try:
            request = yield from self._submit(question, waiting, hold=progress is None)
            return (yield from self._decided(request, waiting, question.check, edits=edits))
        except SaysoError as error:
            _mark(error, waiting, question)
            raise

    def submit(self, question: Question) -> Flow[Request]:
        """Make the request, or find it again, and return it as it stands."""
        waiting = self._waiting(None, None)
        try:
            return (yield from self._submit(question, waiting, hold=False))
        except SaysoError as error:
            _mark(error, waiting, question)
            raise

    def wait(self, request: Request | str, *, wait: Duration | None = None, edits: bool = False) -> Flow[Approval]:
        """Wait for the decision. A `Request` is compared with the answer; an id alone leaves that to the caller."""
        waiting = self._waiting(wait, None)
        request_id = request.id if isinstance(request, Request) else _usable_id(request)
        try:
            found = yield from self._read(request_id, waiting, hold=self._hold(waiting))
            asked = request if isinstance(request, Request) else found
            return (yield from self._decided(found, waiting, _about(asked), edits=edits))
        except SaysoError as error:
            _mark(error, waiting)
            raise

    def get(self, request_id: str) -> Flow[Request]:
        return (yield from self._read(_usable_id(request_id), self._waiting(None, None), hold=0))

    def list(self, *, status: str | None, action: str | None, agent: str | None, cursor: str | None) -> Flow[Page]:
        if status is not None and status not in STATUSES:
            raise Unusable(f"{status!r} is no status. They are: {', '.join(sorted(STATUSES))}.")
        filters = {"status": status, "action": action, "agent": agent, "cursor": cursor}
        query = {name: value for name, value in filters.items() if value is not None}
        answer = yield from self._exchange(Call("GET", "/v1/requests", query=query), self._waiting(None, None))
        return read(answer, parse_page)

    def cancel(self, request_id: str) -> Flow[Request]:
        """Withdraw. A request that is cancelled already is returned; one that ended otherwise raises `Refused`."""
        waiting = self._waiting(None, None)
        path = f"/v1/requests/{_usable_id(request_id)}/cancel"
        answer = yield from self._exchange(Call("POST", path, body=b"{}"), waiting)
        try:
            return _same_id(read(answer, parse), request_id)
        except Refused as refused:
            if refused.status != 409:
                raise
            request = yield from self._read(request_id, waiting, hold=0)
            if request.status != "cancelled":
                raise refused from None
            return request

    def download(self, request: Request | str, file: File) -> Flow[bytes]:
        """What ``file`` of the request holds, held against its digest."""
        request_id = _usable_id(request.id if isinstance(request, Request) else request)
        call = Call("GET", f"/v1/requests/{request_id}/files/{file.id}", whole=True)
        answer = yield from self._exchange(call, self._waiting(None, None))
        check_good(answer)
        return file.check(answer.body)

    # ------------------------------------------------------------------ submit, hold, decide

    def _submit(self, question: Question, waiting: _Waiting, *, hold: bool) -> Flow[Request]:
        call = Call("POST", "/v1/requests", body=question.body, idempotency_key=question.idempotency_key)
        answer = yield from self._exchange(replace(call, hold=self._hold(waiting) if hold else 0), waiting)
        request = read(answer, parse)
        question.check(request)
        waiting.request = request
        return request

    def _decided(
        self, request: Request, waiting: _Waiting, check: Callable[[Request], None], *, edits: bool
    ) -> Flow[Approval]:
        """Hold until ``request`` is settled, and judge how it ended."""
        pace = 0.0
        waiting.request = request
        while request.status == "pending":
            if waiting.deadline is not None and self._clock() + pace >= waiting.deadline:
                raise StillPending(request)
            waiting.progress()
            began, hold = self._clock() + pace, self._hold(waiting)
            request = yield from self._read(request.id, waiting, hold=hold, after=pace)
            check(request)
            waiting.request = request
            came_early = self._clock() - began < hold / 2
            pace = min(_SLOWEST_PACE, max(_FIRST_PACE, pace * 2)) if came_early else 0.0
        return _approved(request, check, edits=edits)

    def _read(self, request_id: str, waiting: _Waiting, *, hold: int, after: float = 0.0) -> Flow[Request]:
        call = Call("GET", f"/v1/requests/{request_id}", hold=hold, after=after)
        answer = yield from self._exchange(call, waiting)
        return _same_id(read(answer, parse), request_id)

    # ------------------------------------------------------------------ one exchange, through trouble

    def _exchange(self, call: Call, waiting: _Waiting) -> Flow[Answer]:
        """The first answer that is neither lost nor "later". Raises `Unreachable` or `Refused` when patience ends."""
        troubled_since: float | None = None
        attempt = 0
        while True:
            reply = yield call
            if isinstance(reply, Answer) and not reply.says_later:
                if troubled_since is not None:
                    waiting.progress()
                return reply
            now = self._clock()
            troubled_since = now if troubled_since is None else troubled_since
            waiting.maybe_made = waiting.maybe_made or _may_have_arrived(reply)
            delay = self._delay(reply, attempt)
            give_up = troubled_since + waiting.outage
            give_up = give_up if waiting.deadline is None else min(give_up, waiting.deadline)
            if now + delay > give_up or (isinstance(reply, Lost) and reply.final):
                raise _gave_up(reply)
            waiting.progress(_trouble(reply))
            attempt += 1
            call = replace(call, after=delay, hold=min(call.hold, self._hold(waiting)))

    def _delay(self, reply: Answer | Lost, attempt: int) -> float:
        """Exponential, jittered, and never sooner than the service asked for."""
        backoff: float = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(attempt, 16)) * (0.5 + self._jitter() / 2)
        told = retry_after(reply) if isinstance(reply, Answer) else None
        return backoff if told is None else told + backoff

    def _waiting(self, wait: Duration | None, progress: Callable[[Progress], None] | None) -> _Waiting:
        deadline = None if wait is None else self._clock() + seconds(wait)
        return _Waiting(deadline, self._patience, progress)

    def _hold(self, waiting: _Waiting) -> int:
        if waiting.deadline is None:
            return HOLD_SECONDS
        return min(HOLD_SECONDS, max(0, math.ceil(waiting.deadline - self._clock())))


def _approved(request: Request, check: Callable[[Request], None], *, edits: bool) -> Approval:
    """The approval, if ``request`` is one in every respect. The only place where one is made."""
    check(request)
    ending = _ENDINGS.get(request.status)
    if ending is not None:
        raise ending(request)
    decision = request.decision
    if request.status != "approved" or decision is None or decision.outcome != "approved" or request.revision < 1:
        raise Mismatch("The answer is not an approval, and nothing else that is known either.")
    if request.original_params is not None and not edits:
        raise Edited(request)
    return approval(request)


def _about(asked: Request) -> Callable[[Request], None]:
    question = Question(asked.action, asked.asked_params, b"", "")
    return question.check


def _same_id(request: Request, request_id: str) -> Request:
    if request.id != request_id:
        raise Mismatch("The answer is about another request.")
    return request


def _usable_id(request_id: str) -> str:
    if not REQUEST_ID.match(request_id):
        raise Unusable("That is not the id of a request. One looks like req_0193….")
    return request_id


def _mark(error: SaysoError, waiting: _Waiting, question: Question | None = None) -> None:
    """Say in ``error`` what is known of the request, and how to find it again."""
    if question is not None:
        error.idempotency_key = question.idempotency_key
    if waiting.request is None:
        error.maybe_made = waiting.maybe_made or isinstance(error, Mismatch)
    elif not isinstance(error, NotApproved | Edited):
        error.request_id = waiting.request.id


def _may_have_arrived(reply: Answer | Lost) -> bool:
    """Whether the call may have done its work although ``reply`` does not say so."""
    return reply.sent if isinstance(reply, Lost) else reply.status != 429


def _gave_up(reply: Answer | Lost) -> SaysoError:
    if isinstance(reply, Answer) and reply.status == 429:
        return refusal(reply)
    return Unreachable(f"The service cannot be reached: {_trouble(reply)}")


def _trouble(reply: Answer | Lost) -> str:
    return reply.what if isinstance(reply, Lost) else f"it answered {reply.status}: {refusal(reply).detail}"
