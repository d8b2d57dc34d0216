"""The wire models of the policy: documents, versions, comparisons, explanations."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field

from sayso_bot.domain.policy import Asked, ExplainedNow, Verdict
from sayso_bot.domain.request import Claims, Urgency, rfc3339
from sayso_bot.domain.versions import MAX_COMMENT, Comparison, Version
from sayso_bot.http.admin_schemas import PauseOut, pause_out
from sayso_bot.http.form_schemas import In, Out
from sayso_bot.http.schemas import ProblemAtOut

MAX_DOCUMENT = 4 * 1024 * 1024
MAX_BODY_BYTES = 2 * MAX_DOCUMENT + 64 * 1024
"""A document's line breaks and quotes take two characters each in JSON."""
_TIME = {"format": "date-time"}
_Document = Annotated[str, Field(min_length=1, max_length=MAX_DOCUMENT, description="The policy, as YAML.")]
_Comment = Annotated[str, Field(max_length=MAX_COMMENT, description="Why, for the record.")]


class ActivateBody(In):
    """A document to put in force."""

    document: _Document
    comment: _Comment = ""


class CheckBody(In):
    """A document to check. Nothing is changed."""

    document: _Document


class RollbackBody(In):
    """The version whose document is put in force again."""

    version: Annotated[int, Field(ge=1, le=10**9)]
    comment: _Comment = ""


class ExplainBody(In):
    """What an agent would ask. Nothing is asked."""

    action: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]{1,128}$")]
    params: Annotated[dict[str, Any], Field(default_factory=dict)]
    agent: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] = "agent"
    summary: str | None = None
    reasoning: str | None = None
    diff: str | None = None
    links: Annotated[list[str], Field(default_factory=list)]
    metadata: Annotated[dict[str, Any], Field(default_factory=dict)]
    on_behalf_of: str | None = None
    intent: str | None = None
    urgency: Urgency | None = None
    approver: str | None = None

    def asked(self) -> Asked:
        said = {name: getattr(self, name) for name in Claims.__struct_fields__ if name in type(self).model_fields}
        return Asked(self.action, self.params, self.agent, Claims(**{**said, "links": tuple(self.links)}))


class VersionOut(Out):
    """One time that a document was put in force. What is not known of it is null or empty."""

    number: int
    digest: str
    replaces: Annotated[str | None, Field(description="The digest before it; null where there was no document.")]
    at: Annotated[str | None, Field(json_schema_extra=_TIME)]
    by: str
    via: Literal["file", "command", "api"]
    where: Annotated[str, Field(description="The file, the machine or the address from which it came.")]
    comment: str
    restores: Annotated[int | None, Field(description="The version that a rollback brought back.")]
    weakens: Annotated[list[str], Field(description="What it demands less than the one before it.")]
    dismisses: Annotated[list[str], Field(description="Whom the one before it named as admins, and it does not.")]


class PolicyOut(Out):
    """What is in force. All is null while it is the built-in default, which asks everything in the inbox."""

    version: VersionOut | None
    digest: str | None
    document: str | None


class VersionsOut(Out):
    active: Annotated[str | None, Field(description="The digest in force.")]
    items: list[VersionOut]
    next_cursor: str | None


class DocumentOut(Out):
    version: VersionOut
    document: str


class RuleChangeOut(Out):
    kind: Literal["added", "removed", "changed", "moved"]
    rule: str
    line: int
    details: list[str]


class WeakeningOut(Out):
    """``told`` is the whole sentence."""

    action: str
    before: str
    after: str
    line: int
    sentence: str
    told: str


class ComparisonOut(Out):
    rules: list[RuleChangeOut]
    names: list[str]
    weakened: list[WeakeningOut]
    partial: Annotated[bool, Field(description="So many patterns overlap that not every overlap was looked at.")]


class ActivatedOut(Out):
    """``changed`` is false where the document was in force already."""

    version: int
    digest: str
    replaced: str | None
    changed: bool
    comparison: ComparisonOut | None


class CheckedOut(Out):
    """A document that could be put in force, held against the one that is."""

    digest: str
    warnings: list[ProblemAtOut]
    comparison: ComparisonOut | None


class DiffOut(Out):
    comparison: ComparisonOut | None
    text: Annotated[list[str], Field(description="The lines of a unified diff.")]


class StepOut(Out):
    rule: str
    line: int
    outcome: Literal["matched", "other_action", "condition_false", "cannot_evaluate", "not_reached"]
    why: str


class VerdictOut(Out):
    kind: Literal["ask", "allow", "deny"]
    rule: str
    cause: Literal["policy", "policy_error"]
    reason: str | None
    channel: Annotated[str | None, Field(description="The rule's own; null where nobody is asked.")]
    approvers: Annotated[
        list[str] | None,
        Field(
            description="Null where the rule names none: whoever is in its own `channel` may answer, and nobody else,"
            " wherever a live route has it asked; where that is the inbox, whoever signed in to it."
        ),
    ]
    quorum: int


class PlacementOut(Out):
    channel: str
    place: str
    why: Annotated[str, Field(description="Where that is not what the rule says.")]


class ExplanationOut(Out):
    """``paused`` is what holds for it now: while it does, nothing of it is asked or allowed."""

    steps: list[StepOut]
    verdict: VerdictOut
    placed: PlacementOut | None
    paused: PauseOut | None


def version_out(version: Version) -> dict[str, Any]:
    origin = asdict(version.origin)
    at = rfc3339(version.at) if version.at else None
    return {"number": version.number, "digest": version.digest, "replaces": version.replaces, "at": at, **origin}


def comparison_out(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {
        "rules": [asdict(change) for change in comparison.rules],
        "names": comparison.names,
        "weakened": [{**asdict(each), "told": str(each)} for each in comparison.weakened],
        "partial": comparison.partial,
    }


def explanation_out(now: ExplainedNow) -> dict[str, Any]:
    placed = now.placed
    return {
        "steps": [asdict(step) for step in now.found.steps],
        "verdict": _verdict(now.found.verdict),
        "placed": placed and {"channel": placed.channel, "place": placed.place, "why": placed.why},
        "paused": now.paused and pause_out(now.paused),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    requirement = verdict.requirement
    return {
        "kind": verdict.kind,
        "rule": verdict.rule,
        "cause": verdict.cause,
        "reason": verdict.reason,
        "channel": requirement and requirement.channel,
        "approvers": requirement and requirement.approvers,
        "quorum": requirement.quorum if requirement else 0,
    }
