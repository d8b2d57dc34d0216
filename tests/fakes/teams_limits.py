"""What Teams refuses in an activity, and how often it lets a bot call: the documented limits.

Written from Microsoft's documentation, and independent of the adapter: it must not agree with it by sharing its code.
`card_faults` says in words what Teams or an old client would not show; `Rates` keeps the documented windows.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

MAX_ACTIVITY = 28 * 1024  # the strictest of the figures that the documents give
MAX_CARD = 25 * 1024  # what Sayso promises
MAX_ACTIONS = 6
MAX_REFRESH = 60
CARD_TYPE = "application/vnd.microsoft.card.adaptive"
ANSWER_TYPES = {
    CARD_TYPE,
    "application/vnd.microsoft.activity.message",
    "application/vnd.microsoft.error",
}
_VERSION = re.compile(r"1\.[0-5]\Z")

# Per bot and conversation: calls in so many seconds.
SENDS = ((7, 1.0), (8, 2.0), (60, 30.0), (1800, 3600.0))
READS = ((14, 1.0), (16, 2.0), (120, 30.0), (3600, 3600.0))

_ELEMENTS = {
    "TextBlock": {"text"},
    "RichTextBlock": {"inlines"},
    "FactSet": {"facts"},
    "Container": {"items"},
    "ColumnSet": set(),
    "Image": {"url"},
    "ImageSet": {"images"},
    "ActionSet": {"actions"},
    "Table": set(),
    "Input.Text": {"id"},
    "Input.Number": {"id"},
    "Input.Date": {"id"},
    "Input.Time": {"id"},
    "Input.Toggle": {"id", "title"},
    "Input.ChoiceSet": {"id", "choices"},
}
_ACTIONS = {
    "Action.Execute": set[str](),
    "Action.Submit": set[str](),
    "Action.OpenUrl": {"url"},
    "Action.ShowCard": {"card"},
    "Action.ToggleVisibility": {"targetElements"},
}
_CHILDREN = ("items", "columns", "rows", "cells", "images")


def size(value: Any) -> int:
    """The bytes of ``value`` on the wire."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def cards_of(activity: Mapping[str, Any]) -> list[Json]:
    """The Adaptive Cards that an activity carries."""
    found = activity.get("attachments") or []
    return [item["content"] for item in found if item.get("contentType") == CARD_TYPE]


def activity_faults(activity: Mapping[str, Any]) -> list[str]:
    """Everything that Teams would refuse in an activity, in words."""
    faults = [fault for card in cards_of(activity) for fault in card_faults(card)]
    if activity.get("type") == "message" and not activity.get("text") and not activity.get("attachments"):
        faults.append("a message with neither text nor attachments")
    return faults


def card_faults(card: Mapping[str, Any]) -> list[str]:
    """Everything that Teams would refuse or not show in a card, in words."""
    faults = list(_card(card))
    ids = [element["id"] for element in elements(card) if "id" in element]
    faults += [f"the id {name} twice" for name in set(ids) if ids.count(name) > 1]
    if size(card) > MAX_CARD:
        faults.append(f"a card of {size(card)} bytes")
    return faults


def elements(node: Any) -> Iterator[Json]:
    """Every element and action below ``node``; what is only a fallback is left out."""
    if isinstance(node, list):
        for item in node:
            yield from elements(item)
    elif isinstance(node, dict):
        if "type" in node:
            yield node
        for name, value in node.items():
            if name not in ("data", "fallback", "msteams"):
                yield from elements(value)


def _card(card: Mapping[str, Any]) -> Iterator[str]:
    if card.get("type") != "AdaptiveCard" or not _VERSION.match(str(card.get("version", ""))):
        yield f"not a card of version 1.5 at most: {card.get('type')} {card.get('version')}"
    if not card.get("body"):
        yield "an empty card"
    refresh = card.get("refresh") or {}
    if len(refresh.get("userIds", ())) > MAX_REFRESH:
        yield f"{len(refresh['userIds'])} people to refresh for"
    if refresh and refresh.get("action", {}).get("type") != "Action.Execute":
        yield "a refresh that is no Action.Execute"
    for element in card.get("body") or ():
        yield from _element(element)
    yield from _actions(card.get("actions") or ())


def _element(element: Mapping[str, Any]) -> Iterator[str]:
    kind = element.get("type", "")
    if kind in ("Column", "TableRow", "TableCell"):
        pass
    elif kind not in _ELEMENTS:
        yield f"element {kind}"
        return
    elif missing := {name for name in _ELEMENTS[kind] if not element.get(name)}:
        yield f"{kind} without {', '.join(sorted(missing))}"
    if kind == "FactSet" and not all(fact.get("title") and fact.get("value") for fact in element.get("facts", ())):
        yield "a fact without title or value"
    if kind.startswith("Input.") and element.get("isRequired") and not element.get("errorMessage"):
        yield f"{element.get('id')} is required, with no message for its absence"
    for name in _CHILDREN:
        children = element.get(name)
        for child in children if isinstance(children, list) else ():
            yield from _element(child)
    if kind == "ActionSet":
        yield from _actions(element.get("actions") or ())


def _actions(actions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(actions) > MAX_ACTIONS:
        yield f"{len(actions)} actions side by side"
    for action in actions:
        kind = action.get("type", "")
        if kind not in _ACTIONS:
            yield f"action {kind}"
            continue
        if not action.get("title"):
            yield f"{kind} without a title"
        if missing := {name for name in _ACTIONS[kind] if not action.get(name)}:
            yield f"{kind} without {', '.join(sorted(missing))}"
        if kind == "Action.Execute" and not action.get("verb"):
            yield "Action.Execute without a verb"
        if kind == "Action.OpenUrl" and not str(action.get("url", "")).startswith(("https://", "http://")):
            yield f"a link to {action.get('url')}"
        if kind == "Action.ShowCard":
            yield from _card({"version": "1.5", **(action.get("card") or {})})


def answer_faults(answer: Any) -> list[str]:
    """Everything for which Teams would show an error in place of the answer to an invoke."""
    if not isinstance(answer, dict) or answer.get("type") not in ANSWER_TYPES or "statusCode" not in answer:
        return [f"not an answer: {str(answer)[:200]}"]
    value = answer.get("value")
    if answer["type"] == CARD_TYPE:
        return card_faults(value) if isinstance(value, dict) else ["an answer without its card"]
    return [] if value else ["an empty answer"]


class Rates:
    """Calls of one kind per conversation. ``windows`` are (most, seconds)."""

    def __init__(self, windows: Sequence[tuple[int, float]]) -> None:
        self.windows = tuple(windows)
        self._taken: defaultdict[str, deque[float]] = defaultdict(deque)

    def wait(self, conversation: str, now: float) -> float:
        """Seconds until a call is let through; 0 takes one now."""
        taken = self._taken[conversation]
        longest = max((seconds for _, seconds in self.windows), default=0.0)
        while taken and taken[0] <= now - longest:
            taken.popleft()
        waits = [taken[-most] + seconds - now for most, seconds in self.windows if len(taken) >= most]
        if (wait := max(waits, default=0.0)) > 0:
            return wait
        taken.append(now)
        return 0.0
