"""The admin's calls in the OpenAPI document."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from sayso_bot import errors
from sayso_bot.errors import SaysoError
from sayso_bot.http import admin_schemas as models
from sayso_bot.http.openapi_parts import (
    ALWAYS,
    BODY,
    ID,
    IDEMPOTENCY_KEY,
    answered,
    content_of,
    problems_of,
    query,
)

_READ: tuple[type[BaseModel], ...] = (
    models.SetRouteBody,
    models.NameChannelBody,
    models.PauseBody,
    models.MoveBody,
    models.MoveAllBody,
    models.MakeKeyBody,
    models.RotateBody,
)
_TOLD: tuple[type[BaseModel], ...] = (
    models.LiveRouteOut,
    models.LiveRoutesOut,
    models.ChannelOut,
    models.ChannelsOut,
    models.PauseOut,
    models.PausesOut,
    models.KeysOut,
    models.KeyMadeOut,
    models.MovedOut,
    models.EffectOut,
    models.SaidOut,
)
MODELS: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
    *((model, "validation") for model in _READ),
    *((model, "serialization") for model in _TOLD),
]
_CHANNEL = {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of the routes or channels that were seen, or *.",
    "schema": {"type": "string"},
}
_TEST: tuple[type[SaysoError], ...] = (errors.PlaceUnusable,)
_VERSIONED: tuple[type[SaysoError], ...] = (errors.PreconditionRequired, errors.ChangedMeanwhile)
_ASKS: tuple[type[SaysoError], ...] = (errors.Unconfirmed, errors.NoEffect)
_PAGE = [
    query("cursor", {"type": "string"}),
    query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}),
]


def admin_paths() -> dict[str, Any]:
    return {f"/v1/admin/{path}": calls for path, calls in {**_places(), **_pauses(), **_keys(), **_moves()}.items()}


def _places() -> dict[str, Any]:
    set_route = _call("setRoute", "Have an action asked elsewhere", models.LiveRouteOut, *_ASKS, *_TEST, *_VERSIONED,
                      errors.Full, body=models.SetRouteBody, made=True, versioned=True)  # fmt: skip
    name = _call("nameChannel", "Give a place a name", models.ChannelOut, errors.Taken, errors.InUse,
                 errors.NoEffect, *_TEST, *_VERSIONED, errors.Full, body=models.NameChannelBody, made=True,
                 versioned=True, parameters=[_CHANNEL])  # fmt: skip
    forget = _call("forgetChannel", "Take a name back", models.SaidOut, errors.InUse, *_VERSIONED, versioned=True,
                   parameters=[_CHANNEL])  # fmt: skip
    undo = _call("undoRoute", "Undo a live route", models.SaidOut, *_VERSIONED, versioned=True, parameters=[ID])
    preview = _call("previewRoute", "What a route would do", models.EffectOut, errors.NoEffect, changes=False,
                    body=models.SetRouteBody)  # fmt: skip
    test = _call("testChannel", "Post a test", models.SaidOut, *_TEST, parameters=[_CHANNEL])
    return {
        "routes": {"get": _read("routes", "Live routes", models.LiveRoutesOut), "post": set_route},
        "previews/route": {"post": preview},
        "routes/{id}": {"delete": undo},
        "channels": {"get": _read("channels", "Channels by their names", models.ChannelsOut)},
        "channels/{name}": {"put": name, "delete": forget},
        "channels/{name}/test": {"post": test},
    }


def _pauses() -> dict[str, Any]:
    pause = _call("pause", "Stop what is asked", models.PauseOut, errors.Taken, errors.Full, *_ASKS,
                  errors.ChangedMeanwhile, body=models.PauseBody, made=True)  # fmt: skip
    preview = _call("previewPause", "What a pause would do", models.EffectOut, errors.Taken, body=models.PauseBody,
                    changes=False)  # fmt: skip
    return {
        "pauses": {"get": _read("pauses", "What is paused", models.PausesOut), "post": pause},
        "previews/pause": {"post": preview},
        "pauses/{id}": {"delete": _call("resume", "Let it go on", models.SaidOut, parameters=[ID])},
    }


def _keys() -> dict[str, Any]:
    rotate = _call("rotateKey", "Replace a key", models.KeyMadeOut, errors.NoEffect, body=models.RotateBody, made=True,
                   parameters=[ID])  # fmt: skip
    return {
        "keys": {
            "get": _read("keys", "Keys, the valid ones first", models.KeysOut, parameters=_PAGE),
            "post": _call("makeKey", "Make a key", models.KeyMadeOut, body=models.MakeKeyBody, made=True),
        },
        "keys/{id}": {"delete": _call("revokeKey", "Revoke a key", models.SaidOut, parameters=[ID])},
        "keys/{id}/rotate": {"post": rotate},
    }


def _moves() -> dict[str, Any]:
    one = _call("move", "Have a pending request asked elsewhere", models.MovedOut, *_ASKS, *_TEST, errors.Settled,
                body=models.MoveBody, parameters=[ID])  # fmt: skip
    several = _call("moveAll", "Have pending requests asked elsewhere", models.MovedOut, *_ASKS, *_TEST,
                    body=models.MoveAllBody)  # fmt: skip
    return {"requests/{id}/move": {"post": one}, "moves": {"post": several}}


def _read(operation: str, summary: str, told: type[BaseModel], parameters: list[dict[str, Any]] | None = None) -> Any:
    headers = ("ETag",) if told in (models.LiveRoutesOut, models.ChannelsOut) else ()
    return {
        "operationId": operation,
        "summary": summary,
        "tags": ["admin"],
        "parameters": parameters or [],
        "responses": {"200": answered("As it stands.", told, headers), **problems_of(errors.InvalidField, *ALWAYS)},
    }


def _call(
    operation: str,
    summary: str,
    told: type[BaseModel],
    *refusals: type[SaysoError],
    body: type[BaseModel] | None = None,
    made: bool = False,
    versioned: bool = False,
    changes: bool = True,
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """One call that changes something, or (``changes`` False) says what it would change."""
    headers = ("ETag",) if versioned else ()
    common = (errors.IdempotencyMismatch, errors.ChangedMeanwhile) if changes else ()
    answers = {"200": answered("Done, or it was before.", told, (*headers, "Idempotent-Replayed"))}
    return {
        "operationId": operation,
        "summary": summary,
        "tags": ["admin"],
        "parameters": [
            *(parameters or []),
            *([_IF_MATCH] if versioned else []),
            *([IDEMPOTENCY_KEY] if changes else []),
        ],
        **({"requestBody": {"required": True, "content": content_of(body)}} if body else {}),
        "responses": {
            **({"201": answered("Made.", told, headers)} if made else {}),
            **answers,
            **problems_of(errors.NotFound, *BODY, *refusals, *common, *ALWAYS),
        },
    }
