"""What descriptions of calls are made of: parameters, bodies, answers and problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sayso_bot import errors
from sayso_bot.errors import SaysoError
from sayso_bot.http.problems import CONTENT_TYPE
from sayso_bot.http.schemas import ProblemOut

REF = "#/components/schemas/{model}"
ALWAYS: tuple[type[SaysoError], ...] = (errors.Unauthenticated, errors.Forbidden, errors.WrongHost,
                                         errors.RateLimited, errors.Unavailable)  # fmt: skip
BODY: tuple[type[SaysoError], ...] = (errors.BadHttp, errors.BadJson, errors.BodyTooLarge, errors.UnsupportedMediaType,
                                       errors.InvalidField)  # fmt: skip


ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Names this ask: the same key and body give the same request, however often they are sent.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}


def query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def content_of(model: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": REF.format(model=model.__name__)}}}


def answered(description: str, model: type, headers: Sequence[str] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {"description": description, "content": content_of(model)}
    if headers:
        found["headers"] = {name: {"schema": {"type": "string"}} for name in headers}
    return found


def problems_of(*kinds: type[SaysoError]) -> dict[str, Any]:
    """One answer for each status, naming the codes that it may carry."""
    by_status: dict[int, list[type[SaysoError]]] = {}
    kind: type[SaysoError]
    for kind in dict.fromkeys((*kinds, errors.Internal)):
        by_status.setdefault(kind.status, []).append(kind)
    content = {CONTENT_TYPE: {"schema": {"$ref": REF.format(model=ProblemOut.__name__)}}}
    found: dict[str, Any] = {}
    for status, several in sorted(by_status.items()):
        described = "; ".join(f"`{kind.code}`: {kind.title}" for kind in several)
        found[str(status)] = {"description": described, "content": content}
        if status in (423, 429, 503):
            found[str(status)]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return found
