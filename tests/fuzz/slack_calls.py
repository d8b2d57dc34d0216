"""What Slack could send, and what somebody else could send in its name: signed and forged, whole and mutated."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from fuzz.agent_calls import CLOSE, HOST, LENGTH
from fuzz.case import Case, http_head
from fuzz.mutation import in_address, mutated_bytes, mutated_json, text, written

RECORDED = Path(__file__).resolve().parents[1] / "recorded" / "slack" / "block_actions.json"
FORM = "application/x-www-form-urlencoded"
OTHERS: tuple[dict[str, Any], ...] = (
    {"type": "url_verification", "token": "t", "challenge": "c"},
    {
        "type": "event_callback",
        "team_id": "T0TEAM",
        "event": {"type": "app_home_opened", "user": "U0ANA", "tab": "home"},
    },
    {"type": "view_submission", "team": {"id": "T0TEAM"}, "user": {"id": "U0ANA"}, "view": {"callback_id": "reason"}},
    {"type": "shortcut", "callback_id": "x", "team": {"id": "T0TEAM"}, "user": {"id": "U0ANA"}, "trigger_id": "1.2.x"},
    {"type": "block_suggestion", "action_id": "approve", "value": "x"},
    {"type": "interactive_message", "callback_id": "x", "actions": [{"name": "a", "value": "b"}]},
)
COMMAND = {
    "command": "/sayso",
    "text": "list",
    "team_id": "T0TEAM",
    "user_id": "U0ANA",
    "response_url": "https://x.example",
}


def slack_call(chance: Random) -> Case:
    body, kind = _body(chance)
    headers = [HOST, CLOSE, ("Content-Type", kind), LENGTH, *_signature(chance)]
    if chance.random() < 0.1:
        headers.append(("X-Slack-Retry-Num", text(chance)[:200]))
    line = (
        "POST /slack/events"
        if chance.random() < 0.97
        else f"{chance.choice(('GET', 'PUT', 'POST'))} /slack/{in_address(chance, 90)}"
    )
    return Case("slack", http_head(f"{line} HTTP/1.1", *headers), body)


def tap() -> dict[str, Any]:
    """A tap on the card that is there."""
    made: dict[str, Any] = json.loads(RECORDED.read_text())
    made["actions"][0]["value"] = "__BUTTON__"
    return made


def _body(chance: Random) -> tuple[bytes, str]:
    shape = tap() if chance.random() < 0.7 else chance.choice(OTHERS)
    payload = written(mutated_json(shape, chance, chance.choice((0.02, 0.08, 0.3)))).encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        payload = mutated_bytes(payload, chance)
    match chance.randrange(12):
        case 0:
            return payload, "application/json"
        case 1:
            return payload, chance.choice((FORM, "text/plain", "", text(chance)[:100]))
        case 2:
            return urlencode({**COMMAND, chance.choice([*COMMAND]): text(chance)}, errors="replace").encode(), FORM
        case 3:
            return mutated_bytes(b"payload=" + quote(payload, safe="_").encode(), chance), FORM
        case 4:
            return b"payload=" + quote(payload, safe="_").encode() + b"&payload=" + quote(
                text(chance), errors="replace"
            ).encode(), FORM
    return b"payload=" + quote(payload, safe="_").encode(), FORM


def _signature(chance: Random) -> list[tuple[str, str]]:
    stamp, signature = "__TIME__", "__SIGNATURE__"
    if chance.random() < 0.15:
        stamp = chance.choice(("", "0", "-1", "1e9", "99999999999", "٣", text(chance)[:100]))
    if chance.random() < 0.1:
        signature = chance.choice(("", "v0=", "v0=" + "0" * 64, "v1=__SIGNATURE__", text(chance)[:100]))
    return [("X-Slack-Request-Timestamp", stamp), ("X-Slack-Signature", signature)]
