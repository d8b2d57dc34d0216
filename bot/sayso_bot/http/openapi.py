"""OpenAPI 3.1, generated from the wire models that validate and the tree of errors."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from sayso_bot import errors
from sayso_bot.domain.request import Status
from sayso_bot.http.openapi_admin import MODELS, admin_paths
from sayso_bot.http.openapi_parts import (
    ALWAYS,
    BODY,
    ID,
    IDEMPOTENCY_KEY,
    REF,
    answered,
    content_of,
    problems_of,
    query,
)
from sayso_bot.http.openapi_policy import POLICY_MODELS, policy_paths
from sayso_bot.http.schemas import PageOut, ProblemOut, RequestOut, SubmitBody


@cache
def document(version: str) -> dict[str, Any]:
    """The whole document. Do not change what is returned."""
    _, schemas = models_json_schema(
        [(SubmitBody, "validation"), (RequestOut, "serialization"), (PageOut, "serialization"),
         (ProblemOut, "serialization"), *MODELS, *POLICY_MODELS],
        ref_template=REF,
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
        **admin_paths(),
        **policy_paths(),
    }


def _submit() -> dict[str, Any]:
    headers = ("Location", "Preference-Applied")
    replayed = "Made by an earlier call with this Idempotency-Key; its present state."
    return {
        "operationId": "submit",
        "summary": "Ask for an action",
        "parameters": [IDEMPOTENCY_KEY, _PREFER],
        "requestBody": {"required": True, "content": content_of(SubmitBody)},
        "responses": {
            "201": answered("Made.", RequestOut, headers) | {"links": _LINKS},
            "200": answered(replayed, RequestOut, (*headers, "Idempotent-Replayed")),
            **problems_of(*BODY, errors.IdempotencyMismatch, errors.Paused, errors.QuotaExceeded, *ALWAYS),
        },
    }


def _list() -> dict[str, Any]:
    return {
        "operationId": "list",
        "summary": "The agent's own requests, newest first",
        "parameters": [
            query("status", {"type": "string", "enum": [*Status]}),
            query("action", {"type": "string", "pattern": r"^[A-Za-z0-9_.:/-]{1,128}$"}),
            query("agent", {"type": "string"}),
            query("cursor", {"type": "string", "pattern": r"^[0-9]{1,15}$"}),
            query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}),
        ],
        "responses": {"200": answered("A page.", PageOut), **problems_of(errors.InvalidField, *ALWAYS)},
    }


def _read() -> dict[str, Any]:
    return {
        "operationId": "read",
        "summary": "Read a request, held for its decision",
        "parameters": [ID, query("wait", {"type": "number", "minimum": 0})],
        "responses": {
            "200": answered("The request.", RequestOut),
            **problems_of(errors.NotFound, errors.InvalidField, errors.QuotaExceeded, *ALWAYS),
        },
    }


def _cancel() -> dict[str, Any]:
    return {
        "operationId": "cancel",
        "summary": "The agent withdraws",
        "parameters": [ID],
        "responses": {
            "200": answered("The request.", RequestOut),
            **problems_of(errors.NotFound, errors.Settled, *BODY, *ALWAYS),
        },
    }


def _file() -> dict[str, Any]:
    whole = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    headers = {name: {"schema": {"type": "string"}} for name in ("Content-Disposition", "Repr-Digest")}
    return {
        "operationId": "file",
        "summary": "Save a file of a request",
        "parameters": [ID, {"name": "file_id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {
            "200": {"description": "The file as it came.", "content": whole, "headers": headers},
            **problems_of(errors.NotFound, errors.InvalidField, *ALWAYS),
        },
    }


_LINKS = {
    call: {"operationId": call, "parameters": {"id": "$response.body#/id"}, "description": description}
    for call, description in (("read", "How it stands."), ("cancel", "Withdraw it."))
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "wait=SECONDS holds the call for the decision, at most 55 s.",
    "schema": {"type": "string"},
}
