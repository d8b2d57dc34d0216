"""How a card is known again: its message carries metadata that names the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sayso_adapters.slack.home import Home

EVENT_TYPE = "sayso_request"


def metadata(request_id: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"request_id": request_id}}


def request_of(message: Mapping[str, Any]) -> str | None:
    """The request that a message's metadata names."""
    found = message.get("metadata") or {}
    payload = found.get("event_payload") or {}
    return payload.get("request_id") if found.get("event_type") == EVENT_TYPE else None


def is_ours(message: Mapping[str, Any], home: Home) -> bool:
    return message.get("user") == home.bot_user or (home.bot is not None and message.get("bot_id") == home.bot)
