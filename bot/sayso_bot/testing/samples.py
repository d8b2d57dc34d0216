"""Requests for tests: one that reads like a real one, to be changed by `msgspec.structs.replace`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sayso_bot.domain.files import File
from sayso_bot.domain.fingerprint import fingerprint
from sayso_bot.domain.json import Json
from sayso_bot.domain.request import Claims, Request, Requirement, Status, new_request_id

AT = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
PARAMS: Mapping[str, Json] = {"order": "A-1017", "amount": 900, "currency": "EUR"}
CLAIMS = Claims(summary="The parcel was lost.", reasoning="The carrier confirmed the loss on Friday.")


def a_requirement(place: str, **changes: Any) -> Requirement:
    made: dict[str, Any] = {
        "channel": "payments",
        "place": place,
        "approvers": None,
        "group": None,
        "quorum": 1,
        "reason": "never",
        "timeout_seconds": 1800,
        "receipt_seconds": 900,
    }
    return Requirement(**{**made, **changes})


def a_file(number: int, *, by: str, field: str = "", **changes: Any) -> File:
    """A file that ``by`` put into ``field``, or attached."""
    made: dict[str, Any] = {
        "id": f"file_{number:032x}",
        "name": f"A report about quarter {number} with a name that goes on for a while, signed by everybody.pdf",
        "media_type": "application/pdf",
        "size": 12_000 * number + 1,
        "digest": f"sha256:{number:064x}",
        "chunks": 1,
        "field": field,
        "by": by,
        "by_name": by.removeprefix("email:"),
        "surface": "inbox" if field else "api",
        "at": AT,
    }
    return File(**{**made, **changes})


def a_request(place: str, *, requirement: Mapping[str, Any] | None = None, **changes: Any) -> Request:
    """A pending request of ``refund-bot`` for ``place``; ``requirement`` changes what its rule demands."""
    action, params = changes.get("action", "payments.refund"), changes.get("params", PARAMS)
    made: dict[str, Any] = {
        "id": new_request_id(datetime.now(UTC)),
        "revision": 1,
        "status": Status.PENDING,
        "action": action,
        "params": params,
        "fingerprint": fingerprint(action, "refund-bot", params),
        "agent": "refund-bot",
        "principal": None,
        "key_id": "key_0011223344556677",
        "created_at": AT,
        "expires_at": AT + timedelta(minutes=30),
        "rule": "large refunds",
        "policy_digest": "sha256:" + "0" * 64,
        "requirement": a_requirement(place, **(requirement or {})),
        "claims": CLAIMS,
    }
    return Request(**{**made, **changes})
