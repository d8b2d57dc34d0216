"""A request as The Handover's clients know a decision.

``modified`` is told of every approval that is not one of exactly what was asked: an approver has edited the text, or
has filled something in. An agent that looks only at ``approved`` then stops instead of acting on what nobody approved.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sayso_adapters.agents.handover.asking import ABOUT, EXECUTE_AT
from sayso_bot.domain.files import FILE_ID, File
from sayso_bot.domain.json import Json
from sayso_bot.domain.request import Decision, Request, Status, Vote, rfc3339

PERMITTED = ("approved", "modified")


def decision(request: Request, address: str, now: datetime | None) -> dict[str, Any]:
    """``GET /decisions/{id}``; ``address`` is that of the decision itself, ``now`` None where our clock is off."""
    ended, status = request.decision, status_of(request)
    about = _about(request)
    enforce = about.get("enforce") is True
    return {
        "id": request.id,
        "status": status,
        "action": request.params.get("action"),
        "context": request.claims.reasoning,
        "urgency": request.claims.urgency or "medium",
        "response_notes": _notes(request, ended),
        "response_data": response_data(request, address),
        "resolved_at": rfc3339(ended.at) if ended else None,
        "resolved_by": _resolved_by(request, ended),
        "expires_at": rfc3339(request.expires_at) if request.expires_at else None,
        "created_at": rfc3339(request.created_at),
        "execute_at": request_execute_at(request) if status == "scheduled" else None,
        "context_images": list(request.claims.links) or None,
        "attachments": attachments(request, address),
        "enforce": enforce,
        **({"action_permitted": _is_permitted(request, status, now)} if enforce else {}),
    }


def status_of(request: Request) -> str:
    """Silence, and a withdrawal by another way in, are ``expired``: nothing was decided, and nothing may be done."""
    ended = request.decision
    if ended is None:
        return "pending"
    if ended.outcome is Status.DENIED:
        return "denied"
    if ended.outcome is not Status.APPROVED:
        return "expired"
    at = request_execute_at(request)
    if at is not None and datetime.fromisoformat(at) > ended.at:
        return "scheduled"
    return "modified" if response_data(request, "") is not None else "approved"


def request_execute_at(request: Request) -> str | None:
    """When the approver wants it done: RFC 3339, in UTC."""
    value = _filled(request).get(EXECUTE_AT)
    field = request.form.field(EXECUTE_AT) if request.form else None
    return value if isinstance(value, str) and field is not None and field.kind == "datetime" else None


def response_data(request: Request, address: str) -> dict[str, Any] | None:
    """What was filled in, by the names under which it was asked, and the text as it was approved if it was edited."""
    names = _about(request).get("names")
    theirs = names if isinstance(names, dict) else {}
    found: dict[str, Any] = {}
    if request.decision and request.decision.outcome is Status.APPROVED and request.original_params is not None:
        found["action"] = request.params.get("action")
    for name, value in _filled(request).items():
        field = request.form.field(name) if request.form else None
        if value is None or (field is not None and field.kind == "datetime" and name == EXECUTE_AT):
            continue
        if field is not None and field.kind == "files":
            value = [_uploaded(each, address) for each in value] if isinstance(value, list) else value
        found[str(theirs.get(name, name))] = value
    return found or None


def attachments(request: Request, address: str) -> list[dict[str, Any]]:
    return [_attachment(file, address) for file in request.files if file.attached]


def _attachment(file: File, address: str) -> dict[str, Any]:
    url = f"{address}/attachments/{file.id}"
    return {"name": file.name, "url": url, "type": file.media_type, "size": file.size, "digest": file.digest}


def _uploaded(told: Json, address: str) -> Json:
    if not isinstance(told, Mapping) or not FILE_ID.match(str(told.get("id"))):
        return told
    kept = {name: told.get(name) for name in ("name", "type", "size", "digest")}
    return {**kept, "url": f"{address}/attachments/{told['id']}"}


def _filled(request: Request) -> Mapping[str, Json]:
    """What the deciding approval brought."""
    votes = request.decision.votes if request.decision and request.decision.outcome is Status.APPROVED else ()
    return next((vote.response for vote in votes if vote.response is not None), {})


def _about(request: Request) -> Mapping[str, Json]:
    found = request.claims.metadata.get(ABOUT)
    return found if isinstance(found, Mapping) else {}


def _deciding(ended: Decision) -> list[Vote]:
    outcome = "approve" if ended.outcome is Status.APPROVED else "deny"
    return [vote for vote in ended.votes if vote.outcome == outcome]


def _notes(request: Request, ended: Decision | None) -> str | None:
    if ended is None:
        return None
    said = [vote.reason for vote in _deciding(ended) if vote.reason]
    return "\n".join(said) or ended.reason


def _resolved_by(request: Request, ended: Decision | None) -> str | None:
    """Who decided: an address where one was proved, else a name; ``policy`` where nobody was asked."""
    if ended is None or ended.outcome in (Status.EXPIRED, Status.CANCELLED):
        return None
    return ", ".join(_called(vote) for vote in _deciding(ended)) or "policy"


def _called(vote: Vote) -> str:
    addresses = sorted(alias for alias in vote.aliases if alias.startswith("email:"))
    found = vote.person if vote.person in addresses else next(iter(addresses), "")
    return found.removeprefix("email:") or vote.name


def _is_permitted(request: Request, status: str, now: datetime | None) -> bool:
    """Whether the action may be done now: what was scheduled, only once its time has come."""
    at = request_execute_at(request)
    if status == "scheduled" and at is not None:
        return now is not None and datetime.fromisoformat(at) <= now
    return status in PERMITTED


def utc_now() -> datetime:
    return datetime.now(UTC)
