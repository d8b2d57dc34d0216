"""The wire models: what is read is validated by them, what is answered is described by them (`openapi`)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sayso_bot.domain.json import Json
from sayso_bot.domain.lifecycle import approvals
from sayso_bot.domain.policy import MAX_DURATION_SECONDS, parse_duration
from sayso_bot.domain.request import ACTION_TYPE, Claims, Request, Requirement, Vote, rfc3339
from sayso_bot.errors import InvalidField

MAX_BODY_BYTES = 256 * 1024
_NAME = r"^[A-Za-z0-9_.:/-]{1,128}$"
_TIME = {"format": "date-time"}
_Text = Annotated[str, Field(max_length=100_000)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SubmitBody(_In):
    """An action to ask for. Everything but ``action`` and ``params`` is a claim: shown as the agent's words."""

    action: Annotated[str, Field(pattern=_NAME, description="The action's type, such as payments.refund.")]
    params: Annotated[dict[str, Any], Field(description="What will be done: the ground truth that people are shown.")]
    summary: Annotated[str | None, Field(max_length=2_000)] = None
    reasoning: _Text | None = None
    diff: _Text | None = None
    links: Annotated[list[Annotated[str, Field(max_length=2_000)]], Field(max_length=20, default_factory=list)]
    metadata: Annotated[dict[str, Any], Field(default_factory=dict)]
    on_behalf_of: Annotated[str | None, Field(max_length=320, description="For whom. A claim.")] = None
    intent: Annotated[
        str | None, Field(max_length=200, description="A stable id of this step, the same for a reworded second try.")
    ] = None
    timeout: Annotated[
        str | None,
        Field(pattern=r"^[1-9][0-9]{0,8}[smhd]$", description="90s, 15m, 2h or 3d; may only shorten the rule's."),
    ] = None

    def claims(self) -> Claims:
        return Claims(
            summary=self.summary,
            reasoning=self.reasoning,
            diff=self.diff,
            links=tuple(self.links),
            metadata=self.metadata,
            on_behalf_of=self.on_behalf_of,
            intent=self.intent,
        )

    def timeout_seconds(self) -> int | None:
        """What is longer than any rule's timeout is cut to the longest: it shortens nothing either way."""
        if self.timeout is None:
            return None
        try:
            return parse_duration(self.timeout)
        except ValueError:
            return MAX_DURATION_SECONDS


class VoteOut(_Out):
    """One person's answer. ``reason`` is what a person wrote: data for the agent, not instructions."""

    person: str
    name: str
    outcome: Literal["approve", "deny"]
    reason: str | None
    surface: str
    at: Annotated[str, Field(json_schema_extra=_TIME)]


class DecisionOut(_Out):
    outcome: Literal["approved", "denied", "expired", "cancelled"]
    cause: Literal["votes", "policy", "policy_error", "timeout", "agent", "admin"]
    at: Annotated[str, Field(json_schema_extra=_TIME)]
    reason: Annotated[str | None, Field(description="The policy's sentence, where the policy ended it.")]
    votes: list[VoteOut]


class RequirementOut(_Out):
    channel: str
    approvers: list[str] | None
    quorum: int
    reason: Literal["always", "deny", "never"]
    timeout_seconds: int


class ApprovalsOut(_Out):
    have: int
    need: int


class RequestOut(_Out):
    """A request as it stands."""

    id: str
    revision: int
    status: Literal["pending", "approved", "denied", "expired", "cancelled"]
    action: str
    params: dict[str, Any]
    fingerprint: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    agent: str
    created_at: Annotated[str, Field(json_schema_extra=_TIME)]
    expires_at: Annotated[str | None, Field(json_schema_extra=_TIME)]
    rule: str
    requirement: RequirementOut | None
    approvals: ApprovalsOut
    claims: dict[str, Any]
    decision: DecisionOut | None
    review_url: str
    original_params: Annotated[
        dict[str, Any] | None, Field(description="Only where an approver has edited them: what the agent sent.")
    ] = None


class PageOut(_Out):
    items: list[RequestOut]
    next_cursor: str | None


class ProblemOut(_Out):
    """RFC 9457. ``code`` is stable; ``detail`` says what happened, whether anything changed, and what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None


def read_submit(value: Json) -> SubmitBody:
    """Raises `InvalidField` with the path of the first thing that is wrong."""
    try:
        return SubmitBody.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in found["loc"]).lstrip(".")
        raise InvalidField(_sentence(found["type"], found.get("ctx", {}), path), field=path) from None


def _sentence(kind: str, context: dict[str, Any], path: str) -> str:
    what = {
        "missing": "is required",
        "extra_forbidden": "is not a field of this version",
        "string_type": "must be a text",
        "dict_type": "must be an object",
        "model_type": "must be an object",
        "model_attributes_type": "must be an object",
        "list_type": "must be a list",
        "string_too_long": f"has at most {context.get('max_length')} characters",
        "too_long": f"has at most {context.get('max_length')} entries",
        "string_pattern_mismatch": "must look like payments.refund (letters, digits and _ . : / -, at most 128)"
        if path == "action"
        else "must look like 90s, 15m, 2h or 3d",
    }.get(kind, "is not acceptable")
    return f"{path or 'The body'} {what}. Nothing was made."


def request_out(request: Request, review_url: str) -> dict[str, Any]:
    """``request`` as `RequestOut` describes it."""
    requirement, decision = request.requirement, request.decision
    return {
        "id": request.id,
        "revision": request.revision,
        "status": request.status,
        "action": request.action,
        "params": request.params,
        "fingerprint": request.fingerprint,
        "agent": request.agent,
        "created_at": rfc3339(request.created_at),
        "expires_at": _time(request.expires_at),
        "rule": request.rule,
        "requirement": requirement and _requirement(requirement),
        "approvals": {
            "have": approvals(request.votes, request.revision) if request.votes else 0,
            "need": requirement.quorum if requirement else 0,
        },
        "claims": request.claims.said(),
        "decision": decision
        and {
            "outcome": decision.outcome,
            "cause": decision.cause,
            "at": rfc3339(decision.at),
            "reason": decision.reason,
            "votes": [_vote(vote) for vote in decision.votes],
        },
        "review_url": review_url,
        **({} if request.original_params is None else {"original_params": request.original_params}),
    }


def is_action(text: str) -> bool:
    return ACTION_TYPE.match(text) is not None


def _requirement(requirement: Requirement) -> dict[str, Any]:
    return {
        "channel": requirement.channel,
        "approvers": None if requirement.approvers is None else list(requirement.approvers),
        "quorum": requirement.quorum,
        "reason": requirement.reason,
        "timeout_seconds": requirement.timeout_seconds,
    }


def _vote(vote: Vote) -> dict[str, Any]:
    return {
        "person": vote.person,
        "name": vote.name,
        "outcome": vote.outcome,
        "reason": vote.reason,
        "surface": vote.surface,
        "at": rfc3339(vote.at),
    }


def _time(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None
