"""What every refusal over HTTP looks like, for tests of it."""

from __future__ import annotations

from typing import Any

import httpx


def refused(answer: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """The problem document of ``answer``, checked for form."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        status,
        "application/problem+json; charset=utf-8",
    ), answer.text
    told: dict[str, Any] = answer.json()
    assert (told["code"], told["status"], told["type"]) == (code, status, f"urn:sayso:problem:{code}")
    assert told.get("field") == field, told
    assert told["detail"].endswith(".")
    assert answer.headers["Cache-Control"] == "no-store"
    return told
