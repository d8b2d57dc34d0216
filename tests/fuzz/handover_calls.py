"""Calls of The Handover's clients: decisions made, read, resolved and given files, as no client of theirs does."""

from __future__ import annotations

from random import Random
from typing import Any

from fuzz.agent_calls import AUTHORIZATION, CLOSE, HOST, LENGTH, TYPES
from fuzz.case import Case, http_head
from fuzz.multiparts import multipart
from fuzz.mutation import in_address, mutated_bytes, mutated_json, text, written

ASKED: dict[str, Any] = {"action": "Send 10,000 e-mails", "approver": "ana@example.com"}
FULL: dict[str, Any] = {
    **ASKED,
    "urgency": "high",
    "timeout_minutes": 30,
    "channel": "slack",
    "context": "The campaign is ready.",
    "context_images": ["https://example.com/a.png"],
    "enforce": True,
}
FORMS: tuple[dict[str, Any], ...] = (
    {"type": "approve_deny"},
    {"type": "confirm"},
    {"type": "choose", "choices": ["now", "later"], "label": "When?"},
    {
        "type": "text_input",
        "fields": [
            {"name": "Subject line", "label": "Subject", "required": True, "placeholder": "Hello"},
            {"name": "note"},
        ],
    },
    {"type": "number_input", "label": "How many?", "min": 1, "max": 10.5, "placeholder": "5"},
    {"type": "schedule", "allow_immediate": False},
    {"type": "file_upload", "label": "The list", "max_files": 2, "accept": [".pdf", "image/*"]},
)
RESOLVED: dict[str, Any] = {"status": "approved", "resolved_by": "ana@example.com", "notes": "fine"}
ROOT = "/handover/decisions"


def handover_call(chance: Random) -> Case:
    return chance.choices((_create, _read, _resolve, _attach), weights=(5, 2, 1, 3))[0](chance)


def _create(chance: Random) -> Case:
    shape = dict(chance.choice((ASKED, FULL)))
    if chance.random() < 0.7:
        shape["response_type"] = chance.choice(FORMS)
    elif chance.random() < 0.5:
        shape["options"] = ["one", "two"]
    return _of_json(chance, f"POST {ROOT}", shape)


def _read(chance: Random) -> Case:
    path = f"{ROOT}/{_id(chance)}{chance.choice(('', '', '/attachments', f'/attachments/{_file_id(chance)}'))}"
    if chance.random() < 0.1:
        path += f"?{in_address(chance, 60)}={in_address(chance, 60)}"
    return _case(chance, f"GET {path}", [], b"")


def _resolve(chance: Random) -> Case:
    return _of_json(chance, f"POST {ROOT}/{_id(chance)}/resolve", RESOLVED)


def _attach(chance: Random) -> Case:
    fields = [(text(chance)[:40], text(chance)[:200])] if chance.random() < 0.2 else []
    kind, body = multipart(fields, "file", chance)
    return _case(chance, f"POST {ROOT}/{_id(chance)}/attachments", [("Content-Type", kind), LENGTH], body)


def _of_json(chance: Random, line: str, shape: dict[str, Any]) -> Case:
    body = written(mutated_json(shape, chance, chance.choice((0.0, 0.02, 0.1, 0.4)))).encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        body = mutated_bytes(body, chance)
    kind = "application/json" if chance.random() < 0.95 else chance.choice(TYPES)
    return _case(chance, line, [("Content-Type", kind), LENGTH], body)


def _id(chance: Random) -> str:
    known = chance.choice(("__DECISION__", "__DECISION__", "__DECISION__", "__PENDING__", "__SETTLED__"))
    return known if chance.random() < 0.85 else in_address(chance, 100)


def _file_id(chance: Random) -> str:
    return "__FILE__" if chance.random() < 0.6 else chance.choice(("file_" + "0" * 32, in_address(chance, 100)))


def _case(chance: Random, line: str, headers: list[tuple[str, str]], body: bytes) -> Case:
    key = AUTHORIZATION if chance.random() < 0.96 else ("Authorization", chance.choice(("Bearer x", "__KEY__")))
    if chance.random() < 0.2:
        named = f"key-{chance.randrange(50)}" if chance.random() < 0.6 else text(chance)
        headers = [*headers, ("Idempotency-Key", named)]
    return Case("handover", http_head(f"{line} HTTP/1.1", HOST, CLOSE, key, *headers), body)
