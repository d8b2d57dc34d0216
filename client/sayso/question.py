"""What an agent asks, fixed at the moment of asking.

A `Question` holds its own copy of everything and the exact bytes that are sent, however often: what is compared with
the answer later is what was sent, whatever the caller does to its own objects meanwhile.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

from sayso.durations import Duration, written
from sayso.errors import Mismatch, Unusable
from sayso.request import Request
from sayso.strict_json import Json, plain, same

_CLAIMS = ("summary", "reasoning", "diff", "links", "metadata", "on_behalf_of", "intent", "urgency")


class Submission(TypedDict, total=False):
    """What may be said beside an action.

    ``summary``, ``reasoning``, ``diff``, ``links``, ``metadata``, ``on_behalf_of``, ``intent`` and ``urgency`` (low,
    medium, high or critical) are claims: people see them marked as the agent's words. ``timeout`` may shorten the
    rule's deadline, never lengthen it. ``idempotency_key`` names this question: the same key and content, however often
    sent, is one request. One is made when none is given. ``form`` asks the approver to fill something in
    (docs/client.md), where the rule allows it.
    """

    summary: str | None
    reasoning: str | None
    diff: str | None
    links: Sequence[str] | None
    metadata: Mapping[str, object] | None
    on_behalf_of: str | None
    intent: str | None
    urgency: str | None
    timeout: Duration | None
    idempotency_key: str | None
    form: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class Question:
    """An action as it is sent, and the key under which it is one and the same however often it is sent."""

    action: str
    params: Mapping[str, Json]
    body: bytes
    idempotency_key: str

    @classmethod
    def of(cls, action: str, params: Mapping[str, object], said: Submission) -> Question:
        """Raises `NotJson` where something is not JSON, and `Unusable`."""
        if not isinstance(params, Mapping):
            raise Unusable("The params of an action are an object: a dict with strings as keys.")
        content: dict[str, Json] = {"action": plain(action, "action"), "params": plain(params, "params")}
        for name in _CLAIMS:
            if (claim := said.get(name)) is not None:
                content[name] = plain(claim, name)
        if (form := said.get("form")) is not None:
            content["form"] = plain(form, "form")
        timeout = said.get("timeout")
        if timeout is not None:
            content["timeout"] = written(timeout)
        key = said.get("idempotency_key")
        return cls(
            action=action,
            params=cast("Mapping[str, Json]", content["params"]),
            body=json.dumps(content, allow_nan=False, separators=(",", ":")).encode(),
            idempotency_key=str(uuid.uuid4()) if key is None else _usable(key),
        )

    def check(self, request: Request) -> None:
        """Raises `Mismatch` unless ``request`` is what was made of exactly this action with exactly these params.

        An approver may have changed the params since; then the request says what they were.
        """
        if request.action != self.action or not same(request.asked_params, self.params):
            raise Mismatch("The answer is about another action or other params than were asked.")


def _usable(key: str) -> str:
    if not (0 < len(key) <= 255 and key.isascii() and key.isprintable() and key == key.strip()):
        raise Unusable("An idempotency key is 1 to 255 printable ASCII characters, with no space at its ends.")
    return key
