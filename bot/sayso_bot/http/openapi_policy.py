"""The calls about the policy in the OpenAPI document."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from sayso_bot import errors
from sayso_bot.errors import SaysoError
from sayso_bot.http import policy_schemas as models
from sayso_bot.http.openapi_parts import ALWAYS, BODY, answered, content_of, problems_of, query

_READ: tuple[type[BaseModel], ...] = (
    models.ActivateBody,
    models.CheckBody,
    models.ExplainBody,
    models.RollbackBody,
)
_TOLD: tuple[type[BaseModel], ...] = (
    models.ActivatedOut,
    models.CheckedOut,
    models.DiffOut,
    models.DocumentOut,
    models.ExplanationOut,
    models.PolicyOut,
    models.VersionsOut,
)
POLICY_MODELS: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
    *((model, "validation") for model in _READ),
    *((model, "serialization") for model in _TOLD),
]
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of the policy that was seen, or *.",
    "schema": {"type": "string", "pattern": r"\S"},
}
_NUMBER = {
    "name": "number",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"},
}
_CHANGES: tuple[type[SaysoError], ...] = (errors.PreconditionRequired, errors.ChangedMeanwhile)
_REFERENCE = {"type": "string", "pattern": "^(active|[1-9][0-9]{0,8}|(sha256:)?[0-9a-f]{6,64})$", "default": "active"}


def policy_paths() -> dict[str, Any]:
    return {
        "/v1/admin/policy": {
            "get": _call("policy", "What is in force", models.PolicyOut, headers=("ETag",)),
            "put": _changing(
                "activatePolicy", "Put a document in force", models.ActivateBody, errors.PolicyRefused
            ),
        },
        "/v1/admin/policy/check": {
            "post": _call(
                "checkPolicy", "Check a document, and see what it would change", models.CheckedOut,
                errors.PolicyRefused, body=models.CheckBody,
            )
        },
        "/v1/admin/policy/explain": {
            "post": _call(
                "explainPolicy", "What the policy in force makes of an ask, and where it would be asked",
                models.ExplanationOut, body=models.ExplainBody,
            )
        },
        "/v1/admin/policy/rollback": {
            "post": _changing(
                "rollBackPolicy", "Put the document of an earlier version in force again", models.RollbackBody,
                errors.NotFound, errors.PolicyRefused,
            )
        },
        "/v1/admin/policy/diff": {
            "get": _call(
                "comparePolicies", "Compare two versions", models.DiffOut, errors.NotFound,
                parameters=[query("from", _REFERENCE), query("to", _REFERENCE)],
            )
        },
        "/v1/admin/policy/versions": {
            "get": _call(
                "policyVersions", "What was in force, newest first", models.VersionsOut,
                parameters=[
                    query("cursor", {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"}),
                    query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}),
                ],
            )
        },
        "/v1/admin/policy/versions/{number}": {
            "get": _call("policyVersion", "A version with its document", models.DocumentOut, errors.NotFound,
                         parameters=[_NUMBER]),
        },
    }  # fmt: skip


def _call(
    name: str,
    summary: str,
    told: type[BaseModel],
    *refusals: type[SaysoError],
    body: type[BaseModel] | None = None,
    parameters: list[dict[str, Any]] | None = None,
    headers: tuple[str, ...] = (),
) -> dict[str, Any]:
    """A call of an admin key."""
    problems = (*(BODY if body else (errors.InvalidField,)), *refusals, *ALWAYS)
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["admin"],
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": {"required": True, "content": content_of(body)}} if body else {}),
        "responses": {"200": answered("The answer.", told, headers), **problems_of(*problems)},
    }


def _changing(name: str, summary: str, body: type[BaseModel], *refusals: type[SaysoError]) -> dict[str, Any]:
    """A call that changes what is in force."""
    return _call(
        name, summary, models.ActivatedOut, *refusals, *_CHANGES, body=body, parameters=[_IF_MATCH], headers=("ETag",)
    )
