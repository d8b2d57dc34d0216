"""One call and what came of it, as plain values; and how an answer is read. No input or output happens here.

Reading is where "never approved by mistake" begins: only a 200 or 201 with JSON of the contract's shape becomes a
`Request`. A redirect, a proxy's page, an unknown status or half a document is a `Mismatch`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from sayso.errors import Mismatch, Paused, Refused
from sayso.request import Malformed
from sayso.strict_json import Json, loads

_T = TypeVar("_T")

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Call:
    """A call to make, ``after`` so many seconds. ``hold`` asks the service to wait that long for the decision.

    ``whole``: the answer is no JSON but a file.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    idempotency_key: str | None = None
    hold: int = 0
    after: float = 0.0
    whole: bool = False

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json, application/problem+json" if not self.whole else "*/*"}
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        if self.idempotency_key is not None:
            headers["Idempotency-Key"] = self.idempotency_key
        if self.hold and self.method == "POST":
            headers["Prefer"] = f"wait={self.hold}"
        return headers

    @property
    def parameters(self) -> dict[str, str]:
        held = {"wait": str(self.hold)} if self.hold and self.method == "GET" else {}
        return {**self.query, **held}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service, or something in between, said."""

    status: int
    content_type: str
    retry_after: str | None
    body: bytes

    @property
    def says_later(self) -> bool:
        """Whether the same call may well succeed later."""
        return self.status == 429 or self.status >= 500


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer came. ``sent`` says that the call may have arrived, ``final`` that trying again is useless."""

    what: str
    sent: bool
    final: bool = False


def read(answer: Answer, make: Callable[[Json], _T]) -> _T:
    """The value that a good answer carries. Raises `Refused` or `Mismatch`."""
    check_good(answer)
    if _media_type(answer) != "application/json":
        raise Mismatch("The answer is not JSON. Something other than Sayso answers at this address, perhaps a proxy.")
    try:
        return make(loads(answer.body))
    except Malformed as problem:
        raise Mismatch(f"The answer is not one of Sayso's: {problem}.") from None
    except ValueError:
        raise Mismatch("The answer is not whole or not proper JSON.") from None


def check_good(answer: Answer) -> None:
    """Raise `Refused` or `Mismatch` for an answer that carries nothing."""
    if 400 <= answer.status < 500:
        raise refusal(answer)
    if 300 <= answer.status < 400:
        raise Mismatch(
            f"The answer was a redirect ({answer.status}), which is not followed: it could lead the key elsewhere. "
            "Set SAYSO_URL to the service's own address."
        )
    if answer.status not in (200, 201):
        raise Mismatch(f"The answer has the status {answer.status}, which is none of Sayso's.")


def refusal(answer: Answer) -> Refused:
    """The problem document of ``answer`` (RFC 9457), or what can be said without one."""
    problem = _problem(answer)
    detail = _text(problem, "detail") or _text(problem, "title")
    kind = Paused if answer.status == 423 else Refused
    return kind(
        detail or f"The call was answered with {answer.status}, and nothing says why. Perhaps it was a proxy.",
        status=answer.status,
        code=_text(problem, "code"),
        title=_text(problem, "title"),
        field=_text(problem, "field"),
        retry_after=retry_after(answer),
    )


def retry_after(answer: Answer) -> float | None:
    """Seconds to wait as ``Retry-After`` says, in seconds or as a date."""
    told = (answer.retry_after or "").strip()
    if _SECONDS.match(told):
        return float(told)
    try:
        at = parsedate_to_datetime(told)
    except (ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _problem(answer: Answer) -> Mapping[str, Json]:
    if _media_type(answer) != "application/problem+json":
        return {}
    try:
        value = loads(answer.body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _media_type(answer: Answer) -> str:
    return answer.content_type.partition(";")[0].strip().lower()


def _text(problem: Mapping[str, Json], name: str) -> str | None:
    found = problem.get(name)
    return found if isinstance(found, str) and found else None
