"""What Teams could send, and somebody else in its name: with a good token and forged, whole and mutated."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

from fakes.teams_activities import envelope, event, installed, said, submitted, tapped
from fakes.teams_tenant import APP, TENANT, Message, Tenant
from fuzz.agent_calls import CLOSE, HOST, LENGTH
from fuzz.case import Case, http_head
from fuzz.mutation import in_address, mutated_bytes, mutated_json, text, written

ANA, CHANNEL = "29:ana", "19:payments@thread.tacv2"
BUTTON: dict[str, Any] = {"type": "Action.Execute", "verb": "approve", "data": {"token": "__TEAMS_BUTTON__"}}
VERBS = ("approve", "deny", "review", "edit", "give", "next", "back", "close", "confirm", "")
INPUTS: dict[str, Any] = {"reason": "no", "typed": "A-1", "form_0": "x", "edit_0": "1", "outcome": "approve", "page": 1}
WORDS = (
    "help",
    "pending",
    "routes",
    "show __PENDING__",
    "pause",
    "route a.* to inbox",
    "move __PENDING__ to inbox",
    "",
)
TOKENS = ("", "Bearer", "Bearer a.b.c", "Bearer " + "a" * 9000, "Basic x", "bearer  __TEAMS_TOKEN__", "__TEAMS_TOKEN__")


def furnish(tenant: Tenant) -> None:
    """Who and where the shapes below are about."""
    tenant.add_user(ANA, name="Ana", email="ana@example.com")
    tenant.add_channel(CHANNEL, [ANA], name="payments")
    tenant.add_personal(ANA)


def _tap(chance: Random) -> dict[str, Any]:
    verb = chance.choice(VERBS)
    data = {"token": chance.choice(("__TEAMS_BUTTON__", "__PENDING__.1", "__SETTLED__.1", "btn_made_up"))}
    inputs = {name: INPUTS[name] for name in INPUTS if chance.random() < 0.4}
    return tapped(_base(), _message(), {"verb": verb, "data": data}, inputs, chance.choice(("manual", "automatic")))


def _submit(_: Random) -> dict[str, Any]:
    return submitted(
        _base(), _message(), {"type": "Action.Submit", "data": {"verb": "deny", **BUTTON["data"]}}, {}, id="1"
    )


def _words(chance: Random) -> dict[str, Any]:
    return said(_base(), chance.choice(WORDS), message="1", mention=True)


def _installed(chance: Random) -> dict[str, Any]:
    return chance.choice(installed(_base(), "add"))


def _event(chance: Random) -> dict[str, Any]:
    return event(_base(), chance.choice(("channelCreated", "channelRenamed", "teamRenamed", "odd")))


def _other(chance: Random) -> dict[str, Any]:
    kinds = ("invoke", "typing", "event", "messageReaction", "endOfConversation", "messageUpdate", "odd")
    names = ("task/fetch", "composeExtension/query", "signin/verifyState", "adaptiveCard/action")
    return {**_base(), "type": chance.choice(kinds), "name": chance.choice(names), "value": {"a": [1]}}


SHAPES: tuple[tuple[Callable[[Random], dict[str, Any]], int], ...] = (
    (_tap, 8),
    (_submit, 2),
    (_words, 3),
    (_installed, 1),
    (_event, 1),
    (_other, 2),
)


def teams_call(chance: Random) -> Case:
    make = chance.choices([make for make, _ in SHAPES], [weight for _, weight in SHAPES])[0]
    shape = make(chance)
    body = written(mutated_json(shape, chance, chance.choice((0.0, 0.02, 0.08, 0.3)))).encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        body = mutated_bytes(body, chance)
    kind = "application/json" if chance.random() < 0.9 else chance.choice(("text/plain", "", text(chance)[:100]))
    line = "POST /api/messages"
    if chance.random() < 0.03:
        line = f"{chance.choice(('GET', 'PUT', 'POST'))} /api/{in_address(chance, 90)}"
    token = "Bearer __TEAMS_TOKEN__" if chance.random() < 0.9 else chance.choice((*TOKENS, text(chance)[:200]))
    headers = [HOST, CLOSE, ("Content-Type", kind), LENGTH, ("Authorization", token)]
    return Case("teams", http_head(f"{line} HTTP/1.1", *headers), body)


def _held() -> Tenant:
    held = Tenant(TENANT, APP)
    furnish(held)
    return held


_HELD = _held()
_BASE = envelope(_HELD, _HELD.conversations[CHANNEL], ANA, service_url="__CONNECTOR__", thread="1795900000000")


def _base() -> dict[str, Any]:
    return copy.deepcopy(_BASE)


def _message() -> Message:
    return Message(CHANNEL, "1795900000000", {})
