"""OpenAPI 3.1, generated from the wire models that validate and the tree of errors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from sayso_bot import errors
from sayso_bot.domain.request import Status
from sayso_bot.errors import SaysoError
from sayso_bot.http.problems import CONTENT_TYPE
from sayso_bot.http.schemas import PageOut, ProblemOut, RequestOut, SubmitBody

_REF = "#/components/schemas/{model}"
_ALWAYS: tuple[type[SaysoError], ...] = (errors.Unauthenticated, errors.Forbidden, errors.WrongHost,
                                         errors.RateLimited, errors.Unavailable)  # fmt: skip
_BODY: tuple[type[SaysoError], ...] = (errors.BadHttp, errors.BadJson, errors.BodyTooLarge, errors.UnsupportedMediaType,
                                       errors.InvalidField)  # fmt: skip


@cache
def document(version: str) -> dict[str, Any]:
    """The whole document. Do not change what is returned."""
    _, schemas = models_json_schema(
        [(SubmitBody, "validation"), (RequestOut, "serialization"), (PageOut, "serialization"),
         (ProblemOut, "serialization")],
        ref_template=_REF,
    )  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sayso",
            "version": version,
            "summary": "An agent asks, a person answers.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "sk_<book>_…"}},
        },
        "security": [{"key": []}],
        "paths": _paths(),
    }


def _paths() -> dict[str, Any]:
    return {
        "/v1/requests": {"post": _submit(), "get": _list()},
        "/v1/requests/{id}": {"get": _read()},
        "/v1/requests/{id}/cancel": {"post": _cancel()},
        "/v1/requests/{id}/files/{file_id}": {"get": _file()},
    }


def _submit() -> dict[str, Any]:
    headers = ("Location", "Preference-Applied")
    replayed = "Made by an earlier call with this Idempotency-Key; its present state."
    return {
        "operationId": "submit",
        "summary": "Ask for an action",
        "parameters": [_IDEMPOTENCY_KEY, _PREFER],
        "requestBody": {"required": True, "content": _content(SubmitBody)},
        "responses": {
            "201": _json("Made.", RequestOut, headers) | {"links": _LINKS},
            "200": _json(replayed, RequestOut, (*headers, "Idempotent-Replayed")),
            **_problems(*_BODY, errors.IdempotencyMismatch, errors.Paused, errors.QuotaExceeded, *_ALWAYS),
        },
    }


def _list() -> dict[str, Any]:
    return {
        "operationId": "list",
        "summary": "The agent's own requests, newest first",
        "parameters": [
            _query("status", {"type": "string", "enum": [*Status]}),
            _query("action", {"type": "string", "pattern": r"^[A-Za-z0-9_.:/-]{1,128}$"}),
            _query("agent", {"type": "string"}),
            _query("cursor", {"type": "string", "pattern": r"^[0-9]{1,15}$"}),
            _query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}),
        ],
        "responses": {"200": _json("A page.", PageOut), **_problems(errors.InvalidField, *_ALWAYS)},
    }


def _read() -> dict[str, Any]:
    return {
        "operationId": "read",
        "summary": "Read a request, held for its decision",
        "parameters": [_ID, _query("wait", {"type": "number", "minimum": 0})],
        "responses": {
            "200": _json("The request.", RequestOut),
            **_problems(errors.NotFound, errors.InvalidField, errors.QuotaExceeded, *_ALWAYS),
        },
    }


def _cancel() -> dict[str, Any]:
    return {
        "operationId": "cancel",
        "summary": "The agent withdraws",
        "parameters": [_ID],
        "responses": {
            "200": _json("The request.", RequestOut),
            **_problems(errors.NotFound, errors.Settled, *_BODY, *_ALWAYS),
        },
    }


def _file() -> dict[str, Any]:
    whole = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    headers = {name: {"schema": {"type": "string"}} for name in ("Content-Disposition", "Repr-Digest")}
    return {
        "operationId": "file",
        "summary": "Save a file of a request",
        "parameters": [_ID, {"name": "file_id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {
            "200": {"description": "The file as it came.", "content": whole, "headers": headers},
            **_problems(errors.NotFound, errors.InvalidField, *_ALWAYS),
        },
    }


_LINKS = {
    call: {"operationId": call, "parameters": {"id": "$response.body#/id"}, "description": description}
    for call, description in (("read", "How it stands."), ("cancel", "Withdraw it."))
}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Names this ask: the same key and body give the same request, however often they are sent.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "wait=SECONDS holds the call for the decision, at most 55 s.",
    "schema": {"type": "string"},
}


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _content(model: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}


def _json(description: str, model: type, headers: Sequence[str] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {"description": description, "content": _content(model)}
    if headers:
        found["headers"] = {name: {"schema": {"type": "string"}} for name in headers}
    return found


def _problems(*kinds: type[SaysoError]) -> dict[str, Any]:
    """One answer for each status, naming the codes that it may carry."""
    by_status: dict[int, list[type[SaysoError]]] = {}
    kind: type[SaysoError]
    for kind in (*kinds, errors.Internal):
        by_status.setdefault(kind.status, []).append(kind)
    content = {CONTENT_TYPE: {"schema": {"$ref": _REF.format(model=ProblemOut.__name__)}}}
    found: dict[str, Any] = {}
    for status, several in sorted(by_status.items()):
        described = "; ".join(f"`{kind.code}`: {kind.title}" for kind in several)
        found[str(status)] = {"description": described, "content": content}
        if status in (423, 429, 503):
            found[str(status)]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return found
